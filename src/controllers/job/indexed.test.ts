import { describe, expect, it } from 'vitest';
import { formatIndexes } from '../../api/index.ts';
import type { Job, JobStatus, Pod } from '../../api/index.ts';
import { after, aPod, at, indexedJob, planOf, play, startMs, uids, type PodSample } from './samples.contract.ts';
import { lowestPendingIndexes } from './pods-to-create.ts';
import { storedIndexes } from './stored-indexes.ts';

const started: JobStatus = { startTime: at(0), uncountedTerminatedPods: {} };
const completed = (text: string, count: number): JobStatus => ({
  ...started,
  completedIndexes: text,
  succeeded: count,
});
const indexesCreated = (job: Job, pods: readonly Pod[] = [], extra = {}): readonly number[] | undefined => {
  const { action } = planOf({ job, pods, ...extra });
  return action.kind === 'create' ? action.indexes : undefined;
};

describe('storedIndexes', () => {
  it.each([
    ['', 5, ''],
    [undefined, 5, ''],
    ['0-2,4', 5, '0-2,4'],
    ['0-7', 5, '0-4'],
    ['1,6,8-9', 5, '1'],
    ['0,1,2', 5, '0-2'],
    ['x,3', 5, '3'],
    ['4', 0, ''],
  ])('%s of %i is %s', (text, completions, expected) => {
    expect(formatIndexes(storedIndexes(text, completions))).toBe(expected);
  });
});

describe('indexes to create', () => {
  it.each<[string, Job, Pod[], number[] | undefined]>([
    ['the lowest first', indexedJob(5, { parallelism: 2 }), [], [0, 1]],
    ['not those that run', indexedJob(5, { parallelism: 3 }), [aPod('a', { index: 1 })], [0, 2]],
    ['not those that succeeded', indexedJob(5, { parallelism: 2 }, completed('0-2', 3)), [], [3, 4]],
    ['gaps between ranges', indexedJob(9, { parallelism: 3 }, completed('0,1,4-6', 5)), [], [2, 3, 7]],
    ['none when all are decided', indexedJob(2, {}, completed('0,1', 2)), [], undefined],
    ['those of deleted pods at once', indexedJob(1), [aPod('a', { index: 0, deletedAt: 1 })], [0]],
    [
      'those of deleted pods only when they failed, with policy Failed',
      indexedJob(2, { podReplacementPolicy: 'Failed' }),
      [aPod('a', { index: 0, deletedAt: 1 })],
      [1],
    ],
    [
      'not failed ones',
      indexedJob(3, { parallelism: 1, backoffLimitPerIndex: 0 }, { ...started, failedIndexes: '0' }),
      [],
      [1],
    ],
  ])('%s', (_, job, pods, expected) => {
    expect(indexesCreated(job, pods)).toEqual(expected);
  });

  it('reads each stored range a few times, however many completions it stands for', () => {
    const job = indexedJob(100_000, { parallelism: 5 });
    let reads = 0;
    const counted = (value: number): number => {
      reads += 1;
      return value;
    };
    const range = {
      get first() {
        return counted(0);
      },
      get last() {
        return counted(99_989);
      },
    };
    const progress = { stored: [], succeeded: [range], failed: [], succeededCount: 0, failedCount: 0 };
    const input = { job, pods: [], active: [], progress: { ...progress, delayed: new Map<number, Pod>() } };
    expect(lowestPendingIndexes(input, 5)).toEqual([99_990, 99_991, 99_992, 99_993, 99_994]);
    expect(reads).toBeLessThan(20);
  });
});

