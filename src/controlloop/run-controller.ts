import { isConflict } from '../api/index.ts';
import type { Clock } from '../clock/index.ts';
import type { Logger } from '../log/index.ts';
import type { Metrics } from '../metrics/index.ts';
import type { Precedence } from './precedence.ts';
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
  /** Held while this queue has keys whose time has come. */
  readonly holds?: Precedence;
  /** No key is begun while it is held. */
  readonly givesWayTo?: Precedence;
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
  #holds = false;
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
      this.#hold(false);
      if (this.#active === 0) resolve();
    });
    return this.#stopping;
  }

  #wakeLater(): void {
    if (this.#options.queue.dueLength > 0) this.#hold(true);
    if (this.#wakePending || this.#active >= this.#options.workers) return;
    this.#wakePending = true;
    queueMicrotask(() => void this.#startWorkers());
  }

  /** One after the other, so that what they do first counts as well for when input and output are served. */
  async #startWorkers(): Promise<void> {
    const { queue, workers } = this.#options;
    if (this.#active === 0) this.#sliceStartMs = this.#options.clock.monotonic();
    while (this.#active < workers && queue.length > 0 && !this.#givesWay()) {
      void this.#work();
      if (this.#isSliceOver()) await this.#nextSlice();
      else if (queue.length > 0) await Promise.resolve();
    }
    this.#wakePending = false;
  }

  /** Whether nothing may be begun now. It is gone on with later. */
  #givesWay(): boolean {
    const { givesWayTo } = this.#options;
    if (givesWayTo?.isHeld !== true) return false;
    givesWayTo.onRelease(this.#goOn);
    return true;
  }

  readonly #goOn = (): void => {
    if (this.#options.queue.length > 0) this.#wakeLater();
  };

  async #work(): Promise<void> {
    const { queue, clock } = this.#options;
    this.#active++;
    while (!this.#givesWay()) {
      const key = queue.take();
      if (key === undefined) break;
      const startMs = clock.monotonic();
      this.#metrics.began(startMs - queue.takenAddedMs);
      if (queue.dueLength === 0) this.#hold(false);
      await this.#reconcile(key);
      queue.done(key);
      this.#metrics.ended(clock.monotonic() - startMs);
      if (this.#isSliceOver()) await this.#nextSlice();
    }
    this.#active--;
    if (this.#active === 0) this.#stopped?.();
  }

  #hold(isDue: boolean): void {
    const { holds } = this.#options;
    if (holds === undefined || isDue === this.#holds) return;
    this.#holds = isDue;
    if (isDue) holds.hold();
    else holds.release();
  }

  #isSliceOver(): boolean {
    return this.#options.clock.monotonic() - this.#sliceStartMs >= sliceMs;
  }

  async #nextSlice(): Promise<void> {
    await this.#options.clock.yield();
    this.#sliceStartMs = this.#options.clock.monotonic();
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
