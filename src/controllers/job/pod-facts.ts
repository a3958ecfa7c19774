import { completionIndexAnnotation, isPodFinished, jobTrackingFinalizer } from '../../api/index.ts';
import type { Job, Pod } from '../../api/index.ts';
import { indexCount, isIndexed, replacesOnlyFailedPods } from './job-facts.ts';

export function hasTrackingFinalizer(pod: Pod): boolean {
  return pod.metadata.finalizers?.includes(jobTrackingFinalizer) === true;
}

/** Neither finished nor being deleted. */
export function isActive(pod: Pod): boolean {
  return pod.metadata.deletionTimestamp === undefined && !isPodFinished(pod);
}

/** Being deleted, but its containers may still run. */
export function isTerminating(pod: Pod): boolean {
  return pod.metadata.deletionTimestamp !== undefined && !isPodFinished(pod);
}

/**
 * Counts as a failure of the Job. A pod that is being deleted does so at once, because it may never get to say how it
 * ended, unless the Job waits for the phase Failed before it replaces pods.
 */
export function isConsideredFailed(pod: Pod, job: Job): boolean {
  if (pod.status.phase === 'Failed') return true;
  return !replacesOnlyFailedPods(job) && isTerminating(pod);
}

/** The completion index from the annotation; undefined when missing or not a plain decimal number. */
export function completionIndexOf(pod: Pod): number | undefined {
  const text = pod.metadata.annotations?.[completionIndexAnnotation];
  if (text === undefined || !/^[0-9]{1,10}$/.test(text)) return undefined;
  return Number(text);
}

/** The completion index if the Job (still) has such an index. */
export function validIndexOf(pod: Pod, job: Job): number | undefined {
  const index = completionIndexOf(pod);
  return index !== undefined && index < indexCount(job) ? index : undefined;
}

/** In an Indexed Job only pods with a valid index are ever counted. */
export function isCountable(pod: Pod, job: Job): boolean {
  return !isIndexed(job) || validIndexOf(pod, job) !== undefined;
}
