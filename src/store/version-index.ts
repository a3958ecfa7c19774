import { OrderedKeys } from './ordered-keys.ts';
import type { StoreCounters } from './store.ts';
import { versionAt, type Version } from './version.ts';

/** What `VersionIndex.range` found. */
export interface VersionRange {
  readonly versions: readonly Version[];
  /** The first key that was not read because of the limit. */
  readonly nextKey: string | undefined;
}

/** Every visible key with its newest version; older versions hang on it as long as the history needs them. */
export class VersionIndex {
  readonly #newest = new Map<string, Version>();
  readonly #ordered = new OrderedKeys((key) => this.#isLive(key));
  readonly #counters: StoreCounters;

  constructor(counters: StoreCounters) {
    this.#counters = counters;
  }

  /** The newest version of a key: possibly a delete that the history still holds. */
  newest(key: string): Version | undefined {
    this.#counters.indexLookups++;
    return this.#newest.get(key);
  }

  /** Makes a version the newest of its key. */
  apply(version: Version): void {
    const before = this.newest(version.key);
    this.#newest.set(version.key, version);
    if (before === undefined) {
      this.#ordered.insert(version.key);
      if (version.deleted) this.#ordered.changeLive(version.key, -1);
    } else if (before.deleted !== version.deleted) {
      this.#ordered.changeLive(version.key, version.deleted ? -1 : 1);
    }
  }

  /** Forgets a key whose newest version is a delete. */
  remove(key: string): void {
    this.#ordered.remove(key);
    this.#newest.delete(key);
  }

  /** While opening: sets the newest version; `finishLoading` then orders all keys at once. */
  load(version: Version): void {
    this.#newest.set(version.key, version);
  }

  /** While opening: the newest version so far. */
  loaded(key: string): Version | undefined {
    return this.#newest.get(key);
  }

  /** While opening: the key was deleted. */
  unload(key: string): void {
    this.#newest.delete(key);
  }

  finishLoading(): void {
    this.#ordered.fill([...this.#newest.keys()].sort());
  }

  /** At most `limit` versions that were the state at `revision`, in key order. */
  range(bounds: { start: string; end: string }, revision: number, limit: number): VersionRange {
    const versions: Version[] = [];
    let nextKey: string | undefined;
    this.#counters.indexLookups++;
    this.#ordered.visit(bounds.start, bounds.end, (key) => {
      const version = versionAt(this.newest(key), revision);
      if (version === undefined) return 'go on';
      if (versions.length === limit) {
        nextKey = key;
        return 'stop';
      }
      versions.push(version);
      return 'go on';
    });
    return { versions, nextKey };
  }

  /** How many keys exist now in the range. */
  countLive(start: string, end: string): number {
    this.#counters.indexLookups++;
    return this.#ordered.countLive(start, end);
  }

  /** How many keys existed in the range at a revision; `changes` are the events after it. */
  countAt(bounds: { start: string; end: string }, revision: number, changes: readonly Version[]): number {
    const { start, end } = bounds;
    if (changes.length > this.#ordered.sizeAtMost(start, end)) {
      return this.range(bounds, revision, Number.POSITIVE_INFINITY).versions.length;
    }
    let count = this.countLive(start, end);
    for (const version of changes) {
      if (version.key < start || version.key >= end) continue;
      if (version.deleted) count++;
      else if (version.createRevision === version.revision) count--;
    }
    return count;
  }

  #isLive(key: string): boolean {
    const newest = this.#newest.get(key);
    return newest !== undefined && !newest.deleted;
  }
}