describe('indexes to delete', () => {
  it.each<[string, Job, [string, PodSample][], string[]]>([
    [
      'pods without index',
      indexedJob(2),
      [
        ['a', {}],
        ['b', { index: 0 }],
      ],
      ['a'],
    ],
    [
      'unreadable indexes',
      indexedJob(2),
      [
        ['a', { index: '-1' }],
        ['b', { index: '1x' }],
      ],
      ['a', 'b'],
    ],
    [
      'indexes beyond completions',
      indexedJob(2),
      [
        ['a', { index: 2 }],
        ['b', { index: 1 }],
      ],
      ['a'],
    ],
    [
      'duplicates, keeping the one that is furthest',
      indexedJob(2),
      [
        ['a', { index: 0, readyAt: 5 }],
        ['b', { index: 0, phase: 'Pending', unscheduled: true }],
        ['c', { index: 0 }],
      ],
      ['b', 'c'],
    ],
    [
      'up to the surplus those that cost least',
      indexedJob(3, { parallelism: 1 }),
      [
        ['a', { index: 0, readyAt: 5 }],
        ['b', { index: 1 }],
        ['c', { index: 2, phase: 'Pending' }],
      ],
      ['b', 'c'],
    ],
  ])('%s', (_, job, samples, expected) => {
    const { action } = planOf({ job, pods: samples.map(([uid, sample]) => aPod(uid, sample)) });
    expect(action.kind === 'remove' && uids(action.pods).toSorted()).toEqual(expected);
  });
});

describe('counting indexes', () => {
  it('counts distinct indexes and writes 0,1 for two and 0-2 for three', () => {
    const done = (indexes: number[]): Pod[] => indexes.map((index, i) => aPod(`p${i}`, { phase: 'Succeeded', index }));
    const writeOf = (indexes: number[]): JobStatus | undefined =>
      play({ job: indexedJob(9, { parallelism: 0 }, started), pods: done(indexes) }).writes.at(-1);
    expect(writeOf([1, 0])).toMatchObject({ completedIndexes: '0,1', succeeded: 2 });
    expect(writeOf([2, 0, 1])).toMatchObject({ completedIndexes: '0-2', succeeded: 3 });
    expect(writeOf([4, 4, 2])).toMatchObject({ completedIndexes: '2,4', succeeded: 2 });
  });

  it('frees pods without a valid index without counting them', () => {
    const pods = [
      aPod('a', { phase: 'Succeeded' }),
      aPod('b', { phase: 'Failed', index: 7 }),
      aPod('c', { phase: 'Failed', index: 'x' }),
    ];
    const played = play({ job: indexedJob(2, { parallelism: 0 }, started), pods });
    expect(played.staged.release).toHaveLength(3);
    expect(played.settled.status).toMatchObject({ succeeded: 0, failed: 0, completedIndexes: '' });
  });

  it('cuts ranges when an elastic Job shrinks, and adds indexes when it grows', () => {
    const job = indexedJob(2, {}, completed('0-3', 4));
    const played = play({ job, pods: [] });
    expect(played.writes[0]).toMatchObject({ completedIndexes: '0,1', succeeded: 2 });
    expect(played.settled.finished).toBe(true);
    expect(indexesCreated(indexedJob(6, {}, completed('0-3', 4)))).toEqual([4, 5]);
  });

  it('puts at most 500 results into the status at once and goes on with the rest', () => {
    const pods = Array.from({ length: 700 }, (_, index) => aPod(`p${index}`, { phase: 'Succeeded', index }));
    const first = play({ job: indexedJob(700, {}, started), pods });
    expect(first.staged).toMatchObject({ more: true, verdict: { reason: 'CompletionsReached' } });
    expect(first.writes.at(-1)).toMatchObject({ completedIndexes: '0-499' });
    expect(first.settled.finished).toBe(false);
    const rest = play({ job: after(indexedJob(700, {}, started), first), pods: pods.slice(500) });
    expect(rest.settled).toMatchObject({ finished: true, status: { succeeded: 700 } });
  });

  it('never counts an index both as failed and as succeeded', () => {
    const job = indexedJob(2, { backoffLimitPerIndex: 0, parallelism: 0 }, { ...started, failedIndexes: '0' });
    const late = play({ job, pods: [aPod('a', { phase: 'Succeeded', index: 0 })] });
    expect(late.settled.status).toMatchObject({ completedIndexes: '', failedIndexes: '0', succeeded: 0 });
    const other = indexedJob(
      2,
      { backoffLimitPerIndex: 0, parallelism: 0 },
      { ...completed('0', 1), failedIndexes: '' },
    );
    const failing = play({ job: other, pods: [aPod('a', { phase: 'Failed', index: 0, failures: 0 })] });
    expect(failing.settled.status).toMatchObject({ completedIndexes: '0', failedIndexes: '', failed: 1 });
  });
});

