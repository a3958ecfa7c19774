import type { Pod } from '../../api/index.ts';
import { finishTimeMs } from './finish-time.ts';

const baseDelayMs = 10_000;
const maxDelayMs = 600_000;

/** How a Job's pods failed lately. Lives in memory only, as upstream: a restart of the controller forgets it. */
export interface BackoffRecord {
  readonly failuresSinceSuccess: number;
  readonly lastFailureMs: number;
}

/**
 * The record after new results. Every failure counts, also those a pod failure policy ignores; a success forgets all
 * failures that did not end after it.
 */
export function nextBackoff(
  record: BackoffRecord | undefined,
  newSucceeded: readonly Pod[],
  newFailed: readonly Pod[],
): BackoffRecord | undefined {
  if (newSucceeded.length === 0 && newFailed.length === 0) return record;
  const lastSuccessMs = newSucceeded.reduce((latest, pod) => Math.max(latest, finishTimeMs(pod)), -Infinity);
  const failuresMs = newFailed.map(finishTimeMs).filter((ms) => ms > lastSuccessMs);
  const before = newSucceeded.length === 0 ? (record?.failuresSinceSuccess ?? 0) : 0;
  if (failuresMs.length === 0) return before === 0 ? undefined : record;
  return {
    failuresSinceSuccess: before + failuresMs.length,
    lastFailureMs: failuresMs.reduce((latest, ms) => Math.max(latest, ms), -Infinity),
  };
}

/** 10 s after the first failure, doubling to 10 minutes, measured from the end of the last failed pod. 0: go ahead. */
export function remainingDelayMs(record: BackoffRecord | undefined, nowMs: number): number {
  if (record === undefined || record.failuresSinceSuccess <= 0) return 0;
  const delayMs = Math.min(baseDelayMs * 2 ** (record.failuresSinceSuccess - 1), maxDelayMs);
  return Math.max(0, record.lastFailureMs + delayMs - nowMs);
}
