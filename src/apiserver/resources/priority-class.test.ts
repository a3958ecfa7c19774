import { describe, expect, it } from 'vitest';
import type { PriorityClass } from '../../api/index.ts';
import { priorityClass } from './priority-class.ts';
import { created, createErrors, rowOf, updateErrors, withValues, type RuleCase } from './rule-cases.fixture.ts';

const draft: PriorityClass = {
  ...{ apiVersion: 'scheduling.k8s.io/v1', kind: 'PriorityClass', value: 100 },
  metadata: { name: 'high', uid: 'u-1', resourceVersion: '', creationTimestamp: '2026-01-01T00:00:00Z' },
};
const reserved =
  "metadata.name: Forbidden: priority class names with 'system-' prefix are reserved for system use only.";

const cases: readonly RuleCase[] = [
  { rule: 'all fields', set: { globalDefault: true, description: 'x', preemptionPolicy: 'Never' }, errors: [] },
  { rule: 'negative values are for those who can wait', set: { value: -1_000_000 }, errors: [] },
  {
    rule: 'users stay below the system',
    set: { value: 1_000_000_001 },
    errors: ['value: Forbidden: maximum allowed value of a user defined priority is 1000000000'],
  },
  {
    rule: 'there are two policies',
    set: { preemptionPolicy: 'Sometimes' },
    errors: ['preemptionPolicy: Unsupported value: "Sometimes": supported values: "PreemptLowerPriority", "Never"'],
  },
  {
    rule: 'names of the system are reserved',
    set: { 'metadata.name': 'system-mine' },
    errors: [`${reserved} error: system-mine is not a known system priority class`],
  },
  {
    rule: 'the classes of the system have their value',
    set: { 'metadata.name': 'system-node-critical' },
    errors: [`${reserved} error: value of system-node-critical PriorityClass must be 2000001000`],
  },
  {
    rule: 'and are never the default',
    set: { 'metadata.name': 'system-cluster-critical', value: 2_000_000_000, globalDefault: true },
    errors: [`${reserved} error: globalDefault of system-cluster-critical PriorityClass must be false`],
  },
];

describe('PriorityClasses', () => {
  it.each(cases)('are checked: $rule', ({ set, errors }) => {
    expect(createErrors(priorityClass, withValues(draft, set))).toEqual(errors);
  });

  it('keep their value and policy', () => {
    const old = created(priorityClass, draft);
    expect(updateErrors(priorityClass, withValues(old, { value: 5, preemptionPolicy: 'Never' }), old)).toEqual([
      'value: Forbidden: may not be changed in an update.',
      'preemptionPolicy: Invalid value: "Never": field is immutable',
    ]);
  });

  it('show what they mean in tables', () => {
    expect(rowOf(priorityClass, created(priorityClass, draft), Date.parse('2026-01-01T00:10:00Z'))).toEqual({
      Name: 'high',
      Value: 100,
      'Global-Default': false,
      Age: '10m',
      PreemptionPolicy: 'PreemptLowerPriority',
    });
  });

  it('of the system stay', () => {
    expect(priorityClass.deletion?.forbid?.(withValues(draft, { 'metadata.name': 'system-node-critical' }))).toBe(
      'this is a system priority class and cannot be deleted',
    );
    expect(priorityClass.deletion?.forbid?.(draft)).toBeUndefined();
  });
});
