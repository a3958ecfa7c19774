import { describe, expect, it } from 'vitest';
import type { PodDisruptionBudget } from '../../api/index.ts';
import { podDisruptionBudget } from './pod-disruption-budget.ts';
import { created, createErrors, rowOf, statusErrors } from './rule-cases.fixture.ts';

const metadata = { name: 'x', namespace: 'default', creationTimestamp: '2026-01-01T00:00:00Z' };
const budget = (spec: object, status: object = {}): PodDisruptionBudget =>
  ({ apiVersion: 'policy/v1', kind: 'PodDisruptionBudget', metadata, spec, status }) as unknown as PodDisruptionBudget;
const pattern =
  "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')";

describe('a PodDisruptionBudget', () => {
  it.each([
    ['a number', { minAvailable: 1 }, []],
    ['a share', { maxUnavailable: '50%' }, []],
    [
      'less than none',
      { minAvailable: -1 },
      ['spec.minAvailable: Invalid value: -1: must be greater than or equal to 0'],
    ],
    ['no share', { minAvailable: 'half' }, [`spec.minAvailable: Invalid value: "half": ${pattern}`]],
    [
      'more than all',
      { maxUnavailable: '101%' },
      ['spec.maxUnavailable: Invalid value: "101%": must not be greater than 100%'],
    ],
    [
      'a policy that is none',
      { unhealthyPodEvictionPolicy: 'Perhaps' },
      [
        'spec.unhealthyPodEvictionPolicy: Unsupported value: "Perhaps": supported values: "AlwaysAllow", "IfHealthyBudget"',
      ],
    ],
  ])('with %s', (_what, spec, errors) => {
    expect(createErrors(podDisruptionBudget, budget(spec))).toEqual(errors);
  });

  it('cannot have both limits, nor negative counts', () => {
    expect(createErrors(podDisruptionBudget, budget({ minAvailable: 1, maxUnavailable: 1 }))[0]).toMatch(
      /^spec: Invalid value: .*: minAvailable and maxUnavailable cannot be both set$/,
    );
    const status = { disruptionsAllowed: -1, currentHealthy: 0, desiredHealthy: 0, expectedPods: 0 };
    expect(statusErrors(podDisruptionBudget, budget({}, status), budget({}))).toEqual([
      'status.disruptionsAllowed: Invalid value: -1: must be greater than or equal to 0',
    ]);
  });

  it('shows what it allows', () => {
    const made = created(podDisruptionBudget, budget({ minAvailable: '30%' }));
    expect(rowOf(podDisruptionBudget, made, Date.parse('2026-01-01T00:10:00Z'))).toMatchObject({
      ...{ 'Min Available': '30%', 'Max Unavailable': 'N/A', 'Allowed Disruptions': 0 },
    });
  });
});
