import { describe, expect, it } from 'vitest';
import { job } from '../job.ts';
import { created, rowOf, withValues } from '../rule-cases.fixture.ts';
import { condition, sampleJob as draft } from './sample.fixture.ts';

const t1 = '2026-01-01T00:00:00Z';
const t2 = '2026-01-01T00:01:00Z';
const complete = [condition('SuccessCriteriaMet'), condition('Complete')];

describe('the table of Jobs', () => {
  const nowMs = Date.parse('2026-01-01T00:10:00Z');
  const row = (values: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> =>
    rowOf(job, withValues(created(job, draft), values), nowMs);

  it('has all cells', () => {
    const finished = {
      'status.conditions': complete,
      'status.startTime': t1,
      'status.completionTime': t2,
      'status.succeeded': 1,
    };
    expect(row(finished)).toEqual({
      Name: 'count',
      Status: 'Complete',
      Completions: '1/1',
      Duration: '60s',
      Age: '10m',
      Containers: 'main',
      Images: 'busybox:1.36',
      Selector: 'batch.kubernetes.io/controller-uid=u-1',
    });
  });

  it.each([
    ['Running', {}],
    [
      'Failed',
      { 'status.conditions': [condition('Failed'), condition('FailureTarget')], 'metadata.deletionTimestamp': t1 },
    ],
    ['Terminating', { 'metadata.deletionTimestamp': t1, 'status.conditions': [condition('Suspended')] }],
    ['Suspended', { 'status.conditions': [condition('Suspended')] }],
    ['FailureTarget', { 'status.conditions': [condition('FailureTarget')] }],
    ['SuccessCriteriaMet', { 'status.conditions': [condition('SuccessCriteriaMet')] }],
  ])('says %s', (text, values) => {
    expect(row(values).Status).toBe(text);
  });

  it('counts work queues as one completion', () => {
    const queue = { 'spec.completions': undefined, 'spec.parallelism': 3 };
    expect(row(queue).Completions).toBe('0/1 of 3');
    expect(row({ ...queue, 'spec.parallelism': 1 }).Completions).toBe('0/1');
  });

  it('measures unfinished Jobs until now and has no duration before the start', () => {
    expect(row({ 'status.startTime': t1 }).Duration).toBe('10m');
    expect(row({}).Duration).toBe('');
  });
});
