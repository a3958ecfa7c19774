// The work for one Job must not grow with what else is stored: counted, so that no noisy machine can say otherwise.
import { describe, expect, it } from 'vitest';
import { operationsOfOneJob, scanningBystander, type Operations } from '../../bench/one-job-life.ts';

const few = 1000;
const many = 100_000;
/** Enough for the mistake to show; it is a slow one. */
const several = 10_000;

function expectSameOperations(a: Operations, b: Operations): void {
  expect(b).toEqual(a);
}

describe('the growth of work with what is stored', () => {
  it('needs the very same operations for a Job beside 1 000 and beside 100 000 other objects', async () => {
    const small = await operationsOfOneJob(few);
    const large = await operationsOfOneJob(many);
    expect(small['recordsWritten']).toBeGreaterThan(5);
    expect(small['objectsEncoded']).toBeGreaterThan(5);
    expect(small['indexLookups']).toBeGreaterThan(5);
    expect(small['objectsScanned']).toBe(0);
    expectSameOperations(small, large);
  }, 60_000);

  it('would notice a controller that lists all Jobs at every event', async () => {
    const small = await operationsOfOneJob(few, scanningBystander);
    const large = await operationsOfOneJob(several, scanningBystander);
    expect(large['objectsScanned']).toBeGreaterThan(several);
    expect(() => expectSameOperations(small, large)).toThrow();
  }, 60_000);
});
