import type { KubeObject } from '../api/index.ts';
import type { Client } from '../client/index.ts';
import { seededRandom, VirtualClock, type Random } from '../clock/index.ts';
import { createLogger } from '../log/index.ts';
import type { ContainerRequest } from '../runtimes/index.ts';
import { createSimulatedMachine, createSimulatedRuntime, type Script } from '../runtimes/simulated/index.ts';
import { createMemoryStore, type Store } from '../store/index.ts';
import { createEngine, type Engine } from './engine.ts';

export interface VirtualEngineOptions {
  readonly startMs: number;
  readonly seed: number;
  /** The host's zone: of CronJobs that name none. */
  readonly timeZone: string;
  /** Log lines of the engine, `warn` and worse: a scenario in which it stumbles should say so. */
  readonly writeLog: (line: string) => void;
  /** Decides what each start of a container does. */
  readonly script: (request: ContainerRequest) => Partial<Script> | undefined;
  /** Gets what controllers report as Events: they are not written, which would be most of the work. */
  readonly onEvent: (event: ObservedEvent) => void;
}

export interface ObservedEvent {
  readonly about: KubeObject;
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
}

/**
 * The same engine as ever, in memory, with time that is moved by hand and simulated containers. It can go down and come
 * up again: what is stored, and what runs, goes on without it.
 */
export interface VirtualEngine {
  readonly clock: VirtualClock;
  readonly random: Random;
  /** The administrator's door. It stays open while the engine is down, to look at what is stored. */
  readonly client: Client;
  readonly isUp: boolean;
  up(): Promise<void>;
  down(): Promise<void>;
}

/** The node's heartbeat: as rare as can be, nobody waits for it. */
const heartbeatMs = 30 * 86_400_000;

/** An engine that is not up yet. */
export function createVirtualEngine(options: VirtualEngineOptions): VirtualEngine {
  return new Simulation(options);
}

class Simulation implements VirtualEngine {
  readonly clock: VirtualClock;
  readonly random: Random;
  readonly client: Client;
  readonly #options: VirtualEngineOptions;
  readonly #store: Store;
  readonly #machine = createSimulatedMachine();
  #engine: Engine;
  #isUp = false;

  constructor(options: VirtualEngineOptions) {
    this.#options = options;
    this.clock = new VirtualClock(options.startMs, { waitsFor: 'microtasks' });
    this.random = seededRandom(options.seed);
    this.#store = keptOpen(createMemoryStore({ clock: this.clock }));
    this.#engine = this.#create();
    this.client = this.#engine.client;
  }

  get isUp(): boolean {
    return this.#isUp;
  }

  async up(): Promise<void> {
    if (this.#isUp) throw new Error('the engine is up already');
    this.#isUp = true;
    await this.#settled(this.#engine.start());
  }

  async down(): Promise<void> {
    if (!this.#isUp) throw new Error('the engine is down already');
    this.#isUp = false;
    await this.#settled(this.#engine.stop());
    this.#engine = this.#create();
  }

  #create(): Engine {
    const { clock, random } = this;
    const log = createLogger({ clock, level: 'warn', write: this.#options.writeLog });
    const { script, onEvent, timeZone } = this.#options;
    const runtime = createSimulatedRuntime({ clock, random, log, machine: this.#machine, script });
    return createEngine({
      ...{ clock, random, log, store: this.#store, runtimes: [runtime], heartbeatMs, timeZone, recordTicks: false },
      recorderFor: () => ({
        event: (about, type, reason, message) => onEvent({ about, type, reason, message }),
      }),
    });
  }

  /** Starting and stopping may wait for timers that are due now. */
  async #settled(promise: Promise<void>): Promise<void> {
    let done = false;
    const finished = promise.finally(() => (done = true));
    // Whoever waits below gets the error; until then it must not count as unhandled.
    finished.catch(() => undefined);
    await this.clock.settle();
    if (!done) throw new Error('the engine waits for time to pass while it starts or stops');
    await finished;
  }
}

/** Engines close their store when they stop; this one has to outlive them. */
function keptOpen(store: Store): Store {
  return Object.assign(store, { close: () => Promise.resolve() });
}
