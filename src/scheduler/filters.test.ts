import { describe, expect, it } from 'vitest';
import type { Node, NodeSelectorRequirement, PodSpec } from '../api/index.ts';
import { aNode, aPod } from '../testing/index.ts';
import type { Pod } from '../api/index.ts';
import { rejection, shortages } from './filters.ts';
import { nodeViewOf } from './node-view.ts';
import { needsOf } from './pod-needs.ts';

const node = (overrides: Parameters<typeof aNode>[1] = {}) => nodeViewOf(aNode('node-1', overrides) as Node);
const needs = (spec: Partial<PodSpec> = {}) => needsOf(aPod('a', { spec }) as Pod);

const notReady = { status: { conditions: [{ type: 'Ready', status: 'Unknown' }] } };
const taint = { spec: { taints: [{ key: 'gpu', value: 'yes', effect: 'NoSchedule' }] } };
const soft = { spec: { taints: [{ key: 'gpu', effect: 'PreferNoSchedule' }] } };
const labelled = { metadata: { labels: { zone: 'a', cores: '8' } } };
const untolerated = 'node(s) had untolerated taint {gpu: yes}';
const unselected = "node(s) didn't match Pod's node affinity/selector";

const affinity = (...terms: (readonly NodeSelectorRequirement[])[]): Partial<PodSpec> => ({
  affinity: {
    nodeAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: {
        nodeSelectorTerms: terms.map((matchExpressions) => ({ matchExpressions })),
      },
    },
  },
});

describe('filters', () => {
  it.each([
    ['an empty node takes a Pod that asks for nothing', {}, {}, undefined],
    ['an unschedulable node takes none', { spec: { unschedulable: true } }, {}, 'node(s) were unschedulable'],
    [
      'unless the Pod tolerates that',
      { spec: { unschedulable: true } },
      { tolerations: [{ key: 'node.kubernetes.io/unschedulable', operator: 'Exists' }] },
      undefined,
    ],
    [
      'a node that is not ready takes none',
      notReady,
      {},
      'node(s) had untolerated taint {node.kubernetes.io/not-ready: }',
    ],
    ['unless the Pod tolerates everything', notReady, { tolerations: [{ operator: 'Exists' }] }, undefined],
    ['a tainted node takes none', taint, {}, untolerated],
    ['a soft taint keeps nobody away', soft, {}, undefined],
    ['an equal toleration', taint, { tolerations: [{ key: 'gpu', value: 'yes' }] }, undefined],
    ['another value', taint, { tolerations: [{ key: 'gpu', value: 'no' }] }, untolerated],
    ['another effect', taint, { tolerations: [{ key: 'gpu', operator: 'Exists', effect: 'NoExecute' }] }, untolerated],
    ['a node selector that matches', labelled, { nodeSelector: { zone: 'a' } }, undefined],
    ['a node selector that does not', labelled, { nodeSelector: { zone: 'a', disk: 'ssd' } }, unselected],
    ['In', labelled, affinity([{ key: 'zone', operator: 'In', values: ['a', 'b'] }]), undefined],
    ['NotIn', labelled, affinity([{ key: 'zone', operator: 'NotIn', values: ['a'] }]), unselected],
    ['NotIn without the label', {}, affinity([{ key: 'zone', operator: 'NotIn', values: ['a'] }]), undefined],
    ['Exists', {}, affinity([{ key: 'zone', operator: 'Exists' }]), unselected],
    ['DoesNotExist', labelled, affinity([{ key: 'zone', operator: 'DoesNotExist' }]), unselected],
    ['Gt', labelled, affinity([{ key: 'cores', operator: 'Gt', values: ['7'] }]), undefined],
    ['Lt', labelled, affinity([{ key: 'cores', operator: 'Lt', values: ['8'] }]), unselected],
    ['Gt with text', labelled, affinity([{ key: 'zone', operator: 'Gt', values: ['1'] }]), unselected],
    [
      'one of several terms',
      labelled,
      affinity([{ key: 'disk', operator: 'Exists' }], [{ key: 'zone', operator: 'Exists' }]),
      undefined,
    ],
    ['a term without requirements', labelled, affinity([]), unselected],
  ])('%s', (_name, nodeOverrides, spec, expected) => {
    expect(rejection(needs(spec as Partial<PodSpec>), node(nodeOverrides))).toBe(expected);
  });

  it('selects a node by its name as a field', () => {
    const term = { matchFields: [{ key: 'metadata.name', operator: 'In', values: ['node-2'] }] };
    const required = { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [term] } };
    expect(rejection(needs({ affinity: { nodeAffinity: required } }), node())).toBe(unselected);
  });

  it('names everything there is too little of', () => {
    const containers = [{ name: 'main', resources: { requests: { cpu: '2', memory: '4Gi' } } }];
    const asked = needs({ containers });
    const used = { cpuMillis: 2001, memoryBytes: 4 * 2 ** 30 + 1, pods: 110 };
    expect(shortages(asked, node(), used)).toEqual(['Too many pods', 'Insufficient cpu', 'Insufficient memory']);
    expect(shortages(asked, node(), { cpuMillis: 2000, memoryBytes: 4 * 2 ** 30, pods: 109 })).toEqual([]);
  });

  it('lets Pods that ask for nothing onto a node that is overcommitted', () => {
    expect(shortages(needs(), node(), { cpuMillis: 9000, memoryBytes: 0, pods: 1 })).toEqual([]);
  });
});
