import { describe, expect, it } from 'vitest';
import type { ResourceQuota } from '../../api/index.ts';
import { resourceQuota } from './resource-quota.ts';
import { createErrors, rowOf, updateErrors, withValues, type RuleCase } from './rule-cases.fixture.ts';

const draft: ResourceQuota = {
  ...{ apiVersion: 'v1', kind: 'ResourceQuota' },
  metadata: { name: 'x', namespace: 'n', uid: 'u-1', resourceVersion: '', creationTimestamp: '2026-01-01T00:00:00Z' },
  spec: {},
  status: {},
};
const shown = (...scopes: readonly string[]): string => `[${scopes.map((scope) => JSON.stringify(scope)).join(',')}]`;

const cases: readonly RuleCase[] = [
  {
    rule: 'what can be counted',
    set: {
      'spec.hard': {
        ...{ cpu: '1', 'limits.memory': '1Gi', pods: '3', 'requests.storage': '1Ti', 'count/jobs.batch': '5' },
        ...{ 'gold.storageclass.storage.k8s.io/requests.storage': '1Gi', 'requests.a.b/gpu': '2' },
      },
    },
    errors: [],
  },
  {
    rule: 'names and amounts',
    set: { 'spec.hard': { disks: '1', pods: '1500m', cpu: '-1', 'count/jobs.batch': '0.5' } },
    errors: [
      'spec.hard[disks]: Invalid value: "disks": must be a standard resource type or fully qualified',
      'spec.hard[disks]: Invalid value: "disks": must be a standard resource for quota',
      'spec.hard[pods]: Invalid value: "1500m": must be an integer',
      'spec.hard[cpu]: Invalid value: "-1": must be greater than or equal to 0',
      'spec.hard[count/jobs.batch]: Invalid value: "0.5": must be an integer',
    ],
  },
  {
    rule: 'scopes',
    set: { 'spec.scopes': ['Rich', 'BestEffort', 'NotBestEffort'], 'spec.hard': { pods: '1', cpu: '1' } },
    errors: ['unsupported scope', 'unsupported scope applied to resource', 'conflicting scopes'].map(
      (text) => `spec.scopes: Invalid value: ${shown('Rich', 'BestEffort', 'NotBestEffort')}: ${text}`,
    ),
  },
  {
    rule: 'selectors',
    set: {
      'spec.scopeSelector': {
        matchExpressions: [
          { scopeName: 'PriorityClass', operator: 'In' },
          { scopeName: 'Terminating', operator: 'Exists', values: ['x'] },
          { scopeName: 'PriorityClass', operator: 'Like' },
        ],
      },
    },
    errors: [
      "spec.scopeSelector.matchExpressions.values: Required value: must be at least one value when `operator` is 'In' or 'NotIn' for scope selector",
      "spec.scopeSelector.matchExpressions.values: Invalid value: [\"x\"]: must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector",
      'spec.scopeSelector.matchExpressions.operator: Invalid value: "Like": not a valid selector operator',
    ],
  },
];

describe('ResourceQuotas', () => {
  it.each(cases)('are checked: $rule', ({ set, errors }) => {
    expect(createErrors(resourceQuota, withValues(draft, set))).toEqual(errors);
  });

  it('keep their scopes', () => {
    expect(updateErrors(resourceQuota, withValues(draft, { 'spec.scopes': ['BestEffort'] }), draft)).toEqual([
      'spec.scopes: Invalid value: ["BestEffort"]: field is immutable',
    ]);
  });

  it('show what is used and allowed', () => {
    const status = {
      hard: { pods: '2', 'limits.cpu': '4', cpu: '2' },
      used: { pods: '1', 'limits.cpu': '0', cpu: '1' },
    };
    expect(rowOf(resourceQuota, { ...draft, status } as ResourceQuota, Date.parse('2026-01-01T00:10:00Z'))).toEqual({
      Name: 'x',
      Request: 'cpu: 1/2, pods: 1/2',
      Limit: 'limits.cpu: 0/4',
      Age: '10m',
    });
  });
});
