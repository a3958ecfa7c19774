import type { Clock } from '../../clock/index.ts';
import { prefixEnd, type Entry, type Store, type StoreEvent, type StoreWatch } from '../../store/index.ts';
import type { KindDefinition } from '../kind.ts';
import type { Operations } from '../operations.ts';
import { indexReader, nameIndex } from './selection.ts';
import { keyPrefix, nameInKey } from './store-keys.ts';
import type { Versions } from './stored-version.ts';
import { createPacer } from './pacer.ts';

interface IndexesOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly versions: Versions;
  readonly counters: Operations['counters'];
}

/** The indexes of all kinds. Each is built by one scan when it is first asked, then kept true by the store's events. */
export class Indexes {
  readonly #options: IndexesOptions;
  readonly #built = new Map<string, KindIndex>();

  constructor(options: IndexesOptions) {
    this.#options = options;
  }

  /** Store keys of the objects filed under a value now, unordered. */
  async lookup(kind: KindDefinition, index: string, value: string): Promise<Iterable<string>> {
    const id = `${keyPrefix(kind.resource)}${index}`;
    let built = this.#built.get(id);
    if (built === undefined) {
      built = new KindIndex(this.#options, kind, index);
      this.#built.set(id, built);
    }
    await built.ready;
    return built.keysOf(value);
  }

  /** Stops following the store. */
  close(): void {
    for (const index of this.#built.values()) index.close();
    this.#built.clear();
  }
}

class KindIndex {
  readonly ready: Promise<void>;
  readonly #options: IndexesOptions;
  readonly #read: (entry: Entry) => string | undefined;
  readonly #keysByValue = new Map<string, Set<string>>();
  readonly #valueByKey = new Map<string, string>();
  readonly #watch: StoreWatch;
  /** Keys that changed while the first scan ran: what the scan says of them is out of date. */
  #changedDuringScan: Set<string> | undefined = new Set();

  constructor(options: IndexesOptions, kind: KindDefinition, index: string) {
    this.#options = options;
    const read = indexReader(kind, index);
    this.#read =
      index === nameIndex ? (entry) => nameInKey(entry.key) : (entry) => read(options.versions.peek(entry).object);
    const prefix = keyPrefix(kind.resource);
    const { revision } = options.store;
    this.#watch = options.store.watch({ prefix, afterRevision: revision, onEvents: (events) => this.#follow(events) });
    this.ready = this.#scan(prefix, revision);
  }

  keysOf(value: string): Iterable<string> {
    return this.#keysByValue.get(value) ?? [];
  }

  close(): void {
    this.#watch.close();
  }

  async #scan(prefix: string, revision: number): Promise<void> {
    const pace = createPacer(this.#options.clock);
    const { entries } = this.#options.store.range({ start: prefix, end: prefixEnd(prefix), revision });
    for (const entry of entries) {
      this.#options.counters.objectsScanned++;
      if (this.#changedDuringScan?.has(entry.key) !== true) this.#file(entry.key, this.#read(entry));
      if (pace.due()) await pace.rest();
    }
    this.#changedDuringScan = undefined;
  }

  #follow(events: readonly StoreEvent[]): void {
    for (const { type, entry } of events) {
      this.#changedDuringScan?.add(entry.key);
      this.#file(entry.key, type === 'put' ? this.#read(entry) : undefined);
    }
  }

  #file(key: string, value: string | undefined): void {
    const before = this.#valueByKey.get(key);
    if (before === value) return;
    if (before !== undefined) this.#unfile(key, before);
    if (value === undefined) return;
    this.#valueByKey.set(key, value);
    const keys = this.#keysByValue.get(value);
    if (keys === undefined) this.#keysByValue.set(value, new Set([key]));
    else keys.add(key);
  }

  #unfile(key: string, value: string): void {
    this.#valueByKey.delete(key);
    const keys = this.#keysByValue.get(value);
    keys?.delete(key);
    if (keys?.size === 0) this.#keysByValue.delete(value);
  }
}
