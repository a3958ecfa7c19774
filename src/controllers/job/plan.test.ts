import { describe, expect, it } from 'vitest';
import type { Job, JobStatus, Pod } from '../../api/index.ts';
import { plan } from './plan.ts';
import { aJob, after, aPod, at, conditionTypes, indexedJob, planOf, play, startMs, uids } from './samples.contract.ts';

const started: JobStatus = { startTime: at(0), uncountedTerminatedPods: {}, ready: 0, terminating: 0 };
const running: JobStatus = { ...started, active: 1 };
const stamp = { lastProbeTime: at(100), lastTransitionTime: at(100) };
const completionsReached = { reason: 'CompletionsReached', message: 'Reached expected number of succeeded pods' };

describe('reference timelines', () => {
  it('starts a Job with one pod and one status write', () => {
    const played = play({ job: aJob() });
    expect(played.plan.action).toEqual({ kind: 'create', count: 1, indexes: undefined });
    expect(played.writes).toEqual([
      { startTime: at(100), active: 1, ready: 0, terminating: 0, uncountedTerminatedPods: {} },
    ]);
    expect(play({ job: after(aJob(), played), pods: [aPod('a')] }).writes).toEqual([]);
  });

  it('counts a success: staged and met, finalizer, counted and complete', () => {
    const played = play({ job: aJob({}, { ...running, ready: 1 }), pods: [aPod('a', { phase: 'Succeeded' })] });
    const met = { type: 'SuccessCriteriaMet', status: 'True', ...completionsReached, ...stamp };
    expect(uids(played.staged.release)).toEqual(['a']);
    expect(played.writes).toEqual([
      { ...started, uncountedTerminatedPods: { succeeded: ['a'] }, conditions: [met] },
      {
        ...started,
        succeeded: 1,
        conditions: [met, { ...met, type: 'Complete' }],
        completionTime: at(100),
      },
    ]);
    expect(played.events).toEqual(['Normal Completed Job completed']);
  });

  it('counts the success of an index at once, without staging a UID', () => {
    const pods = [aPod('a', { phase: 'Succeeded', index: 0 })];
    const { writes } = play({ job: indexedJob(1, {}, running), pods });
    expect(writes.map(({ conditions: _conditions, completionTime: _completionTime, ...status }) => status)).toEqual([
      { ...started, succeeded: 1, completedIndexes: '0' },
      { ...started, succeeded: 1, completedIndexes: '0' },
    ]);
    expect(writes.map(conditionTypes)).toEqual([['SuccessCriteriaMet'], ['SuccessCriteriaMet', 'Complete']]);
  });

  it('fails with backoffLimit 0 after one pod, without completionTime', () => {
    const played = play({ job: aJob({ backoffLimit: 0 }, running), pods: [aPod('a', { phase: 'Failed' })] });
    const target = {
      ...{ type: 'FailureTarget', status: 'True', reason: 'BackoffLimitExceeded', ...stamp },
      message: 'Job has reached the specified backoff limit',
    };
    expect(played.writes).toEqual([
      { ...started, uncountedTerminatedPods: { failed: ['a'] }, conditions: [target] },
      { ...started, failed: 1, conditions: [target, { ...target, type: 'Failed' }] },
    ]);
    expect(played.events).toEqual(['Warning BackoffLimitExceeded Job has reached the specified backoff limit']);
  });

  it('ends two running pods at the deadline and waits for them before it is Failed', () => {
    const job = aJob({ parallelism: 2, completions: 2, activeDeadlineSeconds: 100 }, { ...started, active: 2 });
    const played = play({ job, pods: [aPod('a'), aPod('b')] });
    expect(played.plan.action).toMatchObject({ kind: 'end' });
    const [staged, counted] = played.writes;
    expect(staged).toMatchObject({ ready: 0, terminating: 2, uncountedTerminatedPods: { failed: ['a', 'b'] } });
    expect(counted).toMatchObject({ failed: 2, terminating: 2, uncountedTerminatedPods: {} });
    expect(counted && conditionTypes(counted)).toEqual(['FailureTarget']);
    expect(played.events).toEqual([]);

    const gone = ['a', 'b'].map((uid) => aPod(uid, { finalizer: false, deletedAt: 100, phase: 'Failed' }));
    const finished = play({ job: after(job, played), pods: gone });
    expect(finished.writes.map(conditionTypes)).toEqual([['FailureTarget', 'Failed']]);
    expect(finished.writes).toMatchObject([{ failed: 2, terminating: 0 }]);
    expect(finished.events).toEqual(['Warning DeadlineExceeded Job was active longer than specified deadline']);
  });

  it('retries a failed pod ten seconds after it ended', () => {
    const job = aJob({}, running);
    const pods = [aPod('a', { phase: 'Failed', finishedAt: 95 })];
    const first = play({ job, pods });
    expect(first.plan).toMatchObject({ action: { kind: 'none' }, requeueAfterMs: 5000 });
    expect(first.writes).toMatchObject([{ uncountedTerminatedPods: { failed: ['a'] } }, { failed: 1 }]);
    const backoff = first.plan.assessment.nextBackoff;
    const again = play({ job: after(job, first), nowMs: startMs + 105_000, backoff });
    expect(again.plan.action).toMatchObject({ kind: 'create', count: 1 });
    expect(again.writes).toMatchObject([{ active: 1, failed: 1 }]);
  });
});

