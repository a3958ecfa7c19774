import type { Clock, Timer } from '../../clock/index.ts';
import type { Workqueue } from '../../controlloop/index.ts';

/** How soon a jump of the wall clock is noticed. */
const watchMs = 30_000;
/** Smaller differences are the clock being slewed. */
const toleranceMs = 5;

/**
 * Wakes keys at wall-clock times through a queue whose timers count elapsed time. When the wall clock jumps forward (NTP,
 * the end of a laptop's sleep), all keys are timed anew; when it jumps back they wake early, and look at the clock.
 */
export class DueTimes {
  readonly #queue: Workqueue;
  readonly #clock: Clock;
  readonly #dueMs = new Map<string, number>();
  #aheadMs: number;
  #timer: Timer | undefined;

  constructor(queue: Workqueue, clock: Clock) {
    this.#queue = queue;
    this.#clock = clock;
    this.#aheadMs = this.#measure();
  }

  set(key: string, dueMs: number): void {
    this.#dueMs.set(key, dueMs);
    this.#queue.addAfter(key, dueMs - this.#clock.now());
    this.#timer ??= this.#clock.after(watchMs, () => this.#watch());
  }

  delete(key: string): void {
    this.#dueMs.delete(key);
  }

  stop(): void {
    this.#timer?.cancel();
    this.#dueMs.clear();
  }

  #watch(): void {
    this.#timer = undefined;
    const aheadMs = this.#measure();
    const isLater = aheadMs > this.#aheadMs + toleranceMs;
    if (isLater || aheadMs < this.#aheadMs) this.#aheadMs = aheadMs;
    const nowMs = this.#clock.now();
    if (isLater) for (const [key, dueMs] of this.#dueMs) this.#queue.addAfter(key, dueMs - nowMs);
    if (this.#dueMs.size > 0) this.#timer = this.#clock.after(watchMs, () => this.#watch());
  }

  #measure(): number {
    return this.#clock.now() - this.#clock.monotonic();
  }
}
