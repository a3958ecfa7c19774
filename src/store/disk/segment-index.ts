import { crc32 } from 'node:zlib';
import type { FileLayer } from './file-layer.ts';

/**
 * The index file of a segment, so that opening reads no values: a header (magic 8, version u32, entries u32, bytes of
 * keys u32, CRC32 of all that follows), then 40 bytes per record (offset u32, size u32, revision, create revision and
 * time as doubles, key length u16, type u8, 5 zeros), then the keys.
 */
const magic = Buffer.from('RONDOIDX');
const indexVersion = 1;
const headerBytes = 24;
const entryBytes = 40;

/** One record as the index knows it. */
export interface IndexRecord {
  readonly type: 'put' | 'delete';
  readonly key: string;
  readonly revision: number;
  readonly createRevision: number;
  readonly timeMs: number;
  readonly offset: number;
  readonly sizeBytes: number;
}

export function encodeIndex(records: readonly IndexRecord[]): Buffer {
  const keys = Buffer.from(records.map((record) => record.key).join(''));
  const keysAt = headerBytes + entryBytes * records.length;
  const bytes = Buffer.alloc(keysAt + keys.length);
  magic.copy(bytes);
  bytes.writeUInt32LE(indexVersion, 8);
  bytes.writeUInt32LE(records.length, 12);
  bytes.writeUInt32LE(keys.length, 16);
  let at = headerBytes;
  for (const record of records) {
    bytes.writeUInt32LE(record.offset, at);
    bytes.writeUInt32LE(record.sizeBytes, at + 4);
    bytes.writeDoubleLE(record.revision, at + 8);
    bytes.writeDoubleLE(record.createRevision, at + 16);
    bytes.writeDoubleLE(record.timeMs, at + 24);
    bytes.writeUInt16LE(Buffer.byteLength(record.key), at + 32);
    bytes.writeUInt8(record.type === 'put' ? 1 : 2, at + 34);
    at += entryBytes;
  }
  keys.copy(bytes, keysAt);
  bytes.writeUInt32LE(crc32(bytes.subarray(headerBytes)), 20);
  return bytes;
}

/** The records of an index file; undefined if it is missing, damaged or of another version: the segment knows it all. */
export async function readIndex(files: FileLayer, path: string): Promise<SegmentIndex | undefined> {
  const bytes = await readWhole(files, path);
  if (bytes === undefined || bytes.length < headerBytes || !bytes.subarray(0, 8).equals(magic)) return undefined;
  if (bytes.readUInt32LE(8) !== indexVersion) return undefined;
  const count = bytes.readUInt32LE(12);
  if (bytes.length !== headerBytes + count * entryBytes + bytes.readUInt32LE(16)) return undefined;
  if (crc32(bytes.subarray(headerBytes)) !== bytes.readUInt32LE(20)) return undefined;
  return new SegmentIndex(bytes, count);
}

/** Reads a checked index file record by record, without building objects that are not needed. */
export class SegmentIndex {
  readonly #bytes: Buffer;
  readonly count: number;

  constructor(bytes: Buffer, count: number) {
    this.#bytes = bytes;
    this.count = count;
  }

  visit(visit: (record: IndexRecord) => void): void {
    const bytes = this.#bytes;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    let keyAt = headerBytes + entryBytes * this.count;
    for (let at = headerBytes, i = 0; i < this.count; i++, at += entryBytes) {
      const keyEnd = keyAt + view.getUint16(at + 32, true);
      visit({
        type: bytes[at + 34] === 1 ? 'put' : 'delete',
        key: bytes.toString('utf8', keyAt, keyEnd),
        revision: view.getFloat64(at + 8, true),
        createRevision: view.getFloat64(at + 16, true),
        timeMs: view.getFloat64(at + 24, true),
        offset: view.getUint32(at, true),
        sizeBytes: view.getUint32(at + 4, true),
      });
      keyAt = keyEnd;
    }
  }
}

async function readWhole(files: FileLayer, path: string): Promise<Buffer | undefined> {
  try {
    const file = await files.open(path, 'read');
    try {
      const bytes = Buffer.alloc(await file.sizeBytes());
      return (await file.read(bytes, 0)) === bytes.length ? bytes : undefined;
    } finally {
      await file.close();
    }
  } catch {
    // Whatever is wrong with it, the index can be built again from its segment.
    return undefined;
  }
}
