import { describe, expect, it } from 'vitest';
import type { LimitRange } from '../../api/index.ts';
import { limitRange } from './limit-range.ts';
import { created, createErrors, rowOf, withValues, type RuleCase } from './rule-cases.fixture.ts';

const draft: LimitRange = {
  ...{ apiVersion: 'v1', kind: 'LimitRange' },
  metadata: { name: 'x', namespace: 'n', uid: 'u-1', resourceVersion: '', creationTimestamp: '2026-01-01T00:00:00Z' },
  spec: { limits: [{ type: 'Container' }] },
};

const first = 'spec.limits.0';
const at = 'spec.limits[0]';
const cases: readonly RuleCase[] = [
  {
    rule: 'all sides',
    set: {
      [`${first}.min`]: { cpu: '100m' },
      [`${first}.defaultRequest`]: { cpu: '200m' },
      [`${first}.default`]: { cpu: '300m' },
      [`${first}.max`]: { cpu: '1' },
      [`${first}.maxLimitRequestRatio`]: { cpu: '4' },
    },
    errors: [],
  },
  {
    rule: 'types',
    set: { 'spec.limits': [{ type: 'Node' }, { type: 'Pod' }, { type: 'Pod' }] },
    errors: [
      `${at}.type: Invalid value: "Node": must be a standard limit type or fully qualified`,
      'spec.limits[2].type: Duplicate value: "Pod"',
    ],
  },
  {
    rule: 'names of resources',
    set: { [`${first}.max`]: { disk: '1' } },
    errors: ['max', 'default', 'defaultRequest'].map(
      (side) => `${at}.${side}[disk]: Invalid value: "disk": must be a standard resource for containers`,
    ),
  },
  {
    rule: 'Pods have no defaults',
    set: { [first]: { type: 'Pod', default: { cpu: '1' }, defaultRequest: { cpu: '1' } } },
    errors: ['default', 'defaultRequest'].map(
      (side) => `${at}.${side}: Forbidden: may not be specified when \`type\` is 'Pod'`,
    ),
  },
  {
    rule: 'claims need a bound',
    set: { [first]: { type: 'PersistentVolumeClaim' } },
    errors: [
      `${at}.limits: Required value: either minimum or maximum storage value is required, but neither was provided`,
    ],
  },
  {
    rule: 'the smaller sides are smaller',
    set: {
      [`${first}.min`]: { cpu: '3' },
      [`${first}.defaultRequest`]: { cpu: '2' },
      [`${first}.default`]: { cpu: '1500m' },
      [`${first}.max`]: { cpu: '1' },
    },
    errors: [
      `${at}.min[cpu]: Invalid value: "3": min value 3 is greater than max value 1`,
      `${at}.defaultRequest[cpu]: Invalid value: "2": min value 3 is greater than default request value 2`,
      `${at}.defaultRequest[cpu]: Invalid value: "2": default request value 2 is greater than max value 1`,
      `${at}.defaultRequest[cpu]: Invalid value: "2": default request value 2 is greater than default limit value 1500m`,
      `${at}.default[cpu]: Invalid value: "3": min value 3 is greater than default value 1500m`,
      `${at}.default[cpu]: Invalid value: "1": default value 1500m is greater than max value 1`,
    ],
  },
  {
    rule: 'ratios',
    set: {
      [`${first}.min`]: { cpu: '1', memory: '1Gi' },
      [`${first}.max`]: { cpu: '2', memory: '2Gi' },
      [`${first}.maxLimitRequestRatio`]: { cpu: '3', memory: '500m' },
    },
    errors: [
      `${at}.maxLimitRequestRatio[cpu]: Invalid value: "3": ratio 3 is greater than max/min = 2.000000`,
      `${at}.maxLimitRequestRatio[memory]: Invalid value: "500m": ratio 500m is less than 1`,
    ],
  },
  {
    rule: 'what cannot be overcommitted',
    set: { [`${first}.default`]: { 'a.b/gpu': '2' }, [`${first}.defaultRequest`]: { 'a.b/gpu': '1' } },
    errors: [
      `${at}.defaultRequest[a.b/gpu]: Invalid value: "1": default value 2 must equal to defaultRequest value 1 in a.b/gpu`,
    ],
  },
];

describe('LimitRanges', () => {
  it.each(cases)('are checked: $rule', ({ set, errors }) => {
    expect(createErrors(limitRange, withValues(draft, set))).toEqual(errors);
  });

  it('take missing defaults from what they have', () => {
    const given = withValues(draft, { [`${first}.max`]: { cpu: '2' }, [`${first}.min`]: { memory: '1Mi' } });
    expect(created(limitRange, given).spec?.limits[0]).toMatchObject({
      default: { cpu: '2' },
      defaultRequest: { cpu: '2', memory: '1Mi' },
    });
  });

  it('show when they were made', () => {
    expect(rowOf(limitRange, draft, 0)).toEqual({ Name: 'x', 'Created At': '2026-01-01T00:00:00Z' });
  });
});
