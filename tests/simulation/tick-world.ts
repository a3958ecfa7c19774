import { resources, type CronJob, type TickRecord } from '../../src/api/index.ts';
import type { TickList } from '../../src/engine/index.ts';
import { silentLogger } from '../../src/log/index.ts';
import { createSimulatedMachine, createSimulatedRuntime } from '../../src/runtimes/simulated/index.ts';
import { createMemoryStore, type Store } from '../../src/store/index.ts';
import { FakeClock, seededRandom, startTestEngine, type TestEngine } from '../../src/testing/index.ts';

export const startMs = Date.parse('2026-03-01T00:00:30Z');
export const ref = { namespace: 'default', name: 'tick' };

/** Engines that come and go on one store and one machine, under one clock. */
export class World {
  readonly clock = new FakeClock(startMs);
  readonly #random = seededRandom(11);
  readonly #machine = createSimulatedMachine();
  readonly store: Store = Object.assign(createMemoryStore({ clock: this.clock }), { close: () => Promise.resolve() });
  engine!: TestEngine;
  /** How long the next containers run; those that follow end at once. */
  durationsMs: number[] = [];
  exitCode = 0;

  /** A world that begins at another time. */
  static at(instant: string): World {
    const world = new World();
    world.clock.setWallTime(Date.parse(instant));
    return world;
  }

  async up(options: { readonly heartbeatMs?: number } = {}): Promise<void> {
    const { clock, store } = this;
    const random = this.#random;
    const runtime = createSimulatedRuntime({
      ...{ clock, random, log: silentLogger, machine: this.#machine },
      script: () => ({ durationMs: this.durationsMs.shift() ?? 0, exitCode: this.exitCode }),
    });
    this.engine = await startTestEngine({ clock, random, store, runtimes: [runtime], ...options });
  }

  async restart(awayMs: number): Promise<void> {
    await this.engine.stop();
    await this.clock.advance(awayMs);
    await this.up();
  }

  async create(spec: Partial<CronJob['spec']>, durationsMs: readonly number[] = []): Promise<void> {
    this.durationsMs = [...durationsMs];
    const template = { spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'i' }] } };
    const jobTemplate = { spec: { backoffLimit: 0, template } };
    const draft = { metadata: ref, spec: { schedule: '* * * * *', jobTemplate, ...spec } };
    await this.engine.client.create(resources.cronJobs, draft);
    await this.clock.settle();
  }

  async patch(spec: Partial<CronJob['spec']>): Promise<void> {
    await this.engine.client.patch(resources.cronJobs, ref, { type: 'merge', body: { spec } });
    await this.clock.settle();
  }

  list(window: { readonly sinceMs?: number; readonly limit?: number } = {}): Promise<TickList> {
    return this.engine.explainTicks({ ...ref, sinceMs: 0, untilMs: this.clock.now(), limit: 10_000, ...window });
  }

  /** `00:01 Ran Complete` and so on, one line each. */
  async lines(): Promise<readonly string[]> {
    const { ticks } = await this.list();
    return ticks.map(({ scheduled, outcome, reason, result }) =>
      [scheduled?.slice(11, 16) ?? 'manual', outcome, reason, result].filter((part) => part !== undefined).join(' '),
    );
  }

  async records(): Promise<readonly TickRecord[]> {
    return (await this.engine.client.list<TickRecord>(resources.tickRecords)).items;
  }
}
