import { describe, expect, it } from 'vitest';
import type { Node, Pod } from '../api/index.ts';
import { aContainer, aNode, aPod } from '../testing/index.ts';
import type { Usage } from './filters.ts';
import { nodeViewOf } from './node-view.ts';
import { needsOf } from './pod-needs.ts';
import { leastLoss, victimsOn, type PlacedPod, type Victims } from './victims.ts';

const node = nodeViewOf(aNode('node-1', { status: { allocatable: { cpu: '4', memory: '8Gi', pods: '10' } } }) as Node);

function asking(cpu: string, priority: number): ReturnType<typeof needsOf> {
  const containers = [aContainer({ resources: { requests: { cpu } } })];
  return needsOf(aPod('p', { spec: { containers, priority } }) as Pod);
}

function placed(name: string, cpus: number, parts: Partial<PlacedPod> = {}): PlacedPod {
  const startTime = '2026-01-01T00:00:00Z';
  const own = { uid: name, key: `default/${name}`, cpuMillis: cpus * 1000, memoryBytes: 0 };
  return { ...own, priority: 0, startTime, isProtected: false, ...parts };
}

function victims(cpu: string, priority: number, pods: readonly PlacedPod[]): readonly string[] | undefined {
  const used: Usage = {
    cpuMillis: pods.reduce((sum, pod) => sum + pod.cpuMillis, 0),
    memoryBytes: 0,
    pods: pods.length,
  };
  return victimsOn(node, asking(cpu, priority), { pods, used })?.pods.map(({ uid }) => uid);
}

describe('victims on a node', () => {
  it.each([
    [
      'nobody of the same or a higher priority',
      '1',
      5,
      [placed('a', 2, { priority: 5 }), placed('b', 2, { priority: 9 })],
      undefined,
    ],
    ['nobody if that does not make enough room', '3', 5, [placed('a', 2, { priority: 9 }), placed('b', 2)], undefined],
    ['only as many as must', '1', 5, [placed('a', 2), placed('b', 2, { startTime: '2026-01-02T00:00:00Z' })], ['b']],
    ['the less important first', '2', 5, [placed('a', 2, { priority: 1 }), placed('b', 2, { priority: 2 })], ['a']],
    [
      'the one that started last',
      '1',
      5,
      [placed('a', 2, { startTime: '2026-01-03T00:00:00Z' }), placed('b', 2)],
      ['a'],
    ],
    [
      'those without a budget before those with one',
      '1',
      5,
      [placed('a', 2, { isProtected: true, priority: 0 }), placed('b', 2, { priority: 4 })],
      ['b'],
    ],
    [
      'small ones are spared where a large one is enough',
      '2',
      5,
      [placed('a', 1, { priority: 2 }), placed('b', 1, { priority: 2 }), placed('c', 2)],
      ['c'],
    ],
  ] as const)('are %s', (_what, cpu, priority, pods, expected) => {
    expect(victims(cpu, priority, pods)).toEqual(expected);
  });
});

describe('the node of the least loss', () => {
  const on = (nodeName: string, ...pods: readonly PlacedPod[]): Victims => ({ nodeName, pods });
  it.each([
    [
      'without a violated budget',
      [on('x', placed('a', 1, { isProtected: true })), on('y', placed('b', 1, { priority: 9 }))],
      'y',
    ],
    [
      'whose most important victim matters least',
      [on('x', placed('a', 1, { priority: 3 })), on('y', placed('b', 1, { priority: 2 }), placed('c', 1))],
      'y',
    ],
    [
      'with the smallest sum',
      [
        on('x', placed('a', 1, { priority: 3 }), placed('b', 1, { priority: 2 })),
        on('y', placed('c', 1, { priority: 3 }), placed('d', 1, { priority: 1 })),
      ],
      'y',
    ],
    [
      'with the fewest victims',
      [
        on('x', placed('a', 1, { priority: -5 }), placed('b', 1, { priority: -5 })),
        on('y', placed('c', 1, { priority: -5 })),
      ],
      'y',
    ],
    [
      'whose victim started last',
      [on('x', placed('a', 1)), on('y', placed('b', 1, { startTime: '2026-02-01T00:00:00Z' }))],
      'y',
    ],
  ] as const)('is the one %s', (_what, candidates, expected) => {
    expect(leastLoss(candidates)?.nodeName).toBe(expected);
  });
});
