import * as path from 'node:path';
import type { Clock } from '../../clock/index.ts';
import type { Logger } from '../../log/index.ts';
import { StoreFullError } from '../errors.ts';
import type { PendingWrite } from '../persistence.ts';
import type { StoreCounters } from '../store.ts';
import type { Version } from '../version.ts';
import { isOutOfSpace, type FileLayer } from './file-layer.ts';
import { encodeRecord, maxKeyBytes, recordBytes } from './record.ts';
import type { ValueCipher } from './value-cipher.ts';
import { Segment, segmentHeader, segmentHeaderBytes, segmentName } from './segment.ts';

const fillBytes = 1 << 20;
/** Zeros are synced this often, so that a flush of the log never waits behind a whole segment of them. */
const fillSyncBytes = 8 << 20;
const maxFlushBytes = 4 << 20;
/** The first segments are small, so that the very first start costs nothing; each next one is four times larger. */
const firstSegmentBytes = 1 << 20;
const growth = 4;
const draftName = 'next-segment.tmp';

export interface LogWriterParts {
  readonly files: FileLayer;
  readonly directory: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly counters: StoreCounters;
  readonly cipher: ValueCipher;
  readonly segmentBytes: number;
  /** The segment to go on in, opened as `log`. */
  readonly active: Segment;
  /** Empty segments that were prepared before, opened as `log`, in order. */
  readonly prepared: Segment[];
  /** No record will be added to this segment any more. */
  readonly onFinished: (segment: Segment) => void;
  /** The disk has failed. */
  readonly onFailure: (error: Error) => void;
}

/** Writes records into zero-filled segments, one flush at a time, and has the next segment ready before it is needed. */
export class LogWriter {
  readonly #parts: LogWriterParts;
  /** From the active one on: every log segment that is not finished. */
  readonly #open: Segment[];
  readonly #prepared: Segment[];
  /** Where the next accepted record goes: ahead of the last flush by what waits for the next ones. */
  #placing: Segment;
  #placedBytes: number;
  #preparing: Promise<void> | undefined;
  #nextId: number;
  #nextBytes: number;
  #buffer = Buffer.alloc(64 << 10);
  #durableRevision: number;

  constructor(parts: LogWriterParts, durableRevision: number) {
    this.#parts = parts;
    this.#placing = parts.active;
    this.#placedBytes = parts.active.endBytes;
    this.#prepared = parts.prepared;
    this.#open = [parts.active, ...parts.prepared];
    const last = parts.prepared.at(-1) ?? parts.active;
    this.#nextId = last.id + 1;
    this.#nextBytes = Math.min(parts.segmentBytes, last.capacityBytes * growth);
    this.#durableRevision = durableRevision;
  }

  get durableRevision(): number {
    return this.#durableRevision;
  }

  /** From the one being written on: every log segment that may still get records. */
  get openSegments(): readonly Segment[] {
    return this.#open;
  }

