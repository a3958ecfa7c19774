import { addIndexes, countIndexes, hasIndex } from '../../api/index.ts';
import type { IndexRanges, Job, Pod } from '../../api/index.ts';
import type { StagedUids } from './counting.ts';
import { absoluteFailureCount, failureCount } from './failure-counts.ts';
import { finishTimeMs } from './finish-time.ts';
import { hasPerIndexLimit, indexCount } from './job-facts.ts';
import { hasTrackingFinalizer, isConsideredFailed, validIndexOf } from './pod-facts.ts';
import { matchFailurePolicy } from './pod-failure-policy.ts';
import type { StatusDraft } from './status-draft.ts';
import { storedIndexes } from './stored-indexes.ts';

/** How far the indexes of an Indexed Job are. The cost is in pods and ranges, never in the number of completions. */
export interface IndexProgress {
  /** As stored, cut to the present number of completions. */
  readonly stored: IndexRanges;
  /** Stored ones and those of pods that succeeded since. */
  readonly succeeded: IndexRanges;
  readonly succeededCount: number;
  /** Only with backoffLimitPerIndex, otherwise empty. */
  readonly failed: IndexRanges;
  readonly failedCount: number;
  /** Per index the failed pod that keeps its finalizer until a replacement has taken over its failure count. */
  readonly delayed: ReadonlyMap<number, Pod>;
}

export interface IndexInput {
  readonly job: Job;
  readonly status: StatusDraft;
  readonly pods: readonly Pod[];
  readonly active: readonly Pod[];
  readonly staged: StagedUids;
}

export function indexProgress(input: IndexInput): IndexProgress {
  const { job, status, pods } = input;
  const completions = indexCount(job);
  const stored = storedIndexes(status.completedIndexes, completions);
  const storedFailed = storedIndexes(status.failedIndexes, completions);
  const perIndex = hasPerIndexLimit(job);
  // What has failed stays failed and what has succeeded stays so: the API refuses an index that is both.
  const succeeded = withNew(stored, pods, (pod) => {
    const index = succeededIndexOf(pod, input);
    return index !== undefined && !hasIndex(storedFailed, index) ? index : undefined;
  });
  const failed = perIndex
    ? withNew(storedFailed, pods, (pod) => {
        const index = failedIndexOf(pod, job);
        return index !== undefined && !hasIndex(succeeded, index) ? index : undefined;
      })
    : [];
  return {
    stored,
    succeeded,
    succeededCount: countIndexes(succeeded),
    failed,
    failedCount: countIndexes(failed),
    delayed: perIndex ? delayedPods(input, succeeded, failed) : new Map<number, Pod>(),
  };
}

function withNew(ranges: IndexRanges, pods: readonly Pod[], indexOf: (pod: Pod) => number | undefined): IndexRanges {
  const added = new Set<number>();
  for (const pod of pods) {
    const index = hasTrackingFinalizer(pod) ? indexOf(pod) : undefined;
    if (index !== undefined && !hasIndex(ranges, index)) added.add(index);
  }
  return added.size === 0
    ? ranges
    : addIndexes(
        ranges,
        [...added].sort((a, b) => a - b),
      );
}

function succeededIndexOf(pod: Pod, { job, staged }: IndexInput): number | undefined {
  if (pod.status.phase !== 'Succeeded' || staged.failed.has(pod.metadata.uid)) return undefined;
  return validIndexOf(pod, job);
}

/** The index this pod's failure ends for good. */
function failedIndexOf(pod: Pod, job: Job): number | undefined {
  if (!isConsideredFailed(pod, job)) return undefined;
  const { action } = matchFailurePolicy(job.spec.podFailurePolicy, pod);
  if (action === 'Ignore') return undefined;
  const limit = job.spec.backoffLimitPerIndex ?? 0;
  return action === 'FailIndex' || failureCount(pod) >= limit ? validIndexOf(pod, job) : undefined;
}

function delayedPods(input: IndexInput, succeeded: IndexRanges, failed: IndexRanges): ReadonlyMap<number, Pod> {
  const { job, pods, active, staged } = input;
  const activeIndexes = new Set(active.map((pod) => validIndexOf(pod, job)));
  const delayed = new Map<number, Pod>();
  for (const pod of pods) {
    if (!hasTrackingFinalizer(pod) || !isConsideredFailed(pod, job)) continue;
    if (staged.failed.has(pod.metadata.uid)) continue;
    const index = validIndexOf(pod, job);
    if (index === undefined || activeIndexes.has(index)) continue;
    if (hasIndex(succeeded, index) || hasIndex(failed, index)) continue;
    const other = delayed.get(index);
    if (other === undefined || supersedes(pod, other)) delayed.set(index, pod);
  }
  return delayed;
}

/** The pod with the longer history, then the later end. */
function supersedes(pod: Pod, other: Pod): boolean {
  return absoluteFailureCount(other) <= absoluteFailureCount(pod) && finishTimeMs(pod) >= finishTimeMs(other);
}
