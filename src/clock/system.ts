import { randomBytes, randomUUID } from 'node:crypto';
import type { Clock, Timer } from './clock.ts';
import type { Random } from './random.ts';

/** Longest delay that setTimeout takes; longer ones are chained. */
const maxTimeoutMs = 2 ** 31 - 1;

class SystemTimer implements Timer {
  #handle: NodeJS.Timeout;

  constructor(delayMs: number, call: () => void) {
    this.#handle = this.#start(delayMs, call);
  }

  cancel(): void {
    clearTimeout(this.#handle);
  }

  #start(delayMs: number, call: () => void): NodeJS.Timeout {
    if (delayMs <= maxTimeoutMs) return setTimeout(call, Math.max(0, delayMs));
    return setTimeout(() => {
      this.#handle = this.#start(delayMs - maxTimeoutMs, call);
    }, maxTimeoutMs);
  }
}

/** The machine's clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after: (delayMs, call) => new SystemTimer(delayMs, call),
  yield: () => new Promise((resolve) => setImmediate(resolve)),
};

/** The machine's randomness. */
export const systemRandom: Random = {
  float: () => Math.random(),
  uuid: () => randomUUID(),
  bytes: (length) => randomBytes(length),
};

/**
 * Resolves when everything that is driven by microtasks alone has come to rest. Cheaper than a turn of the event loop,
 * but input, output and signals are not served meanwhile.
 */
export function afterMicrotasks(): Promise<void> {
  return new Promise((resolve) => process.nextTick(resolve));
}
