// Gives unassigned Pods a node. Promises: never more on a node than it offers, first come first served among Pods that
// ask for the same, no work for Pods that wait while nothing changes. Must not know how Pods are run.
export { createScheduler, schedulerName } from './scheduler.ts';
