import { formatTime } from '../../api/index.ts';
import type { Job, Pod } from '../../api/index.ts';
import { nextBackoff, type BackoffRecord } from './backoff.ts';
import { countPods, newResults, stagedUids, totalFailed, type PodCounts, type StagedUids } from './counting.ts';
import { indexProgress, type IndexProgress } from './index-progress.ts';
import { hasKnownCompletionMode, isBeingDeleted, isIndexed, isSuspended } from './job-facts.ts';
import { managePods, type PodAction } from './manage-pods.ts';
import type { PlannedEvent } from './planned-event.ts';
import { readStatus, type StatusDraft } from './status-draft.ts';
import { deadlineRemainingMs, findVerdict, type Verdict } from './verdict.ts';

export interface PlanInput {
  /** Unfinished and ours, at least as new as our own last write. */
  readonly job: Job;
  /** The Job's pods, own writes included: who lost the finalizer by us has lost it here. */
  readonly pods: readonly Pod[];
  readonly nowMs: number;
  readonly backoff: BackoffRecord | undefined;
  /** False while pods that were created may be missing from `pods`. */
  readonly expectationsSatisfied: boolean;
}

/** What a sync found out before it acts. */
export interface Assessment extends PlanInput {
  /** As stored, except that startTime is filled in when the Job starts now. */
  readonly status: StatusDraft;
  readonly stored: StatusDraft;
  readonly counts: PodCounts;
  readonly staged: StagedUids;
  readonly succeeded: number;
  readonly failed: number;
  readonly nextBackoff: BackoffRecord | undefined;
  readonly indexes: IndexProgress | undefined;
}

export type Plan =
  | { readonly kind: 'refuse'; readonly event: PlannedEvent }
  | {
      readonly kind: 'act';
      readonly assessment: Assessment;
      readonly verdict: Verdict | undefined;
      readonly action: PodAction;
      /** The number of pods was looked after, so the Suspended condition may be kept too. */
      readonly managed: boolean;
      /** The action is only a part (500 pods per sync); go on when it has been observed. */
      readonly more: boolean;
      readonly requeueAfterMs: number | undefined;
    };

export type ActPlan = Extract<Plan, { kind: 'act' }>;

/**
 * Decides one sync of a Job (upstream: syncJob). The caller carries out the action, then `stageStatus` and
 * `settleStatus` say what to write around the removal of finalizers.
 */
export function plan(input: PlanInput): Plan {
  if (!hasKnownCompletionMode(input.job)) return { kind: 'refuse', event: unknownCompletionMode };
  const assessment = assess(input);
  const { job, pods, nowMs, status, failed, indexes, counts } = assessment;
  const { conditions, startTime } = status;
  const verdict = findVerdict({ job, pods, conditions, startTime, failed, indexes, nowMs });
  if (verdict !== undefined) {
    const action: PodAction = counts.active.length > 0 ? { kind: 'end', pods: counts.active } : { kind: 'none' };
    return { kind: 'act', assessment, verdict, action, managed: false, more: false, requeueAfterMs: undefined };
  }
  const deadlineMs = deadlineRemainingMs(job, startTime, nowMs);
  const managed = input.expectationsSatisfied && !isBeingDeleted(job);
  const managing = managed ? managePods(assessment) : undefined;
  return {
    kind: 'act',
    assessment,
    verdict: undefined,
    action: managing?.action ?? { kind: 'none' },
    managed,
    more: managing?.more ?? false,
    requeueAfterMs: earlier(deadlineMs, managing?.waitMs),
  };
}

const unknownCompletionMode: PlannedEvent = {
  type: 'Warning',
  reason: 'UnknownCompletionMode',
  message: 'Skipped Job sync because completion mode is unknown',
};

function assess(input: PlanInput): Assessment {
  const { job, pods, nowMs, backoff, expectationsSatisfied } = input;
  const stored = readStatus(job);
  const starts = stored.startTime === undefined && !isSuspended(job);
  const status = starts ? { ...stored, startTime: formatTime(nowMs) } : stored;
  const counts = countPods(pods);
  const staged = stagedUids(stored.uncounted);
  const fresh = newResults(job, pods, staged);
  const indexes = isIndexed(job) ? indexProgress({ job, status, pods, active: counts.active, staged }) : undefined;
  return {
    job,
    pods,
    nowMs,
    backoff,
    expectationsSatisfied,
    stored,
    status,
    counts,
    staged,
    succeeded: indexes?.succeededCount ?? stored.succeeded + staged.succeeded.size + fresh.succeeded.length,
    failed: totalFailed(job, stored.failed, staged, fresh.failed),
    nextBackoff: nextBackoff(backoff, fresh.succeeded, fresh.failed),
    indexes,
  };
}

function earlier(a: number | undefined, b: number | undefined): number | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return Math.min(a, b);
}
