import {
  appendFileSync,
  chmodSync,
  closeSync,
  existsSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { appendFile } from 'node:fs/promises';
import type { AuditSink } from '../apiserver/index.ts';
import type { Clock, Timer } from '../clock/index.ts';
import type { Logger } from '../log/index.ts';

export interface AuditLogOptions {
  readonly path: string;
  /** The file is set aside before it becomes larger. */
  readonly limitBytes: number;
  /** How many files that were set aside are kept: `audit.log.1` is the latest. */
  readonly keep: number;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Whether there is a log, and what differs from the defaults. */
export type AuditChoice = 'off' | { readonly path?: string; readonly limitBytes?: number; readonly keep?: number };

/** As upstream's `--audit-log-maxsize`; upstream keeps all, which fills disks. */
export const auditDefaults = { limitBytes: 100 * 1024 * 1024, keep: 10 };

/** Lines wait this long for others: so much is lost when the process is killed. */
const flushMs = 200;
/** What may wait while the disk does not take it. Lines beyond that are lost, and counted. */
const bufferBytes = 16 * 1024 * 1024;

/** Lines in a file that only its owner may read, written many at once and beside everything else. */
export class AuditLog implements AuditSink {
  readonly #options: AuditLogOptions;
  #waiting: string[] = [];
  #waitingBytes = 0;
  #lost = 0;
  #sizeBytes: number;
  #timer: Timer | undefined;
  #writing: Promise<void> | undefined;
  #closed = false;

  /** @throws what the file system says if the file cannot be written */
  constructor(options: AuditLogOptions) {
    this.#options = options;
    appendFileSync(options.path, '', { mode: 0o600 });
    chmodSync(options.path, 0o600);
    // A process that was killed can leave half a line behind.
    if (![undefined, 10].includes(lastByte(options.path))) appendFileSync(options.path, '\n');
    this.#sizeBytes = statSync(options.path).size;
  }

  write(line: string): void {
    // Characters, not bytes: a bound for memory, which need not be exact.
    if (this.#closed || this.#waitingBytes + line.length > bufferBytes) {
      this.#lost++;
      return;
    }
    this.#waiting.push(line);
    this.#waitingBytes += line.length + 1;
    if (this.#writing === undefined) this.#timer ??= this.#options.clock.after(flushMs, () => this.#flush());
  }

  /** Resolves when everything that was written so far is in the file. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    await this.#writing;
    this.#flush();
    await this.#writing;
  }

  #flush(): void {
    this.#timer = undefined;
    if (this.#waiting.length === 0) return;
    const text = `${this.#waiting.join('\n')}\n`;
    const lines = this.#waiting.length;
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#writing = this.#append(Buffer.from(text), lines).finally(() => {
      this.#writing = undefined;
      if (this.#waiting.length > 0 && !this.#closed)
        this.#timer ??= this.#options.clock.after(flushMs, () => this.#flush());
    });
  }

  async #append(bytes: Buffer, lines: number): Promise<void> {
    const { path, limitBytes, log } = this.#options;
    try {
      if (this.#sizeBytes > 0 && this.#sizeBytes + bytes.length > limitBytes) this.#rotate();
      await appendFile(path, bytes, { mode: 0o600 });
      this.#sizeBytes += bytes.length;
    } catch (error) {
      // Requests go on: a full disk must not take the API away from those who could make room.
      this.#lost += lines;
      log.error('the audit log cannot be written', { error, path });
    }
    if (this.#lost === 0) return;
    log.warn('lines of the audit log were lost', { lines: this.#lost, path });
    this.#lost = 0;
  }

  #rotate(): void {
    const { path, keep } = this.#options;
    if (keep === 0) rmSync(path);
    for (let number = keep; number >= 1; number--) {
      const from = number === 1 ? path : `${path}.${number - 1}`;
      if (existsSync(from)) renameSync(from, `${path}.${number}`);
    }
    this.#sizeBytes = 0;
  }
}

function lastByte(path: string): number | undefined {
  const { size } = statSync(path);
  if (size === 0) return undefined;
  const file = openSync(path, 'r');
  try {
    const bytes = Buffer.alloc(1);
    readSync(file, bytes, 0, 1, size - 1);
    return bytes[0];
  } finally {
    closeSync(file);
  }
}
