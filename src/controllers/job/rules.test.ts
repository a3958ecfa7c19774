import { describe, expect, it } from 'vitest';
import type { PodFailurePolicyRule, SuccessPolicyRule } from '../../api/index.ts';
import { nextBackoff, remainingDelayMs } from './backoff.ts';
import { withCondition } from './conditions.ts';
import { finishTimeMs } from './finish-time.ts';
import { urgencyOf } from './pod-change.ts';
import { countsAsFailure, matchFailurePolicy } from './pod-failure-policy.ts';
import { podMaker } from './pod-template.ts';
import { compareForRemoval } from './removal-order.ts';
import { aJob, aPod, at, containerStatus, indexedJob, startMs, type PodSample } from './samples.contract.ts';
import { matchSuccessPolicy } from './success-policy.ts';
import { storedIndexes } from './stored-indexes.ts';

describe('finish time', () => {
  const sidecar = { initContainers: [{ name: 'side', restartPolicy: 'Always' }, { name: 'once' }] };
  const ended = (name: string, finishedAt: number) => containerStatus(name, { exitCode: 0, finishedAt });
  it.each<[string, PodSample, object, number]>([
    ['the end of the last container', { phase: 'Failed', finishedAt: 7 }, {}, 7],
    [
      'sidecars included, init containers not',
      {
        statuses: {
          containerStatuses: [ended('main', 5)],
          initContainerStatuses: [ended('side', 9), ended('once', 20)],
        },
      },
      sidecar,
      9,
    ],
    [
      'the loss of readiness when a container still runs',
      { conditions: [{ type: 'Ready', status: 'False', lastTransitionTime: at(4) }] },
      {},
      4,
    ],
    [
      'the begin of deletion',
      { deletedAt: 40, metadata: { deletionTimestamp: at(40), deletionGracePeriodSeconds: 30 } },
      {},
      10,
    ],
    ['the creation', { createdAt: 3 }, {}, 3],
    ['the creation without statuses', { createdAt: 3, statuses: { containerStatuses: [] } }, {}, 3],
  ])('is %s', (_, sample, spec, seconds) => {
    const pod = aPod('a', sample);
    expect(finishTimeMs({ ...pod, spec: { ...pod.spec, ...spec } })).toBe(startMs + seconds * 1000);
  });
});

describe('back-off', () => {
  const failed = (...seconds: number[]) => seconds.map((s) => aPod(`f${s}`, { phase: 'Failed', finishedAt: s }));
  const succeeded = (...seconds: number[]) => seconds.map((s) => aPod(`s${s}`, { phase: 'Succeeded', finishedAt: s }));
  const record = (failuresSinceSuccess: number, seconds: number) => ({
    failuresSinceSuccess,
    lastFailureMs: startMs + seconds * 1000,
  });

  it.each([
    ['the first failure', undefined, [], failed(5), record(1, 5)],
    ['one more', record(1, 5), [], failed(9), record(2, 9)],
    ['several at once', record(1, 5), [], failed(12, 9, 10), record(4, 12)],
    ['a success forgets', record(3, 5), succeeded(6), [], undefined],
    ['a success forgets what failed before it', record(3, 5), succeeded(9), failed(8, 9, 10, 12), record(2, 12)],
    ['nothing new keeps it', record(3, 5), [], [], record(3, 5)],
  ])('records %s', (_, before, newSucceeded, newFailed, expected) => {
    expect(nextBackoff(before, newSucceeded, newFailed)).toEqual(expected);
  });

  it.each([
    [undefined, 0, 0],
    [record(1, 0), 0, 10],
    [record(1, 0), 4, 6],
    [record(1, 0), 10, 0],
    [record(2, 0), 0, 20],
    [record(3, 0), 0, 40],
    [record(6, 0), 0, 320],
    [record(7, 0), 0, 600],
    [record(2000, 0), 0, 600],
  ])('%o leaves after %i s a delay of %i s', (before, elapsed, expected) => {
    expect(remainingDelayMs(before, startMs + elapsed * 1000)).toBe(expected * 1000);
  });
});

