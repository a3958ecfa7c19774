import { crc32 } from 'node:zlib';

/**
 * One record of the log, little-endian, at a multiple of 8 bytes:
 *
 *   0 u32 magic            4 u32 CRC32 of everything from byte 8 to the end of the value
 *   8 u32 value length    12 u16 key length    14 u8 type (1 put, 2 delete)    15 u8 1 if the value is sealed
 *  16 u64 revision        24 u64 create revision        32 u64 time, ms since the epoch
 *  40 u32 revision minus the first revision of the same write    44 u32 zero
 *  48 key (UTF-8), value, zeros up to a multiple of 8
 *
 * The number at 40 tells a torn tail from damage: a write begins only after all before it is durable. So if a record
 * can be read whose write began after the revision that cannot be read, the unreadable one was once durable.
 */
export const recordHeaderBytes = 48;
const magic = 0x31444e52;
const two32 = 2 ** 32;
export const maxKeyBytes = 0xffff;

export interface RecordHeader {
  readonly type: 'put' | 'delete';
  readonly revision: number;
  readonly createRevision: number;
  readonly timeMs: number;
  /** The first revision of the write that this record was part of. */
  readonly writeRevision: number;
  /** The value can only be read with the store's secret. */
  readonly sealed: boolean;
  readonly keyBytes: number;
  readonly valueBytes: number;
  /** Of the whole record. */
  readonly sizeBytes: number;
}

export interface RecordToWrite {
  readonly type: 'put' | 'delete';
  readonly revision: number;
  readonly createRevision: number;
  readonly timeMs: number;
  readonly writeRevision: number;
  readonly key: string;
  readonly value: Buffer;
  readonly sealed: boolean;
}

/** Bytes of a whole record. */
export function recordBytes(keyBytes: number, valueBytes: number): number {
  return (recordHeaderBytes + keyBytes + valueBytes + 7) & ~7;
}

/** Writes a record into `target`; returns its size. */
export function encodeRecord(target: Buffer, at: number, record: RecordToWrite): number {
  const { value } = record;
  const keyBytes = target.write(record.key, at + recordHeaderBytes);
  const end = at + recordHeaderBytes + keyBytes + value.length;
  target.set(value, end - value.length);
  target.writeUInt32LE(magic, at);
  target.writeUInt32LE(value.length, at + 8);
  target.writeUInt32LE(keyBytes | ((record.type === 'put' ? 1 : 2) << 16) | (record.sealed ? 1 << 24 : 0), at + 12);
  writeUInt64(target, record.revision, at + 16);
  writeUInt64(target, record.createRevision, at + 24);
  writeUInt64(target, record.timeMs, at + 32);
  target.writeUInt32LE(record.revision - record.writeRevision, at + 40);
  target.writeUInt32LE(0, at + 44);
  target.writeUInt32LE(crc32(target.subarray(at + 8, end)), at + 4);
  const sizeBytes = recordBytes(keyBytes, value.length);
  target.fill(0, end, at + sizeBytes);
  return sizeBytes;
}

/** Size of the record that seems to begin here, by its header alone; undefined if none does. */
export function claimedBytes(source: Buffer, at: number): number | undefined {
  if (at + recordHeaderBytes > source.length || source.readUInt32LE(at) !== magic) return undefined;
  const valueBytes = source.readUInt32LE(at + 8);
  if (valueBytes > 0x7fff_ffff - recordHeaderBytes - maxKeyBytes) return undefined;
  return recordBytes(source.readUInt16LE(at + 12), valueBytes);
}

/** The record here, checked; undefined if it is not whole. */
export function readRecord(source: Buffer, at: number): RecordHeader | undefined {
  const sizeBytes = claimedBytes(source, at);
  if (sizeBytes === undefined || at + sizeBytes > source.length) return undefined;
  const valueBytes = source.readUInt32LE(at + 8);
  const keyBytes = source.readUInt16LE(at + 12);
  const end = at + recordHeaderBytes + keyBytes + valueBytes;
  if (crc32(source.subarray(at + 8, end)) !== source.readUInt32LE(at + 4)) return undefined;
  const revision = readUInt64(source, at + 16);
  return {
    type: source[at + 14] === 1 ? 'put' : 'delete',
    revision,
    createRevision: readUInt64(source, at + 24),
    timeMs: readUInt64(source, at + 32),
    writeRevision: revision - source.readUInt32LE(at + 40),
    sealed: source[at + 15] === 1,
    keyBytes,
    valueBytes,
    sizeBytes,
  };
}

/** Revisions and times are 64 bits on disk and safe integers here. */
function writeUInt64(target: Buffer, value: number, at: number): void {
  target.writeUInt32LE(value % two32, at);
  target.writeUInt32LE(Math.floor(value / two32), at + 4);
}

function readUInt64(source: Buffer, at: number): number {
  return source.readUInt32LE(at) + source.readUInt32LE(at + 4) * two32;
}
