import { deepFreeze, type KubeObject } from '../../api/index.ts';
import type { Entry, Memo } from '../../store/index.ts';
import type { Operations, Stored } from '../operations.ts';
import { EncodingSlab } from './encoding-slab.ts';

type Counters = Operations['counters'];

/** Where a member's text lies in the bytes. */
interface Piece {
  readonly start: number;
  readonly end: number;
}

/**
 * One version of one object, shared by all who read it: bytes as stored, and the object, decoded at most once.
 * Nothing is defaulted on read, because the bytes are served as they are; instead writes default before and after the
 * kind's preparation, which gives what upstream's defaulting on read shows (a Job without labels reads back with those
 * of its template).
 */
export class StoredVersion implements Stored, Memo {
  readonly #source: VersionSource;
  #bytes: Buffer | undefined;
  #spec: Piece | undefined;
  #object: KubeObject | undefined;
  /** Instead of the object, once the version is no longer remembered: informers often hold it anyway. */
  #weak: WeakRef<KubeObject> | undefined;
  /** The version before, until this one is encoded: its spec is most often the same. */
  #base: StoredVersion | undefined;

  private constructor(source: VersionSource, bytes: Buffer | undefined, object: KubeObject | undefined) {
    this.#source = source;
    this.#bytes = bytes;
    this.#spec = undefined;
    this.#object = object;
    this.#weak = undefined;
    this.#base = undefined;
  }

  static decoded(source: VersionSource, bytes: Buffer): StoredVersion {
    return new StoredVersion(source, bytes, undefined);
  }

  /** A new version, encoded when its bytes are asked for. A base without bytes cannot help, and is not held. */
  static made(source: VersionSource, object: KubeObject, base: StoredVersion | undefined): StoredVersion {
    const version = new StoredVersion(source, undefined, object);
    if (base?.spec !== undefined) version.#base = base;
    return version;
  }