describe('conditions', () => {
  const wanted = { type: 'Suspended', status: 'True', reason: 'R', message: 'M' } as const;
  const present = { ...wanted, lastProbeTime: at(0), lastTransitionTime: at(0) };

  it('never adds a False one', () => {
    expect(withCondition([], { ...wanted, status: 'False' }, startMs)).toEqual([]);
  });

  it('gives back the same array when nothing differs', () => {
    const conditions = [present];
    expect(withCondition(conditions, wanted, startMs + 5000)).toBe(conditions);
  });

  it.each([{ status: 'False' as const }, { reason: 'other' }, { message: 'other' }])('rewrites for %o', (change) => {
    const other = { ...present, type: 'Other' };
    const conditions = withCondition([present, other], { ...wanted, ...change }, startMs + 5000);
    expect(conditions).toEqual([{ ...wanted, ...change, lastProbeTime: at(5), lastTransitionTime: at(5) }, other]);
  });
});

describe('pod failure policy', () => {
  const exit = (operator: string, values: number[], containerName?: string): PodFailurePolicyRule => ({
    action: 'FailJob',
    onExitCodes: { operator, values, ...(containerName !== undefined && { containerName }) },
  });
  const onCondition = (type: string, status: string): PodFailurePolicyRule => ({
    action: 'FailJob',
    onPodConditions: [{ type, status }],
  });
  const withInit = (mainCode: number, initCode: number): PodSample => ({
    statuses: {
      containerStatuses: [containerStatus('main', { exitCode: mainCode, finishedAt: 1 })],
      initContainerStatuses: [containerStatus('init', { exitCode: initCode, finishedAt: 1 })],
    },
  });
  const disrupted = { conditions: [{ type: 'DisruptionTarget', status: 'True' }] };

  it.each<[string, PodFailurePolicyRule, PodSample, string | undefined]>([
    ['In lists it', exit('In', [2, 42]), { exitCode: 42 }, 'Container main for pod default/a failed with exit code 42'],
    ['In does not list it', exit('In', [2]), { exitCode: 42 }, undefined],
    [
      'NotIn does not list it',
      exit('NotIn', [2]),
      { exitCode: 3 },
      'Container main for pod default/a failed with exit code 3',
    ],
    ['NotIn lists it', exit('NotIn', [3]), { exitCode: 3 }, undefined],
    ['NotIn ignores 0', exit('NotIn', [3]), { exitCode: 0 }, undefined],
    ['another container', exit('In', [1], 'other'), { exitCode: 1 }, undefined],
    [
      'regular before init',
      exit('In', [4, 5]),
      withInit(4, 5),
      'Container main for pod default/a failed with exit code 4',
    ],
    ['init too', exit('In', [5]), withInit(4, 5), 'Container init for pod default/a failed with exit code 5'],
    ['a condition', onCondition('DisruptionTarget', 'True'), disrupted, 'Pod default/a has condition DisruptionTarget'],
    ['a condition of another status', onCondition('DisruptionTarget', 'False'), disrupted, undefined],
  ])('%s', (_, rule, sample, cause) => {
    const match = matchFailurePolicy({ rules: [rule] }, aPod('a', { phase: 'Failed', ...sample }));
    expect(match).toEqual(
      cause === undefined
        ? { action: 'Count', message: '' }
        : { action: 'FailJob', message: `${cause} matching FailJob rule at index 0` },
    );
  });

  it('takes the first rule that matches, and names its place', () => {
    const rules = [exit('In', [9]), { ...exit('In', [1]), action: 'Ignore' }, exit('In', [1])];
    const pod = aPod('a', { phase: 'Failed' });
    expect(matchFailurePolicy({ rules }, pod)).toMatchObject({ action: 'Ignore' });
    expect(countsAsFailure({ rules }, pod)).toBe(false);
    expect(matchFailurePolicy({ rules: rules.slice(2) }, pod).message).toContain('at index 0');
  });

  it('looks only at pods of phase Failed', () => {
    const pod = aPod('a', { phase: 'Running', ...withInit(0, 1) });
    expect(matchFailurePolicy({ rules: [exit('In', [1])] }, pod).action).toBe('Count');
  });
});

