import { describe, expect, it } from 'vitest';
import { findCondition, isConditionTrue } from './index.ts';

const conditions = [
  { type: 'Ready', status: 'True' },
  { type: 'Initialized', status: 'False' },
  { type: 'Scheduled', status: 'Unknown' },
];

describe('conditions', () => {
  it.each<[string, boolean]>([
    ['Ready', true],
    ['ready', false],
    ['Initialized', false],
    ['Scheduled', false],
    ['Missing', false],
  ])('%s is true: %s', (type, expected) => {
    expect(isConditionTrue(conditions, type)).toBe(expected);
  });

  it('finds a condition whatever its status, and nothing where there are none', () => {
    expect(findCondition(conditions, 'Scheduled')).toBe(conditions[2]);
    expect(findCondition(conditions, 'Missing')).toBeUndefined();
    expect(findCondition(undefined, 'Ready')).toBeUndefined();
  });
});
