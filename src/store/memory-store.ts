import type { Clock } from '../clock/index.ts';
import { defaultRetention, History, type Retention } from './history.ts';
import type { PendingWrite, Persistence } from './persistence.ts';
import { RevisionedStore } from './revisioned-store.ts';
import type { Store, StoreCounters } from './store.ts';
import { VersionIndex } from './version-index.ts';
import type { Version } from './version.ts';

export interface MemoryStoreOptions {
  readonly clock: Clock;
  readonly retention?: Retention;
}

/**
 * A store that forgets everything with the process. Driven by microtasks alone: writes of one turn become visible
 * together, soon after it.
 */
export function createMemoryStore(options: MemoryStoreOptions): Store {
  const counters = newCounters();
  const index = new VersionIndex(counters);
  const history = new History(options.retention ?? defaultRetention, 0);
  const persistence = new NoPersistence(counters);
  return new RevisionedStore({ clock: options.clock, index, history, persistence, counters });
}

/** All counters at zero. */
export function newCounters(): StoreCounters {
  return { indexLookups: 0, recordsRead: 0, recordsWritten: 0, bytesWritten: 0, flushes: 0 };
}

class NoPersistence implements Persistence {
  readonly flushCosts = false;
  readonly #counters: StoreCounters;

  constructor(counters: StoreCounters) {
    this.#counters = counters;
  }

  place(): undefined {
    return undefined;
  }

  /** Counts no bytes: of most versions nobody ever asks for them. */
  append(batch: readonly PendingWrite[]): undefined {
    this.#counters.flushes++;
    this.#counters.recordsWritten += batch.length;
    return undefined;
  }

  remember(): void {
    // Every version keeps its entry.
  }

  offer(): void {
    // The same.
  }

  read(version: Version): Buffer {
    throw new Error(`the value of ${version.key} at revision ${version.revision} has been dropped`);
  }

  supersede(): void {
    // There is nowhere else to read it from.
  }

  discard(version: Version): void {
    version.entry = undefined;
  }

  tidy(): void {
    // Nothing lies outside the index.
  }

  tidyNow(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
