import { describe, expect, it } from 'vitest';
import type { Job } from '../../../api/index.ts';
import { job } from '../job.ts';
import { created, updateErrors, withValues } from '../rule-cases.fixture.ts';
import type { UpdateCase } from '../rule-cases.fixture.ts';
import { indexedJob as indexed, sampleJob as draft } from './sample.fixture.ts';

const suspended = { 'spec.suspend': true };
const suspensionDone = {
  'spec.suspend': true,
  'status.startTime': '2026-01-01T00:00:00Z',
  'status.conditions': [{ type: 'Suspended', status: 'True' }],
};
const running = { 'status.startTime': '2026-01-01T00:00:00Z' };
const immutable = 'field is immutable';

const updateCases: readonly UpdateCase[] = [
  {
    rule: 'limits may change at any time',
    set: {
      'spec.parallelism': 3,
      'spec.activeDeadlineSeconds': 9,
      'spec.backoffLimit': 1,
      'spec.suspend': true,
      'spec.ttlSecondsAfterFinished': 5,
      'spec.podReplacementPolicy': 'Failed',
    },
    errors: [],
  },
  {
    rule: 'completions are fixed',
    set: { 'spec.completions': 2 },
    errors: [`spec.completions: Invalid value: 2: ${immutable}`],
  },
  {
    rule: 'the manager is fixed',
    set: { 'spec.managedBy': 'acme.io/x' },
    errors: [`spec.managedBy: Invalid value: "acme.io/x": ${immutable}`],
  },
  {
    rule: 'scheduling directives may change while suspended and never started',
    old: suspended,
    set: {
      'spec.template.spec.nodeSelector': { a: 'b' },
      'spec.template.spec.tolerations': [{ operator: 'Exists' }],
      'spec.template.spec.affinity': { nodeAffinity: {} },
      'spec.template.metadata.annotations': { a: 'b' },
      'spec.template.spec.schedulingGates': [{ name: 'a.io/b' }],
    },
    errors: [],
  },
  {
    rule: 'and once a suspension is done',
    old: suspensionDone,
    set: { 'spec.template.spec.nodeSelector': { a: 'b' } },
    errors: [],
  },
  {
    rule: 'resources of containers may change once a suspension is done',
    old: suspensionDone,
    set: { 'spec.template.spec.containers.0.resources': { requests: { cpu: '1' } } },
    errors: [],
  },
];

const resources = { requests: { cpu: '1' } };
const claims = { claims: [{ name: 'gpu' }] };
const nodeAffinity = {
  requiredDuringSchedulingIgnoredDuringExecution: {
    nodeSelectorTerms: [{ matchExpressions: [{ key: 'a', operator: 'Exists' }] }],
  },
};
const initContainers = [{ name: 'first', image: 'busybox' }];

const windowCases: readonly UpdateCase[] = [
  {
    rule: 'labels of the template may change while suspended',
    old: suspended,
    set: { 'spec.template.metadata.labels.more': 'labels' },
    errors: [],
  },
  {
    rule: 'node affinity may go, and all affinity with it',
    old: { ...suspended, 'spec.template.spec.affinity': { nodeAffinity } },
    set: { 'spec.template.spec.affinity': undefined },
    errors: [],
  },
  {
    rule: 'node affinity may change beside other affinity',
    old: { ...suspended, 'spec.template.spec.affinity': { nodeAffinity, podAffinity: {} } },
    set: { 'spec.template.spec.affinity': { podAffinity: {} } },
    errors: [],
  },
  {
    rule: 'resources of init containers may change once a suspension is done',
    old: { ...suspensionDone, 'spec.template.spec.initContainers': initContainers },
    set: { 'spec.template.spec.initContainers.0.resources': resources },
    errors: [],
  },
  {
    rule: 'resources may change before the first start once the condition is there',
    old: { ...suspensionDone, 'status.startTime': undefined },
    set: { 'spec.template.spec.containers.0.resources': resources },
    errors: [],
  },
  {
    rule: 'a Job may be resumed in the write that changes its template',
    old: suspended,
    set: { 'spec.suspend': false, 'spec.template.spec.nodeSelector': { a: 'b' } },
    errors: [],
  },
];

