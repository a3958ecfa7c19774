/** Keys per block. Half of it is moved at most per insert (2 KiB), and blocks are few enough to sum over. */
const maxBlockKeys = 512;

interface Block {
  keys: string[];
  /** How many of the keys exist now; the others were deleted and wait for compaction. */
  live: number;
}

/**
 * All keys in order, as sorted blocks: O(log n) search, inserts that move at most one block, and counts per block.
 * Keys hold no surrogates, so the order of strings here is the byte order of UTF-8.
 */
export class OrderedKeys {
  readonly #isLive: (key: string) => boolean;
  #blocks: Block[] = [];

  constructor(isLive: (key: string) => boolean) {
    this.#isLive = isLive;
  }

  /** Replaces everything; `keys` must be sorted. */
  fill(keys: readonly string[]): void {
    this.#blocks = [];
    for (let from = 0; from < keys.length; from += maxBlockKeys / 2) {
      const block = keys.slice(from, from + maxBlockKeys / 2);
      this.#blocks.push({ keys: block, live: block.filter(this.#isLive).length });
    }
  }

  /** Adds a new key, which is live. */
  insert(key: string): void {
    if (this.#blocks.length === 0) {
      this.#blocks.push({ keys: [key], live: 1 });
      return;
    }
    const index = this.#blockOf(key);
    const block = this.#at(index);
    const position = lowerBound(block.keys, key);
    if (block.keys.length < maxBlockKeys) {
      block.keys.splice(position, 0, key);
      block.live++;
    } else if (position === block.keys.length && index === this.#blocks.length - 1) {
      // Ascending keys fill their blocks instead of leaving every one half empty.
      this.#blocks.push({ keys: [key], live: 1 });
    } else {
      this.#split(index);
      this.insert(key);
    }
  }

  /** The key was deleted (-1) or created again (+1) while it stays in the order for readers of the past. */
  changeLive(key: string, by: 1 | -1): void {
    this.#at(this.#blockOf(key)).live += by;
  }

  /** Removes a key that is not live. */
  remove(key: string): void {
    const index = this.#blockOf(key);
    const block = this.#at(index);
    block.keys.splice(lowerBound(block.keys, key), 1);
    if (block.keys.length === 0) this.#blocks.splice(index, 1);
    else if (block.keys.length < maxBlockKeys / 4) this.#merge(index);
  }

  /** Calls for every key with `start <= key < end`, in order, until `visit` answers 'stop'. */
  visit(start: string, end: string, visit: (key: string) => 'go on' | 'stop'): void {
    if (this.#blocks.length === 0) return;
    let index = this.#blockOf(start);
    let position = lowerBound(this.#at(index).keys, start);
    for (; index < this.#blocks.length; index++, position = 0) {
      const { keys } = this.#at(index);
      for (; position < keys.length; position++) {
        const key = keys[position] as string;
        if (key >= end || visit(key) === 'stop') return;
      }
    }
  }

  /** How many live keys there are with `start <= key < end`: sums over blocks, looks into at most two of them. */
  countLive(start: string, end: string): number {
    let count = 0;
    if (this.#blocks.length === 0 || start >= end) return 0;
    for (let index = this.#blockOf(start); index < this.#blocks.length; index++) {
      const block = this.#at(index);
      if ((block.keys[0] as string) >= end) break;
      const from = lowerBound(block.keys, start);
      const to = lowerBound(block.keys, end);
      if (to - from === block.keys.length) count += block.live;
      else if (block.live === block.keys.length) count += to - from;
      else for (let i = from; i < to; i++) if (this.#isLive(block.keys[i] as string)) count++;
    }
    return count;
  }

  /** How many keys there are, live or not, in the blocks that the range touches: what visiting it costs at most. */
  sizeAtMost(start: string, end: string): number {
    if (this.#blocks.length === 0) return 0;
    return (this.#blockOf(end) - this.#blockOf(start) + 1) * maxBlockKeys;
  }

  #split(index: number): void {
    const block = this.#at(index);
    const upper = block.keys.slice(maxBlockKeys / 2);
    const lower = block.keys.slice(0, maxBlockKeys / 2);
    const live = upper.filter(this.#isLive).length;
    this.#blocks.splice(index, 1, { keys: lower, live: block.live - live }, { keys: upper, live });
  }

  #merge(index: number): void {
    const left = index > 0 ? index - 1 : index;
    const first = this.#blocks[left];
    const second = this.#blocks[left + 1];
    if (first === undefined || second === undefined) return;
    if (first.keys.length + second.keys.length > maxBlockKeys / 2) return;
    this.#blocks.splice(left, 2, { keys: first.keys.concat(second.keys), live: first.live + second.live });
  }

  #at(index: number): Block {
    return this.#blocks[index] as Block;
  }

  /** The last block that does not start after the key; the first one if all do. */
  #blockOf(key: string): number {
    let low = 0;
    let high = this.#blocks.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if ((this.#at(middle).keys[0] as string) <= key) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

/** The first position whose key is not before `key`. */
function lowerBound(keys: readonly string[], key: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((keys[middle] as string) < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
