import type { Clock } from '../clock/index.ts';
import { CompactedError, ConflictError, FutureRevisionError, StoreClosedError } from './errors.ts';
import type { History } from './history.ts';
import type { PendingWrite, Persistence } from './persistence.ts';
import { prefixEnd } from './store.ts';
import type {
  Entry,
  RangeOptions,
  RangeResult,
  Store,
  StoreCounters,
  StoreEvent,
  StoreWatch,
  WatchOptions,
  Write,
} from './store.ts';
import { StoredEntry, TraceEntry, WrittenEntry } from './stored-entry.ts';
import { Version } from './version.ts';
import type { VersionIndex } from './version-index.ts';
import { WatchHub } from './watch-hub.ts';

/** How many old events are dropped at least per batch of writes, while there are any to drop. */
const compactionStep = 16;
const compactionTurn = 2000;

/** A write that waits for space; it is decided when its turn comes, as if it had been called then. */
interface WaitingWrite {
  readonly write: Write;
  readonly resolve: (entry: Entry) => void;
  readonly reject: (error: Error) => void;
}

export interface RevisionedStoreParts {
  readonly clock: Clock;
  readonly index: VersionIndex;
  readonly history: History;
  readonly persistence: Persistence;
  readonly counters: StoreCounters;
}

/** The store's rules, the same for memory and disk: revisions, preconditions, visibility, history, watches. */
export class RevisionedStore implements Store {
  readonly counters: StoreCounters;
  readonly failed: Promise<never>;
  readonly #clock: Clock;
  readonly #index: VersionIndex;
  readonly #history: History;
  readonly #persistence: Persistence;
  readonly #hub: WatchHub;
  /** Newest version of each key that has a write under way. */
  readonly #newest = new Map<string, Version>();
  #queue: PendingWrite[] = [];
  /** One of the queued writes does not want to wait for others. */
  #urgent = false;
  #waiting: WaitingWrite[] = [];
  #nextRevision: number;
  #flush: 'idle' | 'scheduled' | 'running' = 'idle';
  #stopped: Error | undefined;
  #reportFailure: (error: Error) => void = () => undefined;
  #idle: (() => void)[] = [];
  #closing: Promise<void> | undefined;

  constructor(parts: RevisionedStoreParts) {
    this.#clock = parts.clock;
    this.#index = parts.index;
    this.#history = parts.history;
    this.#persistence = parts.persistence;
    this.counters = parts.counters;
    this.#nextRevision = parts.history.revision + 1;
    this.#hub = new WatchHub(parts.clock, parts.history, (version) => this.#eventOf(version));
    this.failed = new Promise((_, reject) => {
      this.#reportFailure = reject;
    });
    // Whoever does not listen must not be killed by an unhandled rejection: every write says so as well.
    this.failed.catch(() => undefined);
  }

  get revision(): number {
    return this.#history.revision;
  }

  get compactedRevision(): number {
    return this.#history.compactedRevision;
  }

  get(key: string): Entry | undefined {
    const version = this.#index.newest(key);
    return version === undefined || version.deleted ? undefined : this.#entryOf(version);
  }

  getNewest(key: string): Entry | undefined {
    const version = this.#newest.get(key) ?? this.#index.newest(key);
    return version === undefined || version.deleted ? undefined : this.#entryOf(version);
  }

