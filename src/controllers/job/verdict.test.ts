import { describe, expect, it } from 'vitest';
import type { Job, JobStatus, Pod, PodFailurePolicy } from '../../api/index.ts';
import { aJob, aPod, at, conditionTypes, indexedJob, planOf, play } from './samples.contract.ts';

const started: JobStatus = { startTime: at(0), uncountedTerminatedPods: {} };
const failed = (count: number, sample = {}): Pod[] =>
  Array.from({ length: count }, (_, i) => aPod(`f${i}`, { phase: 'Failed', finishedAt: 99, ...sample }));
const interim = (type: string, reason: string): JobStatus => ({
  ...started,
  conditions: [{ type, status: 'True', reason, message: 'recorded' }],
});
const failJob: PodFailurePolicy = {
  rules: [{ action: 'FailJob', onExitCodes: { operator: 'In', values: [42] } }],
};
const onFailure = (backoffLimit: number): Job =>
  aJob({ backoffLimit, template: { spec: { restartPolicy: 'OnFailure', containers: [{ name: 'main' }] } } }, started);

const reasonOf = (job: Job, pods: readonly Pod[]): string | undefined => planOf({ job, pods }).verdict?.reason;

describe('verdict', () => {
  it.each<[string, Job, Pod[], string | undefined]>([
    ['one failure more than backoffLimit fails', aJob({ backoffLimit: 1 }, started), failed(2), 'BackoffLimitExceeded'],
    ['as many failures as backoffLimit do not', aJob({ backoffLimit: 1 }, started), failed(1), undefined],
    ['counted failures count', aJob({ backoffLimit: 1 }, { ...started, failed: 1 }), failed(1), 'BackoffLimitExceeded'],
    [
      'staged failures count once',
      aJob({ backoffLimit: 0 }, { ...started, uncountedTerminatedPods: { failed: ['f0'] } }),
      failed(1),
      'BackoffLimitExceeded',
    ],
    [
      'a pod without finalizer was counted',
      aJob({ backoffLimit: 0 }, started),
      failed(1, { finalizer: false }),
      undefined,
    ],
    ['OnFailure fails at the limit', onFailure(2), [aPod('a', { restarts: 2 })], 'BackoffLimitExceeded'],
    [
      'OnFailure adds up init containers',
      onFailure(2),
      [aPod('a', { restarts: 1, initRestarts: 1 })],
      'BackoffLimitExceeded',
    ],
    ['OnFailure below the limit goes on', onFailure(2), [aPod('a', { restarts: 1 })], undefined],
    ['OnFailure with limit 0 allows no restart', onFailure(0), [aPod('a', { restarts: 1 })], 'BackoffLimitExceeded'],
    ['OnFailure with limit 0 allows the first run', onFailure(0), [aPod('a')], undefined],
    ['OnFailure ignores pods that ended', onFailure(1), [aPod('a', { phase: 'Succeeded', restarts: 3 })], undefined],
    ['Never ignores restarts', aJob({ backoffLimit: 0 }, started), [aPod('a', { restarts: 3 })], undefined],
    ['the deadline strikes when it is reached', aJob({ activeDeadlineSeconds: 100 }, started), [], 'DeadlineExceeded'],
    ['not before', aJob({ activeDeadlineSeconds: 101 }, started), [], undefined],
    ['a deadline of 0 strikes at once', aJob({ activeDeadlineSeconds: 0 }), [], 'DeadlineExceeded'],
    ['not while suspended', aJob({ activeDeadlineSeconds: 0, suspend: true }, started), [], undefined],
    ['a suspended Job can fail', aJob({ backoffLimit: 0, suspend: true }, started), failed(1), 'BackoffLimitExceeded'],
    [
      'FailJob comes before backoffLimit',
      aJob({ backoffLimit: 0, podFailurePolicy: failJob }, started),
      failed(1, { exitCode: 42 }),
      'PodFailurePolicy',
    ],
    [
      'FailJob looks at pods without finalizer',
      aJob({ podFailurePolicy: failJob }, started),
      failed(1, { exitCode: 42, finalizer: false }),
      'PodFailurePolicy',
    ],
    [
      'backoffLimit comes before the deadline',
      aJob({ backoffLimit: 0, activeDeadlineSeconds: 1 }, started),
      failed(1),
      'BackoffLimitExceeded',
    ],
    [
      'a recorded success wins over everything',
      aJob({ backoffLimit: 0 }, interim('SuccessCriteriaMet', 'SuccessPolicy')),
      failed(1),
      'SuccessPolicy',
    ],
    [
      'a recorded failure cannot be rescued',
      aJob({}, interim('FailureTarget', 'DeadlineExceeded')),
      [aPod('a', { phase: 'Succeeded' })],
      'DeadlineExceeded',
    ],
    [
      'a recorded failure keeps its reason',
      aJob({ backoffLimit: 0 }, interim('FailureTarget', 'PodFailurePolicy')),
      failed(1),
      'PodFailurePolicy',
    ],
  ])('%s', (_, job, pods, reason) => {
    expect(reasonOf(job, pods)).toBe(reason);
  });

  it('lets failure beat success in the same sync', () => {
    const job = aJob({ backoffLimit: 0, completions: 1, parallelism: 2 }, started);
    const played = play({ job, pods: [...failed(1), aPod('s', { phase: 'Succeeded' })] });
    expect(played.writes.map(conditionTypes)).toEqual([['FailureTarget'], ['FailureTarget', 'Failed']]);
    expect(played.settled.status).toMatchObject({ succeeded: 1, failed: 1 });
  });

  it('copies reason and message of the recorded condition to the terminal one', () => {
    const played = play({ job: aJob({}, interim('FailureTarget', 'DeadlineExceeded')) });
    expect(played.writes.at(-1)?.conditions?.at(-1)).toMatchObject({
      ...{ type: 'Failed', reason: 'DeadlineExceeded', message: 'recorded' },
    });
  });

  it('gives a Job that ends while suspended a start time, which the API demands', () => {
    const job = aJob({ suspend: true, backoffLimit: 0 }, { ...started, startTime: undefined, failed: 1 });
    expect(play({ job }).writes.at(-1)).toMatchObject({ startTime: at(100) });
  });

  it('counts pods that still ran when the Job fails, but not when a success policy fires', () => {
    const failing = aJob({ backoffLimit: 0, parallelism: 2, completions: 2 }, started);
    expect(play({ job: failing, pods: [...failed(1), aPod('r')] }).settled.status.failed).toBe(2);
    const succeeding = indexedJob(2, { successPolicy: { rules: [{ succeededIndexes: '0' }] } }, started);
    const pods = [aPod('s', { phase: 'Succeeded', index: 0 }), aPod('r', { index: 1 })];
    const played = play({ job: succeeding, pods });
    expect(played.settled.status).toMatchObject({ succeeded: 1, failed: 0, terminating: 1, completedIndexes: '0' });
    expect(played.staged.release).toHaveLength(2);
    expect(played.settled.finished).toBe(false);
  });

  describe('of indexes', () => {
    const perIndex = (maxFailedIndexes?: number): Job =>
      indexedJob(3, { backoffLimitPerIndex: 0, ...(maxFailedIndexes !== undefined && { maxFailedIndexes }) }, started);
    const ended = (outcomes: string): Pod[] =>
      outcomes.split('').flatMap((letter, index) => {
        const phase = { s: 'Succeeded', f: 'Failed', r: 'Running' }[letter];
        return phase === undefined ? [] : [aPod(`p${index}`, { phase, index, failures: 0, finishedAt: 50 })];
      });

    it.each<[string, Job, string, string | undefined]>([
      ['waits until all indexes are decided', perIndex(), 'fsr', undefined],
      ['fails when all are decided and one failed', perIndex(), 'fss', 'FailedIndexes'],
      ['succeeds when none failed', perIndex(), 'sss', undefined],
      ['allows as many failed indexes as maxFailedIndexes', perIndex(1), 'frr', undefined],
      ['fails at once beyond maxFailedIndexes', perIndex(1), 'ffr', 'MaxFailedIndexesExceeded'],
      ['maxFailedIndexes 0 tolerates none', perIndex(0), 'frr', 'MaxFailedIndexesExceeded'],
    ])('%s', (_, job, outcomes, reason) => {
      expect(reasonOf(job, ended(outcomes))).toBe(reason);
    });

    it('prefers failed indexes to a success policy', () => {
      const job = indexedJob(
        2,
        { backoffLimitPerIndex: 0, successPolicy: { rules: [{ succeededCount: 1 }] } },
        started,
      );
      expect(reasonOf(job, ended('sf'))).toBe('FailedIndexes');
      expect(reasonOf(job, ended('sr'))).toBe('SuccessPolicy');
    });
  });
});
