import { describe, expect, it } from 'vitest';
import type { Pod, PodStatus } from '../api/index.ts';
import { aContainer, aPod } from '../testing/index.ts';
import type { ContainerView } from './container-view.ts';
import { planPod } from './pod-plan.ts';
import { podStatus } from './pod-status.ts';

const nowMs = 1_000_000;

function view(name: string, role: ContainerView['role'], exitCode?: number): ContainerView {
  const id = { podUid: 'u', container: name, attempt: 0 };
  return {
    container: aContainer({ name }),
    role,
    attempt: 0,
    crashes: 0,
    current:
      exitCode === undefined
        ? undefined
        : { type: 'exited', id, runtimeId: 'x', startedAtMs: 0, finishedAtMs: 1, exitCode, reason: 'Error' },
    last: undefined,
    waiting: undefined,
    starting: false,
    health: undefined,
    unfit: undefined,
  };
}

function statusOf(views: readonly ContainerView[], metadata: Partial<Pod['metadata']> = {}): PodStatus {
  const pod = aPod('p', { metadata: { uid: 'u', ...metadata }, status: { phase: 'Pending' } }) as Pod;
  return podStatus(pod, views, planPod(pod, views, nowMs), { hostAddress: '::1', podAddress: '::1', nowMs });
}

const deleted = { deletionTimestamp: '1970-01-01T00:20:00Z' };
const reasonsOf = ({ containerStatuses = [] }: PodStatus): unknown[] =>
  containerStatuses.map(({ state }) => state?.terminated?.reason ?? state?.waiting?.reason);

describe('podStatus', () => {
  it('ends what a deleted Pod never came to start, once its init containers were done', () => {
    const status = statusOf([view('a', 'regular', 0), view('b', 'regular')], deleted);
    expect(status.phase).toBe('Failed');
    expect(status.containerStatuses?.[1]?.state).toEqual({
      terminated: {
        exitCode: 137,
        reason: 'ContainerStatusUnknown',
        message: 'The container could not be located when the pod was terminated',
      },
    });
    expect(reasonsOf(statusOf([view('i', 'init'), view('a', 'regular')], deleted))).toEqual(['ContainerCreating']);
  });

  it('says of a Pod that ended well that it was initialized and is ready no more', () => {
    const conditions = statusOf([view('a', 'regular', 0)]).conditions?.map(({ type, status, reason }) => [type, status, reason]); // prettier-ignore
    expect(conditions).toEqual([
      ['PodReadyToStartContainers', 'False', undefined],
      ['Initialized', 'True', 'PodCompleted'],
      ['Ready', 'False', 'PodCompleted'],
      ['ContainersReady', 'False', 'PodCompleted'],
    ]);
  });

  it('says of a Pod that failed why it is not ready, and of its initialization nothing', () => {
    const conditions = statusOf([view('a', 'regular', 1)]).conditions?.map(({ status, reason }) => [status, reason]);
    expect(conditions).toEqual([['False', undefined], ['True', undefined], ['False', 'PodFailed'], ['False', 'PodFailed']]); // prettier-ignore
  });
});
