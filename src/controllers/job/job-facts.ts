import type { Job } from '../../api/index.ts';

/** What `spec.managedBy` says when the built-in controller is meant. */
const builtInManager = 'kubernetes.io/job-controller';

const maxInt32 = 2_147_483_647;
const defaultBackoffLimit = 6;

export function isIndexed(job: Job): boolean {
  return job.spec.completionMode === 'Indexed';
}

export function hasKnownCompletionMode(job: Job): boolean {
  const mode = job.spec.completionMode;
  return mode === undefined || mode === 'NonIndexed' || mode === 'Indexed';
}

export function isSuspended(job: Job): boolean {
  return job.spec.suspend === true;
}

export function isBeingDeleted(job: Job): boolean {
  return job.metadata.deletionTimestamp !== undefined;
}

export function parallelismOf(job: Job): number {
  return job.spec.parallelism ?? 1;
}

/** The number of indexes of an Indexed Job (validation makes it set). */
export function indexCount(job: Job): number {
  return job.spec.completions ?? 0;
}

export function backoffLimitOf(job: Job): number {
  return job.spec.backoffLimit ?? (hasPerIndexLimit(job) ? maxInt32 : defaultBackoffLimit);
}

export function hasPerIndexLimit(job: Job): boolean {
  return isIndexed(job) && job.spec.backoffLimitPerIndex !== undefined;
}

/** A pod is replaced only once it is Failed, not already while it terminates (upstream: onlyReplaceFailedPods). */
export function replacesOnlyFailedPods(job: Job): boolean {
  return job.spec.podReplacementPolicy === 'Failed' || job.spec.podFailurePolicy !== undefined;
}

/** Another controller looks after this Job: hands off. */
export function isManagedElsewhere(job: Job): boolean {
  return job.spec.managedBy !== undefined && job.spec.managedBy !== builtInManager;
}
