import type { IndexRanges, Job, Pod } from '../../api/index.ts';
import { remainingDelayMs } from './backoff.ts';
import { absoluteFailureCount } from './failure-counts.ts';
import { finishTimeMs } from './finish-time.ts';
import type { IndexProgress } from './index-progress.ts';
import { parallelismOf, replacesOnlyFailedPods } from './job-facts.ts';
import { isTerminating, validIndexOf } from './pod-facts.ts';

/**
 * How many pods should run. Without completions (a work queue) nothing is started or stopped any more after the first
 * success; otherwise never more than are still needed.
 */
export function wantedActive(job: Job, active: number, succeeded: number): number {
  const parallelism = parallelismOf(job);
  const { completions } = job.spec;
  if (completions === undefined) return succeeded > 0 ? active : parallelism;
  return Math.max(0, Math.min(completions - succeeded, parallelism));
}

export interface PendingInput {
  readonly job: Job;
  readonly pods: readonly Pod[];
  readonly active: readonly Pod[];
  readonly progress: IndexProgress;
}

/** The lowest `count` indexes that neither run nor are decided. */
export function lowestPendingIndexes(input: PendingInput, count: number): readonly number[] {
  const { job, pods, active, progress } = input;
  const completions = job.spec.completions ?? 0;
  const busy = new Set(active.map((pod) => validIndexOf(pod, job)));
  if (replacesOnlyFailedPods(job)) {
    for (const pod of pods) if (isTerminating(pod)) busy.add(validIndexOf(pod, job));
  }
  const found: number[] = [];
  const [succeeded, failed] = [progress.succeeded, progress.failed].map(rangeCursor);
  for (let index = 0; index < completions && found.length < count; index += 1) {
    const decidedUntil = Math.max(succeeded?.(index) ?? -1, failed?.(index) ?? -1);
    if (decidedUntil >= index) index = decidedUntil;
    else if (!busy.has(index)) found.push(index);
  }
  return found;
}

/** Asked with rising indexes, tells the end of the range that holds the index, or -1. */
function rangeCursor(ranges: IndexRanges): (index: number) => number {
  let at = 0;
  return (index) => {
    while ((ranges[at]?.last ?? Infinity) < index) at += 1;
    const range = ranges[at];
    return range !== undefined && range.first <= index ? range.last : -1;
  };
}

export interface PerIndexCreation {
  readonly indexes: readonly number[];
  /** When the next of the indexes left out may be created. */
  readonly waitMs: number | undefined;
}

/** With a limit per index each index waits for itself, after the failures that its last pod tells of. */
export function withoutBackingOff(
  indexes: readonly number[],
  delayed: ReadonlyMap<number, Pod>,
  nowMs: number,
): PerIndexCreation {
  const ready: number[] = [];
  let waitMs: number | undefined;
  for (const index of indexes) {
    const last = delayed.get(index);
    const remainingMs = last === undefined ? 0 : remainingDelayMs(recordOf(last), nowMs);
    if (remainingMs === 0) ready.push(index);
    else waitMs = Math.min(waitMs ?? Infinity, remainingMs);
  }
  return { indexes: ready, waitMs };
}

function recordOf(last: Pod): { failuresSinceSuccess: number; lastFailureMs: number } {
  return { failuresSinceSuccess: absoluteFailureCount(last) + 1, lastFailureMs: finishTimeMs(last) };
}
