// Runs Jobs: creates their Pods, counts each exactly once, ends them. Promises: decisions are pure (`plan.ts` and the rule
// files it uses) and never made on a state that our own writes have overtaken; one sync costs as much as is undecided.
// Must not know what runs Pods or where.
export { createJobController } from './controller.ts';
export { slimFinishedJob, slimFinishedPod } from './slim.ts';
