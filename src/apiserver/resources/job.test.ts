import { describe, expect, it } from 'vitest';
import { job } from './job.ts';
import { indexedJob as indexed, sampleJob as draft } from './job/sample.fixture.ts';
import { created, createErrors, withValues } from './rule-cases.fixture.ts';
import type { RuleCase } from './rule-cases.fixture.ts';

const exitCodes = (values: readonly number[], more: object = {}): object => ({
  rules: [{ action: 'FailJob', onExitCodes: { operator: 'In', values, ...more } }],
});
const rule = 'spec.podFailurePolicy.rules[0]';
const ge0 = 'must be greater than or equal to 0';

const createCases: readonly RuleCase[] = [
  { rule: 'a plain Job is valid', set: {}, errors: [] },
  {
    rule: 'numbers are not negative',
    set: {
      'spec.parallelism': -1,
      'spec.completions': -2,
      'spec.backoffLimit': -3,
      'spec.ttlSecondsAfterFinished': -4,
      'spec.activeDeadlineSeconds': -5,
    },
    errors: [
      `spec.parallelism: Invalid value: -1: ${ge0}`,
      `spec.completions: Invalid value: -2: ${ge0}`,
      `spec.activeDeadlineSeconds: Invalid value: -5: ${ge0}`,
      `spec.backoffLimit: Invalid value: -3: ${ge0}`,
      `spec.ttlSecondsAfterFinished: Invalid value: -4: ${ge0}`,
    ],
  },
  { rule: 'a deadline of 0 is allowed', set: { 'spec.activeDeadlineSeconds': 0 }, errors: [] },
  {
    rule: 'Indexed needs completions',
    set: { 'spec.completionMode': 'Indexed', 'spec.parallelism': 2 },
    errors: ['spec.completions: Required value: when completion mode is Indexed'],
  },
  {
    rule: 'completion modes are known',
    set: { 'spec.completionMode': 'Odd' },
    errors: ['spec.completionMode: Unsupported value: "Odd": supported values: "NonIndexed", "Indexed"'],
  },
  {
    rule: 'limits per index need indexes, and one the other',
    set: { 'spec.maxFailedIndexes': 1 },
    errors: [
      'spec.backoffLimitPerIndex: Required value: when maxFailedIndexes is specified',
      'spec.maxFailedIndexes: Invalid value: 1: requires indexed completion mode',
    ],
  },
  {
    rule: 'a back-off limit per index needs indexes',
    set: { 'spec.backoffLimitPerIndex': 1 },
    errors: ['spec.backoffLimitPerIndex: Invalid value: 1: requires indexed completion mode'],
  },
  {
    rule: 'Always is reported as a missing restart policy',
    set: { 'spec.template.spec.restartPolicy': 'Always' },
    errors: ['spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"'],
  },
  {
    rule: 'a missing restart policy too',
    set: { 'spec.template.spec.restartPolicy': undefined },
    errors: ['spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"'],
  },
  {
    rule: 'unknown restart policies are reported by the pod spec and by the Job',
    set: { 'spec.template.spec.restartPolicy': 'Odd' },
    errors: [
      'spec.template.spec.restartPolicy: Unsupported value: "Odd": supported values: "Always", "OnFailure", "Never"',
      'spec.template.spec.restartPolicy: Unsupported value: "Odd": supported values: "OnFailure", "Never"',
    ],
  },
  {
    rule: 'managedBy is a domain-prefixed path',
    set: { 'spec.managedBy': 'acme' },
    errors: ['spec.managedBy: Invalid value: "acme": must be a domain-prefixed path (such as "acme.io/foo")'],
  },
  {
    rule: 'managedBy is not empty',
    set: { 'spec.managedBy': '' },
    errors: ['spec.managedBy: Required value'],
  },
  {
    rule: 'managedBy names no odd path',
    set: { 'spec.managedBy': 'acme.io/a b' },
    errors: [expect.stringMatching(/^spec\.managedBy: Invalid value: "a b": Invalid path/)],
  },
  {
    rule: 'managedBy may name the built-in controller',
    set: { 'spec.managedBy': 'kubernetes.io/job-controller' },
    errors: [],
  },
  {
    rule: 'managedBy has at most 63 bytes',
    set: { 'spec.managedBy': `acme.io/${'x'.repeat(60)}` },
    errors: ['spec.managedBy: Too long: may not be more than 63 bytes'],
  },
  {
    rule: 'replacement policies are known',
    set: { 'spec.podReplacementPolicy': 'Odd' },
    errors: ['spec.podReplacementPolicy: Unsupported value: "Odd": supported values: "Failed", "TerminatingOrFailed"'],
  },
  {
    rule: 'with a failure policy pods are replaced only when they failed, and never restarted in place',
    set: {
      'spec.podFailurePolicy': exitCodes([1]),
      'spec.podReplacementPolicy': 'TerminatingOrFailed',
      'spec.template.spec.restartPolicy': 'OnFailure',
    },
    errors: [
      'spec.podReplacementPolicy: Unsupported value: "TerminatingOrFailed": supported values: "Failed"',
      'spec.template.spec.restartPolicy: Invalid value: "OnFailure": only "Never" is supported when podFailurePolicy is specified',
    ],
  },
  {
    rule: 'exit codes are ordered, unique and not 0 with In',
    set: { 'spec.podFailurePolicy': exitCodes([2, 0, 2]) },
    errors: [
      `${rule}.onExitCodes.values[1]: Invalid value: 0: must not be 0 for the In operator`,
      `${rule}.onExitCodes.values[2]: Duplicate value: 2`,
      `${rule}.onExitCodes.values: Invalid value: [2,0,2]: must be ordered`,
    ],
  },
  {
    rule: 'exit codes are given, the operator is known, the container exists',
    set: { 'spec.podFailurePolicy': exitCodes([], { operator: 'Odd', containerName: 'x' }) },
    errors: [
      `${rule}.onExitCodes.containerName: Invalid value: "x": must be one of the container or initContainer names in the pod template`,
      `${rule}.onExitCodes.operator: Unsupported value: "Odd": supported values: "In", "NotIn"`,
      `${rule}.onExitCodes.values: Invalid value: []: at least one value is required`,
    ],
  },
  {
    rule: 'a failure rule has an action and one requirement',
    set: {
      'spec.podFailurePolicy': {
        rules: [{}, { action: 'FailIndex', onPodConditions: [{ type: 'x', status: 'Odd' }] }],
      },
    },
    errors: [
      `${rule}.action: Required value: valid values: ["Count" "FailIndex" "FailJob" "Ignore"]`,
      `${rule}: Invalid value: specifying one of OnExitCodes and OnPodConditions is required`,
      'spec.podFailurePolicy.rules[1].action: Invalid value: "FailIndex": requires the backoffLimitPerIndex to be set',
      'spec.podFailurePolicy.rules[1].onPodConditions[0].status: Unsupported value: "Odd": supported values: "False", "True", "Unknown"',
    ],
  },
  {
    rule: 'a success policy needs indexes',
    set: { 'spec.successPolicy': { rules: [] } },
    errors: ['spec.successPolicy: Invalid value: {"rules":[]}: requires indexed completion mode'],
  },
  {
    rule: 'labels that belong to the Job cannot be claimed by others',
    set: { 'spec.template.metadata': { labels: { 'job-name': 'other' } } },
    errors: [
      'spec.template.metadata.labels[job-name]: Invalid value: {"controller-uid":"u-1","job-name":"other","batch.kubernetes.io/controller-uid":"u-1","batch.kubernetes.io/job-name":"count"}: must be \'count\'',
    ],
  },
  {
    rule: 'a manual selector must select the template',
    set: { 'spec.manualSelector': true, 'spec.selector': { matchLabels: { a: 'b' } } },
    errors: ['spec.template.metadata.labels: Invalid value: null: `selector` does not match template `labels`'],
  },
  {
    rule: 'a manual selector must be given',
    set: { 'spec.manualSelector': true },
    errors: ['spec.selector: Required value'],
  },
  {
    rule: 'a generated selector has no other keys',
    set: { 'spec.selector': { matchLabels: { a: 'b' } }, 'spec.template.metadata': { labels: { a: 'b' } } },
    errors: [
      'spec.selector: Invalid value: {"matchLabels":{"batch.kubernetes.io/controller-uid":"u-1","a":"b"}}: `selector` not auto-generated',
    ],
  },
  {
    rule: 'an absent template lacks all',
    set: { spec: {} },
    errors: [
      'spec.template.spec.containers: Required value',
      'spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"',
    ],
  },
  {
    rule: 'an absent spec too',
    set: { spec: undefined },
    errors: [
      'spec.template.spec.containers: Required value',
      'spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"',
    ],
  },
];

