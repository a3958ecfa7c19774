import { execFile } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { open, rename, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import type { Clock, Timer } from '../clock/index.ts';
import type { Logger } from '../log/index.ts';

export interface LogKeeperOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** The logs that somebody writes to now. */
  readonly growing: () => readonly string[];
}

/** As the kubelet: `containerLogMonitorInterval`, `containerLogMaxSize` and `containerLogMaxFiles`. */
const checkEveryMs = 10_000;
const partBytes = 10 << 20;
const maxParts = 5;
/** File systems give back whole blocks. */
const blockBytes = 4096;
const chunkBytes = 65_536;
const lineBreak = 0x0a;

const run = promisify(execFile);

/**
 * Keeps the logs of containers below five parts of 10 MiB, the newest. Processes write to their log by themselves, so it
 * cannot be put aside while they live: instead the file system takes the oldest parts back (a hole at the beginning of the
 * file), and a mark beside the log tells where it begins. Costs nothing while no container runs.
 */
export class LogKeeper {
  readonly #options: LogKeeperOptions;
  /** Where logs begin that do not begin at 0. */
  readonly #beginnings = new Map<string, number>();
  #timer: Timer | undefined;
  #stopped = true;
  #warned = false;

  constructor(options: LogKeeperOptions) {
    this.#options = options;
  }

  start(): void {
    this.#stopped = false;
    if (this.#options.growing().length > 0) this.watch();
  }

  /** Begins to look after logs, if it does not yet: one is written to. */
  watch(): void {
    if (this.#timer !== undefined || this.#stopped) return;
    this.#timer = this.#options.clock.after(checkEveryMs, () => {
      this.#timer = undefined;
      void this.#checkAll();
    });
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** Where what is left of a log begins: at a line. */
  beginningOf(file: string): number {
    const known = this.#beginnings.get(file);
    if (known !== undefined) return known;
    const mark = markOf(file);
    const found = existsSync(mark) ? Number(readFileSync(mark, 'utf8')) : 0;
    if (found > 0) this.#beginnings.set(file, found);
    return found;
  }

  /** The log has gone, and the mark beside it. */
  forget(file: string): void {
    this.#beginnings.delete(file);
  }

  /** Takes the oldest parts away if there are too many. Never fails: a log that cannot be shortened grows on. */
  async check(file: string): Promise<void> {
    const sizeBytes = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
    if (sizeBytes <= partBytes * maxParts || sizeBytes - this.beginningOf(file) <= partBytes * maxParts) return;
    try {
      await this.#shorten(file, sizeBytes);
    } catch (error) {
      // It was removed meanwhile.
      if (!existsSync(file)) return;
      if (this.#warned) return;
      this.#warned = true;
      this.#options.log.warn('logs of containers cannot be shortened here, they grow on', { file, error });
    }
  }

  async #checkAll(): Promise<void> {
    for (const file of this.#options.growing()) await this.check(file);
    if (!this.#stopped && this.#options.growing().length > 0) this.watch();
  }

  async #shorten(file: string, sizeBytes: number): Promise<void> {
    const beginning = await lineAfter(file, sizeBytes - partBytes * (maxParts - 1));
    // First the mark: whoever reads must not come upon the hole.
    const draft = `${markOf(file)}.draft`;
    await writeFile(draft, String(beginning), { mode: 0o600 });
    await rename(draft, markOf(file));
    this.#beginnings.set(file, beginning);
    const length = Math.floor(beginning / blockBytes) * blockBytes;
    await run('fallocate', ['--punch-hole', '--offset', '0', '--length', String(length), file]);
  }
}

/** Where the first line after this place begins; the place itself where no line ends. */
async function lineAfter(file: string, place: number): Promise<number> {
  const handle = await open(file, 'r');
  try {
    const buffer = Buffer.allocUnsafe(chunkBytes);
    for (let at = place; ;) {
      const { bytesRead } = await handle.read(buffer, 0, chunkBytes, at);
      const found = buffer.subarray(0, bytesRead).indexOf(lineBreak);
      if (found !== -1) return at + found + 1;
      at += bytesRead;
      if (bytesRead < chunkBytes || at - place > partBytes) return place;
    }
  } finally {
    await handle.close();
  }
}

/** What a file takes, without the hole at its beginning; 0 if it is not there. */
export function bytesOnDisk(file: string): number {
  return (statSync(file, { throwIfNoEntry: false })?.blocks ?? 0) * 512;
}

/** Beside the log. */
export function markOf(file: string): string {
  return `${file}.begin`;
}
