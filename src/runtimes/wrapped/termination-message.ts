import { closeSync, existsSync, fstatSync, openSync, readSync } from 'node:fs';
import { tailOffset } from '../log-lines.ts';
import type { ContainerFiles, ExitRecord } from './layout.ts';

/** Limits as upstream's: pkg/kubelet/container/runtime.go. */
const messageLimitBytes = 4096;
const fallbackLimitBytes = 2048;
const fallbackLimitLines = 80;

/** Why the container could not be started, or its last words: the message file, or by policy the log's end. */
export function terminationMessage(files: ContainerFiles, record: ExitRecord): string | undefined {
  if (record.kind === 'startError') return existing(files.error);
  const message = existing(files.message);
  if (message !== undefined || record.exitCode === 0 || !existsSync(files.fallback)) return message;
  const tail = readPart(files.log, fallbackLimitBytes, 'end');
  return tail?.subarray(tailOffset(tail, fallbackLimitLines)).toString();
}

function existing(file: string): string | undefined {
  // Most containers write none: asking first is cheaper than failing.
  if (!existsSync(file)) return undefined;
  const text = readPart(file, messageLimitBytes, 'begin')?.toString();
  return text === '' ? undefined : text;
}

function readPart(file: string, limitBytes: number, from: 'begin' | 'end'): Buffer | undefined {
  let handle: number | undefined;
  try {
    handle = openSync(file, 'r');
    const size = fstatSync(handle).size;
    const buffer = Buffer.alloc(Math.min(size, limitBytes));
    const read = readSync(handle, buffer, 0, buffer.length, from === 'begin' ? 0 : size - buffer.length);
    return buffer.subarray(0, read);
  } catch {
    // It was removed, or is a directory: then there is no message.
    return undefined;
  } finally {
    if (handle !== undefined) closeSync(handle);
  }
}
