import { systemClock } from '../../clock/index.ts';

const smallBytes = 8192;
/** A disk that takes longer than this for a small write must not hold up the event loop. */
const quickMs = 1;
/** As many as one Job needs from its creation to its start. */
const mostPerTurn = 6;
/** How many writes go through the pool once several writers were met. */
const restWrites = 512;

/**
 * Whether a durable write is done at once, in this thread. The two hops through the thread pool take longer than a quick
 * disk takes for a few kilobytes, so one writer alone is faster without them. Several writers are not: while a write is
 * under way in the pool, theirs gather and share the next one.
 */
export class WritePace {
  #lastMs = Number.POSITIVE_INFINITY;
  #inTurn = 0;
  #rest = 0;

  allowsNow(bytes: number): boolean {
    if (bytes > smallBytes || this.#lastMs > quickMs) return false;
    if (this.#rest > 0) {
      this.#rest--;
      return false;
    }
    if (this.#inTurn === 0) void systemClock.yield().then(() => (this.#inTurn = 0));
    this.#inTurn++;
    if (this.#inTurn <= mostPerTurn) return true;
    this.#rest = restWrites;
    return false;
  }

  /** How long the last write took, in ms, wherever it was done. */
  took(ms: number): void {
    this.#lastMs = ms;
  }
}
