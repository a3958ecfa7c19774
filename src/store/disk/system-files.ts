import * as fs from 'node:fs';
import * as path from 'node:path';
import { systemClock } from '../../clock/index.ts';
import { lockDirectory } from './directory-lock.ts';
import type { FileLayer, OpenFile } from './file-layer.ts';
import { WritePace } from './write-pace.ts';

const { O_RDONLY, O_RDWR, O_CREAT, O_TRUNC } = fs.constants;
/**
 * Linux waits for the data within the write itself: one system call and one hop through the thread pool instead of two.
 * Elsewhere fdatasync follows, which Node maps to F_FULLFSYNC on macOS, where O_DSYNC does not reach the platter.
 */
const durableWriteFlag = process.platform === 'linux' ? fs.constants.O_DSYNC : 0;

/** The files of this machine. */
export const systemFiles: FileLayer = {
  makeDirectory: async (directory) => {
    await fs.promises.mkdir(directory, { recursive: true, mode: 0o700 });
  },
  list: (directory) => fs.promises.readdir(directory),
  open: openFile,
  rename: (from, to) => fs.promises.rename(from, to),
  remove: (file) => fs.promises.rm(file, { force: true }),
  syncDirectory: async (directory) => {
    const handle = await fs.promises.open(directory, O_RDONLY);
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  },
  lock: (directory) => lockDirectory(path.resolve(directory)),
};

type Mode = 'read' | 'log' | 'create';

const flagsOf = { read: O_RDONLY, log: O_RDWR | durableWriteFlag, create: O_RDWR | O_CREAT | O_TRUNC };

function openFile(file: string, mode: Mode): Promise<OpenFile> {
  return new Promise((resolve, reject) => {
    fs.open(file, flagsOf[mode], 0o600, (error, descriptor) => {
      if (error !== null) reject(error);
      else resolve(new SystemFile(file, descriptor, mode));
    });
  });
}

class SystemFile implements OpenFile {
  readonly path: string;
  readonly #descriptor: number;
  readonly #durable: 'by writing' | 'by syncing' | 'not yet';
  readonly #pace = new WritePace();

  constructor(file: string, descriptor: number, mode: Mode) {
    this.path = file;
    this.#descriptor = descriptor;
    const durably = durableWriteFlag === 0 ? 'by syncing' : 'by writing';
    this.#durable = mode === 'log' ? durably : 'not yet';
  }

  sizeBytes(): Promise<number> {
    return settle<fs.Stats>((done) => fs.fstat(this.#descriptor, done)).then((stats) => stats.size);
  }

  async read(target: Uint8Array, position: number): Promise<number> {
    let total = 0;
    while (total < target.length) {
      const from = total;
      const count = await settle<number>((done) =>
        fs.read(this.#descriptor, target, from, target.length - from, position + from, done),
      );
      if (count === 0) break;
      total += count;
    }
    return total;
  }

  readSync(target: Uint8Array, position: number): number {
    let total = 0;
    while (total < target.length) {
      const count = fs.readSync(this.#descriptor, target, total, target.length - total, position + total);
      if (count === 0) break;
      total += count;
    }
    return total;
  }

  async write(data: Uint8Array, position: number): Promise<void> {
    const startMs = systemClock.monotonic();
    if (this.#durable === 'by writing' && this.#pace.allowsNow(data.length)) this.#writeNow(data, position);
    else await this.#writeInPool(data, position);
    this.#pace.took(systemClock.monotonic() - startMs);
    if (this.#durable === 'by syncing') await this.sync();
  }

  #writeNow(data: Uint8Array, position: number): void {
    for (let total = 0; total < data.length;) {
      total += fs.writeSync(this.#descriptor, data, total, data.length - total, position + total);
    }
  }

  async #writeInPool(data: Uint8Array, position: number): Promise<void> {
    let total = 0;
    while (total < data.length) {
      const from = total;
      total += await settle<number>((done) =>
        fs.write(this.#descriptor, data, from, data.length - from, position + from, done),
      );
    }
  }

  sync(): Promise<void> {
    return settle<void>((done) => fs.fdatasync(this.#descriptor, (error) => done(error, undefined)));
  }

  close(): Promise<void> {
    return settle<void>((done) => fs.close(this.#descriptor, (error) => done(error ?? null, undefined)));
  }
}

function settle<T>(start: (done: (error: Error | null, value: T) => void) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    start((error, value) => {
      if (error !== null) reject(error);
      else resolve(value);
    });
  });
}
