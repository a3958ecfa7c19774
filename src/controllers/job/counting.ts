import { isPodReady } from '../../api/index.ts';
import type { Job, Pod } from '../../api/index.ts';
import { hasTrackingFinalizer, isActive, isConsideredFailed, isCountable, isTerminating } from './pod-facts.ts';
import { countsAsFailure } from './pod-failure-policy.ts';
import type { Uncounted } from './status-draft.ts';

export interface PodCounts {
  readonly active: readonly Pod[];
  /** How many of the active pods are Ready. */
  readonly ready: number;
  readonly terminating: number;
}

export function countPods(pods: readonly Pod[]): PodCounts {
  const active: Pod[] = [];
  let ready = 0;
  let terminating = 0;
  for (const pod of pods) {
    if (isActive(pod)) {
      active.push(pod);
      if (isPodReady(pod)) ready += 1;
    } else if (isTerminating(pod)) {
      terminating += 1;
    }
  }
  return { active, ready, terminating };
}

/** UIDs that `status.uncountedTerminatedPods` holds. */
export interface StagedUids {
  readonly succeeded: ReadonlySet<string>;
  readonly failed: ReadonlySet<string>;
}

export function stagedUids(uncounted: Uncounted | undefined): StagedUids {
  if (uncounted === undefined || uncounted.succeeded.length + uncounted.failed.length === 0) return nothingStaged;
  return { succeeded: new Set(uncounted.succeeded), failed: new Set(uncounted.failed) };
}

/** Almost every sync finds nothing staged. */
const nothingStaged: StagedUids = { succeeded: new Set(), failed: new Set() };

export interface NewResults {
  readonly succeeded: readonly Pod[];
  readonly failed: readonly Pod[];
}

/**
 * Pods that ended and are in no counter yet: only those that still carry the finalizer, because a pod loses it exactly
 * when it is counted. What is staged already stays what it was staged as (a pod staged as failed may still end well).
 */
export function newResults(job: Job, pods: readonly Pod[], staged: StagedUids): NewResults {
  const succeeded: Pod[] = [];
  const failed: Pod[] = [];
  for (const pod of pods) {
    const { uid } = pod.metadata;
    if (!hasTrackingFinalizer(pod) || staged.succeeded.has(uid) || staged.failed.has(uid)) continue;
    if (!isCountable(pod, job)) continue;
    if (pod.status.phase === 'Succeeded') succeeded.push(pod);
    else if (isConsideredFailed(pod, job)) failed.push(pod);
  }
  return { succeeded, failed };
}

/** What `status.failed` will come to when all that is new and staged has been counted. */
export function totalFailed(job: Job, counted: number, staged: StagedUids, newFailed: readonly Pod[]): number {
  const policy = job.spec.podFailurePolicy;
  return counted + staged.failed.size + newFailed.filter((pod) => countsAsFailure(policy, pod)).length;
}
