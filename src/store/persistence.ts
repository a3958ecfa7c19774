import type { Entry } from './store.ts';
import type { Version } from './version.ts';

/** A write that has its revision and waits to become durable. */
export interface PendingWrite {
  readonly version: Version;
  readonly entry: Entry;
  /** Nobody waits for it. */
  readonly unhurried: boolean;
  readonly resolve: (entry: Entry) => void;
  readonly reject: (error: Error) => void;
}

/** Where versions live beside the index: nowhere (memory) or in the log on disk. */
export interface Persistence {
  /** False if it costs nothing to append: then no write has to wait for others. */
  readonly flushCosts: boolean;
  /**
   * Finds a place for the record of a version that is about to be accepted. Returns undefined if there is one; otherwise
   * a promise that resolves when asking again makes sense, and rejects with StoreFullError if there is no space.
   */
  place(version: Version, entry: Entry): Promise<void> | undefined;
  /** Makes placed versions durable, in this order. Returns undefined if they are already. A rejection is fatal. */
  append(batch: readonly PendingWrite[]): Promise<void> | undefined;
  /** The value was just written or read: may keep it in memory as `version.entry`. */
  remember(version: Version, entry: Entry): void;
  /** The value is hardly read again (it was met on a walk over many): may keep it, but not in the place of others. */
  offer(version: Version, entry: Entry): void;
  /** Reads a value that is not in memory. */
  read(version: Version): Buffer;
  /** A newer version has been told to all: only those who read the past still want this one. */
  supersede(version: Version): void;
  /** Nobody will read this version again. */
  discard(version: Version): void;
  /** History was dropped; a good moment to clean up in the background. */
  tidy(): void;
  /** Cleans up now, as far as it pays. */
  tidyNow(): Promise<void>;
  close(): Promise<void>;
}
