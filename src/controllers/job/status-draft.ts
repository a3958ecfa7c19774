import type { Job, JobCondition, JobStatus } from '../../api/index.ts';

/** A Job's status with every counter present: what the rules compute with. */
export interface StatusDraft {
  readonly conditions: readonly JobCondition[];
  readonly startTime: string | undefined;
  readonly completionTime: string | undefined;
  readonly active: number;
  readonly ready: number | undefined;
  readonly terminating: number | undefined;
  readonly succeeded: number;
  readonly failed: number;
  readonly completedIndexes: string;
  readonly failedIndexes: string | undefined;
  /** UIDs of pods that are decided but not yet in the counters; undefined before the first status. */
  readonly uncounted: Uncounted | undefined;
}

export interface Uncounted {
  readonly succeeded: readonly string[];
  readonly failed: readonly string[];
}

export const nothingUncounted: Uncounted = { succeeded: [], failed: [] };

export function readStatus(job: Job): StatusDraft {
  // A Job that has never been written by a controller may lack the whole status.
  const status: JobStatus = (job as { status?: JobStatus }).status ?? {};
  const { uncountedTerminatedPods: uncounted } = status;
  return {
    conditions: status.conditions ?? [],
    startTime: status.startTime,
    completionTime: status.completionTime,
    active: status.active ?? 0,
    ready: status.ready,
    terminating: status.terminating,
    succeeded: status.succeeded ?? 0,
    failed: status.failed ?? 0,
    completedIndexes: status.completedIndexes ?? '',
    failedIndexes: status.failedIndexes,
    uncounted: uncounted && { succeeded: uncounted.succeeded ?? [], failed: uncounted.failed ?? [] },
  };
}

/** As the API writes it: plain counters vanish at 0, pointers (ready, terminating, failedIndexes) do not. */
export function toStatus(draft: StatusDraft): JobStatus {
  const { conditions, startTime, completionTime, terminating, failedIndexes, uncounted, ready } = draft;
  // One assignment each: spreading what may be absent costs several times as much, four times per Job.
  const status: JobStatus = {};
  if (conditions.length > 0) status.conditions = conditions;
  if (startTime !== undefined) status.startTime = startTime;
  if (completionTime !== undefined) status.completionTime = completionTime;
  if (draft.active !== 0) status.active = draft.active;
  if (draft.succeeded !== 0) status.succeeded = draft.succeeded;
  if (draft.failed !== 0) status.failed = draft.failed;
  if (terminating !== undefined) status.terminating = terminating;
  if (draft.completedIndexes !== '') status.completedIndexes = draft.completedIndexes;
  if (failedIndexes !== undefined) status.failedIndexes = failedIndexes;
  if (uncounted !== undefined) status.uncountedTerminatedPods = toUncounted(uncounted);
  if (ready !== undefined) status.ready = ready;
  return status;
}

function toUncounted({ succeeded, failed }: Uncounted): NonNullable<JobStatus['uncountedTerminatedPods']> {
  const pods: NonNullable<JobStatus['uncountedTerminatedPods']> = {};
  if (succeeded.length > 0) pods.succeeded = succeeded;
  if (failed.length > 0) pods.failed = failed;
  return pods;
}

/** Nothing to write. The conditions are compared by identity: rules return the array they got when nothing changed. */
export function sameStatus(a: StatusDraft, b: StatusDraft): boolean {
  return (
    a.conditions === b.conditions &&
    a.startTime === b.startTime &&
    a.completionTime === b.completionTime &&
    a.active === b.active &&
    a.ready === b.ready &&
    a.terminating === b.terminating &&
    a.succeeded === b.succeeded &&
    a.failed === b.failed &&
    a.completedIndexes === b.completedIndexes &&
    a.failedIndexes === b.failedIndexes &&
    sameUncounted(a.uncounted, b.uncounted)
  );
}

function sameUncounted(a: Uncounted | undefined, b: Uncounted | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return sameList(a.succeeded, b.succeeded) && sameList(a.failed, b.failed);
}

function sameList(a: readonly string[], b: readonly string[]): boolean {
  return a === b || (a.length === b.length && a.every((uid, i) => uid === b[i]));
}
