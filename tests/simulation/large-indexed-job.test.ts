import { expect, it } from 'vitest';
import { runIndexedJob } from '../../bench/indexed.bench.ts';

it(
  'runs 10 000 indexes, 1000 at a time, with work that grows no faster than the indexes',
  { timeout: 120_000 },
  async () => {
    const small = await runIndexedJob(1000, 100);
    const large = await runIndexedJob(10_000, 1000);
    expect(small.status).toMatchObject({ succeeded: 1000, completedIndexes: '0-999' });
    expect(large.status).toMatchObject({ succeeded: 10_000, completedIndexes: '0-9999', uncountedTerminatedPods: {} });
    expect(large.status.failed ?? 0).toBe(0);
    // Writes per index: create, bind, running, succeeded, finalizer, and Events, which are limited per Job.
    expect(large.writes / small.writes).toBeLessThanOrEqual(11);
    expect(large.writes).toBeLessThan(10 * 10_000);
    expect(large.objectsScanned).toBeLessThanOrEqual(11 * Math.max(small.objectsScanned, 1000));
  },
);
