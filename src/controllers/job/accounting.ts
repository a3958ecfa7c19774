import { addIndexes, countIndexes, formatIndexes, hasIndex, isPodReady } from '../../api/index.ts';
import type { IndexRanges, Pod } from '../../api/index.ts';
import { withCondition } from './conditions.ts';
import { hasPerIndexLimit, isBeingDeleted, isIndexed } from './job-facts.ts';
import type { ActPlan, Assessment } from './plan.ts';
import type { PlannedEvent } from './planned-event.ts';
import { completionIndexOf, hasTrackingFinalizer, isConsideredFailed, isCountable, validIndexOf } from './pod-facts.ts';
import { countsAsFailure } from './pod-failure-policy.ts';
import { nothingUncounted, sameStatus, type StatusDraft, type Uncounted } from './status-draft.ts';
import { withSuspension } from './suspension.ts';
import { completionsReached, type Verdict } from './verdict.ts';

/** What came of a plan's action. */
export interface PodOutcome {
  /** Pods that are deleted now, or were gone already. */
  readonly removed: readonly Pod[];
  readonly created: number;
}

export interface Staged {
  readonly assessment: Assessment;
  readonly status: StatusDraft;
  /** The status has to be stored before anything else happens: finalizers go after it, or a verdict is new. */
  readonly writeFirst: boolean;
  /** Pods whose finalizer goes after that write. */
  readonly release: readonly Pod[];
  readonly verdict: Verdict | undefined;
  /** The limit of entries per sync was hit; the rest comes with the next sync. */
  readonly more: boolean;
  readonly events: readonly PlannedEvent[];
}

/** New succeeded indexes and uncounted UIDs together; keeps the status small. */
const maxUncounted = 500;

/**
 * The first half of counting exactly once: everything that a pod's finalizer protects is put into the status, and only
 * then the finalizer may go (upstream: trackJobStatusAndRemoveFinalizers).
 */
export function stageStatus(plan: ActPlan, outcome: PodOutcome): Staged {
  const { assessment } = plan;
  const { nowMs } = assessment;
  const concluded = conclude(plan, withPodCounts(assessment, outcome), outcome);
  const removedUids = plan.action.kind === 'remove' ? new Set(outcome.removed.map(uidOf)) : undefined;
  const holding = assessment.pods.filter(
    (pod) => hasTrackingFinalizer(pod) && removedUids?.has(pod.metadata.uid) !== true,
  );
  const counted = countReleased(concluded.status, new Set(holding.map(uidOf)));
  const ledger = stagePods(assessment, concluded.verdict, holding, counted);
  const accounted = withLedger(counted, assessment, ledger);
  const status = withInterimCondition(accounted, concluded.verdict, nowMs);
  const isNewVerdict = status.conditions !== accounted.conditions;
  return {
    assessment,
    status,
    writeFirst: !sameStatus(status, assessment.stored) && (ledger.release.length > 0 || isNewVerdict),
    release: ledger.release,
    verdict: concluded.verdict,
    more: ledger.full,
    events: concluded.event === undefined ? [] : [concluded.event],
  };
}

function uidOf(pod: Pod): string {
  return pod.metadata.uid;
}

/** Deleted pods terminate from now on; created ones are active from now on. */
function withPodCounts({ counts, status }: Assessment, { removed, created }: PodOutcome): StatusDraft {
  return {
    ...status,
    active: counts.active.length - removed.length + created,
    ready: counts.ready - removed.filter(isPodReady).length,
    terminating: counts.terminating + removed.length,
    uncounted: status.uncounted ?? nothingUncounted,
  };
}

interface Conclusion {
  readonly status: StatusDraft;
  readonly verdict: Verdict | undefined;
  readonly event?: PlannedEvent | undefined;
}

/**
 * A verdict holds only when every active pod could be deleted and no pod can be missing from the picture; otherwise it
 * is found again by a later sync. Without one, the Job may be complete by now.
 */
function conclude(plan: ActPlan, status: StatusDraft, outcome: PodOutcome): Conclusion {
  const { assessment, verdict, managed } = plan;
  const { job, counts, succeeded, expectationsSatisfied, nowMs } = assessment;
  if (verdict !== undefined) {
    const holds = outcome.removed.length === counts.active.length && expectationsSatisfied;
    return { status, verdict: holds ? verdict : undefined };
  }
  const { completions } = job.spec;
  const enough = completions === undefined ? succeeded > 0 : succeeded >= completions;
  if (enough && status.active === 0) return { status, verdict: completionsReached };
  return managed ? { ...withSuspension(job, status, nowMs), verdict: undefined } : { status, verdict: undefined };
}

