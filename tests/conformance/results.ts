import type { Case, Mode } from './case-format.ts';
import { runCase } from './run-case.ts';
import { simulatedSurroundings, type Surroundings } from './surroundings.ts';

/** How one case went: undefined if it passed, else what was wrong. */
export interface Result {
  readonly one: Case;
  readonly mode: Mode;
  readonly problem: string | undefined;
}

/** Runs the cases one after another, each in an engine of its own. */
export async function runSimulated(cases: readonly Case[]): Promise<readonly Result[]> {
  const results: Result[] = [];
  for (const one of cases.filter(({ modes }) => modes.includes('simulated'))) {
    const surroundings = await simulatedSurroundings();
    results.push(await resultOf(one, surroundings));
    await surroundings.close();
  }
  return results;
}

/** Runs the cases side by side in one cluster, so that the whole takes little longer than the longest. */
export async function runReal(cases: readonly Case[], surroundings: Surroundings): Promise<readonly Result[]> {
  const chosen = cases.filter(({ modes }) => modes.includes('real'));
  return Promise.all(chosen.map((one) => resultOf(one, surroundings)));
}

async function resultOf(one: Case, surroundings: Surroundings): Promise<Result> {
  try {
    await runCase(one, surroundings);
    return { one, mode: surroundings.mode, problem: undefined };
  } catch (error) {
    return { one, mode: surroundings.mode, problem: error instanceof Error ? error.message : String(error) };
  }
}
