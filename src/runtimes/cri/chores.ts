import type { Clock, Timer } from '../../clock/index.ts';
import type { Logger } from '../../log/index.ts';

/** `finish`: the Pod is over, its files stay. `remove`: nothing of it stays. */
export type Chore = 'finish' | 'remove';

export interface ChoresOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** @throws (rejects) Error if it cannot be done now */
  readonly carryOut: (podUid: string, chore: Chore) => Promise<void>;
}

const firstRetryMs = 500;
const longestRetryMs = 10_000;

/** What is to be done for Pods that are over or removed, tried until it is done: the container runtime may be away. */
export class Chores {
  readonly #options: ChoresOptions;
  readonly #wanted = new Map<string, Chore>();
  readonly #underWay = new Map<string, Promise<void>>();
  readonly #timers = new Map<string, Timer>();

  constructor(options: ChoresOptions) {
    this.#options = options;
  }

  has(podUid: string): boolean {
    return this.#wanted.has(podUid);
  }

  /** Resolves when it is done, or has to wait. */
  add(podUid: string, chore: Chore): Promise<void> {
    if (this.#wanted.get(podUid) !== 'remove') this.#wanted.set(podUid, chore);
    this.#timers.get(podUid)?.cancel();
    return this.#try(podUid, firstRetryMs);
  }

  /** Lets go: what is not done is found by the next engine. */
  close(): void {
    for (const timer of this.#timers.values()) timer.cancel();
    this.#wanted.clear();
  }

  #try(podUid: string, retryMs: number): Promise<void> {
    const before = this.#underWay.get(podUid) ?? Promise.resolve();
    const now = before
      .then(() => this.#carryOut(podUid, retryMs))
      .finally(() => {
        if (this.#underWay.get(podUid) === now) this.#underWay.delete(podUid);
      });
    this.#underWay.set(podUid, now);
    return now;
  }

  async #carryOut(podUid: string, retryMs: number): Promise<void> {
    const chore = this.#wanted.get(podUid);
    if (chore === undefined) return;
    const { carryOut, clock, log } = this.#options;
    try {
      await carryOut(podUid, chore);
      if (this.#wanted.get(podUid) === chore) this.#wanted.delete(podUid);
    } catch (error) {
      if (!this.#wanted.has(podUid)) return;
      log.warn('what is left of a pod could not be removed yet', { pod: podUid, error });
      const again = (): void => void this.#try(podUid, Math.min(2 * retryMs, longestRetryMs));
      this.#timers.set(podUid, clock.after(retryMs, again));
      return;
    }
    this.#timers.delete(podUid);
  }
}
