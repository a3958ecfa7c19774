import { describe, expect, it } from 'vitest';
import type { RuntimeClass } from '../../api/index.ts';
import { createErrors, rowOf, updateErrors, withValues, type RuleCase } from './rule-cases.fixture.ts';
import { runtimeClass } from './runtime-class.ts';

const draft: RuntimeClass = {
  ...{ apiVersion: 'node.k8s.io/v1', kind: 'RuntimeClass', handler: 'sandbox' },
  metadata: { name: 'x', uid: 'u-1', resourceVersion: '', creationTimestamp: '2026-01-01T00:00:00Z' },
};

const cases: readonly RuleCase[] = [
  {
    rule: 'all fields',
    set: { overhead: { podFixed: { cpu: '1' } }, scheduling: { nodeSelector: { a: 'b' } } },
    errors: [],
  },
  {
    rule: 'handlers are labels',
    set: { handler: 'No Label' },
    errors: [
      "handler: Invalid value: \"No Label\": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
    ],
  },
  {
    rule: 'overhead is an amount that Pods can have',
    set: { overhead: { podFixed: { cpu: '-1' } } },
    errors: ['overhead.podFixed.limits[cpu]: Invalid value: "-1": must be greater than or equal to 0'],
  },
];

describe('RuntimeClasses', () => {
  it.each(cases)('are checked: $rule', ({ set, errors }) => {
    expect(createErrors(runtimeClass, withValues(draft, set))).toEqual(errors);
  });

  it('keep their handler', () => {
    expect(updateErrors(runtimeClass, withValues(draft, { handler: 'other' }), draft)).toEqual([
      'handler: Invalid value: "other": field is immutable',
    ]);
  });

  it('show it in tables', () => {
    expect(rowOf(runtimeClass, draft, Date.parse('2026-01-01T00:10:00Z'))).toEqual({
      Name: 'x',
      Handler: 'sandbox',
      Age: '10m',
    });
  });
});
