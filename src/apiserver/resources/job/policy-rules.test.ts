import { describe, expect, it } from 'vitest';
import { job } from '../job.ts';
import { createErrors, withValues } from '../rule-cases.fixture.ts';
import type { RuleCase } from '../rule-cases.fixture.ts';
import { indexedJob as indexed, sampleJob as draft } from './sample.fixture.ts';

const failure = 'spec.podFailurePolicy.rules';
const success = 'spec.successPolicy.rules';
const requirement = { operator: 'In', values: [1] };
const upTo = (count: number): readonly number[] => Array.from({ length: count }, (_, i) => i + 1);
const failureRules = (...rules: readonly object[]): Readonly<Record<string, unknown>> => ({
  'spec.podFailurePolicy': { rules },
});
const successRules = (...rules: readonly object[]): Readonly<Record<string, unknown>> => ({
  'spec.successPolicy': { rules },
});
const ignoring = (onExitCodes: object): object => ({ action: 'Ignore', onExitCodes });
const matching = (...onPodConditions: readonly object[]): object => ({ action: 'Ignore', onPodConditions });

const failurePolicyCases: readonly RuleCase[] = [
  { rule: 'may be without rules', set: failureRules(), errors: [] },
  { rule: 'may have 20 rules', set: failureRules(...upTo(20).map(() => ignoring(requirement))), errors: [] },
  {
    rule: 'have at most 20 rules',
    set: failureRules(...upTo(21).map(() => ignoring(requirement))),
    errors: [`${failure}: Too many: 21: must have at most 20 items`],
  },
  {
    rule: 'know four actions',
    set: failureRules({ action: 'Odd', onExitCodes: requirement }),
    errors: [
      `${failure}[0].action: Unsupported value: "Odd": supported values: "Count", "FailIndex", "FailJob", "Ignore"`,
    ],
  },
  {
    rule: 'have one requirement per rule, not two',
    set: failureRules({ ...ignoring(requirement), onPodConditions: [{ type: 'DisruptionTarget' }] }),
    errors: [`${failure}[0]: Invalid value: specifying both OnExitCodes and OnPodConditions is not supported`],
  },
  {
    rule: 'say how exit codes are compared',
    set: failureRules(ignoring({ values: [1] })),
    errors: [`${failure}[0].onExitCodes.operator: Required value: valid values: ["In" "NotIn"]`],
  },
  { rule: 'may exclude 0 with NotIn', set: failureRules(ignoring({ operator: 'NotIn', values: [0, 1] })), errors: [] },
  { rule: 'may list 255 exit codes', set: failureRules(ignoring({ operator: 'In', values: upTo(255) })), errors: [] },
  {
    rule: 'list at most 255 exit codes',
    set: failureRules(ignoring({ operator: 'In', values: upTo(256) })),
    errors: [`${failure}[0].onExitCodes.values: Too many: 256: must have at most 255 items`],
  },
  {
    rule: 'may name an init container',
    set: {
      'spec.template.spec.initContainers': [{ name: 'first', image: 'busybox' }],
      ...failureRules(ignoring({ ...requirement, containerName: 'first' })),
    },
    errors: [],
  },
  {
    rule: 'have at most 20 patterns of conditions per rule',
    set: failureRules(matching(...upTo(21).map(() => ({ type: 'DisruptionTarget' })))),
    errors: [`${failure}[0].onPodConditions: Too many: 21: must have at most 20 items`],
  },
  {
    rule: 'may use FailIndex with a limit per index only',
    set: failureRules({ action: 'FailIndex', onExitCodes: requirement }),
    errors: [`${failure}[0].action: Invalid value: "FailIndex": requires the backoffLimitPerIndex to be set`],
  },
];

const successPolicyCases: readonly RuleCase[] = [
  { rule: 'may have 20 rules', set: successRules(...upTo(20).map(() => ({ succeededCount: 1 }))), errors: [] },
  {
    rule: 'have at most 20 rules',
    set: successRules(...upTo(21).map(() => ({ succeededCount: 1 }))),
    errors: [`${success}: Too many: 21: must have at most 20 items`],
  },
  {
    rule: 'list ranges that rise',
    set: successRules({ succeededIndexes: '2-1' }),
    errors: [
      `${success}[0].succeededIndexes: Invalid value: "2-1": error parsing succeededIndexes: non-increasing order, previous: 2, current: 1`,
    ],
  },
  {
    rule: 'list numbers',
    set: successRules({ succeededIndexes: 'a' }),
    errors: [
      `${success}[0].succeededIndexes: Invalid value: "a": error parsing succeededIndexes: cannot convert string to integer for index: "a"`,
    ],
  },
  { rule: 'may list no index at all', set: successRules({ succeededIndexes: '' }), errors: [] },
  {
    rule: 'need completions to be counted against',
    set: { ...successRules({ succeededCount: 1 }), 'spec.completionMode': 'NonIndexed' },
    errors: ['spec.successPolicy: Invalid value: {"rules":[{"succeededCount":1}]}: requires indexed completion mode'],
  },
];

describe('pod failure policies', () => {
  it.each(failurePolicyCases)('$rule', ({ set, errors }) => {
    expect(createErrors(job, withValues(draft, set))).toEqual(errors);
  });

  it('name conditions by qualified names', () => {
    const errors = createErrors(job, withValues(draft, failureRules(matching({ type: 'not a name' }, { type: '' }))));
    expect(errors).toContainEqual(
      expect.stringMatching(
        /^spec\.podFailurePolicy\.rules\[0\]\.onPodConditions\[0\]\.type: Invalid value: "not a name"/,
      ),
    );
    expect(errors).toContainEqual(
      expect.stringMatching(/^spec\.podFailurePolicy\.rules\[0\]\.onPodConditions\[1\]\.type: Invalid value: ""/),
    );
  });

  it('may use FailIndex with a limit per index', () => {
    const set = { ...failureRules({ action: 'FailIndex', onExitCodes: requirement }), 'spec.backoffLimitPerIndex': 1 };
    expect(createErrors(job, withValues(indexed, set))).toEqual([]);
  });
});

describe('success policies', () => {
  it.each(successPolicyCases)('$rule', ({ set, errors }) => {
    expect(createErrors(job, withValues(indexed, set))).toEqual(errors);
  });

  it('list indexes in at most 64 KiB', () => {
    const text = Array.from({ length: 14_000 }, (_, i) => 2 * i).join();
    expect(text.length).toBeGreaterThan(65_536);
    const set = { 'spec.completions': 50_000, ...successRules({ succeededIndexes: text }) };
    expect(createErrors(job, withValues(indexed, set))).toEqual([
      `${success}[0].succeededIndexes: Too long: may not be more than 65536 bytes`,
    ]);
  });
});
