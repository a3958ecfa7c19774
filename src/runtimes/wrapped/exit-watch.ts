import { lstatSync, readdirSync, watch, type FSWatcher } from 'node:fs';
import type { Clock, Timer } from '../../clock/index.ts';
import type { Logger } from '../../log/index.ts';
import { parseExitFileName, type ExitRecord } from './layout.ts';

export interface ExitWatchOptions {
  readonly directory: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** May see the same record again. */
  readonly onRecord: (record: ExitRecord, finishedAtMs: number) => void;
}

/** A readdir of the exits takes the place of a watch that cannot be made (limits of inotify) or fell silent. */
const pollMs = 1000;

/** Sees the exit files that wrappers make: one watch for all containers. */
export class ExitWatch {
  readonly #options: ExitWatchOptions;
  #watcher: FSWatcher | undefined;
  #poll: Timer | undefined;
  #polls = false;

  constructor(options: ExitWatchOptions) {
    this.#options = options;
  }

  /** Reads, watches, and reads again, so that nothing falls between. */
  async start(): Promise<void> {
    this.#polls = process.platform !== 'linux';
    await this.readAll();
    const { directory, log } = this.#options;
    try {
      this.#watcher = watch(directory, { persistent: false }, (_event, name) => {
        if (name === null) this.#readAllSoon();
        else this.#read(name);
      });
      this.#watcher.on('error', (error) => this.#fallBack(error));
    } catch (error) {
      log.warn('exits cannot be watched, reading them every second', { error });
      this.#polls = true;
    }
    await this.readAll();
    if (this.#polls) this.#pollLater();
  }

  stop(): void {
    this.#watcher?.close();
    this.#watcher = undefined;
    this.#polls = false;
    this.#poll?.cancel();
  }

  /** Reports all exits that are on disk. */
  async readAll(): Promise<void> {
    const { clock, directory } = this.#options;
    let begunMs = clock.monotonic();
    for (const name of readdirSync(directory)) {
      this.#read(name);
      if (clock.monotonic() - begunMs < 5) continue;
      await clock.yield();
      begunMs = clock.monotonic();
    }
  }

  #readAllSoon(): void {
    this.readAll().catch((error: unknown) => this.#options.log.error('exits cannot be read', { error }));
  }

  #read(name: string): void {
    const record = parseExitFileName(name);
    if (record === undefined) return;
    const stat = lstatSync(`${this.#options.directory}/${name}`, { throwIfNoEntry: false });
    if (stat !== undefined) this.#options.onRecord(record, Math.floor(stat.mtimeMs));
  }

  #fallBack(error: unknown): void {
    this.#options.log.warn('watching exits failed, reading them every second', { error });
    this.#polls = true;
    this.#pollLater();
  }

  #pollLater(): void {
    this.#poll = this.#options.clock.after(pollMs, () => {
      if (!this.#polls) return;
      this.#readAllSoon();
      this.#pollLater();
    });
  }
}
