import { open, type FileHandle } from 'node:fs/promises';
import type { Clock } from '../../clock/index.ts';
import { tailOffset, type LogChunk } from '../log-lines.ts';
import { watchLog, type WatchedLog } from '../log-changes.ts';
import type { ReadLogOptions } from '../runtime.ts';

export interface LogSource extends WatchedLog {
  /** Whether the container has ended, so that nothing more comes. */
  readonly ended: () => boolean;
  /** Where what is left of the log begins: it may lose its oldest part at any time. */
  readonly beginning: () => number;
  readonly clock: Clock;
}

const chunkBytes = 65_536;

/**
 * Reads a log file that processes write to directly. Lines have no time of their own there: what was in the file
 * before counts with the file's last change, what comes while following with the time at which it was seen.
 */
export async function* readLogFile(source: LogSource, options: ReadLogOptions): AsyncGenerator<LogChunk> {
  const changes = options.follow ? watchLog(source, options.signal) : undefined;
  let file: FileHandle | undefined;
  let isNew = false;
  try {
    for (;;) {
      // A container that was just started may not have opened its log yet; one that had ended before has.
      const ended = source.ended();
      file = await openIfThere(source.file);
      if (file !== undefined) break;
      if (changes === undefined || ended || options.signal?.aborted === true) return;
      if (!isNew) options.onBegin?.();
      isNew = true;
      await changes.next();
    }
    const stat = await file.stat();
    const whole = { begin: source.beginning(), end: stat.size };
    let position =
      stat.mtimeMs < (options.sinceMs ?? 0)
        ? whole.end
        : await firstByte(file, whole, isNew ? undefined : options.tailLines);
    if (!isNew) options.onBegin?.();
    for (;;) {
      // Asked before reading: what was written before the end is then in the file.
      const ended = source.ended();
      for (;;) {
        position = Math.max(position, source.beginning());
        const buffer = Buffer.allocUnsafe(chunkBytes);
        const { bytesRead } = await file.read(buffer, 0, chunkBytes, position);
        if (bytesRead === 0) break;
        const timeMs = position < stat.size ? Math.floor(stat.mtimeMs) : source.clock.now();
        position += bytesRead;
        yield { bytes: buffer.subarray(0, bytesRead), timeMs };
        if (options.signal?.aborted === true) return;
      }
      if (changes === undefined || ended || options.signal?.aborted === true) return;
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

/** Where the asked lines begin: reads backwards from the end until there are enough of them. */
async function firstByte(
  file: FileHandle,
  whole: { readonly begin: number; readonly end: number },
  lines: number | undefined,
): Promise<number> {
  if (lines === undefined) return whole.begin;
  for (let length = chunkBytes; ; length *= 4) {
    const begin = Math.max(whole.begin, whole.end - length);
    const buffer = Buffer.alloc(Math.max(0, whole.end - begin));
    await file.read(buffer, 0, buffer.length, begin);
    const offset = tailOffset(buffer, lines);
    if (offset > 0 || begin === whole.begin) return begin + offset;
  }
}