  range(options: RangeOptions): RangeResult {
    const current = this.#history.revision;
    const revision = options.revision ?? current;
    if (revision > current) throw new FutureRevisionError(revision, current);
    if (revision < this.compactedRevision) throw new CompactedError(revision, this.compactedRevision);
    const limit = options.limit ?? Number.POSITIVE_INFINITY;
    const { versions, nextKey } = this.#index.range(options, revision, limit);
    const entries = versions.map((version) => this.#scannedEntryOf(version));
    if (nextKey === undefined) return { entries, revision, more: false, remaining: 0 };
    const changes = revision === current ? [] : this.#history.after(revision);
    const remaining = this.#index.countAt({ start: nextKey, end: options.end }, revision, changes);
    return { entries, revision, more: true, remaining };
  }

  count(prefix: string): number {
    return this.#index.countLive(prefix, prefixEnd(prefix));
  }

  write(write: Write): Promise<Entry> {
    return new Promise((resolve, reject) => {
      const waiting = { write, resolve, reject };
      if (this.#waiting.length > 0) this.#waiting.push(waiting);
      else this.#decide(waiting);
    });
  }

  watch(options: WatchOptions): StoreWatch {
    if (options.afterRevision < this.compactedRevision) {
      throw new CompactedError(options.afterRevision, this.compactedRevision);
    }
    return this.#hub.watch(options);
  }

  async compact(revision: number): Promise<void> {
    for (;;) {
      const dropped = this.#dropHistory(Math.min(revision, this.revision), compactionTurn);
      if (dropped < compactionTurn) break;
      await this.#clock.yield();
    }
    await this.#persistence.tidyNow();
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#stopped ??= new StoreClosedError('the store is closed');
    this.#askForFlush(0);
    if (this.#flush !== 'idle' || this.#waiting.length > 0) await new Promise<void>((done) => this.#idle.push(done));
    this.#hub.closeAll();
    await this.#persistence.close();
  }

  /** Something beneath has failed for good. Everything not yet durable is refused from now on. */
  fail(cause: Error): void {
    const error = new StoreClosedError(`the store has failed: ${cause.message}`, { cause });
    const refused = [...this.#queue, ...this.#waiting];
    this.#queue = [];
    this.#urgent = false;
    this.#waiting = [];
    if (!(this.#stopped instanceof StoreClosedError) || this.#stopped.cause === undefined) this.#stopped = error;
    for (const write of refused) write.reject(error);
    this.#reportFailure(error);
  }

  #decide(waiting: WaitingWrite): void {
    const { write } = waiting;
    const before = this.#newest.get(write.key) ?? this.#index.newest(write.key);
    const refusal = this.#stopped ?? refusalOf(write, before);
    if (refusal !== undefined) {
      waiting.reject(refusal);
      return;
    }
    const exists = before !== undefined && !before.deleted;
    const revision = this.#nextRevision;
    const version = new Version(write.key, write.type, revision, exists ? before.createRevision : revision);
    const entry = new WrittenEntry(version, write.encode(revision));
    const room = this.#persistence.place(version, entry);
    if (room !== undefined) {
      this.#waitForRoom(waiting, room);
      return;
    }
    this.#nextRevision++;
    version.previous = before;
    version.entry = entry;
    this.#newest.set(version.key, version);
    const { flushMayWaitMs = 0 } = write;
    this.#queue.push({
      version,
      entry,
      unhurried: flushMayWaitMs > 0,
      resolve: waiting.resolve,
      reject: waiting.reject,
    });
    this.#askForFlush(flushMayWaitMs);
  }

  #waitForRoom(first: WaitingWrite, room: Promise<void>): void {
    this.#waiting.unshift(first);
    room.then(
      () => this.#decideWaiting(),
      (error: unknown) => {
        const refused = this.#waiting;
        this.#waiting = [];
        for (const write of refused) write.reject(toError(error));
        this.#settleIdle();
      },
    );
  }

  #decideWaiting(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    while (waiting.length > 0) {
      const next = waiting.shift() as WaitingWrite;
      try {
        this.#decide(next);
      } catch (error) {
        next.reject(toError(error));
      }
      if (this.#waiting.length > 0) {
        this.#waiting.push(...waiting);
        return;
      }
    }
    this.#settleIdle();
  }

