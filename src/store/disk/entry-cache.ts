import { TraceEntry } from '../stored-entry.ts';
import type { Entry } from '../store.ts';
import type { Version } from '../version.ts';

/** What an entry costs beside its value, and how much more a decoded object takes than its bytes. */
const entryOverheadBytes = 256;
const costFactor = 2.5;
/** How many entries without a value are kept at most, for what others may hold of them. Some 200 bytes each. */
const maxTraces = 16_384;

/**
 * Bounds the bytes of values (and of the objects decoded from them) in memory. What is written or read goes in; what has
 * not been used for a whole round goes out (second chance), so the newest history is always in. Of what goes out a trace
 * stays for a while: controllers hold the objects that they work on, and these need not be read and decoded again.
 */
export class EntryCache {
  readonly #limitBytes: number;
  readonly #read: (version: Version) => Buffer;
  #bytes = 0;
  #count = 0;
  #queue: Version[] = [];
  #head = 0;
  readonly #traces: Version[] = [];
  #nextTrace = 0;

  /** @param read reads a value that is not in memory */
  constructor(limitBytes: number, read: (version: Version) => Buffer) {
    this.#limitBytes = limitBytes;
    this.#read = read;
  }

  /**
   * Whether it may keep what was only passed on a walk over many: at a start that is everything, and hardly any of it is
   * asked for again.
   */
  get hasRoomForWalks(): boolean {
    return this.#bytes < this.#limitBytes / 8;
  }

  add(version: Version, entry: Entry): void {
    version.entry = entry;
    this.#bytes += costOf(entry);
    this.#count++;
    this.#queue.push(version);
    // Versions that were removed before their turn must not pile up.
    if (this.#queue.length - this.#head > 2 * this.#count + 1024) this.#sweep();
    while (this.#bytes > this.#limitBytes && this.#queue.length - this.#head > 1) this.#evictOne();
  }

  remove(version: Version): void {
    if (isIn(version)) {
      this.#bytes -= costOf(version.entry);
      this.#count--;
    }
    version.entry = undefined;
  }

  #evictOne(): void {
    const version = this.#queue[this.#head++] as Version;
    if (isIn(version)) {
      if (version.takeUsed()) this.#queue.push(version);
      else this.#leaveTrace(version);
    }
    if (this.#head > 1024 && this.#head * 2 > this.#queue.length) this.#sweep();
  }

  #leaveTrace(version: Version): void {
    const trace = version.entry?.memo?.trace();
    this.remove(version);
    if (trace === undefined) return;
    version.entry = new TraceEntry(version, this.#read, trace);
    const oldest = this.#traces[this.#nextTrace];
    if (oldest?.entry instanceof TraceEntry) oldest.entry = undefined;
    this.#traces[this.#nextTrace] = version;
    this.#nextTrace = (this.#nextTrace + 1) % maxTraces;
  }

  #sweep(): void {
    this.#queue = this.#queue.slice(this.#head).filter(isIn);
    this.#head = 0;
  }
}

/** Its value is in memory, and counted. */
function isIn(version: Version): version is Version & { entry: Entry } {
  return version.entry !== undefined && !(version.entry instanceof TraceEntry);
}

function costOf(entry: Entry): number {
  return entryOverheadBytes + entry.value.length * costFactor;
}
