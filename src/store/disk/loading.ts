import { StoreOpenError } from '../errors.ts';
import type { History } from '../history.ts';
import { Version } from '../version.ts';
import type { VersionIndex } from '../version-index.ts';
import { damage, type Segment } from './segment.ts';
import type { IndexRecord } from './segment-index.ts';

/** Builds the index and the history from records, oldest log segment last. */
export class Loader {
  readonly #index: VersionIndex;
  readonly #history: History;
  /** Records up to here are state only: their earlier versions are of no interest. */
  readonly #baseRevision: number;
  readonly #toMonotonic: (timeMs: number) => number;

  constructor(index: VersionIndex, history: History, toMonotonic: (timeMs: number) => number) {
    this.#index = index;
    this.#history = history;
    this.#baseRevision = history.compactedRevision;
    this.#toMonotonic = toMonotonic;
  }

  /** Adds the record of a segment. */
  add(segment: Segment, record: IndexRecord): void {
    if (record.revision <= this.#baseRevision) this.#addState(segment, record);
    else this.#addEvent(segment, record);
  }

  #addState(segment: Segment, record: IndexRecord): void {
    const before = this.#index.loaded(record.key);
    if (before !== undefined && before.revision >= record.revision) {
      // A copy of it, or a newer version, is already there.
      segment.markDead(record.offset, record.sizeBytes);
      return;
    }
    if (before !== undefined) before.segment?.markDead(before.offset, before.sizeBytes);
    if (record.type === 'delete') {
      segment.markDead(record.offset, record.sizeBytes);
      this.#index.unload(record.key);
    } else if (before !== undefined) {
      place(before, segment, record);
    } else {
      this.#index.load(place(new Version(record.key, 'put', 0, 0), segment, record));
    }
  }

  #addEvent(segment: Segment, record: IndexRecord): void {
    const expected = this.#history.revision + 1;
    if (record.revision !== expected) {
      throw damage(segment.file.path, record.offset, `revision ${expected} is missing before ${record.revision}`);
    }
    const before = this.#index.loaded(record.key);
    const version = new Version(before?.key ?? record.key, record.type, 0, 0);
    version.previous = before;
    this.#index.load(place(version, segment, record));
    this.#history.push(version, this.#toMonotonic(record.timeMs));
  }
}

function place(version: Version, segment: Segment, record: IndexRecord): Version {
  version.revision = record.revision;
  version.createRevision = record.createRevision;
  version.segment = segment;
  version.offset = record.offset;
  version.sizeBytes = record.sizeBytes;
  return version;
}

/** Skips the records that the manifest lists as dead; both are in ascending order of offset. */
export function skipDead(segment: Segment, dead: readonly number[]): (record: IndexRecord) => boolean {
  let next = 0;
  return (record) => {
    while (next < dead.length && (dead[next] as number) < record.offset) next++;
    if (dead[next] !== record.offset) return false;
    segment.markDead(record.offset, record.sizeBytes);
    return true;
  };
}

/** Names what is wrong with a file that the manifest asks for. */
export function missing(path: string): StoreOpenError {
  return new StoreOpenError(`${path} is missing`);
}
