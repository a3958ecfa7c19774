// Removes Pods that nobody else will: too many finished ones, deleted ones that never ran, those of nodes that are gone.
// Promises: a Pod is marked Failed before it is removed, so that its Job counts it. Must not know what Jobs do.
export { createPodGcController, type PodGcOptions } from './controller.ts';
