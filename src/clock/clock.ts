/** A pending call made by `Clock.after`. Cancelling twice, or after it has run, does nothing. */
export interface Timer {
  cancel(): void;
}

/**
 * All time that Rondo reads. Wall time is milliseconds since the epoch and may jump (NTP, laptop sleep);
 * whoever acts on a due time reads `now()` again when a timer fires: timers may fire up to 1 ms early.
 */
export interface Clock {
  /** Wall time, milliseconds since the epoch. */
  now(): number;
  /** Milliseconds from an arbitrary start; never jumps. For measuring, not for schedules. */
  monotonic(): number;
  /** Calls once after `delayMs` (0 or less: as soon as possible, never synchronously). Delays over 2^31 ms are allowed. */
  after(delayMs: number, call: () => void): Timer;
  /**
   * Lets input and output be served before the caller goes on. Loops over much work await this every few
   * milliseconds. Under the fake clock it is only a microtask, so that a test can drain all work at one instant.
   */
  yield(): Promise<void>;
}

/** Resolves after `delayMs`, or at once when `signal` is (or becomes) aborted. */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) {
      resolve();
      return;
    }
    const finish = (): void => {
      timer.cancel();
      signal?.removeEventListener('abort', finish);
      resolve();
    };
    const timer = clock.after(delayMs, finish);
    signal?.addEventListener('abort', finish, { once: true });
  });
}
