import type { ReadLogOptions } from './runtime.ts';

/** A piece of a log with the time at which it was written, as well as the runtime knows it. */
export interface LogChunk {
  readonly bytes: Uint8Array;
  readonly timeMs: number;
}

const lineBreak = 0x0a;

/** Where the last `lines` lines begin. A last line without a line break counts as a line. */
export function tailOffset(bytes: Uint8Array, lines: number): number {
  if (lines <= 0) return bytes.length;
  let left = lines;
  for (let at = bytes.length - 2; at >= 0; at--) {
    if (bytes[at] === lineBreak && --left === 0) return at + 1;
  }
  return 0;
}

/** Puts the time before each line, and stops after `limitBytes`, as `kubectl logs --timestamps --limit-bytes` asks. */
export async function* shapeLog(
  chunks: AsyncIterable<LogChunk>,
  options: Pick<ReadLogOptions, 'timestamps' | 'limitBytes'>,
): AsyncGenerator<Uint8Array> {
  const limitBytes = options.limitBytes ?? Infinity;
  let sentBytes = 0;
  let atLineStart = true;
  for await (const chunk of chunks) {
    if (chunk.bytes.length === 0) continue;
    const shaped = options.timestamps ? stamp(chunk, atLineStart) : chunk.bytes;
    atLineStart = chunk.bytes.at(-1) === lineBreak;
    yield shaped.length > limitBytes - sentBytes ? shaped.subarray(0, limitBytes - sentBytes) : shaped;
    sentBytes += shaped.length;
    if (sentBytes >= limitBytes) return;
  }
}

function stamp(chunk: LogChunk, atLineStart: boolean): Uint8Array {
  const prefix = Buffer.from(`${new Date(chunk.timeMs).toISOString().slice(0, -1)}000000Z `);
  const parts: Uint8Array[] = [];
  let begin = 0;
  let needsPrefix = atLineStart;
  while (begin < chunk.bytes.length) {
    const end = chunk.bytes.indexOf(lineBreak, begin);
    const next = end === -1 ? chunk.bytes.length : end + 1;
    if (needsPrefix) parts.push(prefix);
    parts.push(chunk.bytes.subarray(begin, next));
    needsPrefix = true;
    begin = next;
  }
  return Buffer.concat(parts);
}
