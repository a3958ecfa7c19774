import { isConflict, isNotFound, parseTime, type KubeObject } from '../api/index.ts';
import type { Clock, Timer } from '../clock/index.ts';
import type { Logger } from '../log/index.ts';
import type { Store, StoreEvent, StoreWatch } from '../store/index.ts';
import type { KindDefinition, UserInfo } from './kind.ts';
import type { Operations } from './operations.ts';
import { nameInKey, keyPrefix, storeKey } from './registry/store-keys.ts';

interface ExpiryOptions {
  readonly operations: Operations;
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface Expiry {
  /** Reads what is there and begins to expire it. */
  start(): Promise<void>;
  stop(): void;
}

/** Removes the objects of kinds with a time to live (Events) that long after their last write. */
export function createExpiry(options: ExpiryOptions): Expiry {
  const queues = options.operations.kinds.all
    .filter((kind) => kind.timeToLiveMs !== undefined)
    .map((kind) => new ExpiryQueue(options, kind, kind.timeToLiveMs ?? 0));
  return {
    start: async () => {
      for (const queue of queues) await queue.start();
    },
    stop: () => {
      for (const queue of queues) queue.stop();
    },
  };
}

const expiryUser: UserInfo = { name: 'system:apiserver', groups: ['system:masters'] };
/** How many removals share one durable commit; the clock is asked to yield in between. */
const removalsAtOnce = 100;

/**
 * All objects of one kind in the order of their due times. Every object lives equally long, so the order of the last
 * writes is the order of the due times, and a Map, which keeps the order of insertion, is the queue: a write moves its
 * key to the end. Constant work per write.
 */
class ExpiryQueue {
  readonly #options: ExpiryOptions;
  readonly #kind: KindDefinition;
  readonly #timeToLiveMs: number;
  readonly #dueMsByKey = new Map<string, number>();
  #watch: StoreWatch | undefined;
  #timer: Timer | undefined;
  #stopped = false;

  constructor(options: ExpiryOptions, kind: KindDefinition, timeToLiveMs: number) {
    this.#options = options;
    this.#kind = kind;
    this.#timeToLiveMs = timeToLiveMs;
  }

  async start(): Promise<void> {
    const { operations, store, clock } = this.#options;
    const list = await operations.list({ kind: this.#kind, user: expiryUser }, {});
    const found = list.items.map(({ object }) => {
      const key = storeKey(this.#kind.resource, object.metadata);
      return { key, dueMs: Math.min(lastWriteMs(object), clock.now()) + this.#timeToLiveMs };
    });
    found.sort((a, b) => a.dueMs - b.dueMs);
    for (const { key, dueMs } of found) this.#dueMsByKey.set(key, dueMs);
    const prefix = keyPrefix(this.#kind.resource);
    const afterRevision = Number(list.resourceVersion);
    this.#watch = store.watch({ prefix, afterRevision, onEvents: (events) => this.#follow(events) });
    this.#schedule();
  }

  stop(): void {
    this.#stopped = true;
    this.#watch?.close();
    this.#timer?.cancel();
  }

  #follow(events: readonly StoreEvent[]): void {
    const dueMs = this.#options.clock.now() + this.#timeToLiveMs;
    for (const { type, entry } of events) {
      this.#dueMsByKey.delete(entry.key);
      if (type === 'put') this.#dueMsByKey.set(entry.key, dueMs);
    }
    this.#schedule();
  }

  /** One timer, for the oldest object. It may find that its object was written again; then it only sets the next. */
  #schedule(): void {
    if (this.#timer !== undefined || this.#stopped) return;
    const [oldest] = this.#dueMsByKey.values();
    if (oldest === undefined) return;
    this.#timer = this.#options.clock.after(oldest - this.#options.clock.now(), () => {
      this.#removeDue().catch((error: unknown) => {
        this.#options.log.warn('expired objects could not be removed', { error });
      });
    });
  }

  async #removeDue(): Promise<void> {
    try {
      for (let due = this.#takeDue(); due.length > 0 && !this.#stopped; due = this.#takeDue()) {
        await Promise.all(due.map((key) => this.#remove(key)));
      }
    } finally {
      this.#timer = undefined;
      this.#schedule();
    }
  }

  #takeDue(): string[] {
    const nowMs = this.#options.clock.now();
    const due: string[] = [];
    for (const [key, dueMs] of this.#dueMsByKey) {
      if (dueMs > nowMs || due.length === removalsAtOnce) break;
      due.push(key);
    }
    for (const key of due) this.#dueMsByKey.delete(key);
    return due;
  }

  async #remove(key: string): Promise<void> {
    const { operations } = this.#options;
    const { resource } = this.#kind;
    const name = nameInKey(key);
    const namespace = resource.namespaced ? key.slice(keyPrefix(resource).length, -name.length - 1) : undefined;
    try {
      await operations.delete({ kind: this.#kind, namespace, user: expiryUser }, { namespace, name }, {});
    } catch (error) {
      if (isNotFound(error) || isConflict(error)) return;
      // Tried again a life time later: at the end of the queue, which must stay in order.
      this.#dueMsByKey.set(key, this.#options.clock.now() + this.#timeToLiveMs);
      throw error;
    }
  }
}

/**
 * When an object was last written, as well as it can be told after a restart: Events say when they last occurred,
 * other kinds only when they were created. Milliseconds.
 */
function lastWriteMs(object: KubeObject): number {
  const { lastTimestamp, series } = object as { lastTimestamp?: string; series?: { lastObservedTime?: string } };
  const times = [object.metadata.creationTimestamp, lastTimestamp, series?.lastObservedTime]
    .map((text) => (text === undefined ? Number.NaN : parseTime(text)))
    .filter((ms) => !Number.isNaN(ms));
  return times.length === 0 ? 0 : Math.max(...times);
}
