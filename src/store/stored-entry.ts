import type { Encoding, Entry, Memo } from './store.ts';
import type { Version } from './version.ts';

/** An entry whose value is read when somebody asks for it: the state before an event is rarely looked at. */
export class StoredEntry implements Entry {
  readonly key: string;
  readonly createRevision: number;
  readonly modRevision: number;
  memo: Memo | undefined = undefined;
  readonly #version: Version;
  readonly #read: (version: Version) => Buffer;
  #value: Buffer | undefined;

  constructor(version: Version, read: (version: Version) => Buffer) {
    this.key = version.key;
    this.createRevision = version.createRevision;
    this.modRevision = version.revision;
    this.#version = version;
    this.#read = read;
  }

  get value(): Buffer {
    this.#value ??= this.#read(this.#version);
    return this.#value;
  }
}

/** An entry whose value has left memory, while others may still hold what its memo was. */
export class TraceEntry implements Entry {
  readonly key: string;
  readonly createRevision: number;
  readonly modRevision: number;
  memo: Memo | undefined;
  readonly #version: Version;
  readonly #read: (version: Version) => Buffer;

  constructor(version: Version, read: (version: Version) => Buffer, trace: Memo) {
    this.key = version.key;
    this.createRevision = version.createRevision;
    this.modRevision = version.revision;
    this.memo = trace;
    this.#version = version;
    this.#read = read;
  }

  /** Not kept: this entry is none of those whose bytes are counted. */
  get value(): Buffer {
    return this.#read(this.#version);
  }

  get isLost(): boolean {
    return this.memo === undefined || this.memo.isLost;
  }
}

/** An entry that was just written. Its value is made when it is asked for. */
export class WrittenEntry implements Entry {
  readonly key: string;
  readonly createRevision: number;
  readonly modRevision: number;
  memo: Memo | undefined;
  #value: Buffer | (() => Buffer);

  constructor({ key, createRevision, revision }: Version, { value, memo }: Encoding) {
    this.key = key;
    this.createRevision = createRevision;
    this.modRevision = revision;
    this.memo = memo;
    this.#value = value;
  }

  get value(): Buffer {
    if (typeof this.#value === 'function') this.#value = this.#value();
    return this.#value;
  }
}
