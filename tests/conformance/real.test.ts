import { beforeAll, describe, expect, it } from 'vitest';
import { loadCases } from './case-format.ts';
import { runReal, type Result } from './results.ts';
import { processSurroundings } from './surroundings.ts';

describe('conformance cases with real processes over HTTP', () => {
  const cases = loadCases().filter(({ modes }) => modes.includes('real'));
  let results: readonly Result[] = [];

  beforeAll(async () => {
    const surroundings = await processSurroundings();
    try {
      results = await runReal(cases, surroundings);
    } finally {
      await surroundings.close();
    }
    // Some CronJobs need two full minutes to come.
  }, 300_000);

  it.each(cases.map(({ name }) => name))('%s', (name) => {
    const result = results.find(({ one }) => one.name === name);
    expect(result).toBeDefined();
    expect(result?.problem).toBeUndefined();
  });
});
