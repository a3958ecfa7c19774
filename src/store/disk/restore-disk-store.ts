import * as path from 'node:path';
import { StoreOpenError } from '../errors.ts';
import type { FileLayer, OpenFile } from './file-layer.ts';
import { createLogSegment, firstSegmentSize } from './log-writer.ts';
import { describeSegment, writeManifest, type ManifestSegment } from './manifest.ts';
import { encodeRecord, maxKeyBytes, recordBytes } from './record.ts';
import { formatVersion, indexName, Segment, segmentHeader, segmentHeaderBytes, segmentName } from './segment.ts';
import { encodeIndex, type IndexRecord } from './segment-index.ts';
import { systemFiles } from './system-files.ts';
import { noCipher, type ValueCipher } from './value-cipher.ts';
import { writeFileSafely } from './write-file.ts';

/** One key of a store as it was at some revision. */
export interface StateEntry {
  readonly key: string;
  readonly createRevision: number;
  readonly modRevision: number;
  readonly value: Buffer;
}

export interface RestoreOptions {
  /** Must be empty, or not exist. */
  readonly directory: string;
  /** What the entries are the state at. The restored store goes on from here; what was before cannot be watched. */
  readonly revision: number;
  readonly entries: AsyncIterable<StateEntry>;
  readonly nowMs: number;
  /** Absent: the files of this machine. */
  readonly files?: FileLayer;
  /** Size of segments. Absent: 64 MiB. */
  readonly segmentBytes?: number;
  /** That of the store that will be opened there. Absent: all values are written as they are. */
  readonly cipher?: ValueCipher;
}

const chunkBytes = 1 << 20;

/**
 * Makes a store of a state that was read from another one, with the revisions that everything had there. Until the
 * manifest is written, last of all, there is no store.
 * @throws StoreOpenError if the directory is not empty, or an entry cannot be one of that revision
 */
export async function restoreDiskStore(options: RestoreOptions): Promise<void> {
  const { directory, revision, entries, nowMs, files = systemFiles, segmentBytes = 64 << 20 } = options;
  const { cipher = noCipher } = options;
  await files.makeDirectory(directory);
  const [present] = await files.list(directory);
  if (present !== undefined) throw new StoreOpenError(`${directory} is not empty: it holds ${present}`);
  const segments: ManifestSegment[] = [];
  let filling: Filling | undefined;
  const seal = async (): Promise<void> => {
    if (filling !== undefined) segments.push(await filling.seal());
    filling = undefined;
  };
  for await (const entry of entries) {
    check(entry, revision);
    filling ??= await Filling.begin(files, directory, segments.length + 1);
    await filling.add(sealedEntry(entry, cipher), nowMs);
    if (filling.endBytes >= segmentBytes) await seal();
  }
  await seal();
  const first = await createLogSegment(files, { directory, id: 1, capacityBytes: firstSegmentSize(segmentBytes) });
  await first.file.close();
  await writeManifest(files, directory, {
    ...{ format: formatVersion, revision, compactedRevision: revision, tail: 1, tailAfter: revision },
    ...{ nextCompacted: segments.length + 1, segments },
  });
}

function check({ key, createRevision, modRevision }: StateEntry, revision: number): void {
  const inOrder = 0 < createRevision && createRevision <= modRevision && modRevision <= revision;
  if (Number.isSafeInteger(createRevision) && Number.isSafeInteger(modRevision) && inOrder && fits(key)) return;
  throw new StoreOpenError(`${key.slice(0, 100)} cannot be of revision ${modRevision} in a state at ${revision}`);
}

function fits(key: string): boolean {
  return key !== '' && Buffer.byteLength(key) <= maxKeyBytes;
}

type SealedEntry = StateEntry & { readonly sealed: boolean };

function sealedEntry(entry: StateEntry, cipher: ValueCipher): SealedEntry {
  const sealed = cipher.addedBytes(entry.key) !== undefined;
  return { ...entry, value: sealed ? cipher.seal(entry.key, entry.value) : entry.value, sealed };
}

/** A compacted segment that is being written. */
class Filling {
  readonly #files: FileLayer;
  readonly #directory: string;
  readonly #id: number;
  readonly #file: OpenFile;
  readonly #records: IndexRecord[] = [];
  #chunks: Buffer[] = [];
  #pendingBytes = 0;
  #writtenEnd = segmentHeaderBytes;

  private constructor(files: FileLayer, directory: string, id: number, file: OpenFile) {
    this.#files = files;
    this.#directory = directory;
    this.#id = id;
    this.#file = file;
  }

  static async begin(files: FileLayer, directory: string, id: number): Promise<Filling> {
    const file = await files.open(path.join(directory, segmentName('compacted', id)), 'create');
    return new Filling(files, directory, id, file);
  }

  get endBytes(): number {
    return this.#writtenEnd + this.#pendingBytes;
  }

  async add(entry: SealedEntry, timeMs: number): Promise<void> {
    const { key, createRevision, modRevision: revision, value, sealed } = entry;
    const record = { type: 'put', key, revision, createRevision, timeMs } as const;
    const bytes = Buffer.alloc(recordBytes(Buffer.byteLength(key), value.length));
    const sizeBytes = encodeRecord(bytes, 0, { ...record, writeRevision: revision, value, sealed });
    this.#records.push({ ...record, offset: this.endBytes, sizeBytes });
    this.#chunks.push(bytes);
    this.#pendingBytes += sizeBytes;
    if (this.#pendingBytes >= chunkBytes) await this.#flush();
  }

  async seal(): Promise<ManifestSegment> {
    await this.#flush();
    await this.#file.write(segmentHeader('compacted', this.#id), 0);
    await this.#file.sync();
    await this.#file.close();
    const name = indexName(segmentName('compacted', this.#id));
    await writeFileSafely(this.#files, { directory: this.#directory, name, bytes: encodeIndex(this.#records) });
    const segment = new Segment('compacted', this.#id, this.#file, this.#writtenEnd);
    segment.endBytes = this.#writtenEnd;
    for (const { revision, timeMs } of this.#records) {
      segment.lastRevision = Math.max(segment.lastRevision, revision);
      segment.lastTimeMs = Math.max(segment.lastTimeMs, timeMs);
    }
    return describeSegment(segment);
  }

  async #flush(): Promise<void> {
    if (this.#pendingBytes === 0) return;
    await this.#file.write(Buffer.concat(this.#chunks), this.#writtenEnd);
    this.#writtenEnd += this.#pendingBytes;
    this.#chunks = [];
    this.#pendingBytes = 0;
  }
}
