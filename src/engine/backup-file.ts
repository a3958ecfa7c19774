import { createGunzip, createGzip } from 'node:zlib';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { finished, pipeline } from 'node:stream/promises';
import type { BackupEntry, BackupFile, BackupPage } from './backup-extension.ts';

/**
 * A backup is gzip over lines of JSON: a header, the files of the data directory, every object in the order of its key,
 * and a last line that says how many there were, so that a file that was cut short is known as one.
 */
export interface BackupHeader {
  readonly rondoBackup: 1;
  readonly revision: number;
  /** RFC 3339. */
  readonly createdAt: string;
}

interface BackupEnd {
  readonly end: number;
}

type Line = BackupHeader | BackupFile | BackupEntry | BackupEnd;

/** Why a file is no backup that can be restored. */
export class BackupError extends Error {}

/**
 * Writes what `pages` gives; ends the target. Resolves with the number of objects.
 * @throws what `pages` or the target throws
 */
export async function writeBackup(
  target: Writable,
  pages: AsyncIterable<BackupPage>,
  createdAt: string,
): Promise<{ objects: number; revision: number }> {
  const gzip = createGzip({ level: 6 });
  const written = pipeline(gzip, target);
  // Awaited below; until then a failing target must not count as unhandled.
  written.catch(() => undefined);
  try {
    const saved = await writeLines(pages, createdAt, async (line) => {
      if (!gzip.write(`${JSON.stringify(line)}\n`)) await Promise.race([once(gzip, 'drain'), written]);
    });
    gzip.end();
    await written;
    return saved;
  } catch (error) {
    gzip.destroy();
    throw error;
  }
}

async function writeLines(
  pages: AsyncIterable<BackupPage>,
  createdAt: string,
  write: (line: Line) => Promise<void>,
): Promise<{ objects: number; revision: number }> {
  let objects = 0;
  let revision: number | undefined;
  for await (const page of pages) {
    if (revision === undefined) await write({ rondoBackup: 1, revision: page.revision, createdAt });
    revision = page.revision;
    for (const file of page.files ?? []) await write(file);
    for (const entry of page.entries) await write(entry);
    objects += page.entries.length;
  }
  await write({ end: objects });
  return { objects, revision: revision ?? 0 };
}

/** What a backup holds, in its order. */
export interface OpenBackup {
  readonly header: BackupHeader;
  readonly files: readonly BackupFile[];
  /** Ends only if all are there. @throws BackupError if the backup is cut short or damaged */
  readonly entries: AsyncIterable<BackupEntry>;
}

/** @throws BackupError if this is no backup, or one of a newer format */
export async function readBackup(source: Readable): Promise<OpenBackup> {
  const lines = linesOf(source);
  const header = (await next(lines)) as Partial<BackupHeader> | undefined;
  const { rondoBackup, revision } = header ?? {};
  if (rondoBackup === undefined || !Number.isSafeInteger(revision)) throw new BackupError('it is no backup of Rondo');
  if (rondoBackup !== 1) throw new BackupError(`it has format ${String(rondoBackup)}, from a newer Rondo`);
  const files: BackupFile[] = [];
  let line = await next(lines);
  for (; line !== undefined && 'name' in line; line = await next(lines)) files.push(line);
  return { header: header as BackupHeader, files, entries: entriesFrom(line, lines) };
}

async function* entriesFrom(first: Line | undefined, lines: AsyncIterator<Line>): AsyncGenerator<BackupEntry> {
  let count = 0;
  for (let line = first; ; line = await next(lines)) {
    if (line === undefined) throw new BackupError('it is cut short: its last line is missing');
    if ('end' in line) {
      if (line.end !== count) throw new BackupError(`it holds ${count} objects, but ${line.end} were written`);
      return;
    }
    if (!('key' in line)) throw new BackupError(`object ${count + 1} has no key`);
    count++;
    yield line;
  }
}

async function next(lines: AsyncIterator<Line>): Promise<Line | undefined> {
  const { done, value } = await lines.next();
  return done === true ? undefined : value;
}

async function* linesOf(source: Readable): AsyncGenerator<Line> {
  const text = source.pipe(createGunzip());
  source.on('error', (error) => text.destroy(error));
  const failed = new Promise<never>((_resolve, reject) => text.once('error', reject));
  failed.catch(() => undefined);
  const iterator = createInterface({ input: text, crlfDelay: Infinity })[Symbol.asyncIterator]();
  for (let number = 1; ; number++) {
    const { done, value } = await asBackupError(Promise.race([iterator.next(), failed]), number);
    if (done === true) break;
    yield parse(value, number);
  }
  // The reader of lines ends quietly when its input breaks.
  await asBackupError(finished(text, { writable: false }), 0);
}

async function asBackupError<T>(wanted: Promise<T>, number: number): Promise<T> {
  try {
    return await wanted;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code?.startsWith('Z_') !== true) throw error;
    const isOther = number === 1 && message === 'incorrect header check';
    const what = isOther ? 'it is no backup of Rondo' : 'it is cut short or damaged';
    throw new BackupError(`${what} (${message})`, { cause: error });
  }
}

function parse(text: string, number: number): Line {
  try {
    const line: unknown = JSON.parse(text);
    if (typeof line === 'object' && line !== null) return line as Line;
  } catch (error) {
    throw new BackupError(`line ${number} is no JSON`, { cause: error });
  }
  throw new BackupError(`line ${number} is no object`);
}