  /** A timer whose write is durable already when it comes costs at most an early flush of others that could wait. */
  #askForFlush(mayWaitMs: number): void {
    if (mayWaitMs > 0 && this.#persistence.flushCosts) {
      if (!this.#urgent) this.#clock.after(mayWaitMs, () => this.#askForFlush(0));
      return;
    }
    this.#urgent = this.#queue.length > 0;
    if (this.#urgent) this.#scheduleFlush();
  }

  /** Everything written within one turn goes into one batch. */
  #scheduleFlush(): void {
    if (this.#flush !== 'idle') return;
    this.#flush = 'scheduled';
    queueMicrotask(() => this.#flushNow());
  }

  #flushNow(): void {
    if (!this.#urgent) {
      this.#flush = 'idle';
      this.#settleIdle();
      return;
    }
    const batch = this.#queue;
    this.#queue = [];
    this.#urgent = false;
    this.#flush = 'running';
    const durable = this.#persistence.append(batch);
    if (durable === undefined) {
      this.#flush = 'idle';
      this.#publish(batch);
      this.#scheduleNext();
    } else {
      durable.then(
        () => {
          // The disk gets its next work before this batch is told to anybody.
          this.#flushNow();
          this.#publish(batch);
          if (this.#flush === 'idle') this.#scheduleNext();
        },
        (error: unknown) => {
          this.#queue = [...batch, ...this.#queue];
          this.#flush = 'idle';
          this.fail(toError(error));
          this.#settleIdle();
        },
      );
    }
  }

  #scheduleNext(): void {
    if (this.#urgent) this.#scheduleFlush();
    else this.#settleIdle();
  }

  #settleIdle(): void {
    if (this.#flush !== 'idle' || this.#waiting.length > 0) return;
    const idle = this.#idle;
    this.#idle = [];
    for (const done of idle) done();
  }

  /** Durable versions become visible: first for readers, then for watchers, then for their writers. */
  #publish(batch: readonly PendingWrite[]): void {
    const atMs = this.#clock.monotonic();
    const versions: Version[] = [];
    for (const { version, entry, unhurried } of batch) {
      this.#index.apply(version);
      this.#history.push(version, atMs);
      if (this.#newest.get(version.key) === version) this.#newest.delete(version.key);
      if (!unhurried) this.#persistence.remember(version, entry);
      versions.push(version);
    }
    this.#hub.publish(versions);
    // What nobody waited for is hardly read again: it must not drive out what is.
    for (const { version, entry, unhurried } of batch) if (unhurried) this.#persistence.offer(version, entry);
    for (const { previous } of versions) if (previous !== undefined) this.#persistence.supersede(previous);
    for (const { resolve, entry } of batch) resolve(entry);
    this.#dropHistory(this.revision, compactionStep + 4 * batch.length);
    this.#persistence.tidy();
  }

  /** Drops at most `limit` old events, up to `revision`, as far as retention and replaying watchers allow. */
  #dropHistory(revision: number, limit: number): number {
    const allowed = this.#history.compactableRevision(this.#clock.monotonic());
    const upTo = Math.min(revision, allowed, this.#hub.neededRevision);
    let dropped = 0;
    for (; dropped < limit && this.compactedRevision < upTo; dropped++) this.#forget(this.#history.shift());
    return dropped;
  }

  /** The event of this version leaves the history: what it replaced is gone, and a delete leaves nothing. */
  #forget(version: Version): void {
    const { previous } = version;
    version.previous = undefined;
    if (previous !== undefined && !previous.deleted) this.#persistence.discard(previous);
    if (!version.deleted) return;
    if (this.#index.newest(version.key) === version) this.#index.remove(version.key);
    this.#persistence.discard(version);
  }

  #entryOf(version: Version): Entry {
    const { entry } = version;
    if (entry !== undefined && !isLost(entry)) {
      version.touch();
      return entry;
    }
    const read = this.#readEntry(version);
    this.#persistence.remember(version, read);
    return read;
  }

  /** A list of everything must not drive out what is used all the time. */
  #scannedEntryOf(version: Version): Entry {
    const { entry } = version;
    if (entry !== undefined && !isLost(entry)) return entry;
    const read = this.#readEntry(version);
    this.#persistence.offer(version, read);
    return read;
  }

  #readEntry(version: Version): Entry {
    const { key, createRevision, revision } = version;
    return { key, value: this.#persistence.read(version), createRevision, modRevision: revision, memo: undefined };
  }

  #eventOf(version: Version): StoreEvent {
    const { previous, revision } = version;
    return {
      type: version.deleted ? 'delete' : 'put',
      revision,
      entry: this.#entryOf(version),
      previous: previous === undefined || previous.deleted ? undefined : this.#lazyEntryOf(previous),
    };
  }

  #lazyEntryOf(version: Version): Entry {
    return version.entry ?? new StoredEntry(version, (stored) => this.#entryOf(stored).value);
  }
}

function isLost(entry: Entry): boolean {
  return entry instanceof TraceEntry && entry.isLost;
}

function refusalOf(write: Write, before: Version | undefined): Error | undefined {
  const actual = before === undefined || before.deleted ? 0 : before.revision;
  const { expectedRevision } = write;
  if (expectedRevision !== undefined && expectedRevision !== actual) return new ConflictError(write.key, actual);
  if (write.type === 'delete' && actual === 0) return new ConflictError(write.key, 0);
  if (before === undefined && /[\ud800-\udfff]/.test(write.key)) {
    return new TypeError(`a key cannot hold characters beyond U+FFFF: ${JSON.stringify(write.key)}`);
  }
  return undefined;
}

function toError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
