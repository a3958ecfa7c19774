import { isConflict } from '../api/index.ts';
import type { Clock } from '../clock/index.ts';
import type { Logger } from '../log/index.ts';
import type { Metrics } from '../metrics/index.ts';
import { QueueMetrics } from './queue-metrics.ts';
import type { Workqueue } from './workqueue.ts';

export interface RunOptions {
  readonly name: string;
  readonly queue: Workqueue;
  /** How many keys are worked on at the same time. */
  readonly workers: number;
  /** Brings the world nearer to what is asked for this key. A rejection means: again, with back-off. */
  readonly reconcile: (key: string) => Promise<void>;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
}

/** How long workers go on before they let input and output be served. */
const sliceMs = 5;

/**
 * Works off a queue. Workers begin in a microtask after a key is added, so a whole batch of watch events is in the cache
 * before the first of them runs; there is no polling and no timer.
 */
export function runController(options: RunOptions): { stop(): Promise<void> } {
  return new Runner(options);
}

class Runner {
  readonly #options: RunOptions;
  readonly #metrics: QueueMetrics;
  #active = 0;
  #wakePending = false;
  #sliceStartMs = 0;
  #stopped: (() => void) | undefined;
  #stopping: Promise<void> | undefined;

  constructor(options: RunOptions) {
    this.#options = options;
    this.#metrics = new QueueMetrics(options);
    options.queue.onReady(() => this.#wakeLater());
    if (options.queue.length > 0) this.#wakeLater();
  }

  /** Takes no further keys; resolves when the running reconciles are over. */
  stop(): Promise<void> {
    this.#stopping ??= new Promise((resolve) => {
      this.#stopped = resolve;
      this.#options.queue.stop();
      if (this.#active === 0) resolve();
    });
    return this.#stopping;
  }

  #wakeLater(): void {
    if (this.#wakePending || this.#active >= this.#options.workers) return;
    this.#wakePending = true;
    queueMicrotask(() => {
      this.#wakePending = false;
      if (this.#active === 0) this.#sliceStartMs = this.#options.clock.monotonic();
      while (this.#active < this.#options.workers && this.#options.queue.length > 0) void this.#work();
    });
  }

  async #work(): Promise<void> {
    const { queue, clock } = this.#options;
    this.#active++;
    for (let key = queue.take(); key !== undefined; key = queue.take()) {
      const startMs = clock.monotonic();
      this.#metrics.began(startMs - queue.takenAddedMs);
      await this.#reconcile(key);
      queue.done(key);
      const nowMs = clock.monotonic();
      this.#metrics.ended(nowMs - startMs);
      if (nowMs - this.#sliceStartMs < sliceMs) continue;
      await clock.yield();
      this.#sliceStartMs = clock.monotonic();
    }
    this.#active--;
    if (this.#active === 0) this.#stopped?.();
  }

  async #reconcile(key: string): Promise<void> {
    const { queue, log, name } = this.#options;
    try {
      await this.#options.reconcile(key);
      queue.forget(key);
    } catch (error) {
      const fields = { controller: name, key, failures: queue.failures(key) + 1, error };
      // A conflict only says that somebody else was faster; the next try reads the newer state.
      if (isConflict(error)) log.debug('reconcile met a conflict, trying again', fields);
      else log.warn('reconcile failed, trying again', fields);
      queue.addRateLimited(key);
    }
  }
}
