import type { Clock } from '../clock/index.ts';
import type { History } from './history.ts';
import type { StoreEvent, StoreWatch, WatchOptions } from './store.ts';
import type { Version } from './version.ts';

/** A replay of the past hands out at most this many events at once, and looks at the clock this often. */
const replayBatch = 256;
const replayTurnMs = 2;

interface Watcher {
  readonly options: WatchOptions;
  open: boolean;
  /** The newest revision it has been offered. */
  position: number;
  /** Events of the batch being published. */
  batch: StoreEvent[];
}

/**
 * Brings events to watchers. A key finds its watchers by looking up its prefixes (one per "/"), so an event costs the
 * same however many watchers there are for other keys. A watcher of the past reads the history in turns and joins the
 * live ones in the same turn in which it has caught up: no gap, nothing twice.
 */
export class WatchHub {
  readonly #clock: Clock;
  readonly #history: History;
  readonly #eventOf: (version: Version) => StoreEvent;
  readonly #live = new Map<string, Set<Watcher>>();
  readonly #replaying = new Set<Watcher>();

  constructor(clock: Clock, history: History, eventOf: (version: Version) => StoreEvent) {
    this.#clock = clock;
    this.#history = history;
    this.#eventOf = eventOf;
  }

  watch(options: WatchOptions): StoreWatch {
    const watcher: Watcher = { options, open: true, position: options.afterRevision, batch: [] };
    if (options.afterRevision >= this.#history.revision) this.#goLive(watcher);
    else {
      this.#replaying.add(watcher);
      void Promise.resolve().then(() => this.#replay(watcher));
    }
    return { close: () => this.#close(watcher) };
  }

  /** The history after this revision is still to be read by a watcher. */
  get neededRevision(): number {
    let needed = Number.POSITIVE_INFINITY;
    for (const watcher of this.#replaying) needed = Math.min(needed, watcher.position);
    return needed;
  }

  /** Tells live watchers of versions that have just become visible. */
  publish(versions: readonly Version[]): void {
    if (this.#live.size === 0) return;
    const touched: Watcher[] = [];
    for (const version of versions) this.#collect(version, touched);
    for (const watcher of touched) {
      const events = watcher.batch;
      watcher.batch = [];
      deliver(watcher, events);
    }
  }

  closeAll(): void {
    for (const watchers of this.#live.values()) for (const watcher of watchers) watcher.open = false;
    for (const watcher of this.#replaying) watcher.open = false;
    this.#live.clear();
    this.#replaying.clear();
  }

  #collect(version: Version, touched: Watcher[]): void {
    const { key } = version;
    let event: StoreEvent | undefined;
    const offer = (prefix: string): void => {
      const watchers = this.#live.get(prefix);
      if (watchers === undefined) return;
      for (const watcher of watchers) {
        if (version.revision <= watcher.position) continue;
        watcher.position = version.revision;
        event ??= this.#eventOf(version);
        if (watcher.batch.length === 0) touched.push(watcher);
        watcher.batch.push(event);
      }
    };
    offer('');
    for (let slash = key.indexOf('/'); slash !== -1; slash = key.indexOf('/', slash + 1))
      offer(key.slice(0, slash + 1));
    if (!key.endsWith('/')) offer(key);
  }

  async #replay(watcher: Watcher): Promise<void> {
    while (watcher.open) {
      const events = this.#nextEvents(watcher);
      if (events.length > 0) deliver(watcher, events);
      if (!watcher.open) return;
      if (watcher.position === this.#history.revision) {
        this.#replaying.delete(watcher);
        this.#goLive(watcher);
        return;
      }
      await this.#clock.yield();
    }
  }

  /** Moves the watcher forward through the history for one turn. */
  #nextEvents(watcher: Watcher): StoreEvent[] {
    const endMs = this.#clock.monotonic() + replayTurnMs;
    const events: StoreEvent[] = [];
    while (watcher.position < this.#history.revision && events.length < replayBatch) {
      if ((watcher.position & 63) === 63 && this.#clock.monotonic() > endMs) break;
      watcher.position++;
      const version = this.#history.at(watcher.position);
      if (matches(version.key, watcher.options.prefix)) events.push(this.#eventOf(version));
    }
    return events;
  }

  #goLive(watcher: Watcher): void {
    const { prefix } = watcher.options;
    const watchers = this.#live.get(prefix);
    if (watchers === undefined) this.#live.set(prefix, new Set([watcher]));
    else watchers.add(watcher);
  }

  #close(watcher: Watcher): void {
    watcher.open = false;
    this.#replaying.delete(watcher);
    const { prefix } = watcher.options;
    const watchers = this.#live.get(prefix);
    if (watchers?.delete(watcher) === true && watchers.size === 0) this.#live.delete(prefix);
  }
}

/** A prefix ends in "/" (or is empty: everything); anything else is a whole key. */
function matches(key: string, prefix: string): boolean {
  return key === prefix || ((prefix === '' || prefix.endsWith('/')) && key.startsWith(prefix));
}

/** A watcher that throws must not keep the others from their events: its error surfaces on its own. */
function deliver(watcher: Watcher, events: readonly StoreEvent[]): void {
  if (!watcher.open) return;
  try {
    watcher.options.onEvents(events);
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