describe('success policy', () => {
  it.each<[string, SuccessPolicyRule[], string, number | undefined]>([
    ['all listed succeeded', [{ succeededIndexes: '0,2-3' }], '0-3', 0],
    ['one listed is missing', [{ succeededIndexes: '0,2-3' }], '0-2', undefined],
    ['enough of the listed', [{ succeededIndexes: '0-4', succeededCount: 2 }], '1,4,6', 0],
    ['too few of the listed', [{ succeededIndexes: '0-4', succeededCount: 3 }], '1,4,6', undefined],
    ['enough in all', [{ succeededCount: 2 }], '1,9', 0],
    ['too few in all', [{ succeededCount: 3 }], '1,9', undefined],
    ['the second rule', [{ succeededIndexes: '5' }, { succeededCount: 1 }], '7', 1],
    ['nothing succeeded', [{ succeededCount: 0 }], '', undefined],
  ])('%s', (_, rules, succeeded, expected) => {
    const message = matchSuccessPolicy({ rules }, 10, storedIndexes(succeeded, 10));
    expect(message).toBe(expected === undefined ? undefined : `Matched rules at index ${expected}`);
  });
});

describe('removal order', () => {
  it('puts first what costs least', () => {
    const order = [
      aPod('unscheduled', { unscheduled: true, phase: 'Pending' }),
      aPod('pending', { phase: 'Pending' }),
      aPod('unknown', { phase: 'Unknown' }),
      aPod('restarted', { restarts: 2 }),
      aPod('younger', { createdAt: 9 }),
      aPod('older', { createdAt: 1 }),
      aPod('just ready', { readyAt: 9 }),
      aPod('long ready', { readyAt: 1 }),
    ];
    const names = order.map(({ metadata }) => metadata.name);
    expect(
      order
        .toReversed()
        .sort(compareForRemoval)
        .map(({ metadata }) => metadata.name),
    ).toEqual(names);
  });
});

