import { StoreClosedError, StoreOpenError } from '../errors.ts';
import type { PendingWrite, Persistence } from '../persistence.ts';
import type { Entry, StoreCounters } from '../store.ts';
import type { Version } from '../version.ts';
import type { EntryCache } from './entry-cache.ts';
import type { DirectoryLock } from './file-layer.ts';
import type { LogWriter } from './log-writer.ts';
import type { Maintenance } from './maintenance.ts';
import { readRecord, recordHeaderBytes } from './record.ts';
import { damage, type Segment } from './segment.ts';
import type { ValueCipher } from './value-cipher.ts';

export interface DiskPersistenceParts {
  readonly writer: LogWriter;
  readonly maintenance: Maintenance;
  readonly cache: EntryCache;
  readonly lock: DirectoryLock;
  readonly counters: StoreCounters;
  readonly cipher: ValueCipher;
}

/** The log as the home of all versions. */
export class DiskPersistence implements Persistence {
  readonly flushCosts = true;
  readonly #parts: DiskPersistenceParts;
  #closed = false;

  constructor(parts: DiskPersistenceParts) {
    this.#parts = parts;
  }

  place(version: Version, entry: Entry): Promise<void> | undefined {
    return this.#parts.writer.place(version, entry.value.length);
  }

  append(batch: readonly PendingWrite[]): Promise<void> {
    return this.#parts.writer.append(batch).catch((error: unknown) => {
      // What a failed flush left behind is unknown, and asking again would not tell (fsync forgets its errors).
      this.#parts.maintenance.fail();
      throw error;
    });
  }

  remember(version: Version, entry: Entry): void {
    this.#parts.cache.add(version, entry);
  }

  offer(version: Version, entry: Entry): void {
    if (this.#parts.cache.hasRoomForWalks) this.#parts.cache.add(version, entry);
    else version.entry = undefined;
  }

  /** @throws StoreOpenError if the record does not match its checksum or the secret, StoreClosedError after close */
  read(version: Version): Buffer {
    const { segment, offset, sizeBytes } = version;
    if (this.#closed) throw new StoreClosedError('the store is closed');
    if (segment === undefined) throw new Error(`revision ${version.revision} of ${version.key} has been compacted`);
    const bytes = Buffer.allocUnsafe(sizeBytes);
    const count = segment.file.readSync(bytes, offset);
    this.#parts.counters.recordsRead++;
    const record = readRecord(bytes.subarray(0, count), 0);
    if (record === undefined || record.revision !== version.revision) {
      throw damage(segment.file.path, offset, `revision ${version.revision} of ${version.key} cannot be read`);
    }
    const valueAt = recordHeaderBytes + record.keyBytes;
    const value = bytes.subarray(valueAt, valueAt + record.valueBytes);
    return record.sealed ? this.#unseal(version.key, value) : value;
  }

  #unseal(key: string, sealed: Buffer): Buffer {
    try {
      return this.#parts.cipher.unseal(key, sealed);
    } catch (error) {
      const message = `${key} cannot be unsealed: the secret of this store is another one (${(error as Error).message})`;
      throw new StoreOpenError(message, { cause: error });
    }
  }

  /** Of a Job's ten versions one is read again: the past is read from the log, so the cache holds ten times as many. */
  supersede(version: Version): void {
    this.#parts.cache.remove(version);
  }

  discard(version: Version): void {
    this.#parts.cache.remove(version);
    const { segment } = version;
    if (segment === undefined) return;
    version.segment = undefined;
    segment.markDead(version.offset, version.sizeBytes);
    this.#parts.maintenance.noteDead(segment);
  }

  tidy(): void {
    this.#parts.maintenance.tidy();
  }

  tidyNow(): Promise<void> {
    return this.#parts.maintenance.tidyNow();
  }

  async close(): Promise<void> {
    const { writer, maintenance, lock } = this.#parts;
    this.#closed = true;
    try {
      await writer.settle();
      await maintenance.close();
    } finally {
      const segments: readonly Segment[] = [...maintenance.segments, ...writer.openSegments];
      for (const segment of segments) await segment.file.close();
      await lock.release();
    }
  }
}
