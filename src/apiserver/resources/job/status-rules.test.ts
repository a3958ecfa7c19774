import { describe, expect, it } from 'vitest';
import type { Job } from '../../../api/index.ts';
import { job } from '../job.ts';
import { created, statusErrors, withValues } from '../rule-cases.fixture.ts';
import type { UpdateCase } from '../rule-cases.fixture.ts';
import { condition, indexedJob as indexed, sampleJob as draft } from './sample.fixture.ts';

const ge0 = 'must be greater than or equal to 0';
const t1 = '2026-01-01T00:00:00Z';
const t2 = '2026-01-01T00:01:00Z';
const complete = [condition('SuccessCriteriaMet'), condition('Complete')];
const failed = [condition('FailureTarget'), condition('Failed')];

const statusCases: readonly UpdateCase[] = [
  {
    rule: 'a Job completes',
    old: { 'status.startTime': t1, 'status.conditions': [condition('SuccessCriteriaMet')] },
    set: { 'status.conditions': complete, 'status.completionTime': t2, 'status.succeeded': 1 },
    errors: [],
  },
  {
    rule: 'counters do not fall and are not negative',
    old: { 'status.failed': 2, 'status.succeeded': 2 },
    set: { 'status.failed': 1, 'status.succeeded': 1, 'status.active': -1 },
    errors: [
      `status.active: Invalid value: -1: ${ge0}`,
      'status.failed: Invalid value: 1: cannot decrease the failed counter',
      'status.succeeded: Invalid value: 1: cannot decrease the succeeded counter',
    ],
  },
  {
    rule: 'uncounted pods have UIDs, each once',
    set: { 'status.uncountedTerminatedPods': { succeeded: ['a', ''], failed: ['a'] } },
    errors: [
      'status.uncountedTerminatedPods.succeeded[1]: Invalid value: "": must not be empty',
      'status.uncountedTerminatedPods.failed[0]: Duplicate value: "a"',
    ],
  },
  {
    rule: 'Complete needs its forerunner, a completion time and a start time',
    set: { 'status.conditions': [condition('Complete')] },
    errors: [
      'status.conditions: Invalid value: cannot set Complete=True condition without the SuccessCriteriaMet=true condition',
      'status.completionTime: Required value: completionTime is required for Complete jobs',
      'status.startTime: Required value: startTime is required for finished job',
    ],
  },
  {
    rule: 'Failed needs its forerunner',
    old: { 'status.startTime': t1 },
    set: { 'status.conditions': [condition('Failed')] },
    errors: [
      'status.conditions: Invalid value: cannot set Failed=True condition without the FailureTarget=true condition',
    ],
  },
  {
    rule: 'success and failure exclude each other',
    old: { 'status.startTime': t1 },
    set: {
      'status.conditions': [...complete, condition('FailureTarget'), condition('Failed')],
      'status.completionTime': t2,
    },
    errors: [
      'status.conditions: Invalid value: cannot set Complete=True and Failed=true conditions',
      'status.conditions: Invalid value: cannot set Complete=True and FailureTarget=true conditions',
      'status.conditions: Invalid value: cannot set SuccessCriteriaMet=True and Failed=true conditions',
      'status.conditions: Invalid value: cannot set SuccessCriteriaMet=True and FailureTarget=true conditions',
    ],
  },
  {
    rule: 'verdicts are final',
    old: { 'status.startTime': t1, 'status.conditions': [condition('FailureTarget'), condition('SuccessCriteriaMet')] },
    set: { 'status.conditions': [condition('FailureTarget', 'False')] },
    errors: [
      'status.conditions: Invalid value: cannot disable the terminal FailureTarget=True condition',
      'status.conditions: Invalid value: cannot disable the SuccessCriteriaMet=True condition',
    ],
  },
  {
    rule: 'finished Jobs have nothing left',
    old: { 'status.startTime': t1, 'status.conditions': [condition('SuccessCriteriaMet')] },
    set: {
      'status.conditions': complete,
      'status.completionTime': t2,
      'status.active': 1,
      'status.terminating': 2,
      'status.uncountedTerminatedPods': { failed: ['a'] },
    },
    errors: [
      'status.active: Invalid value: 1: active>0 is invalid for finished job',
      'status.terminating: Invalid value: 2: terminating>0 is invalid for finished job',
      'status.uncountedTerminatedPods: Invalid value: {"failed":["a"]}: must be empty for finished job',
    ],
  },
  {
    rule: 'the completion time is fixed and not before the start',
    old: { 'status.startTime': t2, 'status.completionTime': t2, 'status.conditions': complete },
    set: { 'status.completionTime': t1 },
    errors: [
      `status.completionTime: Invalid value: "${t1}": must be equal to or after \`startTime\``,
      `status.completionTime: Invalid value: "${t1}": field is immutable`,
    ],
  },
  {
    rule: 'a completion time needs Complete',
    old: { 'status.startTime': t1 },
    set: { 'status.completionTime': t2 },
    errors: [
      `status.completionTime: Invalid value: "${t2}": cannot set completionTime when there is no Complete=True condition`,
    ],
  },
  {
    rule: 'the start of a running Job stays',
    old: { 'status.startTime': t1 },
    set: { 'status.startTime': undefined },
    errors: ['status.startTime: Required value: startTime cannot be removed for unsuspended job'],
  },
  {
    rule: 'the write that resumes a Job sets a new start',
    old: { 'status.startTime': t1, 'status.conditions': [condition('Suspended')] },
    set: { 'status.startTime': t2, 'status.conditions': [condition('Suspended', 'False')] },
    errors: [],
  },
  {
    rule: 'a suspended Job without work finishes without a start',
    old: { 'spec.suspend': true, 'spec.completions': 0 },
    set: { 'status.conditions': complete, 'status.completionTime': t2 },
    errors: [],
  },
  {
    rule: 'not more pods are ready than active',
    set: { 'status.ready': 2, 'status.active': 1 },
    errors: ['status.ready: Invalid value: 2: cannot set more ready pods than active'],
  },
  {
    rule: 'indexes belong to Indexed Jobs',
    set: { 'status.completedIndexes': '0', 'status.failedIndexes': '' },
    errors: [
      'status.completedIndexes: Invalid value: "0": cannot set non-empty completedIndexes when non-indexed completion mode',
      'status.failedIndexes: Invalid value: "": cannot set non-null failedIndexes when backoffLimitPerIndex is null',
    ],
  },
  {
    rule: 'a finished Job stays finished',
    old: { 'status.startTime': t1, 'status.completionTime': t2, 'status.conditions': complete },
    set: { 'status.conditions': [condition('SuccessCriteriaMet'), condition('Complete', 'False')] },
    errors: [
      'status.conditions: Invalid value: cannot disable the terminal Complete=True condition',
      `status.completionTime: Invalid value: "${t2}": cannot set completionTime when there is no Complete=True condition`,
    ],
  },
  {
    rule: 'a failed Job stays failed',
    old: { 'status.startTime': t1, 'status.conditions': failed },
    set: { 'status.conditions': [condition('FailureTarget')] },
    errors: ['status.conditions: Invalid value: cannot disable the terminal Failed=True condition'],
  },
  {
    rule: 'a Job fails without a completion time',
    old: { 'status.startTime': t1, 'status.conditions': [condition('FailureTarget')] },
    set: { 'status.conditions': failed, 'status.failed': 1 },
    errors: [],
  },
  {
    rule: 'a failed Job has no completion time',
    old: { 'status.startTime': t1, 'status.conditions': [condition('FailureTarget')] },
    set: { 'status.conditions': failed, 'status.completionTime': t2 },
    errors: [
      `status.completionTime: Invalid value: "${t2}": cannot set completionTime when there is no Complete=True condition`,
    ],
  },
  {
    rule: 'the forerunner of Complete does not come after it',
    old: { 'status.startTime': t1, 'status.completionTime': t2, 'status.conditions': [condition('Complete')] },
    set: { 'status.conditions': complete },
    errors: [
      'status.conditions: Invalid value: cannot set SuccessCriteriaMet=True for Job already has Complete=true conditions',
    ],
  },
  {
    rule: 'the start of a suspended Job may go',
    old: { 'status.startTime': t1, 'spec.suspend': true },
    set: { 'status.startTime': undefined, 'status.conditions': [condition('Suspended')] },
    errors: [],
  },
  {
    rule: 'the start of a running Job does not move',
    old: { 'status.startTime': t1 },
    set: { 'status.startTime': t2 },
    errors: ['status.startTime: Required value: startTime cannot be removed for unsuspended job'],
  },
  {
    rule: 'no counter is negative',
    set: { 'status.ready': -1, 'status.terminating': -2 },
    errors: [`status.ready: Invalid value: -1: ${ge0}`, `status.terminating: Invalid value: -2: ${ge0}`],
  },
  {
    rule: 'fewer pods may not be active than are ready',
    old: { 'status.ready': 2, 'status.active': 2 },
    set: { 'status.active': 1 },
    errors: ['status.ready: Invalid value: 2: cannot set more ready pods than active'],
  },
  {
    rule: 'what was wrong already does not stop other changes',
    old: {
      'status.ready': 2,
      'status.active': 1,
      'status.completedIndexes': '0',
      'status.conditions': [condition('Failed')],
    },
    set: { 'status.failed': 1 },
    errors: [],
  },
  {
    rule: 'a UID is uncounted once, within one list too',
    set: { 'status.uncountedTerminatedPods': { failed: ['a', 'a'] } },
    errors: ['status.uncountedTerminatedPods.failed[1]: Duplicate value: "a"'],
  },
  {
    rule: 'unknown conditions are accepted',
    set: { 'status.conditions': [condition('Odd')] },
    errors: [],
  },
];