describe('created pods', () => {
  const template = {
    metadata: { labels: { app: 'x' }, annotations: { note: 'y' }, finalizers: ['own/finalizer'] },
    spec: {
      restartPolicy: 'Never',
      subdomain: 'sub',
      hostname: 'mine',
      initContainers: [{ name: 'init' }],
      containers: [{ name: 'main' }, { name: 'own', env: [{ name: 'JOB_COMPLETION_INDEX', value: '7' }] }],
    },
  };
  const index = 'batch.kubernetes.io/job-completion-index';
  const variable = {
    name: 'JOB_COMPLETION_INDEX',
    valueFrom: { fieldRef: { fieldPath: `metadata.labels['${index}']` } },
  };

  it('follow the template, with owner and finalizer', () => {
    const job = aJob({ template });
    expect(podMaker(job).plain()).toEqual({
      metadata: {
        generateName: 'j-',
        namespace: 'default',
        labels: { app: 'x' },
        annotations: { note: 'y' },
        finalizers: ['own/finalizer', 'batch.kubernetes.io/job-tracking'],
        ownerReferences: [
          {
            apiVersion: 'batch/v1',
            kind: 'Job',
            name: 'j',
            uid: 'job-uid',
            controller: true,
            blockOwnerDeletion: true,
          },
        ],
      },
      spec: template.spec,
    });
  });

  it('carry their index in name, hostname, label, annotation and environment', () => {
    const draft = podMaker(indexedJob(9, { template })).indexed(4, undefined);
    expect(draft).toMatchObject({
      metadata: {
        generateName: 'j-4-',
        labels: { app: 'x', [index]: '4' },
        annotations: { note: 'y', [index]: '4' },
      },
      spec: { hostname: 'j-4', subdomain: 'sub' },
    });
    expect(draft.spec.initContainers).toEqual([{ name: 'init', env: [variable] }]);
    expect(draft.spec.containers).toEqual([{ name: 'main', env: [variable] }, template.spec.containers[1]]);
    expect(Object.keys(draft.metadata.annotations ?? {})).toHaveLength(2);
  });

  it('keep room for the random part of the name', () => {
    const job = { ...indexedJob(2000), metadata: { ...aJob().metadata, name: 'n'.repeat(63) } };
    const draft = podMaker(job).indexed(1234, undefined);
    expect(draft.metadata.generateName).toBe(`${'n'.repeat(52)}-1234-`);
    expect(draft.spec.hostname).toBe(`${'n'.repeat(63)}-1234`);
  });

  it('do not carry the finalizer twice', () => {
    const finalizers = ['batch.kubernetes.io/job-tracking'];
    const job = aJob({ template: { ...template, metadata: { finalizers } } });
    expect(podMaker(job).plain().metadata.finalizers).toEqual(finalizers);
  });

  it('continue the failure counts of the pod they replace', () => {
    const failures = 'batch.kubernetes.io/job-index-failure-count';
    const ignored = 'batch.kubernetes.io/job-index-ignored-failure-count';
    const policy = { rules: [{ action: 'Ignore', onExitCodes: { operator: 'In', values: [42] } }] };
    const maker = podMaker(indexedJob(2, { backoffLimitPerIndex: 3, podFailurePolicy: policy }));
    const annotations = (...args: Parameters<typeof maker.indexed>) => maker.indexed(...args).metadata.annotations;
    const previous = (exitCode: number, counts: PodSample = {}) => aPod('p', { phase: 'Failed', exitCode, ...counts });
    expect(annotations(0, undefined)).toEqual({ [index]: '0', [failures]: '0' });
    expect(annotations(0, previous(1, { failures: 1 }))).toEqual({ [index]: '0', [failures]: '2' });
    expect(annotations(0, previous(42, { failures: 1 }))).toEqual({ [index]: '0', [failures]: '1', [ignored]: '1' });
    expect(annotations(0, previous(1, { failures: 1, ignoredFailures: 2 }))).toEqual({
      ...{ [index]: '0', [failures]: '2', [ignored]: '2' },
    });
  });
});

describe('urgency of a pod change', () => {
  const base = aPod('a');
  it.each<[string, ReturnType<typeof aPod>, string]>([
    ['it ended', aPod('a', { phase: 'Failed' }), 'now'],
    ['it is being deleted', aPod('a', { deletedAt: 5 }), 'now'],
    ['its labels differ', aPod('a', { metadata: { labels: { x: 'y' } } }), 'now'],
    ['it has lost its owner', aPod('a', { metadata: { ownerReferences: [] } }), 'now'],
    ['it became ready', aPod('a', { readyAt: 3 }), 'soon'],
    ['it was bound', aPod('a', { unscheduled: true }), 'never'],
    ['it lost the finalizer', aPod('a', { finalizer: false }), 'never'],
    ['a restart that does not count', aPod('a', { restarts: 1 }), 'never'],
  ])('%s', (_, changed, expected) => {
    expect(urgencyOf(base, changed)).toBe(expected);
  });

  it('restarts count with OnFailure', () => {
    const [before, changed] = [base, aPod('a', { restarts: 1 })].map((pod) => ({
      ...pod,
      spec: { ...pod.spec, restartPolicy: 'OnFailure' },
    }));
    expect(before && changed && urgencyOf(before, changed)).toBe('now');
  });

  it('a failed pod that gains a condition may match a rule', () => {
    const failed = aPod('a', { phase: 'Failed' });
    const disrupted = aPod('a', { phase: 'Failed', conditions: [{ type: 'DisruptionTarget', status: 'True' }] });
    expect(urgencyOf(failed, disrupted)).toBe('soon');
  });
});