const templateCases: readonly UpdateCase[] = [
  {
    rule: 'in the very write that suspends',
    old: {},
    set: { 'spec.suspend': true, 'spec.template.spec.nodeSelector': { a: 'b' } },
    errors: [],
  },
  {
    rule: 'while a started Job is suspended but not yet seen to be',
    old: { ...suspended, 'status.startTime': '2026-01-01T00:00:00Z' },
    set: { 'spec.template.spec.nodeSelector': { a: 'b' } },
    errors: [],
  },
  {
    rule: 'in claims of resources, even once a suspension is done',
    old: { ...suspensionDone, 'spec.template.spec.resourceClaims': [{ name: 'gpu', resourceClaimName: 'g' }] },
    set: { 'spec.template.spec.containers.0.resources': claims },
    errors: [],
  },
  {
    rule: 'in resources while pods of a suspended Job still run',
    old: { ...suspensionDone, 'status.active': 1 },
    set: { 'spec.template.spec.containers.0.resources': resources },
    errors: [],
  },
  {
    rule: 'in the number of containers, even once a suspension is done',
    old: suspensionDone,
    set: { 'spec.template.spec.initContainers': initContainers },
    errors: [],
  },
  {
    rule: 'in finalizers, even while suspended',
    old: suspended,
    set: { 'spec.template.metadata.finalizers': ['a.io/b'] },
    errors: [],
  },
  { rule: 'of running Jobs', old: running, set: { 'spec.template.spec.nodeSelector': { a: 'b' } }, errors: [] },
  {
    rule: 'in images, even while suspended',
    old: suspended,
    set: { 'spec.template.spec.containers.0.image': 'other' },
    errors: [],
  },
  {
    rule: 'in resources before the suspension is done',
    old: suspended,
    set: { 'spec.template.spec.containers.0.resources': { requests: { cpu: '1' } } },
    errors: [],
  },
  {
    rule: 'in affinity to pods, even while suspended',
    old: suspended,
    set: { 'spec.template.spec.affinity': { podAffinity: {} } },
    errors: [],
  },
  {
    rule: 'while pods of a suspended Job still run',
    old: { ...suspensionDone, 'status.active': 1 },
    set: { 'spec.template.spec.nodeSelector': { a: 'b' } },
    errors: [],
  },
];

describe('updates of Jobs', () => {
  const updated = ({ old = {}, set }: UpdateCase, base: Job): readonly string[] => {
    const before = withValues(created(job, base), old);
    job.setDefaults?.(before);
    return updateErrors(job, withValues(before, set), before);
  };

  it.each(updateCases)('$rule', (entry) => {
    expect(updated(entry, draft)).toEqual(entry.errors);
  });

  it.each(windowCases)('$rule', (entry) => {
    expect(updated(entry, draft)).toEqual(entry.errors);
  });

  it.each(templateCases)('refuse changes of the template $rule', (entry) => {
    const [error, ...more] = updated(entry, draft);
    expect(error).toMatch(/^spec\.template: Invalid value: .*: field is immutable$/);
    expect(more).toEqual([]);
  });

  it('let completions of Indexed Jobs change only together with parallelism', () => {
    const together = { 'spec.completions': 7, 'spec.parallelism': 7 };
    expect(updated({ rule: '', set: together, errors: [] }, indexed)).toEqual([]);
    expect(updated({ rule: '', set: { 'spec.completions': 7 }, errors: [] }, indexed)).toEqual([
      'spec.completions: Invalid value: 7: can only be modified in tandem with spec.parallelism',
    ]);
  });

  it.each([
    ['completionMode', 'NonIndexed'],
    ['backoffLimitPerIndex', 2],
    ['podFailurePolicy', { rules: [] }],
    ['successPolicy', { rules: [{ succeededCount: 1 }] }],
    ['managedBy', 'acme.io/x'],
    ['selector', { matchLabels: { a: 'b' } }],
  ])('never let %s change, not even of a suspended Job', (field, value) => {
    const errors = updated({ rule: '', old: suspended, set: { [`spec.${field}`]: value }, errors: [] }, indexed);
    expect(errors).toContainEqual(
      expect.stringMatching(new RegExp(`^spec\\.${field}: Invalid value: .*: ${immutable}$`)),
    );
  });

  it('let nothing that is fixed be taken away', () => {
    const fixed = { 'spec.backoffLimitPerIndex': 1, 'spec.managedBy': 'acme.io/x', 'spec.completions': 5 };
    const set = { 'spec.backoffLimitPerIndex': undefined, 'spec.managedBy': undefined, 'spec.completions': undefined };
    expect(updated({ rule: '', old: fixed, set, errors: [] }, indexed)).toEqual([
      'spec.completions: Required value: when completion mode is Indexed',
      `spec.backoffLimitPerIndex: Invalid value: null: ${immutable}`,
      `spec.managedBy: Invalid value: null: ${immutable}`,
    ]);
  });

  it('hold limits that change to the rules of new Jobs', () => {
    const set = { 'spec.maxFailedIndexes': 6 };
    expect(updated({ rule: '', old: { 'spec.backoffLimitPerIndex': 1 }, set, errors: [] }, indexed)).toEqual([
      'spec.maxFailedIndexes: Invalid value: 6: must be less than or equal to completions',
    ]);
  });

  it('check the generated labels again when a Job gives up its own selector', () => {
    const old = {
      'spec.manualSelector': true,
      'spec.selector': { matchLabels: { a: 'b' } },
      'spec.template.metadata': { labels: { a: 'b' } },
    };
    const errors = updated({ rule: '', old, set: { 'spec.manualSelector': false }, errors: [] }, draft);
    expect(errors).toContain("spec.template.metadata.labels[job-name]: Required value: must be 'count'");
    expect(errors).toContainEqual(expect.stringMatching(/^spec\.selector: .*`selector` not auto-generated$/));
  });

  it('do not check again what is the very same spec', () => {
    const before = created(job, draft);
    expect(job.validate?.({ ...before, metadata: { ...before.metadata } }, before)).toEqual([]);
  });
});