const indexedStatusCases: readonly UpdateCase[] = [
  {
    rule: 'indexes are well-formed',
    set: { 'status.completedIndexes': '0,7', 'status.failedIndexes': 'x' },
    errors: [
      'status.completedIndexes: Invalid value: "0,7": error parsing completedIndexes: too large index: "7"',
      'status.failedIndexes: Invalid value: "x": error parsing failedIndexes: cannot convert string to integer for index: "x"',
    ],
  },
  {
    rule: 'an index is completed or failed, not both',
    set: { 'status.completedIndexes': '0-2', 'status.failedIndexes': '1,4' },
    errors: ['status.failedIndexes: Invalid value: "1,4": failedIndexes and completedIndexes overlap at index: 1'],
  },
  {
    rule: 'without elasticity succeeded does not shrink',
    old: { 'status.succeeded': 3, 'spec.parallelism': 2 },
    set: { 'status.succeeded': 2 },
    errors: ['status.succeeded: Invalid value: 2: cannot decrease the succeeded counter'],
  },
  {
    rule: 'a scale-down never shrinks failed',
    old: { 'status.failed': 3 },
    set: { 'status.failed': 2 },
    errors: ['status.failed: Invalid value: 2: cannot decrease the failed counter'],
  },
  {
    rule: 'failed indexes without their condition are looked at when they change',
    old: { 'status.startTime': '2026-01-01T00:00:00Z', 'status.conditions': [condition('Failed')] },
    set: { 'status.failedIndexes': '1' },
    errors: [
      'status.conditions: Invalid value: cannot set Failed=True condition without the FailureTarget=true condition',
    ],
  },
  {
    rule: 'a scale-down may shrink succeeded',
    old: { 'status.succeeded': 3 },
    set: { 'status.succeeded': 2 },
    errors: [],
  },
];

describe('status updates of Jobs', () => {
  const updated = ({ old = {}, set }: UpdateCase, base: Job): readonly string[] => {
    const before = withValues(created(job, base), old);
    return statusErrors(job, withValues(before, set), before);
  };
  it.each(statusCases)('$rule', (entry) => {
    expect(updated(entry, draft)).toEqual(entry.errors);
  });
  it.each(indexedStatusCases)('$rule', (entry) => {
    expect(updated(entry, withValues(indexed, { 'spec.backoffLimitPerIndex': 1 }))).toEqual(entry.errors);
  });
});