describe('backoffLimitPerIndex', () => {
  const job = (limit: number, status: JobStatus = started, spec = {}): Job =>
    indexedJob(2, { backoffLimitPerIndex: limit, ...spec }, status);
  const failedPod = (uid: string, sample: PodSample): Pod =>
    aPod(uid, { phase: 'Failed', finishedAt: 50, failures: 0, ...sample });

  it('writes failedIndexes from the first sync on', () => {
    expect(play({ job: job(1, {}) }).writes[0]).toMatchObject({ failedIndexes: '' });
    expect(play({ job: indexedJob(2) }).writes[0]).not.toHaveProperty('failedIndexes');
  });

  it('fails an index when its failures reach the limit', () => {
    const played = play({ job: job(1), pods: [failedPod('a', { index: 0, failures: 1 }), aPod('b', { index: 1 })] });
    expect(played.writes.at(-1)).toMatchObject({ failedIndexes: '0', failed: 1 });
    expect(played.plan.action.kind).toBe('none');
  });

  it('keeps the last failed pod of an index until its replacement exists', () => {
    const pods = [failedPod('a', { index: 0 }), aPod('b', { index: 1 })];
    const first = play({ job: job(1, { ...started, active: 2 }), pods });
    expect(first.plan.action).toMatchObject({ kind: 'create', indexes: [0] });
    expect(first.plan.assessment.indexes?.delayed.get(0)?.metadata.uid).toBe('a');
    expect(first.staged.release).toEqual([]);
    expect(first.settled.status.failed).toBe(0);
    const replacement = aPod('c', { index: 0, failures: 1 });
    const second = play({ job: job(1), pods: [...pods, replacement] });
    expect(uids(second.staged.release)).toEqual(['a']);
    expect(second.settled.status.failed).toBe(1);
  });

  it('carries over from the pod with the longest history and the latest end', () => {
    const pods = [
      failedPod('a', { index: 0, failures: 1, finishedAt: 10 }),
      failedPod('b', { index: 0, failures: 0, finishedAt: 60 }),
      failedPod('c', { index: 0, failures: 1, finishedAt: 30 }),
    ];
    const played = play({ job: job(5), pods });
    expect(played.plan.assessment.indexes?.delayed.get(0)?.metadata.uid).toBe('c');
    expect(uids(played.staged.release)).toEqual(['a', 'b']);
  });

  it('lets each index wait for itself', () => {
    const pods = [failedPod('a', { index: 0, finishedAt: 95 }), failedPod('b', { index: 1, finishedAt: 80 })];
    expect(planOf({ job: job(5), pods })).toMatchObject({ action: { indexes: [1] }, requeueAfterMs: 5000 });
  });

  it('creates nothing while all wait, and comes back for the first', () => {
    const pods = [
      failedPod('a', { index: 0, failures: 2, finishedAt: 95 }),
      failedPod('b', { index: 1, failures: 1, ignoredFailures: 1, finishedAt: 92 }),
    ];
    expect(planOf({ job: job(5), pods })).toMatchObject({ action: { kind: 'none' }, requeueAfterMs: 32_000 });
  });

  it('treats unreadable counts as 0', () => {
    for (const failures of ['', '-1', 'x', '2147483648', '1.5']) {
      const played = play({ job: job(1), pods: [failedPod('a', { index: 0, failures })] });
      expect(played.settled.status.failedIndexes).toBe('');
    }
  });

  it('fails the index with FailIndex, does not count Ignore, and stops at Count', () => {
    const rule = (action: string, value: number): object => ({
      action,
      onExitCodes: { operator: 'In', values: [value] },
    });
    const podFailurePolicy = { rules: [rule('FailIndex', 1), rule('Ignore', 2), rule('Count', 3)] };
    const policyJob = indexedJob(4, { backoffLimitPerIndex: 0, podFailurePolicy } as Partial<Job['spec']>, started);
    const pods = [1, 2, 3].map((exitCode, index) => failedPod(`p${exitCode}`, { index, exitCode }));
    const played = play({ job: policyJob, pods, nowMs: startMs + 1_000_000 });
    expect(played.settled.status).toMatchObject({ failedIndexes: '0,2', failed: 2 });
    expect(played.plan.action).toMatchObject({ indexes: [1, 3] });
  });
});
