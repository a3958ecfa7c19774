import { systemClock, type Clock, type Timer } from '../../src/clock/index.ts';

/**
 * A clock that runs faster than the system's (wall time, elapsed time and timers alike), or is ahead of it. The same in
 * every process.
 */
export class FastClock implements Clock {
  readonly #factor: number;
  readonly #originMs: number;
  /** How far ahead it is. */
  shiftMs: number;

  /** Without a shift both clocks show the same at `originMs`. */
  constructor(factor: number, originMs: number, shiftMs = 0) {
    this.#factor = factor;
    this.#originMs = originMs;
    this.shiftMs = shiftMs;
  }

  now(): number {
    return Math.floor(this.shiftMs + this.#originMs + (systemClock.now() - this.#originMs) * this.#factor);
  }

  monotonic(): number {
    return systemClock.monotonic() * this.#factor;
  }

  after(delayMs: number, call: () => void): Timer {
    return systemClock.after(delayMs / this.#factor, call);
  }

  yield(): Promise<void> {
    return systemClock.yield();
  }
}
