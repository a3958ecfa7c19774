import { findCondition, parseTime } from '../../api/index.ts';
import type { Job, JobCondition, Pod } from '../../api/index.ts';
import type { IndexProgress } from './index-progress.ts';
import { backoffLimitOf, indexCount, isSuspended } from './job-facts.ts';
import { isConsideredFailed } from './pod-facts.ts';
import { matchFailurePolicy } from './pod-failure-policy.ts';
import { matchSuccessPolicy } from './success-policy.ts';

/** How a Job ends. First recorded as an interim condition, then, when nothing runs any more, as the terminal one. */
export interface Verdict {
  readonly outcome: 'success' | 'failure';
  readonly reason: string;
  readonly message: string;
}

export interface VerdictInput {
  readonly job: Job;
  readonly pods: readonly Pod[];
  readonly conditions: readonly JobCondition[];
  readonly startTime: string | undefined;
  /** All failures, counted or not. */
  readonly failed: number;
  /** Of Indexed Jobs. */
  readonly indexes: IndexProgress | undefined;
  readonly nowMs: number;
}

export const completionsReached: Verdict = {
  outcome: 'success',
  reason: 'CompletionsReached',
  message: 'Reached expected number of succeeded pods',
};

/** The first rule that applies; failures come before successes, and what is recorded already before everything. */
export function findVerdict(input: VerdictInput): Verdict | undefined {
  return (
    recorded(input.conditions, 'SuccessCriteriaMet', 'success') ??
    recorded(input.conditions, 'FailureTarget', 'failure') ??
    failedByPodFailurePolicy(input) ??
    failedByBackoffLimit(input) ??
    failedByDeadline(input) ??
    failedByIndexes(input) ??
    succeededByPolicy(input)
  );
}

function recorded(conditions: readonly JobCondition[], type: string, outcome: Verdict['outcome']): Verdict | undefined {
  const condition = findCondition(conditions, type);
  if (condition?.status !== 'True') return undefined;
  return { outcome, reason: condition.reason ?? '', message: condition.message ?? '' };
}

function failure(reason: string, message: string): Verdict {
  return { outcome: 'failure', reason, message };
}

/** Looks at every failed pod it is given, with or without finalizer. */
function failedByPodFailurePolicy({ job, pods }: VerdictInput): Verdict | undefined {
  const policy = job.spec.podFailurePolicy;
  if (policy === undefined) return undefined;
  for (const pod of pods) {
    if (!isConsideredFailed(pod, job)) continue;
    const { action, message } = matchFailurePolicy(policy, pod);
    if (action === 'FailJob') return failure('PodFailurePolicy', message);
  }
  return undefined;
}

function failedByBackoffLimit({ job, pods, failed }: VerdictInput): Verdict | undefined {
  if (failed <= backoffLimitOf(job) && !restartsExceedLimit(job, pods)) return undefined;
  return failure('BackoffLimitExceeded', 'Job has reached the specified backoff limit');
}

/** With OnFailure the restarts in place count too, one step earlier than failed pods (upstream #95433). */
function restartsExceedLimit(job: Job, pods: readonly Pod[]): boolean {
  if (job.spec.template.spec?.restartPolicy !== 'OnFailure') return false;
  let restarts = 0;
  for (const { status } of pods) {
    if (status.phase !== 'Running' && status.phase !== 'Pending') continue;
    for (const container of status.initContainerStatuses ?? []) restarts += container.restartCount;
    for (const container of status.containerStatuses ?? []) restarts += container.restartCount;
  }
  return restarts > 0 && restarts >= backoffLimitOf(job);
}

function failedByDeadline({ job, startTime, nowMs }: VerdictInput): Verdict | undefined {
  const remainingMs = deadlineRemainingMs(job, startTime, nowMs);
  if (remainingMs === undefined || remainingMs > 0) return undefined;
  return failure('DeadlineExceeded', 'Job was active longer than specified deadline');
}

/** Milliseconds until activeDeadlineSeconds is over; undefined when no deadline is running. */
export function deadlineRemainingMs(job: Job, startTime: string | undefined, nowMs: number): number | undefined {
  const seconds = job.spec.activeDeadlineSeconds;
  if (seconds === undefined || startTime === undefined || isSuspended(job)) return undefined;
  return parseTime(startTime) + seconds * 1000 - nowMs;
}

function failedByIndexes({ job, indexes }: VerdictInput): Verdict | undefined {
  if (indexes === undefined || indexes.failedCount === 0) return undefined;
  const { maxFailedIndexes } = job.spec;
  if (maxFailedIndexes !== undefined && indexes.failedCount > maxFailedIndexes) {
    const message = 'Job has exceeded the specified maximal number of failed indexes';
    return failure('MaxFailedIndexesExceeded', message);
  }
  if (indexes.failedCount + indexes.succeededCount < indexCount(job)) return undefined;
  return failure('FailedIndexes', 'Job has failed indexes');
}

function succeededByPolicy({ job, indexes }: VerdictInput): Verdict | undefined {
  if (indexes === undefined) return undefined;
  const message = matchSuccessPolicy(job.spec.successPolicy, indexCount(job), indexes.succeeded);
  return message === undefined ? undefined : { outcome: 'success', reason: 'SuccessPolicy', message };
}
