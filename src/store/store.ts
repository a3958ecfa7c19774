/**
 * A revisioned, ordered key-value store, like etcd's: one revision counter over all keys, one event per revision.
 *
 * Rules that every implementation keeps (the contract suite checks them):
 * - A write is visible (to get, range and watchers) only once it is durable, all at once, in revision order;
 *   its promise resolves after that.
 * - `write` decides synchronously whether its precondition holds, judged against the newest write to that key,
 *   visible or not. So two writers that read the same revision can never both succeed.
 * - Revisions have no gaps. `encode` runs inside `write`, with the revision that the write has just got, so the
 *   value itself can carry its revision and never has to be patched afterwards.
 */
export interface Store {
  /** The newest visible revision. 0 before the first write. */
  readonly revision: number;
  /** Oldest revision whose *later* events can still be watched, and at which ranges can still be read. */
  readonly compactedRevision: number;

  /** The visible entry, or undefined. Synchronous: cached, or one read from the page cache. */
  get(key: string): Entry | undefined;
  /**
   * The newest entry of a key, whether it is visible yet or not; undefined if missing or deleted by a write under way.
   * For read-modify-write loops that must not lose against their own queue.
   */
  getNewest(key: string): Entry | undefined;
  /**
   * Entries with `start <= key < end` in key order (byte order of UTF-8), at a revision.
   * @throws CompactedError if `revision` is older than `compactedRevision`
   * @throws FutureRevisionError if `revision` is newer than `revision`
   */
  range(options: RangeOptions): RangeResult;
  /** How many keys start with `prefix`, now. */
  count(prefix: string): number;
  /**
   * Puts or deletes one key.
   * @throws (rejects) ConflictError if the precondition does not hold (decided at once), StoreFullError if the disk is
   *   full (nothing was written; later writes may succeed), StoreClosedError after close or a fatal error.
   * While the disk store has to wait for its next segment, a write waits with everything after it, in order, and is
   * decided (and encoded, maybe for a second time) once there is room, as if it had been called then.
   */
  write(write: Write): Promise<Entry>;
  /**
   * Every event with a revision greater than `afterRevision` whose key is `prefix` itself or starts with it (a prefix
   * ends in "/" or is a whole key), in order, without gaps: first the past, then live. `onEvents` is called with
   * non-empty batches, never synchronously from within `watch`, and before the promises of these writes resolve.
   * @throws CompactedError if `afterRevision` is older than `compactedRevision`
   */
  watch(options: WatchOptions): StoreWatch;
  /** Drops history up to `revision` that the retention rule no longer asks for. Runs by itself; for tests. */
  compact(revision: number): Promise<void>;
  /** Waits for writes under way, then releases everything. */
  close(): Promise<void>;
  /** Rejects when the store has failed for good (a flush failed): the process must stop. Never resolves otherwise. */
  readonly failed: Promise<never>;
  /** Counted work, for tests and benchmarks that prove cost per event is constant. */
  readonly counters: StoreCounters;
}

export interface Entry {
  readonly key: string;
  /** Whole value. Never modified after the write; holders must not modify it either. */
  readonly value: Buffer;
  /** Revision at which the key came into being (again, after a delete). */
  readonly createRevision: number;
  /** Revision of this version. */
  readonly modRevision: number;
  /**
   * Whatever the writer wants to keep beside the value in memory (for instance the decoded object). Only its trace stays
   * when the value leaves the cache; a reader that had to decode may set it again.
   */
  memo?: Memo | undefined;
}

/** What lies beside a value in memory. */
export interface Memo {
  /** What may be kept of it without the value: something that holds nothing but weakly. */
  trace(): Memo | undefined;
  /** A trace of something that nobody holds any more. */
  readonly isLost: boolean;
}

export interface Write {
  readonly key: string;
  readonly type: 'put' | 'delete';
  /** The newest modRevision must be this; 0: the key must not exist. Absent: no precondition (a delete needs the key). */
  readonly expectedRevision?: number;
  /**
   * How long the flush of this write may be put off, in ms, so that it shares the flush of a later write. For what nobody
   * waits for. Absent: not at all. Order and durability before the promise resolves are the same.
   */
  readonly flushMayWaitMs?: number;
  /** Gives the value for this revision. For a delete: the last state, which watchers get with the event. */
  readonly encode: (revision: number) => Encoding;
}

export interface Encoding {
  /** Called at most once: by the disk store at once, by the memory store not before somebody reads the value. */
  readonly value: () => Buffer;
  readonly memo?: Memo;
}

export interface StoreEvent {
  readonly type: 'put' | 'delete';
  readonly revision: number;
  /** The new state; for a delete the last state, as encoded by the delete. */
  readonly entry: Entry;
  /** The state before, if the key existed. Reads of its value may go to disk. */
  readonly previous: Entry | undefined;
}

export interface RangeOptions {
  readonly start: string;
  /** Exclusive. */
  readonly end: string;
  /** At most this many entries. Absent: all. */
  readonly limit?: number;
  /** Absent: the newest visible one. */
  readonly revision?: number;
}

export interface RangeResult {
  readonly entries: readonly Entry[];
  /** The revision that was read. */
  readonly revision: number;
  /** True if `limit` cut the answer short. */
  readonly more: boolean;
  /** How many further entries there are beyond the limit. */
  readonly remaining: number;
}

export interface WatchOptions {
  readonly prefix: string;
  readonly afterRevision: number;
  readonly onEvents: (events: readonly StoreEvent[]) => void;
}

export interface StoreWatch {
  close(): void;
}

export interface StoreCounters {
  indexLookups: number;
  recordsRead: number;
  recordsWritten: number;
  /** By the disk store. */
  bytesWritten: number;
  flushes: number;
}

/** The end of the range of all keys that start with `prefix`. */
export function prefixEnd(prefix: string): string {
  return prefix.slice(0, -1) + String.fromCharCode(prefix.charCodeAt(prefix.length - 1) + 1);
}
