import { describe, expect, it } from 'vitest';
import { loadCases } from './case-format.ts';
import { isCompatibilityCurrent } from '../../tools/compatibility.ts';
import { runCase } from './run-case.ts';
import { simulatedSurroundings } from './surroundings.ts';

const cases = loadCases();

describe('conformance cases under the fake clock', () => {
  it.each(cases.filter(({ modes }) => modes.includes('simulated')).map((one) => [one.name, one] as const))(
    '%s',
    async (_, one) => {
      const surroundings = await simulatedSurroundings();
      try {
        await runCase(one, surroundings);
      } finally {
        await surroundings.close();
      }
    },
  );
});

it('names every case once', () => {
  const names = cases.map(({ name }) => name);
  expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
});

it('is what docs/compatibility.md says (else: npx tsx tools/compatibility.ts)', async () => {
  expect(await isCompatibilityCurrent()).toBe(true);
});
