import { crc32 } from 'node:zlib';
import { StoreOpenError } from '../errors.ts';
import type { OpenFile } from './file-layer.ts';

/** What this program writes, and the newest that it can read. */
export const formatVersion = 1;
/** Every segment begins with this much: magic (8), format version u32, kind u32, id u64 (as double), CRC32 of these. */
export const segmentHeaderBytes = 64;
const magic = Buffer.from('RONDOLOG');
const headerEnd = 24;

/** `log`: written by flushes, in revision order. `compacted`: what was still needed of older segments, in any order. */
export type SegmentKind = 'log' | 'compacted';

/** One file of records, and what is known about it. */
export class Segment {
  readonly kind: SegmentKind;
  readonly id: number;
  readonly capacityBytes: number;
  file: OpenFile;
  /** Where the next record goes; everything before it is records. */
  endBytes = segmentHeaderBytes;
  lastRevision = 0;
  /** Time of the newest record, ms since the epoch. */
  lastTimeMs = 0;
  /** Its index is written and the manifest names it. */
  sealed = false;
  /** A record could not be read back: it stays where it is, for whoever wants to repair it. */
  damaged = false;
  /** Offsets of the records that nobody needs any more. */
  dead: number[] = [];
  deadBytes = 0;

  constructor(kind: SegmentKind, id: number, file: OpenFile, capacityBytes: number) {
    this.kind = kind;
    this.id = id;
    this.file = file;
    this.capacityBytes = capacityBytes;
  }

  get name(): string {
    return segmentName(this.kind, this.id);
  }

  get usedBytes(): number {
    return this.endBytes - segmentHeaderBytes;
  }

  markDead(offset: number, sizeBytes: number): void {
    this.dead.push(offset);
    this.deadBytes += sizeBytes;
  }
}

export function segmentName(kind: SegmentKind, id: number): string {
  return `${kind}-${String(id).padStart(10, '0')}`;
}

/** The index file of a segment. */
export function indexName(segment: string): string {
  return `${segment}.index`;
}

export function parseSegmentName(name: string): { kind: SegmentKind; id: number } | undefined {
  const match = /^(log|compacted)-(\d{10})$/.exec(name);
  return match === null ? undefined : { kind: match[1] as SegmentKind, id: Number(match[2]) };
}

export function segmentHeader(kind: SegmentKind, id: number): Buffer {
  const header = Buffer.alloc(segmentHeaderBytes);
  magic.copy(header);
  header.writeUInt32LE(formatVersion, 8);
  header.writeUInt32LE(kind === 'log' ? 0 : 1, 12);
  header.writeDoubleLE(id, 16);
  header.writeUInt32LE(crc32(header.subarray(0, headerEnd)), headerEnd);
  return header;
}

/** @throws StoreOpenError if this is not the header of that segment in a format that can be read */
export async function checkSegmentHeader(file: OpenFile, kind: SegmentKind, id: number): Promise<void> {
  const header = Buffer.alloc(segmentHeaderBytes);
  await file.read(header, 0);
  const whole = header.readUInt32LE(headerEnd) === crc32(header.subarray(0, headerEnd));
  if (!whole || !header.subarray(0, 8).equals(magic)) throw damage(file.path, 0, 'its header cannot be read');
  refuseNewerFormat(header.readUInt32LE(8), file.path);
  if (header.readDoubleLE(16) !== id || header.readUInt32LE(12) !== (kind === 'log' ? 0 : 1)) {
    throw damage(file.path, 0, 'its header belongs to another segment');
  }
}

/** @throws StoreOpenError if the format is newer than this program */
export function refuseNewerFormat(version: number, path: string): void {
  if (version <= formatVersion) return;
  throw new StoreOpenError(`${path} has format ${version}, from a newer Rondo; this one reads up to ${formatVersion}`);
}

export function damage(path: string, offset: number, what: string): StoreOpenError {
  return new StoreOpenError(`${path} is damaged at byte ${offset}: ${what}`);
}