  get bytes(): Buffer {
    if (this.#bytes !== undefined) return this.#bytes;
    const { value, spec } = this.#source.encode(this.object, this.#base);
    this.#base = undefined;
    this.#spec = spec;
    this.#bytes = value;
    return value;
  }

  /** Where the spec lies, if it was encoded here: the next version most often has the same. */
  get spec(): Piece | undefined {
    return this.#spec;
  }

  get object(): KubeObject {
    if (this.#object !== undefined) return this.#object;
    const held = this.#weak?.deref();
    if (held !== undefined) return held;
    const object = this.#source.decode(this.bytes);
    if (this.#weak === undefined) this.#object = object;
    else this.#weak = new WeakRef(object);
    return object;
  }

  /** Keeps the object only as long as somebody else does; without bytes it is all there is. */
  weaken(): void {
    if (this.#bytes === undefined) return;
    if (this.#object !== undefined) this.#weak = new WeakRef(this.#object);
    this.#object = undefined;
  }

  readonly isLost = false;

  /** Informers often hold the object of a version whose bytes have left memory. */
  trace(): Memo | undefined {
    const weak = this.#weak ?? (this.#object === undefined ? undefined : new WeakRef(this.#object));
    return weak === undefined ? undefined : new VersionTrace(weak);
  }

  /** Nobody holds the decoded object any more. */
  get faded(): boolean {
    return this.#weak !== undefined && this.#weak.deref() === undefined;
  }
}

/** Finds the object of a version, while somebody holds it. */
class VersionTrace implements Memo {
  readonly #weak: WeakRef<KubeObject>;

  constructor(weak: WeakRef<KubeObject>) {
    this.#weak = weak;
  }

  get object(): KubeObject | undefined {
    return this.#weak.deref();
  }

  get isLost(): boolean {
    return this.#weak.deref() === undefined;
  }

  trace(): Memo {
    return this;
  }
}

interface Encoded {
  readonly value: Buffer;
  readonly spec: Piece | undefined;
}

/** What turns objects into bytes and back. */
interface VersionSource {
  encode(object: KubeObject, base: StoredVersion | undefined): Encoded;
  decode(bytes: Buffer): KubeObject;
}

interface Text extends Piece {
  readonly bytes: Buffer;
}

/** Few, because all of them are looked at, and each holds on to the memory that it lies in. */
const recentSpecs = 4;

/** Texts from this length on are not worth joining with others before they are written. */
const shortText = 256;

/** How many decoded versions are kept beside the bytes. Bounds memory; what is older is decoded again when asked for. */
const rememberedVersions = 4096;

/**
 * Makes and finds versions. A version is kept as the memo of its store entry, the newest few thousand of them, so
 * that all watchers of an event and the writers right after it share one decoded object, while a hundred thousand
 * finished Jobs cost only their bytes.
 */
export class Versions {
  readonly #counters: Counters;
  readonly #slab = new EncodingSlab();
  readonly #recent = new RecentSpecs();
  readonly #remembered: (Entry | undefined)[] = [];
  readonly #source: VersionSource;
  #next = 0;

  constructor(counters: Counters) {
    this.#counters = counters;
    this.#source = {
      encode: (object, base) => this.#encode(object, base),
      decode: (bytes) => {
        counters.objectsDecoded++;
        return deepFreeze(JSON.parse(bytes.toString()) as KubeObject);
      },
    };
  }

  /** The version in an entry, remembered with it. */
  of(entry: Entry): StoredVersion {
    const known = this.#known(entry);
    if (known !== undefined) return known;
    const version = StoredVersion.decoded(this.#source, entry.value);
    entry.memo = version;
    this.#remember(entry);
    return version;
  }

  #known({ memo }: Entry): StoredVersion | undefined {
    if (memo instanceof StoredVersion && !memo.faded) return memo;
    const object = memo instanceof VersionTrace ? memo.object : undefined;
    return object === undefined ? undefined : StoredVersion.made(this.#source, object, undefined);
  }

  /** The version in an entry that was just written. What it replaces will hardly be asked for again. */
  adopt(entry: Entry, replaced: Entry | undefined): StoredVersion {
    if (replaced !== undefined) replaced.memo = undefined;
    if (entry.memo instanceof StoredVersion) this.#remember(entry);
    return this.of(entry);
  }

  /** The same as `of` without remembering, for those who walk over everything. */
  peek(entry: Entry): StoredVersion {
    return this.#known(entry) ?? StoredVersion.decoded(this.#source, entry.value);
  }

  /** Puts the entry under the bound; the oldest remembered one is kept no longer by us. */
  #remember(entry: Entry): void {
    const oldest = this.#remembered[this.#next]?.memo;
    if (oldest instanceof StoredVersion) oldest.weaken();
    this.#remembered[this.#next] = entry;
    this.#next = (this.#next + 1) % rememberedVersions;
  }

  /**
   * Freezes an object with this revision inside; what is not frozen yet is the write's own and needs no copy. The bytes are
   * made when they are asked for.
   */
  versionOf(object: KubeObject, revision: number, base?: StoredVersion): StoredVersion {
    const metadata = Object.isFrozen(object.metadata) ? { ...object.metadata } : object.metadata;
    metadata.resourceVersion = String(revision);
    const version = Object.isFrozen(object) ? { ...object } : object;
    version.metadata = metadata;
    return StoredVersion.made(this.#source, deepFreeze(version), base);
  }

  /** What a dry run answers: of a create, everything but a resourceVersion. */
  encodeUnstored(object: KubeObject): StoredVersion {
    const metadata = { ...object.metadata };
    if (metadata.resourceVersion === '') Reflect.deleteProperty(metadata, 'resourceVersion');
    return StoredVersion.made(this.#source, deepFreeze({ ...object, metadata }), undefined);
  }

  /** Member by member: a spec that is the base's own, as in every write of a status, is copied as bytes. */
  #encode(object: KubeObject, base: StoredVersion | undefined): Encoded {
    this.#counters.objectsEncoded++;
    const slab = this.#slab;
    slab.reset();
    const members = object as unknown as Readonly<Record<string, unknown>>;
    let head = '{';
    let spec: Piece | undefined;
    let fresh: Piece | undefined;
    for (const member in members) {
      const known = member === 'spec' ? (sharedSpec(members, base) ?? this.#recent.find(members.spec)) : undefined;
      const text = known === undefined ? JSON.stringify(members[member]) : '';
      // As in JSON.stringify, a member without a value is left out.
      if (text === undefined) continue;
      head = `${head}"${member}":`;
      if (member !== 'spec') {
        if (text.length < shortText) head += text;
        else {
          slab.text(head);
          slab.text(text);
          head = '';
        }
      } else {
        slab.text(head);
        head = '';
        const start = slab.length;
        if (known === undefined) slab.text(text);
        else slab.copy(known.bytes, known.start, known.end);
        spec = { start, end: slab.length };
        if (known === undefined && spec.end - start >= shortText) fresh = spec;
      }
      head += ',';
    }
    slab.text(`${head.endsWith(',') ? head.slice(0, -1) : head}}`);
    const value = slab.take();
    if (fresh !== undefined) this.#recent.add(members.spec, { ...fresh, bytes: value });
    return { value, spec };
  }
}

/** The specs that were encoded last: the Pods of one template share theirs. */
class RecentSpecs {
  readonly #specs: { readonly spec: unknown; readonly text: Text }[] = [];
  #next = 0;

  find(spec: unknown): Text | undefined {
    for (let at = 0; at < this.#specs.length; at++) if (this.#specs[at]?.spec === spec) return this.#specs[at]?.text;
    return undefined;
  }

  add(spec: unknown, text: Text): void {
    this.#specs[this.#next] = { spec, text };
    this.#next = (this.#next + 1) % recentSpecs;
  }
}

function sharedSpec(members: Readonly<Record<string, unknown>>, base: StoredVersion | undefined): Text | undefined {
  if (base?.spec === undefined || (base.object as { spec?: unknown }).spec !== members.spec) return undefined;
  return { ...base.spec, bytes: base.bytes };
}