/** Moves UIDs into the counters whose pod has lost its finalizer: this sync's, or a crashed one's. */
function countReleased(status: StatusDraft, holding: ReadonlySet<string>): StatusDraft {
  const { succeeded, failed } = status.uncounted ?? nothingUncounted;
  const keptSucceeded = succeeded.filter((uid) => holding.has(uid));
  const keptFailed = failed.filter((uid) => holding.has(uid));
  if (keptSucceeded.length === succeeded.length && keptFailed.length === failed.length) return status;
  return {
    ...status,
    succeeded: status.succeeded + succeeded.length - keptSucceeded.length,
    failed: status.failed + failed.length - keptFailed.length,
    uncounted: { succeeded: keptSucceeded, failed: keptFailed },
  };
}

interface Ledger {
  readonly release: Pod[];
  readonly uncounted: Uncounted;
  readonly newIndexes: readonly number[];
  readonly full: boolean;
}

function stagePods(
  assessment: Assessment,
  verdict: Verdict | undefined,
  holding: readonly Pod[],
  status: StatusDraft,
): Ledger {
  const { job, indexes } = assessment;
  const release: Pod[] = [];
  const succeeded = [...(status.uncounted?.succeeded ?? [])];
  const failed = [...(status.uncounted?.failed ?? [])];
  const staged = { succeeded: new Set(succeeded), failed: new Set(failed) };
  const newIndexes = new Set<number>();
  let full = false;
  for (const pod of inIndexOrder(
    assessment,
    holding.filter((pod) => isReleasable(pod, assessment, verdict)),
  )) {
    const { uid } = pod.metadata;
    // What an earlier sync has staged only waits for its finalizer to go, so it must not be held up by the limit.
    const isStaged = staged.failed.has(uid) || staged.succeeded.has(uid);
    if (!isStaged && newIndexes.size + succeeded.length + failed.length >= maxUncounted) {
      full = true;
      continue;
    }
    release.push(pod);
    if (isStaged) continue;
    if (pod.status.phase !== 'Succeeded') {
      if (stagesAsFailed(pod, assessment, verdict)) failed.push(uid);
    } else if (indexes === undefined) {
      succeeded.push(uid);
    } else {
      const index = validIndexOf(pod, job);
      // An index that had failed before is in no range of succeeded ones and stays failed.
      if (index !== undefined && hasIndex(indexes.succeeded, index) && !hasIndex(indexes.stored, index)) {
        newIndexes.add(index);
      }
    }
  }
  return { release, uncounted: { succeeded, failed }, newIndexes: [...newIndexes], full };
}

/** The counters grow from the lowest index up, which also keeps the ranges short when the limit is hit. */
function inIndexOrder({ job }: Assessment, pods: readonly Pod[]): readonly Pod[] {
  if (!isIndexed(job) || pods.length < 2) return pods;
  return pods.toSorted((a, b) => (completionIndexOf(a) ?? -1) - (completionIndexOf(b) ?? -1));
}

function isReleasable(pod: Pod, { job, indexes }: Assessment, verdict: Verdict | undefined): boolean {
  if (isBeingDeleted(job) || verdict !== undefined || pod.status.phase === 'Succeeded') return true;
  if (!isConsideredFailed(pod, job)) return false;
  const index = validIndexOf(pod, job);
  return index === undefined || indexes?.delayed.get(index)?.metadata.uid !== pod.metadata.uid;
}

/** When a Job fails, the pods that still ran have failed with it; when it succeeds early, they have not. */
function stagesAsFailed(pod: Pod, { job }: Assessment, verdict: Verdict | undefined): boolean {
  if (!isConsideredFailed(pod, job) && verdict?.outcome !== 'failure') return false;
  return isCountable(pod, job) && countsAsFailure(job.spec.podFailurePolicy, pod);
}

function withLedger(status: StatusDraft, { job, indexes }: Assessment, ledger: Ledger): StatusDraft {
  const { uncounted, newIndexes } = ledger;
  if (indexes === undefined) return { ...status, uncounted };
  const completed: IndexRanges =
    newIndexes.length === 0 ? indexes.stored : addIndexes(indexes.stored, sorted(newIndexes));
  return {
    ...status,
    uncounted,
    succeeded: countIndexes(completed),
    completedIndexes: formatIndexes(completed),
    failedIndexes: hasPerIndexLimit(job) ? formatIndexes(indexes.failed) : undefined,
  };
}

function sorted(indexes: readonly number[]): readonly number[] {
  return indexes.toSorted((a, b) => a - b);
}

function withInterimCondition(status: StatusDraft, verdict: Verdict | undefined, nowMs: number): StatusDraft {
  if (verdict === undefined) return status;
  const { reason, message } = verdict;
  const type = verdict.outcome === 'success' ? 'SuccessCriteriaMet' : 'FailureTarget';
  return { ...status, conditions: withCondition(status.conditions, { type, status: 'True', reason, message }, nowMs) };
}

/** The UIDs of `release` that lost their finalizer are counted now. */
export function countReleasedPods(staged: Staged, releasedUids: ReadonlySet<string>): StatusDraft {
  const holding = new Set(
    staged.assessment.pods
      .filter(hasTrackingFinalizer)
      .map(uidOf)
      .filter((uid) => !releasedUids.has(uid)),
  );
  return countReleased(staged.status, holding);
}
