import { describe, expect, it } from 'vitest';
import { pod } from '../pod.ts';
import { created, rowOf, withValues } from '../rule-cases.fixture.ts';
import { samplePod as draft } from './sample.fixture.ts';

describe('the table of Pods', () => {
  const nowMs = Date.parse('2026-01-01T00:10:00Z');
  const row = (values: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> =>
    rowOf(pod, withValues(created(pod, draft), values), nowMs);
  const waiting = (reason: string): object => ({ name: 'main', state: { waiting: { reason } } });
  const terminated = (state: object): object => ({ name: 'main', state: { terminated: state } });

  it('has all cells', () => {
    const running = {
      'spec.nodeName': 'n1',
      'status.phase': 'Running',
      'status.podIP': '10.0.0.1',
      'status.containerStatuses': [
        {
          name: 'main',
          ready: true,
          restartCount: 2,
          state: { running: {} },
          lastState: { terminated: { finishedAt: '2026-01-01T00:05:00Z' } },
        },
      ],
    };
    expect(row(running)).toEqual({
      Name: 'p',
      Ready: '1/1',
      Status: 'Running',
      Restarts: '2 (5m ago)',
      Age: '10m',
      IP: '10.0.0.1',
      Node: 'n1',
      'Nominated Node': '<none>',
      'Readiness Gates': '<none>',
    });
  });

  it.each([
    ['Pending', {}],
    ['Evicted', { 'status.phase': 'Failed', 'status.reason': 'Evicted' }],
    ['CrashLoopBackOff', { 'status.containerStatuses': [waiting('CrashLoopBackOff')] }],
    ['Completed', { 'status.containerStatuses': [terminated({ reason: 'Completed', exitCode: 0 })] }],
    ['ExitCode:3', { 'status.containerStatuses': [terminated({ exitCode: 3 })] }],
    ['Signal:9', { 'status.containerStatuses': [terminated({ exitCode: 137, signal: 9 })] }],
    ['Terminating', { 'metadata.deletionTimestamp': '2026-01-01T00:00:00Z' }],
    ['Unknown', { 'metadata.deletionTimestamp': '2026-01-01T00:00:00Z', 'status.reason': 'NodeLost' }],
    [
      'SchedulingGated',
      { 'status.conditions': [{ type: 'PodScheduled', status: 'False', reason: 'SchedulingGated' }] },
    ],
    [
      'Init:0/1',
      { 'spec.initContainers': [{ name: 'i' }], 'status.initContainerStatuses': [{ name: 'i', state: {} }] },
    ],
    [
      'Init:Error',
      {
        'spec.initContainers': [{ name: 'i' }],
        'status.initContainerStatuses': [{ name: 'i', state: { terminated: { exitCode: 1, reason: 'Error' } } }],
      },
    ],
    [
      'NotReady',
      {
        'spec.containers.1': { name: 'b', image: 'x' },
        'status.containerStatuses': [
          terminated({ reason: 'Completed', exitCode: 0 }),
          { name: 'b', ready: true, state: { running: {} } },
        ],
      },
    ],
  ])('says %s', (text, values) => {
    expect(row(values).Status).toBe(text);
  });

  it('marks finished rows', () => {
    const finished = withValues(created(pod, draft), { 'status.phase': 'Succeeded' });
    expect(pod.table.conditions?.(finished)).toMatchObject([
      { type: 'Completed', status: 'True', reason: 'Succeeded' },
    ]);
    expect(pod.table.conditions?.(created(pod, draft))).toEqual([]);
  });
});
