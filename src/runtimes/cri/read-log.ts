import { open, type FileHandle } from 'node:fs/promises';
import { watchLog, type WatchedLog } from '../log-changes.ts';
import type { ReadLogOptions } from '../runtime.ts';
import { linesOf, parseEntry, textOf, type LogEntry } from './log-lines.ts';

export interface CriLog extends WatchedLog {
  /** Whether the container has ended, so that nothing more comes. */
  readonly ended: () => boolean;
  /** Where what is left of the log begins: it may lose its oldest part at any time. */
  readonly beginning: () => number;
}

const chunkBytes = 65_536;
const lineBreak = 0x0a;

/** Reads what a container runtime wrote of a container, each line with the time that stands there. */
export async function* readCriLog(log: CriLog, options: ReadLogOptions): AsyncGenerator<Uint8Array> {
  const limitBytes = options.limitBytes ?? Infinity;
  const stamp = options.timestamps ? stamper() : textOf;
  let sentBytes = 0;
  for await (const entries of readEntries(log, options)) {
    const wanted = entries.filter(({ time }) => options.sinceMs === undefined || Date.parse(time) >= options.sinceMs);
    const text = Buffer.concat(wanted.map(stamp));
    if (text.length === 0) continue;
    yield text.subarray(0, limitBytes - sentBytes);
    sentBytes += text.length;
    if (sentBytes >= limitBytes || options.signal?.aborted === true) return;
  }
}

/** The time before each line, once, however many entries it came in. */
function stamper(): (entry: LogEntry) => Buffer {
  let atLineStart = true;
  return (entry) => {
    const prefix = atLineStart ? `${entry.time} ` : '';
    atLineStart = !entry.partial;
    return Buffer.concat([Buffer.from(prefix), textOf(entry)]);
  };
}

/** What is there, and with `follow` what comes, until the container has ended. */
async function* readEntries(log: CriLog, options: ReadLogOptions): AsyncGenerator<LogEntry[]> {
  const { follow, signal, tailLines, onBegin } = options;
  const changes = follow ? watchLog(log, signal) : undefined;
  let file: FileHandle | undefined;
  try {
    let rest: Buffer = Buffer.alloc(0);
    let position: number | undefined;
    let hasBegun = false;
    const begin = (): void => {
      if (!hasBegun) onBegin?.();
      hasBegun = true;
    };
    for (;;) {
      // Asked before reading: what was written before the end is then in the file.
      const ended = log.ended();
      file ??= await openIfThere(log.file);
      if (file !== undefined) {
        // A log that was not there when it was asked for is new from its beginning.
        position ??= await firstByte(file, log.beginning(), hasBegun ? undefined : tailLines);
        begin();
        for (;;) {
          if (position < log.beginning()) {
            position = log.beginning();
            rest = Buffer.alloc(0);
          }
          const buffer = Buffer.allocUnsafe(chunkBytes);
          const { bytesRead } = await file.read(buffer, 0, chunkBytes, position);
          if (bytesRead === 0) break;
          position += bytesRead;
          const bytes = Buffer.concat([rest, buffer.subarray(0, bytesRead)]);
          const whole = bytes.lastIndexOf(lineBreak) + 1;
          rest = bytes.subarray(whole);
          yield linesOf(bytes.subarray(0, whole)).flatMap((line) => parseEntry(line) ?? []);
        }
      }
      if (changes === undefined || ended || signal?.aborted === true) return;
      begin();
      await changes.next();
    }
  } finally {
    changes?.stop();
    await file?.close();
  }
}

async function openIfThere(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Where the last lines begin, counted backwards from the end, not before `first`. */
async function firstByte(file: FileHandle, first: number, tailLines: number | undefined): Promise<number> {
  if (tailLines === undefined) return first;
  const { size } = await file.stat();
  if (tailLines <= 0) return size;
  let missing = tailLines + 1;
  for (let end = size; end > first;) {
    const begin = Math.max(first, end - chunkBytes);
    const buffer = Buffer.alloc(end - begin);
    await file.read(buffer, 0, buffer.length, begin);
    for (let at = buffer.length; (at = buffer.lastIndexOf(lineBreak, at - 1)) >= 0;) {
      if (--missing === 0) return begin + at + 1;
      if (at === 0) break;
    }
    end = begin;
  }
  return first;
}
