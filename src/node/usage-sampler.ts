import { cpus, freemem, totalmem } from 'node:os';
import { sleep, type Clock } from '../clock/index.ts';
import { containerIdKey, type ContainerId, type ContainerUsage, type Runtime } from '../runtimes/index.ts';

/** What something used over a window of time. */
export interface UsageRate {
  /** Of one processor: 1 500 is one and a half. */
  readonly cpuMillis: number;
  readonly memoryBytes: number;
}

/** What this machine and its containers used in the time before now. */
export interface NodeUsage {
  readonly windowMs: number;
  readonly node: UsageRate;
  /** Undefined: it does not run, or nothing is known of it. */
  containerOf(id: ContainerId): UsageRate | undefined;
}

interface Sample {
  readonly atMs: number;
  readonly node: ContainerUsage;
  readonly containers: ReadonlyMap<string, ContainerUsage>;
}

/** A window that is shorter says little, one that is longer little about now. */
const [shortestMs, longestMs] = [1000, 60_000];
const nanosPerMs = 1_000_000;

/**
 * Finds out what is used when somebody asks, and costs nothing otherwise: rates are those since the question before, if it
 * was in the last minute, else those of the second in which the answer is waited for.
 */
export class UsageSampler {
  readonly #runtimes: readonly Runtime[];
  readonly #clock: Clock;
  #last: Sample | undefined;
  #pending: Promise<NodeUsage> | undefined;

  constructor(runtimes: readonly Runtime[], clock: Clock) {
    this.#runtimes = runtimes;
    this.#clock = clock;
  }

  /** Those who ask at the same time get the same answer. */
  usage(): Promise<NodeUsage> {
    this.#pending ??= this.#measure().finally(() => (this.#pending = undefined));
    return this.#pending;
  }

  async #measure(): Promise<NodeUsage> {
    const ageMs = this.#last === undefined ? Infinity : this.#clock.monotonic() - this.#last.atMs;
    const before = this.#last === undefined || ageMs > longestMs ? await this.#sample() : this.#last;
    await sleep(this.#clock, shortestMs - (this.#clock.monotonic() - before.atMs));
    const after = await this.#sample();
    this.#last = after;
    const windowMs = after.atMs - before.atMs;
    const rate = (used: ContainerUsage, from: number): UsageRate => ({
      // A process that has ended takes what it used with it, until its parent has waited for it.
      cpuMillis: Math.max(0, ((used.cpuNanos - from) / nanosPerMs / windowMs) * 1000),
      memoryBytes: used.memoryBytes,
    });
    return {
      windowMs,
      node: rate(after.node, before.node.cpuNanos),
      containerOf: (id) => {
        const key = containerIdKey(id);
        const used = after.containers.get(key);
        // One that was not there has used all of it since.
        return used && rate(used, before.containers.get(key)?.cpuNanos ?? 0);
      },
    };
  }

  async #sample(): Promise<Sample> {
    const all = await Promise.all(this.#runtimes.flatMap((runtime) => runtime.usage?.() ?? []));
    const containers = new Map(all.flatMap((found) => [...found]));
    return { atMs: this.#clock.monotonic(), node: machineUsage(), containers };
  }
}

function machineUsage(): ContainerUsage {
  const busyMs = cpus().reduce((sum, { times }) => sum + times.user + times.nice + times.sys + times.irq, 0);
  return { cpuNanos: busyMs * nanosPerMs, memoryBytes: totalmem() - freemem() };
}
