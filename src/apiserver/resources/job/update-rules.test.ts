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

const templateCases: readonly UpdateCase[] = [
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
    return updateErrors(job, withValues(before, set), before);
  };

  it.each(updateCases)('$rule', (entry) => {
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

  it('do not check again what is the very same spec', () => {
    const before = created(job, draft);
    expect(job.validate?.({ ...before, metadata: { ...before.metadata } }, before)).toEqual([]);
  });
});
