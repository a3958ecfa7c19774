import { createEngine, type Engine, type EngineOptions } from '../engine/index.ts';
import { createSimulatedRuntime } from '../runtimes/simulated/index.ts';
import { silentLogger } from '../log/index.ts';
import { seededRandom, VirtualClock as FakeClock } from '../clock/index.ts';

export interface TestEngine extends Engine {
  readonly clock: FakeClock;
}

/**
 * A whole engine in memory under a fake clock, started and settled. Pods run on the simulated runtime unless others are
 * given; `seed` makes names and jitter repeatable.
 */
export async function startTestEngine(
  options: Partial<EngineOptions> & { readonly seed?: number } = {},
): Promise<TestEngine> {
  const clock = options.clock instanceof FakeClock ? options.clock : new FakeClock();
  const random = options.random ?? seededRandom(options.seed ?? 1);
  const runtimes = options.runtimes ?? [createSimulatedRuntime({ clock, random, log: silentLogger })];
  const engine = createEngine({ ...options, clock, random, runtimes });
  await engine.start();
  await clock.settle();
  return Object.assign(engine, { clock });
}
