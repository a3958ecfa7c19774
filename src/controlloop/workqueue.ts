import type { Clock, Timer } from '../clock/index.ts';
import { DueHeap } from './due-heap.ts';

/**
 * Keys that need work. A key waits at most once, is worked on by at most one worker at a time, and when it is added
 * during its work it comes round again. (The contract is that of upstream's client-go `util/workqueue`.)
 */
export interface Workqueue {
  /** Work on this key as soon as a worker is free. */
  add(key: string): void;
  /**
   * Work on this key after `delayMs`. A key that waits already keeps the earlier of both due times. Keys whose time has
   * come go before those that were just added.
   */
  addAfter(key: string, delayMs: number): void;
  /** Work on this key again after a failure: base·2ⁿ milliseconds for the n-th failure in a row, up to the maximum. */
  addRateLimited(key: string): void;
  /** Forgets the failures of a key; its next back-off is the base again. */
  forget(key: string): void;
  /** How many failures in a row the key has had. */
  failures(key: string): number;
  /** Keys that wait for a worker now (neither delayed nor in work). */
  readonly length: number;
  /** How many of them have waited for their time. */
  readonly dueLength: number;
  /** How many keys have been made ready, and how many of them after a failure. */
  readonly adds: number;
  readonly retries: number;
  /** When the key that was taken last became ready, by the monotonic clock. */
  readonly takenAddedMs: number;
  /** For the runner: takes the next key, which is in work until `done`. */
  take(): string | undefined;
  /** For the runner: ends the work on a key. */
  done(key: string): void;
  /** For the runner: called (synchronously) whenever a key becomes ready. One listener. */
  onReady(listener: () => void): void;
  /** Takes no more keys and cancels its timer. */
  stop(): void;
}

export interface WorkqueueOptions {
  readonly clock: Clock;
  readonly backoff?: { readonly baseMs: number; readonly maxMs: number };
}

/** A queue with the back-off of upstream's Job controller (1 s doubling to 60 s) unless told otherwise. */
export function createWorkqueue(options: WorkqueueOptions): Workqueue {
  return new KeyQueue(options.clock, options.backoff ?? { baseMs: 1000, maxMs: 60_000 });
}

class KeyQueue implements Workqueue {
  readonly #clock: Clock;
  readonly #backoff: { readonly baseMs: number; readonly maxMs: number };
  readonly #added = new Arrivals();
  /** Keys whose time has come. */
  readonly #come = new Arrivals();
  /** When each became ready, whichever way. */
  readonly #ready = new Map<string, number>();
  readonly #inWork = new Set<string>();
  /** Added while in work. */
  readonly #again = new Set<string>();
  /** Their time came while in work. */
  readonly #comeAgain = new Set<string>();
  readonly #failures = new Map<string, number>();
  /** When each delayed key is due; heap entries that disagree with it are out of date. */
  readonly #due = new Map<string, number>();
  readonly #heap = new DueHeap();
  #timer: Timer | undefined;
  #timerDueMs = Infinity;
  #listener: () => void = () => undefined;
  #stopped = false;
  adds = 0;
  retries = 0;
  takenAddedMs = 0;

  constructor(clock: Clock, backoff: { readonly baseMs: number; readonly maxMs: number }) {
    this.#clock = clock;
    this.#backoff = backoff;
  }

  get length(): number {
    return this.#ready.size;
  }

  get dueLength(): number {
    return this.#come.size;
  }

  onReady(listener: () => void): void {
    this.#listener = listener;
  }

  add(key: string): void {
    if (this.#stopped) return;
    if (this.#inWork.has(key)) this.#again.add(key);
    else if (!this.#ready.has(key)) this.#makeReady(key, this.#added);
  }

  addAfter(key: string, delayMs: number): void {
    if (delayMs <= 0) {
      this.add(key);
      return;
    }
    if (this.#stopped) return;
    const dueMs = this.#clock.monotonic() + delayMs;
    if ((this.#due.get(key) ?? Infinity) <= dueMs) return;
    this.#due.set(key, dueMs);
    this.#heap.push(dueMs, key);
    this.#arm();
  }

  addRateLimited(key: string): void {
    const failures = this.#failures.get(key) ?? 0;
    this.#failures.set(key, failures + 1);
    this.retries++;
    this.addAfter(key, Math.min(this.#backoff.baseMs * 2 ** failures, this.#backoff.maxMs));
  }

  forget(key: string): void {
    this.#failures.delete(key);
  }

  failures(key: string): number {
    return this.#failures.get(key) ?? 0;
  }

  take(): string | undefined {
    if (this.#stopped) return undefined;
    let key = this.#come.take() ?? this.#added.take();
    // A key that was added first, and whose time came then, has been taken already.
    while (key !== undefined && !this.#ready.has(key)) key = this.#come.take() ?? this.#added.take();
    if (key === undefined) return undefined;
    this.takenAddedMs = this.#ready.get(key) ?? this.#clock.monotonic();
    this.#ready.delete(key);
    this.#inWork.add(key);
    return key;
  }

  done(key: string): void {
    this.#inWork.delete(key);
    const isAgain = this.#again.delete(key);
    if (this.#comeAgain.delete(key)) this.#dueNow(key);
    else if (isAgain) this.add(key);
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
    this.#ready.clear();
    this.#added.clear();
    this.#come.clear();
    this.#due.clear();
    this.#heap.clear();
  }

  #makeReady(key: string, lane: Arrivals): void {
    if (!this.#ready.has(key)) {
      this.#ready.set(key, this.#clock.monotonic());
      this.adds++;
    }
    lane.push(key);
    this.#listener();
  }

  #dueNow(key: string): void {
    if (this.#inWork.has(key)) this.#comeAgain.add(key);
    else this.#makeReady(key, this.#come);
  }

  /** Keeps one timer, set to the earliest due time. */
  #arm(): void {
    const dueMs = this.#heap.firstDueMs;
    if (dueMs >= this.#timerDueMs) return;
    this.#timer?.cancel();
    this.#timerDueMs = dueMs;
    this.#timer = this.#clock.after(dueMs - this.#clock.monotonic(), () => this.#release());
  }

  #release(): void {
    this.#timerDueMs = Infinity;
    const nowMs = this.#clock.monotonic();
    // A timer may fire up to a millisecond early; the keys that are nearly due go with it.
    while (this.#heap.firstDueMs <= nowMs + 1) {
      const dueMs = this.#heap.firstDueMs;
      const key = this.#heap.pop();
      if (this.#due.get(key) !== dueMs) continue;
      this.#due.delete(key);
      this.#dueNow(key);
    }
    if (this.#heap.firstDueMs < Infinity) this.#arm();
  }
}

/** Keys in the order of their arrival. (Taking a Set's first entry is not O(1).) */
class Arrivals {
  #keys: string[] = [];
  /** What lies before it is taken. */
  #head = 0;

  get size(): number {
    return this.#keys.length - this.#head;
  }

  push(key: string): void {
    this.#keys.push(key);
  }

  take(): string | undefined {
    const key = this.#keys[this.#head];
    if (key === undefined) return undefined;
    this.#head++;
    if (this.#head === this.#keys.length) this.clear();
    else if (this.#head * 2 > this.#keys.length + 1000) {
      this.#keys = this.#keys.slice(this.#head);
      this.#head = 0;
    }
    return key;
  }

  clear(): void {
    this.#keys.length = 0;
    this.#head = 0;
  }
}
