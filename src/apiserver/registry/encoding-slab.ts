/** Size of one slab. Small, because a single value that is still in use keeps its whole slab in memory. */
const slabBytes = 64 * 1024;
/** Values beyond this get memory of their own, so that a slab is never wasted on one of them. */
const largestShared = slabBytes / 8;
/** UTF-8 takes at most three bytes per UTF-16 unit. */
const maxBytesPerUnit = 3;

/**
 * Puts texts and pieces of earlier values together as the bytes of new values, many of them in one allocation: a Buffer
 * of its own per value costs more than filling it.
 */
export class EncodingSlab {
  #slab = Buffer.allocUnsafeSlow(slabBytes);
  #start = 0;
  #end = 0;

  text(text: string): void {
    this.#makeRoom(text.length * maxBytesPerUnit);
    this.#end += this.#slab.write(text, this.#end);
  }

  copy(bytes: Buffer, start: number, end: number): void {
    this.#makeRoom(end - start);
    this.#slab.set(bytes.subarray(start, end), this.#end);
    this.#end += end - start;
  }

  /** How much the value under way has so far. */
  get length(): number {
    return this.#end - this.#start;
  }

  /** Ends the value under way. */
  take(): Buffer {
    const value = this.#slab.subarray(this.#start, this.#end);
    if (value.length > largestShared) {
      this.#end = this.#start;
      const own = Buffer.allocUnsafeSlow(value.length);
      own.set(value);
      if (this.#slab.length > slabBytes) this.#renew(slabBytes);
      return own;
    }
    this.#start = this.#end;
    return value;
  }

  /** Gives up what has been put together since the last value. */
  reset(): void {
    this.#end = this.#start;
  }

  #makeRoom(bytes: number): void {
    if (this.#end + bytes > this.#slab.length) this.#renew(Math.max(slabBytes, (this.length + bytes) * 2));
  }

  #renew(size: number): void {
    const begun = this.#slab.subarray(this.#start, this.#end);
    this.#slab = Buffer.allocUnsafeSlow(size);
    this.#slab.set(begun);
    this.#start = 0;
    this.#end = begun.length;
  }
}
