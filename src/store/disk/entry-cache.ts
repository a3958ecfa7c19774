import type { Entry } from '../store.ts';
import type { Version } from '../version.ts';

/** What an entry costs beside its value, and how much more a decoded object takes than its bytes. */
const entryOverheadBytes = 256;
const costFactor = 2.5;

/**
 * Bounds the bytes of values (and of the objects decoded from them) in memory. What is written or read goes in; what has
 * not been used for a whole round goes out (second chance), so the newest history is always in.
 */
export class EntryCache {
  readonly #limitBytes: number;
  #bytes = 0;
  #count = 0;
  #queue: Version[] = [];
  #head = 0;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
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
    if (version.entry === undefined) return;
    this.#bytes -= costOf(version.entry);
    this.#count--;
    version.entry = undefined;
  }

  #evictOne(): void {
    const version = this.#queue[this.#head++] as Version;
    if (version.entry !== undefined) {
      if (version.takeUsed()) this.#queue.push(version);
      else this.remove(version);
    }
    if (this.#head > 1024 && this.#head * 2 > this.#queue.length) this.#sweep();
  }

  #sweep(): void {
    this.#queue = this.#queue.slice(this.#head).filter((version) => version.entry !== undefined);
    this.#head = 0;
  }
}

function costOf(entry: Entry): number {
  return entryOverheadBytes + entry.value.length * costFactor;
}
