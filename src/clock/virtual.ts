import type { Clock, Timer } from './clock.ts';
import { afterMicrotasks, systemClock } from './system.ts';

/** So many timers at one instant are a loop that never lets time pass, not work. */
const maxFiredAtOneInstant = 1_000_000;
/** Consecutive event-loop turns without any use of the clock after which everything is taken to be at rest. */
const quietTurns = 3;

/** 2026-01-01T00:00:00Z: a start that is easy to read in failing assertions. */
export const virtualStartMs = Date.UTC(2026, 0, 1);

export interface VirtualClockOptions {
  /**
   * What has to come to rest before time passes: also what takes a few turns of the event loop (default), or only what
   * microtasks drive. The latter is many times faster, but serves no input or output while time passes.
   */
  readonly waitsFor?: 'event loop' | 'microtasks';
}

class VirtualTimer implements Timer {
  readonly dueMs: number;
  readonly sequence: number;
  call: (() => void) | undefined;
  readonly #onCancel: () => void;

  constructor(dueMs: number, sequence: number, call: () => void, onCancel: () => void) {
    this.dueMs = dueMs;
    this.sequence = sequence;
    this.call = call;
    this.#onCancel = onCancel;
  }

  cancel(): void {
    if (this.call === undefined) return;
    this.call = undefined;
    this.#onCancel();
  }
}

/**
 * A clock that stands still until somebody moves it: for tests (there it is called FakeClock), for scenarios, and for
 * servers whose time is the user's. Timers fire in the order of their due times, then of their creation, and time never
 * passes while work is left at the current instant.
 *
 * `settle` waits for turns of the event loop, because everything in memory is driven by microtasks, which are all done
 * when a turn begins.
 */
export class VirtualClock implements Clock {
  #wallMs: number;
  #monotonicMs = 0;
  #sequence = 0;
  #uses = 0;
  #pending = 0;
  readonly #heap: VirtualTimer[] = [];
  readonly #turn: () => Promise<void>;
  readonly #quietTurns: number;

  constructor(startMs: number = virtualStartMs, options: VirtualClockOptions = {}) {
    this.#wallMs = startMs;
    const inMemory = options.waitsFor === 'microtasks';
    this.#turn = inMemory ? afterMicrotasks : () => systemClock.yield();
    this.#quietTurns = inMemory ? 1 : quietTurns;
  }

  now(): number {
    return this.#wallMs;
  }

  monotonic(): number {
    return this.#monotonicMs;
  }

  after(delayMs: number, call: () => void): Timer {
    this.#uses++;
    this.#pending++;
    // Whole milliseconds, as timers of the machine: fractions would add up to instants that nobody can name.
    const due = this.#monotonicMs + Math.max(0, Math.ceil(delayMs));
    const timer = new VirtualTimer(due, this.#sequence++, call, () => this.#pending--);
    push(this.#heap, timer);
    return timer;
  }

  yield(): Promise<void> {
    this.#uses++;
    return Promise.resolve();
  }

  /** Wall time of the next timer; undefined if none is set. */
  get nextTimerMs(): number | undefined {
    const timer = this.#next();
    return timer === undefined ? undefined : this.#wallMs + (timer.dueMs - this.#monotonicMs);
  }

  /** How many timers have neither fired nor been cancelled. */
  get pendingTimers(): number {
    return this.#pending;
  }

  /** Lets all work at this instant finish, timers that are due now included. */
  async settle(): Promise<void> {
    let fired = 0;
    for (let quiet = 0; quiet < this.#quietTurns;) {
      const before = this.#uses;
      await this.#turn();
      const timer = this.#next();
      if (timer !== undefined && timer.dueMs <= this.#monotonicMs) {
        if (++fired > maxFiredAtOneInstant) throw new Error('timers without delay start each other without end');
        this.#fire(timer);
        quiet = 0;
      } else {
        quiet = this.#uses === before ? quiet + 1 : 0;
      }
    }
  }

  /** Lets `ms` pass: fires timers in the order of their due times, and settles after each instant. */
  async advance(ms: number): Promise<void> {
    await this.settle();
    const end = this.#monotonicMs + ms;
    for (let timer = this.#next(); timer !== undefined && timer.dueMs <= end; timer = this.#next()) {
      this.#pass(timer.dueMs - this.#monotonicMs);
      await this.settle();
    }
    this.#pass(end - this.#monotonicMs);
    await this.settle();
  }

  /** Moves to the next timer and fires it; false if none is left. */
  async advanceToNextTimer(): Promise<boolean> {
    await this.settle();
    const timer = this.#next();
    if (timer === undefined) return false;
    this.#pass(timer.dueMs - this.#monotonicMs);
    await this.settle();
    return true;
  }

  /** Sets the wall clock (as NTP or an administrator would). Timers count elapsed time and do not notice. */
  setWallTime(ms: number): void {
    this.#wallMs = ms;
  }

  #pass(ms: number): void {
    this.#monotonicMs += ms;
    this.#wallMs += ms;
  }

  /** The earliest timer that was not cancelled. */
  #next(): VirtualTimer | undefined {
    while (this.#heap.length > 0 && this.#heap[0]?.call === undefined) pop(this.#heap);
    return this.#heap[0];
  }

  #fire(timer: VirtualTimer): void {
    pop(this.#heap);
    this.#uses++;
    this.#pending--;
    const call = timer.call;
    timer.call = undefined;
    call?.();
  }
}

function isBefore(a: VirtualTimer, b: VirtualTimer): boolean {
  return a.dueMs !== b.dueMs ? a.dueMs < b.dueMs : a.sequence < b.sequence;
}

function push(heap: VirtualTimer[], timer: VirtualTimer): void {
  let index = heap.length;
  heap.push(timer);
  while (index > 0) {
    const parent = (index - 1) >> 1;
    if (!isBefore(timer, heap[parent] as VirtualTimer)) break;
    heap[index] = heap[parent] as VirtualTimer;
    index = parent;
  }
  heap[index] = timer;
}

function pop(heap: VirtualTimer[]): void {
  const last = heap.pop();
  if (last === undefined || heap.length === 0) return;
  let index = 0;
  for (;;) {
    let child = 2 * index + 1;
    if (child >= heap.length) break;
    const right = heap[child + 1];
    if (right !== undefined && isBefore(right, heap[child] as VirtualTimer)) child++;
    if (!isBefore(heap[child] as VirtualTimer, last)) break;
    heap[index] = heap[child] as VirtualTimer;
    index = child;
  }
  heap[index] = last;
}
