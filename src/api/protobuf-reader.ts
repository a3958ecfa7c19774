import { badRequest } from './status.ts';

export const wireVarint = 0;
export const wireFixed64 = 1;
export const wireBytes = 2;
const wireGroupStart = 3;
const wireGroupEnd = 4;
const wireFixed32 = 5;

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export function malformed(detail: string): Error {
  return badRequest(`proto: ${detail}`);
}

/** Reads protobuf's wire format. Every read checks that the bytes are there and throws ApiError 400 if not. */
export class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get done(): boolean {
    return this.#at >= this.#bytes.length;
  }

  tag(): { readonly number: number; readonly wire: number } {
    const key = this.integer(wireVarint);
    // Field numbers have 29 bits.
    if (key < 8 || key > 0xffff_ffff) throw malformed(`illegal tag ${key}`);
    return { number: key >>> 3, wire: key & 7 };
  }

  /** A signed integer of 64 bits; beyond 2^53 to the next number that there is. */
  integer(wire: number): number {
    if (wire !== wireVarint) throw malformed(`wrong wireType = ${wire}`);
    const start = this.#at;
    let value = 0;
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.#byte();
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    this.#at = start;
    return Number(BigInt.asIntN(64, this.#long()));
  }

  bytes(wire: number): Buffer {
    const start = this.#span(wire);
    return this.#bytes.subarray(start, this.#at);
  }

  text(wire: number): string {
    const start = this.#span(wire);
    const text = this.#bytes.toString('utf8', start, this.#at);
    // What toString could not decode it has replaced; only then is a closer look needed.
    return text.includes('\ufffd') ? this.#checkedText(start) : text;
  }

  double(wire: number): number {
    if (wire !== wireFixed64) throw malformed(`wrong wireType = ${wire}`);
    return this.#bytes.readDoubleLE(this.#advance(8));
  }

  /** Steps over a field. Groups are an old form of messages: all up to their end, however deep. */
  skip(wire: number): void {
    let depth = wire === wireGroupStart ? 1 : 0;
    if (depth === 0) this.#skipOne(wire);
    while (depth > 0) {
      const inner = this.tag().wire;
      if (inner === wireGroupStart) depth++;
      else if (inner === wireGroupEnd) depth--;
      else this.#skipOne(inner);
    }
  }

  #skipOne(wire: number): void {
    if (wire === wireVarint) this.integer(wire);
    else if (wire === wireFixed64) this.#advance(8);
    else if (wire === wireBytes) this.#span(wire);
    else if (wire === wireFixed32) this.#advance(4);
    else throw malformed(`illegal wireType ${wire}`);
  }

  #byte(): number {
    const byte = this.#bytes[this.#at++];
    if (byte === undefined) throw malformed('unexpected EOF');
    return byte;
  }

  #long(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.#byte();
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    throw malformed('integer overflow');
  }

  /** Steps over a length and as many bytes; gives where these start. */
  #span(wire: number): number {
    if (wire !== wireBytes) throw malformed(`wrong wireType = ${wire}`);
    const length = this.integer(wireVarint);
    if (length < 0) throw malformed('negative length');
    return this.#advance(length);
  }

  #advance(length: number): number {
    const start = this.#at;
    if (length > this.#bytes.length - start) throw malformed('unexpected EOF');
    this.#at = start + length;
    return start;
  }

  #checkedText(start: number): string {
    try {
      return utf8.decode(this.#bytes.subarray(start, this.#at));
    } catch (cause) {
      throw badRequest(`proto: invalid UTF-8 in a string (${(cause as Error).message})`);
    }
  }
}