const many =
  'must be less than or equal to 10000 when completions are above 100000 and used with backoff limit per index';
const success = 'spec.successPolicy.rules';
const indexedCases: readonly RuleCase[] = [
  { rule: 'an Indexed Job is valid', set: {}, errors: [] },
  {
    rule: 'parallelism is bounded',
    set: { 'spec.parallelism': 100001 },
    errors: [
      'spec.parallelism: Invalid value: 100001: must be less than or equal to 100000 when completion mode is Indexed',
    ],
  },
  {
    rule: 'maxFailedIndexes is bounded by completions',
    set: { 'spec.backoffLimitPerIndex': 1, 'spec.maxFailedIndexes': 6 },
    errors: ['spec.maxFailedIndexes: Invalid value: 6: must be less than or equal to completions'],
  },
  {
    rule: 'very many completions need narrow limits',
    set: { 'spec.completions': 100001, 'spec.parallelism': 10001, 'spec.backoffLimitPerIndex': 1 },
    errors: [
      'spec.maxFailedIndexes: Required value: must be specified when completions is above 100000',
      `spec.parallelism: Invalid value: 10001: ${many}`,
    ],
  },
  {
    rule: 'and few failed indexes',
    set: { 'spec.completions': 100001, 'spec.backoffLimitPerIndex': 1, 'spec.maxFailedIndexes': 10001 },
    errors: [`spec.maxFailedIndexes: Invalid value: 10001: ${many}`],
  },
  {
    rule: 'limits are as large as they may be',
    set: {
      'spec.completions': 2147483647,
      'spec.parallelism': 10000,
      'spec.backoffLimitPerIndex': 2147483647,
      'spec.maxFailedIndexes': 10000,
      'spec.activeDeadlineSeconds': 9007199254740991,
    },
    errors: [],
  },
  {
    rule: 'as parallel as can be without limits per index',
    set: { 'spec.completions': 2147483647, 'spec.parallelism': 100000 },
    errors: [],
  },
  {
    rule: 'maxFailedIndexes has a limit of its own',
    set: { 'spec.completions': 200000, 'spec.backoffLimitPerIndex': 1, 'spec.maxFailedIndexes': 100001 },
    errors: [
      'spec.maxFailedIndexes: Invalid value: 100001: must be less than or equal to 100000',
      `spec.maxFailedIndexes: Invalid value: 100001: ${many}`,
    ],
  },
  {
    rule: 'limits per index are not negative',
    set: { 'spec.backoffLimitPerIndex': -1, 'spec.maxFailedIndexes': -2 },
    errors: [
      `spec.backoffLimitPerIndex: Invalid value: -1: ${ge0}`,
      `spec.maxFailedIndexes: Invalid value: -2: ${ge0}`,
    ],
  },
  {
    rule: 'without indexes nothing has a hostname, however long the name',
    set: { 'metadata.name': 'x'.repeat(63), 'spec.completions': 0 },
    errors: [],
  },
  {
    rule: 'hostnames of all indexes fit: a longer index takes from the name',
    set: { 'metadata.name': 'x'.repeat(61), 'spec.completions': 10 },
    errors: [],
  },
  {
    rule: 'one index more and they do not',
    set: { 'metadata.name': 'x'.repeat(61), 'spec.completions': 11 },
    errors: [
      `metadata.name: Invalid value: "${'x'.repeat(61)}": will not able to create pod with invalid DNS label: ${'x'.repeat(61)}-10`,
    ],
  },
  {
    rule: 'hostnames have no dots',
    set: { 'metadata.name': 'a.b' },
    errors: [`metadata.name: Invalid value: "a.b": will not able to create pod with invalid DNS label: a.b-4`],
  },
  {
    rule: 'hostnames of all indexes are labels',
    set: { 'metadata.name': 'x'.repeat(62) },
    errors: [
      `metadata.name: Invalid value: "${'x'.repeat(62)}": will not able to create pod with invalid DNS label: ${'x'.repeat(62)}-4`,
    ],
  },
  {
    rule: 'a success policy has rules',
    set: { 'spec.successPolicy': { rules: [] } },
    errors: [`${success}: Required value: at least one rules must be specified when the successPolicy is specified`],
  },
  {
    rule: 'success rules say something that can come true',
    set: {
      'spec.successPolicy': {
        rules: [
          {},
          { succeededCount: 6 },
          { succeededIndexes: '0-2', succeededCount: 4 },
          { succeededIndexes: '3,1' },
          { succeededIndexes: '5' },
          { succeededIndexes: '1-2-3' },
          { succeededCount: -1 },
        ],
      },
    },
    errors: [
      `${success}[0]: Required value: at least one of succeededCount or succeededIndexes must be specified`,
      `${success}[1].succeededCount: Invalid value: 6: must be less than or equal to 5 (the number of specified completions)`,
      `${success}[2].succeededCount: Invalid value: 4: must be less than or equal to 3 (the number of indexes in the specified succeededIndexes field)`,
      `${success}[3].succeededIndexes: Invalid value: "3,1": error parsing succeededIndexes: non-increasing order, previous: 3, current: 1`,
      `${success}[4].succeededIndexes: Invalid value: "5": error parsing succeededIndexes: too large index: "5"`,
      `${success}[5].succeededIndexes: Invalid value: "1-2-3": error parsing succeededIndexes: the fragment "1-2-3" violates the requirement that an index interval can have at most two parts separated by '-'`,
      `${success}[6].succeededCount: Invalid value: -1: ${ge0}`,
    ],
  },
];