describe('steps of a sync', () => {
  it('refuses an unknown completion mode with an event', () => {
    const input = { pods: [], nowMs: startMs, backoff: undefined, expectationsSatisfied: true };
    expect(plan({ ...input, job: aJob({ completionMode: 'Sideways' }) })).toEqual({
      kind: 'refuse',
      event: {
        type: 'Warning',
        reason: 'UnknownCompletionMode',
        message: 'Skipped Job sync because completion mode is unknown',
      },
    });
  });

  it('completes a Job with 0 completions at once, also a suspended one, which then has no start time', () => {
    const played = play({ job: aJob({ completions: 0 }) });
    expect(played.plan.action.kind).toBe('none');
    expect(played.writes.map(conditionTypes)).toEqual([['SuccessCriteriaMet'], ['SuccessCriteriaMet', 'Complete']]);
    const suspended = play({ job: aJob({ completions: 0, suspend: true }) });
    expect(suspended.writes.at(-1)?.startTime).toBeUndefined();
    expect(suspended.writes.map(conditionTypes)).toEqual([['SuccessCriteriaMet'], ['SuccessCriteriaMet', 'Complete']]);
  });

  it('neither creates nor deletes while expectations are open', () => {
    expect(planOf({ job: aJob(), expectationsSatisfied: false }).action.kind).toBe('none');
    const surplus = { job: aJob({}, running), pods: [aPod('a'), aPod('b')], expectationsSatisfied: false };
    expect(planOf(surplus).action.kind).toBe('none');
  });

  it('drops the verdict while expectations are open or when a deletion failed, but deletes', () => {
    const job = aJob({ backoffLimit: 0, parallelism: 2, completions: 2 }, { ...started, active: 2 });
    const pods = [aPod('a', { phase: 'Failed' }), aPod('b')];
    for (const [expectationsSatisfied, outcome] of [
      [false, {}],
      [true, { removed: [] }],
    ] as const) {
      const played = play({ job, pods, expectationsSatisfied }, outcome);
      expect(played.plan.action).toMatchObject({ kind: 'end' });
      expect(played.staged.verdict).toBeUndefined();
      expect(played.writes.flatMap(conditionTypes)).toEqual([]);
      expect(played.settled.status.failed).toBe(1);
    }
  });

  it('finishes counting for a Job that is being deleted, and creates nothing', () => {
    const job = aJob({ parallelism: 2, completions: 3 }, { ...started, active: 2 }, { deletionTimestamp: at(50) });
    const played = play({ job, pods: [aPod('a', { phase: 'Succeeded' }), aPod('b')] });
    expect(played.plan.action.kind).toBe('none');
    expect(uids(played.staged.release)).toEqual(['a', 'b']);
    expect(played.writes.at(-1)).toMatchObject({ succeeded: 1, active: 1 });
  });

  it('keeps the true number of active pods during a back-off', () => {
    const job = aJob({ parallelism: 2, completions: 4 }, { ...started, active: 2 });
    const played = play({ job, pods: [aPod('a', { phase: 'Failed', finishedAt: 99 }), aPod('b', { readyAt: 1 })] });
    expect(played.plan.action.kind).toBe('none');
    expect(played.writes.at(-1)).toMatchObject({ active: 1, ready: 1, failed: 1 });
  });

  it('subtracts what could not be created', () => {
    const job = aJob({ parallelism: 4, completions: 4 });
    expect(play({ job }, { created: 1 }).writes).toMatchObject([{ active: 1 }]);
  });

  it('asks to be woken at the deadline, or earlier for a back-off', () => {
    const job = aJob({ activeDeadlineSeconds: 130 }, running);
    expect(planOf({ job, pods: [aPod('a')] }).requeueAfterMs).toBe(30_000);
    const failed = [aPod('a', { phase: 'Failed', finishedAt: 98 })];
    expect(planOf({ job, pods: failed }).requeueAfterMs).toBe(8000);
    expect(
      planOf({ job: aJob({ activeDeadlineSeconds: 130, suspend: true }, running) }).requeueAfterMs,
    ).toBeUndefined();
  });

  it('waits at least a second for a back-off', () => {
    const pods = [aPod('a', { phase: 'Failed', finishedAt: 90 })];
    const planned = planOf({ job: aJob({}, running), pods, nowMs: startMs + 99_900 });
    expect(planned.requeueAfterMs).toBe(1000);
  });

  it('needs no more than the slim form of a pod that was counted', () => {
    const pods: Pod[] = [aPod('a', { phase: 'Failed', finalizer: false, finishedAt: 99 })];
    const played = play({ job: aJob({}, { ...started, failed: 1 }), pods });
    expect(played.plan.action).toMatchObject({ kind: 'create', count: 1 });
    expect(played.writes).toMatchObject([{ failed: 1, active: 1 }]);
  });
});

