// Objects and steps that the tests of this room share.
import { completionIndexAnnotation, controllerUidLabel, formatTime, jobTrackingFinalizer } from '../../api/index.ts';
import type { ContainerStatus, Job, JobSpec, JobStatus, ObjectMeta, Pod, PodCondition } from '../../api/index.ts';
import { stageStatus, type PodOutcome, type Staged } from './accounting.ts';
import { settleStatus, type Settled } from './finishing.ts';
import { plan, type ActPlan, type PlanInput } from './plan.ts';
import { toStatus } from './status-draft.ts';

export const startMs = Date.parse('2026-01-01T00:00:00Z');

/** Seconds after the start of a test's time, as the API writes it. */
export function at(seconds: number): string {
  return formatTime(startMs + seconds * 1000);
}

export function aJob(spec: Partial<JobSpec> = {}, status: JobStatus = {}, metadata: Partial<ObjectMeta> = {}): Job {
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      name: 'j',
      namespace: 'default',
      uid: 'job-uid',
      resourceVersion: '1',
      creationTimestamp: at(0),
      ...metadata,
    },
    spec: {
      parallelism: 1,
      completions: 1,
      completionMode: 'NonIndexed',
      backoffLimit: spec.backoffLimitPerIndex === undefined ? 6 : 2_147_483_647,
      suspend: false,
      podReplacementPolicy: spec.podFailurePolicy === undefined ? 'TerminatingOrFailed' : 'Failed',
      selector: { matchLabels: { [controllerUidLabel]: 'job-uid' } },
      template: {
        metadata: { labels: { [controllerUidLabel]: 'job-uid' } },
        spec: { restartPolicy: 'Never', containers: [{ name: 'main', image: 'rondo.dev/host' }] },
      },
      ...spec,
    },
    status,
  };
}

export function indexedJob(completions: number, spec: Partial<JobSpec> = {}, status: JobStatus = {}): Job {
  return aJob({ completions, parallelism: completions, completionMode: 'Indexed', ...spec }, status);
}

export interface PodSample {
  readonly phase?: string;
  readonly index?: number | string;
  /** Seconds; a deletion timestamp. */
  readonly deletedAt?: number;
  /** Default true. */
  readonly finalizer?: boolean;
  readonly exitCode?: number;
  /** Seconds; default 0 for finished pods. */
  readonly finishedAt?: number;
  /** Seconds since when it is ready. */
  readonly readyAt?: number;
  readonly unscheduled?: boolean;
  readonly restarts?: number;
  readonly initRestarts?: number;
  readonly failures?: number | string;
  readonly ignoredFailures?: number | string;
  readonly createdAt?: number;
  readonly conditions?: readonly PodCondition[];
  readonly statuses?: Pick<Pod['status'], 'containerStatuses' | 'initContainerStatuses'>;
  readonly metadata?: Partial<ObjectMeta>;
}

export function aPod(uid: string, sample: PodSample = {}): Pod {
  const { index, failures, ignoredFailures, phase = 'Running' } = sample;
  const annotations = {
    ...(index !== undefined && { [completionIndexAnnotation]: String(index) }),
    ...(failures !== undefined && { 'batch.kubernetes.io/job-index-failure-count': String(failures) }),
    ...(ignoredFailures !== undefined && {
      'batch.kubernetes.io/job-index-ignored-failure-count': String(ignoredFailures),
    }),
  };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: uid,
      namespace: 'default',
      uid,
      resourceVersion: '1',
      creationTimestamp: at(sample.createdAt ?? 0),
      labels: { [controllerUidLabel]: 'job-uid' },
      annotations,
      ownerReferences: [{ apiVersion: 'batch/v1', kind: 'Job', name: 'j', uid: 'job-uid', controller: true }],
      ...(sample.finalizer !== false && { finalizers: [jobTrackingFinalizer] }),
      ...(sample.deletedAt !== undefined && { deletionTimestamp: at(sample.deletedAt) }),
      ...sample.metadata,
    },
    spec: { restartPolicy: 'Never', containers: [{ name: 'main' }], ...(!sample.unscheduled && { nodeName: 'n' }) },
    status: { phase, conditions: conditionsOf(sample), ...containersOf(sample, phase), ...sample.statuses },
  };
}

function conditionsOf({ readyAt, conditions = [] }: PodSample): readonly PodCondition[] {
  if (readyAt === undefined) return conditions;
  return [...conditions, { type: 'Ready', status: 'True', lastTransitionTime: at(readyAt) }];
}

function containersOf(sample: PodSample, phase: string): Pod['status'] {
  const { exitCode = phase === 'Failed' ? 1 : 0, finishedAt = 0, restarts = 0, initRestarts } = sample;
  const isOver = phase === 'Failed' || phase === 'Succeeded';
  const main = containerStatus('main', isOver ? { exitCode, finishedAt } : undefined, restarts);
  const init = initRestarts === undefined ? [] : [containerStatus('init', undefined, initRestarts)];
  return { containerStatuses: [main], initContainerStatuses: init };
}

export function containerStatus(
  name: string,
  ended: { exitCode: number; finishedAt: number } | undefined,
  restartCount = 0,
): ContainerStatus {
  const state = ended === undefined ? { running: {} } : { terminated: { ...ended, finishedAt: at(ended.finishedAt) } };
  return { name, state, restartCount, ready: false, image: '', imageID: '' };
}

export interface Played {
  readonly plan: ActPlan;
  readonly staged: Staged;
  readonly settled: Settled;
  /** The statuses that are written, in order. */
  readonly writes: readonly JobStatus[];
  readonly events: readonly string[];
}

export type PlayInput = Pick<PlanInput, 'job'> & Partial<PlanInput>;

/** `input` seconds of time default to 100 s after the start; nothing remembered, expectations satisfied. */
export function planOf(input: PlayInput): ActPlan {
  const planned = plan({
    pods: [],
    nowMs: startMs + 100_000,
    backoff: undefined,
    expectationsSatisfied: true,
    ...input,
  });
  if (planned.kind === 'refuse') throw new Error(planned.event.reason);
  return planned;
}

/** One sync in which everything that is asked of the API works, unless `outcome` says otherwise. */
export function play(input: PlayInput, outcome: Partial<PodOutcome> = {}): Played {
  const planned = planOf(input);
  const { action } = planned;
  const staged = stageStatus(planned, {
    removed: action.kind === 'end' || action.kind === 'remove' ? action.pods : [],
    created: action.kind === 'create' ? action.count : 0,
    ...outcome,
  });
  const settled = settleStatus(staged, new Set(uids(staged.release)));
  return {
    plan: planned,
    staged,
    settled,
    writes: [
      ...(staged.writeFirst ? [toStatus(staged.status)] : []),
      ...(settled.changed ? [toStatus(settled.status)] : []),
    ],
    events: [...staged.events, ...settled.events].map(({ type, reason, message }) => `${type} ${reason} ${message}`),
  };
}

export function uids(pods: readonly Pod[]): string[] {
  return pods.map(({ metadata }) => metadata.uid);
}

/** The types of conditions that are True (or, marked with `!`, False). */
export function conditionTypes(status: JobStatus): string[] {
  return (status.conditions ?? []).map(({ type, status: value }) => (value === 'True' ? type : `!${type}`));
}

/** The same Job with the status as written. */
export function after(job: Job, played: Played): Job {
  const status = played.writes.at(-1);
  return status === undefined ? job : { ...job, status };
}
