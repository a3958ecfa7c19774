import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { tailOffset } from '../log-lines.ts';

/** One entry of a log in the CRI's format: `TIME STREAM TAG content`. */
export interface LogEntry {
  /** RFC 3339 with all nine digits, as readers are given it; containerd leaves zeros at the end out (kubelet: `RFC3339NanoFixed`). */
  readonly time: string;
  readonly stream: 'stdout' | 'stderr';
  /** The rest of the line comes with the next entry. */
  readonly partial: boolean;
  readonly content: Buffer;
}

const space = 0x20;
const lineBreak = 0x0a;

/** Undefined for what is no entry (a line that was cut when the disk was full). */
export function parseEntry(line: Buffer): LogEntry | undefined {
  const first = line.indexOf(space);
  const second = line.indexOf(space, first + 1);
  const third = line.indexOf(space, second + 1);
  if (first <= 0 || second < 0) return undefined;
  const stream = line.toString('latin1', first + 1, second);
  if (stream !== 'stdout' && stream !== 'stderr') return undefined;
  // An empty line may come without the last space.
  const tagEnd = third < 0 ? line.length : third;
  const tags = line.toString('latin1', second + 1, tagEnd).split(':');
  return {
    time: withNineDigits(line.toString('latin1', 0, first)),
    stream,
    partial: tags[0] === 'P',
    content: third < 0 ? Buffer.alloc(0) : line.subarray(third + 1),
  };
}

function withNineDigits(time: string): string {
  return time.replace(
    /^([^.Z+]*?)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)$/,
    (_all, seconds: string, digits = '', zone: string) => `${seconds}.${(digits as string).padEnd(9, '0')}${zone}`,
  );
}

/** What an entry gives to a reader. */
export function textOf({ content, partial }: LogEntry): Buffer {
  return partial ? content : Buffer.concat([content, newline]);
}

const newline = Buffer.from('\n');

/** The last lines of a log without what surrounds them, at most so many bytes. */
export function tailOfLog(file: string, limits: { readonly bytes: number; readonly lines: number }): string {
  // Entries carry up to fifty bytes more than their content.
  const end = endOf(file, 4 * limits.bytes + 60 * limits.lines);
  const texts = linesOf(end)
    .map(parseEntry)
    .flatMap((entry) => (entry === undefined ? [] : [textOf(entry)]));
  const text = Buffer.concat(texts);
  const tail = text.subarray(Math.max(0, text.length - limits.bytes));
  return tail.subarray(tailOffset(tail, limits.lines)).toString();
}

/** Without line breaks. */
export function linesOf(bytes: Buffer): Buffer[] {
  const lines: Buffer[] = [];
  for (let at = 0; at < bytes.length;) {
    const end = bytes.indexOf(lineBreak, at);
    const next = end < 0 ? bytes.length : end;
    lines.push(bytes.subarray(at, next));
    at = next + 1;
  }
  return lines;
}

/** Whole lines only; empty if there is no such file. */
function endOf(file: string, limitBytes: number): Buffer {
  let handle: number;
  try {
    handle = openSync(file, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return Buffer.alloc(0);
    throw error;
  }
  try {
    const { size } = fstatSync(handle);
    const buffer = Buffer.alloc(Math.min(size, limitBytes));
    const read = buffer.subarray(0, readSync(handle, buffer, 0, buffer.length, size - buffer.length));
    return size > limitBytes ? read.subarray(read.indexOf(lineBreak) + 1) : read;
  } finally {
    closeSync(handle);
  }
}
