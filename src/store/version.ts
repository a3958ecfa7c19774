import type { Segment } from './disk/segment.ts';
import type { Entry } from './store.ts';

/** The version is a delete; its value is the last state. */
const deletedFlag = 1;
/** The cached entry was used since the cache last looked at it. */
const usedFlag = 2;

/**
 * One version of one key; `previous` links to the one before. There is one of these per live key and per event of the
 * history, so it has few fields and no closures (96 bytes plus the key, whose string is shared along the chain).
 */
export class Version {
  readonly key: string;
  revision: number;
  createRevision: number;
  #flags: number;
  previous: Version | undefined;
  /** The value, while it is in memory. */
  entry: Entry | undefined;
  /** Where the record is on disk; undefined in the memory store, and once the record may be dropped. */
  segment: Segment | undefined;
  offset: number;
  /** Bytes of the whole record on disk. */
  sizeBytes: number;

  constructor(key: string, type: 'put' | 'delete', revision: number, createRevision: number) {
    this.key = key;
    this.revision = revision;
    this.createRevision = createRevision;
    this.#flags = type === 'delete' ? deletedFlag : 0;
    this.previous = undefined;
    this.entry = undefined;
    this.segment = undefined;
    this.offset = 0;
    this.sizeBytes = 0;
  }

  get deleted(): boolean {
    return (this.#flags & deletedFlag) !== 0;
  }

  /** Notes a use for the cache. */
  touch(): void {
    this.#flags |= usedFlag;
  }

  /** True if it was used since the last call. */
  takeUsed(): boolean {
    const used = (this.#flags & usedFlag) !== 0;
    this.#flags &= ~usedFlag;
    return used;
  }
}

/** The newest version of a chain that is not newer than `revision`, if the key existed then. */
export function versionAt(newest: Version | undefined, revision: number): Version | undefined {
  let version = newest;
  while (version !== undefined && version.revision > revision) version = version.previous;
  return version === undefined || version.deleted ? undefined : version;
}