describe('rules for new Jobs', () => {
  it.each(createCases)('$rule', ({ set, errors }) => {
    expect(createErrors(job, withValues(draft, set))).toEqual(errors);
  });
  it.each(indexedCases)('$rule', ({ set, errors }) => {
    expect(createErrors(job, withValues(indexed, set))).toEqual(errors);
  });
});

describe('warnings about Jobs', () => {
  it('come for names that are no DNS labels', () => {
    expect(job.warnings?.(created(job, withValues(draft, { 'metadata.name': 'a.b' })), undefined)).toEqual([
      expect.stringMatching(/^metadata\.name: this is used in Pod names and hostnames, .* recommended: \[a lowercase/),
    ]);
  });
  it('come for very many indexes, on updates only when the generation changed', () => {
    const large = created(job, withValues(indexed, { 'spec.completions': 100001, 'spec.parallelism': 10001 }));
    const text = expect.stringMatching(/^spec: In Indexed Jobs with a number of completions higher than 10\^5/);
    expect(job.warnings?.(large, undefined)).toEqual([text]);
    expect(job.warnings?.(large, large)).toEqual([]);
    expect(job.warnings?.(withValues(large, { 'metadata.generation': 2 }), large)).toEqual([text]);
  });
});

describe('deleting Jobs', () => {
  it('orphans pods by default, with a warning', () => {
    expect(job.deletion).toMatchObject({
      defaultPropagation: 'Orphan',
      defaultPropagationWarning:
        'child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them or set propagationPolicy=Orphan to suppress this warning',
    });
  });
});