describe('parallelism and completions', () => {
  const succeeded = (count: number): Pod[] =>
    Array.from({ length: count }, (_, i) => aPod(`s${i}`, { phase: 'Succeeded' }));
  const active = (count: number): Pod[] => Array.from({ length: count }, (_, i) => aPod(`r${i}`));
  const queue = (parallelism: number, status: JobStatus = started): Job =>
    aJob({ parallelism, completions: undefined }, status);

  it.each<[string, Job, Pod[], object]>([
    ['N completions start one after the other', aJob({ completions: 3 }), [], { kind: 'create', count: 1 }],
    ['never more than parallelism', aJob({ completions: 9, parallelism: 4 }), active(1), { kind: 'create', count: 3 }],
    [
      'never more than are needed',
      aJob({ completions: 2, parallelism: 9 }),
      succeeded(1),
      { kind: 'create', count: 1 },
    ],
    ['a work queue starts all', queue(3), [], { kind: 'create', count: 3 }],
    ['a work queue replaces failures before the first success', queue(3), active(2), { kind: 'create', count: 1 }],
    ['a work queue only drains after a success', queue(3), [...succeeded(1), ...active(1)], { kind: 'none' }],
    ['a work queue is not cut down after a success', queue(1), [...succeeded(1), ...active(3)], { kind: 'none' }],
    ['parallelism 0 pauses', aJob({ completions: 2, parallelism: 0 }), active(2), { kind: 'remove' }],
    ['surplus goes', aJob({ completions: 2 }), active(2), { kind: 'remove' }],
  ])('%s', (_, job, pods, action) => {
    expect(planOf({ job, pods }).action).toMatchObject(action);
  });

  it('completes a work queue when the last pod has ended after a success', () => {
    const still = play({ job: queue(2), pods: [...succeeded(1), ...active(1)] });
    expect(still.staged.verdict).toBeUndefined();
    expect(play({ job: queue(2), pods: succeeded(2) }).settled.finished).toBe(true);
  });

  it('does not end a work queue that only failed', () => {
    const played = play({ job: queue(1), pods: [aPod('a', { phase: 'Failed', finishedAt: 99 })] });
    expect(played.settled.finished).toBe(false);
  });

  it('never counts pods that scaling down or pausing takes away', () => {
    const job = aJob({ completions: 2, parallelism: 0 }, { ...started, active: 2 });
    const played = play({ job, pods: active(2) });
    expect(played.writes).toMatchObject([{ terminating: 2, ready: 0 }]);
    expect(played.staged.release).toEqual([]);
    expect(played.settled.status).toMatchObject({ failed: 0, active: 0 });
  });

  it('creates and scales down at most 500 pods in one sync', () => {
    const many = planOf({ job: aJob({ completions: 2000, parallelism: 1200 }) });
    expect(many).toMatchObject({ action: { kind: 'create', count: 500 }, more: true });
    const less = planOf({ job: aJob({ completions: 2000, parallelism: 1 }), pods: active(700) });
    expect(less.more).toBe(true);
    expect(less.action.kind === 'remove' && less.action.pods.length).toBe(500);
  });

  it('deletes all pods of a suspended or decided Job at once', () => {
    const suspended = planOf({ job: aJob({ suspend: true }), pods: active(700) });
    expect(suspended.action.kind === 'remove' && suspended.action.pods.length).toBe(700);
    const failed = aJob({ backoffLimit: 0, parallelism: 800, completions: 800 });
    const ended = planOf({ job: failed, pods: [...active(700), aPod('x', { phase: 'Failed' })] });
    expect(ended.action.kind === 'end' && ended.action.pods.length).toBe(700);
  });

  it('warns when more pods succeeded than were asked for', () => {
    expect(play({ job: aJob({}, started), pods: succeeded(2) }).events).toEqual([
      'Warning TooManySucceededPods Too many succeeded pods running after completion count reached',
      'Normal Completed Job completed',
    ]);
  });
});

