import type { Random } from './random.ts';

/** Random numbers that are the same for the same seed (mulberry32). Not for keys or tokens. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
  const bytes = (length: number): Uint8Array => {
    const made = new Uint8Array(length);
    for (let index = 0; index < length; index++) made[index] = next() & 0xff;
    return made;
  };
  return { float: () => next() / 2 ** 32, bytes, uuid: () => uuidFrom(bytes(16)) };
}

const hex = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/** RFC 9562 version 4, variant 1. */
function uuidFrom(bytes: Uint8Array): string {
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  let text = '';
  for (let index = 0; index < 16; index++) {
    if (index === 4 || index === 6 || index === 8 || index === 10) text += '-';
    text += hex[bytes[index]!]!;
  }
  return text;
}