  /** See `Persistence.place`. @throws TypeError if the key is too long */
  place(version: Version, plainBytes: number): Promise<void> | undefined {
    const valueBytes = plainBytes + (this.#parts.cipher.addedBytes(version.key) ?? 0);
    const keyBytes = Buffer.byteLength(version.key);
    if (keyBytes > maxKeyBytes) throw new TypeError(`a key can have ${maxKeyBytes} bytes at most`);
    const sizeBytes = recordBytes(keyBytes, valueBytes);
    while (this.#placedBytes + sizeBytes > this.#placing.capacityBytes) {
      const next = this.#prepared.shift();
      if (next === undefined) return this.#prepare(sizeBytes);
      this.#placing = next;
      this.#placedBytes = next.endBytes;
    }
    version.segment = this.#placing;
    version.offset = this.#placedBytes;
    version.sizeBytes = sizeBytes;
    this.#placedBytes += sizeBytes;
    const usedUp = this.#placedBytes * growth > this.#placing.capacityBytes;
    if (usedUp && this.#prepared.length === 0 && this.#preparing === undefined) this.#prepareInBackground();
    return undefined;
  }

  async append(batch: readonly PendingWrite[]): Promise<void> {
    for (let from = 0; from < batch.length;) {
      const to = this.#endOfRun(batch, from);
      await this.#flush(batch.slice(from, to));
      from = to;
    }
  }

  /** Waits for a preparation under way, so that nothing is written after closing. */
  async settle(): Promise<void> {
    await this.#preparing?.catch(() => undefined);
  }

  /** One flush writes neighbours of one segment. */
  #endOfRun(batch: readonly PendingWrite[], from: number): number {
    const first = (batch[from] as PendingWrite).version;
    let to = from + 1;
    for (; to < batch.length; to++) {
      const { version } = batch[to] as PendingWrite;
      if (version.segment !== first.segment) break;
      if (version.offset + version.sizeBytes - first.offset > maxFlushBytes) break;
    }
    return to;
  }

  async #flush(writes: readonly PendingWrite[]): Promise<void> {
    const first = (writes[0] as PendingWrite).version;
    const last = (writes.at(-1) as PendingWrite).version;
    const segment = first.segment as Segment;
    const sizeBytes = last.offset + last.sizeBytes - first.offset;
    if (this.#buffer.length < sizeBytes) this.#buffer = Buffer.alloc(2 ** Math.ceil(Math.log2(sizeBytes)));
    const timeMs = this.#parts.clock.now();
    const { cipher } = this.#parts;
    for (const { version, entry } of writes) {
      const sealed = cipher.addedBytes(version.key) !== undefined;
      encodeRecord(this.#buffer, version.offset - first.offset, {
        type: version.deleted ? 'delete' : 'put',
        revision: version.revision,
        createRevision: version.createRevision,
        timeMs,
        writeRevision: first.revision,
        key: version.key,
        value: sealed ? cipher.seal(version.key, entry.value) : entry.value,
        sealed,
      });
    }
    await segment.file.write(this.#buffer.subarray(0, sizeBytes), first.offset);
    segment.endBytes = last.offset + last.sizeBytes;
    segment.lastRevision = last.revision;
    segment.lastTimeMs = Math.max(segment.lastTimeMs, timeMs);
    this.#durableRevision = last.revision;
    const { counters } = this.#parts;
    counters.flushes++;
    counters.recordsWritten += writes.length;
    counters.bytesWritten += sizeBytes;
    this.#finishBefore(segment);
  }

  /** Whatever comes before the segment just written is complete (or too small for a large record, and stays empty). */
  #finishBefore(segment: Segment): void {
    while (this.#open[0] !== segment) this.#parts.onFinished(this.#open.shift() as Segment);
  }

  #prepareInBackground(): void {
    this.#prepare(0).catch((error: unknown) => {
      this.#parts.log.warn('No space for the next log segment', { error });
    });
  }

  #prepare(recordSizeBytes: number): Promise<void> {
    this.#preparing ??= this.#prepareOrRefuse(recordSizeBytes).finally(() => {
      this.#preparing = undefined;
    });
    return this.#preparing;
  }

  async #prepareOrRefuse(recordSizeBytes: number): Promise<void> {
    const neededBytes = Math.ceil((recordSizeBytes + segmentHeaderBytes) / 4096) * 4096;
    const wantedBytes = Math.max(this.#nextBytes, neededBytes);
    const leastBytes = Math.max(Math.min(firstSegmentBytes, wantedBytes), neededBytes);
    try {
      await this.#prepareSegment(wantedBytes).catch((error: unknown) => {
        // What is left may do for a small one.
        if (!isOutOfSpace(error) || leastBytes === wantedBytes) throw error;
        return this.#prepareSegment(leastBytes);
      });
    } catch (error) {
      if (isOutOfSpace(error)) throw new StoreFullError('no space is left for the log', { cause: error });
      const failure = error instanceof Error ? error : new Error(String(error));
      this.#parts.onFailure(failure);
      throw failure;
    }
  }

  async #prepareSegment(capacityBytes: number): Promise<void> {
    const { files, directory, segmentBytes } = this.#parts;
    const segment = await createLogSegment(files, { directory, id: this.#nextId, capacityBytes });
    this.#nextId++;
    this.#nextBytes = Math.min(segmentBytes, capacityBytes * growth);
    this.#prepared.push(segment);
    this.#open.push(segment);
  }
}

/**
 * A new log segment: zeros beforehand, because overwriting needs no journal commit while appending does. It gets its
 * name only when it is complete, so a named segment is a whole one.
 */
export async function createLogSegment(
  files: FileLayer,
  segment: { directory: string; id: number; capacityBytes: number },
): Promise<Segment> {
  const { directory, id, capacityBytes } = segment;
  const draft = path.join(directory, draftName);
  const target = path.join(directory, segmentName('log', id));
  try {
    await fill(files, draft, id, capacityBytes);
    await files.rename(draft, target);
    await files.syncDirectory(directory);
  } catch (error) {
    await files.remove(draft);
    throw error;
  }
  return new Segment('log', id, await files.open(target, 'log'), capacityBytes);
}

/** Size of the first segment of a new store. */
export function firstSegmentSize(segmentBytes: number): number {
  return Math.min(segmentBytes, firstSegmentBytes);
}

async function fill(files: FileLayer, draft: string, id: number, capacityBytes: number): Promise<void> {
  const file = await files.open(draft, 'create');
  try {
    const zeros = Buffer.alloc(Math.min(fillBytes, capacityBytes));
    for (let at = 0; at < capacityBytes; at += zeros.length) {
      await file.write(zeros.subarray(0, Math.min(zeros.length, capacityBytes - at)), at);
      if ((at + zeros.length) % fillSyncBytes === 0) await file.sync();
    }
    await file.write(segmentHeader('log', id), 0);
    await file.sync();
  } finally {
    await file.close();
  }
}