describe('replacement of deleted pods', () => {
  const deleted = aPod('a', { deletedAt: 100 });

  it('counts a deleted pod as failed and replaces it when the policy says so', () => {
    const played = play({ job: aJob({}, running), pods: [aPod('a', { deletedAt: 80 })] });
    expect(played.plan.action).toMatchObject({ kind: 'create', count: 1 });
    expect(played.writes).toMatchObject([
      { active: 1, terminating: 1, uncountedTerminatedPods: { failed: ['a'] } },
      { failed: 1 },
    ]);
  });

  it('waits for the phase Failed with policy Failed, whatever deletes the pod', () => {
    const job = aJob({ podReplacementPolicy: 'Failed' }, running);
    const waiting = play({ job, pods: [deleted] });
    expect(waiting.plan.action.kind).toBe('none');
    expect(waiting.writes).toEqual([{ ...started, terminating: 1 }]);
    const failed = [aPod('a', { deletedAt: 80, phase: 'Failed', finishedAt: 90 })];
    const replaced = play({ job: after(job, waiting), pods: failed });
    expect(replaced.plan.action).toMatchObject({ kind: 'create', count: 1 });
    expect(replaced.writes.at(-1)).toMatchObject({ active: 1, failed: 1, terminating: 0 });
  });

  it('takes a deleted pod that ends well as a success', () => {
    const pods = [aPod('a', { deletedAt: 80, phase: 'Succeeded' })];
    expect(play({ job: aJob({}, running), pods }).settled.status).toMatchObject({ succeeded: 1, failed: 0 });
  });
});
