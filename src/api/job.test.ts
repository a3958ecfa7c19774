import { describe, expect, it } from 'vitest';
import { jobFinishedCondition, type JobCondition } from './index.ts';

const condition = (type: string, status: string): JobCondition => ({ type, status });

describe('a Job', () => {
  it.each<[string, readonly JobCondition[] | undefined, string | undefined]>([
    ['without conditions', undefined, undefined],
    ['with success in sight', [condition('SuccessCriteriaMet', 'True')], undefined],
    ['with failure in sight', [condition('FailureTarget', 'True')], undefined],
    ['that is suspended', [condition('Suspended', 'True')], undefined],
    ['whose failure was taken back', [condition('Failed', 'False')], undefined],
    ['that is complete', [condition('SuccessCriteriaMet', 'True'), condition('Complete', 'True')], 'Complete'],
    ['that failed', [condition('FailureTarget', 'True'), condition('Failed', 'True')], 'Failed'],
  ])('%s is finished by %s', (_, conditions, expected) => {
    expect(jobFinishedCondition({ status: { conditions } })?.type).toBe(expected);
  });
});
