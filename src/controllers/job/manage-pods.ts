import type { Pod } from '../../api/index.ts';
import { remainingDelayMs } from './backoff.ts';
import { hasPerIndexLimit, isSuspended, replacesOnlyFailedPods } from './job-facts.ts';
import type { Assessment } from './plan.ts';
import { podsToDelete } from './pods-to-delete.ts';
import { lowestPendingIndexes, wantedActive, withoutBackingOff } from './pods-to-create.ts';

export type PodAction =
  | { readonly kind: 'none' }
  /** The Job is decided: DELETE the pods, which keep their finalizer until they are counted. */
  | { readonly kind: 'end'; readonly pods: readonly Pod[] }
  /** Not needed any more: first the finalizer goes, then the pod, so it is never counted. */
  | { readonly kind: 'remove'; readonly pods: readonly Pod[] }
  | { readonly kind: 'create'; readonly count: number; readonly indexes: readonly number[] | undefined };

export interface Managing {
  readonly action: PodAction;
  readonly more: boolean;
  readonly waitMs?: number;
}

/** Limits one sync's scale-downs and creations; suspending is not limited. */
export const maxPodsPerSync = 500;

/** A back-off is never waited for more precisely than this. */
const minBackoffWaitMs = 1000;

const nothing: Managing = { action: { kind: 'none' }, more: false };

/** How many pods, and which, go or come for an undecided Job (upstream: manageJob). Never both in one sync. */
export function managePods(assessment: Assessment): Managing {
  const { job, counts, succeeded } = assessment;
  const active = counts.active.length;
  if (isSuspended(job))
    return active === 0 ? nothing : { action: { kind: 'remove', pods: counts.active }, more: false };
  const wanted = wantedActive(job, active, succeeded);
  const surplus = podsToDelete(job, counts.active, Math.max(0, active - wanted));
  if (surplus.length > 0) {
    const more = surplus.length > maxPodsPerSync;
    return { action: { kind: 'remove', pods: more ? surplus.slice(0, maxPodsPerSync) : surplus }, more };
  }
  const held = replacesOnlyFailedPods(job) ? counts.terminating : 0;
  const deficit = wanted - active - held;
  return deficit > 0 ? creation(assessment, deficit) : nothing;
}

function creation(assessment: Assessment, deficit: number): Managing {
  const { job, indexes: progress, nowMs } = assessment;
  const perIndex = hasPerIndexLimit(job);
  const waitMs = perIndex ? 0 : remainingDelayMs(assessment.nextBackoff, nowMs);
  if (waitMs > 0) return { ...nothing, waitMs: Math.max(waitMs, minBackoffWaitMs) };
  const count = Math.min(deficit, maxPodsPerSync);
  const more = deficit > count;
  if (progress === undefined) return { action: { kind: 'create', count, indexes: undefined }, more };
  const { pods, counts } = assessment;
  const lowest = lowestPendingIndexes({ job, pods, active: counts.active, progress }, count);
  if (!perIndex) return creationOf(lowest, more);
  const ready = withoutBackingOff(lowest, progress.delayed, nowMs);
  // Upstream waits only when nothing can be created, and is woken by the events of the pods it creates.
  const wait = ready.waitMs === undefined ? {} : { waitMs: Math.max(ready.waitMs, minBackoffWaitMs) };
  return { ...creationOf(ready.indexes, more), ...wait };
}

function creationOf(indexes: readonly number[], more: boolean): Managing {
  return indexes.length === 0 ? nothing : { action: { kind: 'create', count: indexes.length, indexes }, more };
}
