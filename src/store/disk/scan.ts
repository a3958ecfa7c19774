import type { OpenFile } from './file-layer.ts';
import { claimedBytes, readRecord, recordHeaderBytes, type RecordHeader } from './record.ts';

const chunkBytes = 1 << 20;
const zeros = Buffer.alloc(chunkBytes);

/** A record found in a file. `bytes` and the key are valid only during the call. */
export interface FoundRecord extends RecordHeader {
  readonly key: string;
  readonly offset: number;
  /** The whole record as it is on disk. */
  readonly bytes: Buffer;
}

/**
 * Reads records from `from` on, until `to`, the first thing that is no whole record, or until `visit` answers 'stop'.
 * Returns where it ended.
 */
export async function scanRecords(
  file: OpenFile,
  range: { from: number; to: number },
  visit: (record: FoundRecord) => 'go on' | 'stop',
): Promise<number> {
  let buffer = Buffer.alloc(Math.min(chunkBytes, Math.max(recordHeaderBytes, range.to - range.from)));
  let offset = range.from;
  while (offset < range.to) {
    const count = await file.read(buffer.subarray(0, Math.min(buffer.length, range.to - offset)), offset);
    const chunk = buffer.subarray(0, count);
    let at = 0;
    for (;;) {
      const header = readRecord(chunk, at);
      if (header === undefined) break;
      const keyAt = at + recordHeaderBytes;
      const key = chunk.toString('utf8', keyAt, keyAt + header.keyBytes);
      const bytes = chunk.subarray(at, at + header.sizeBytes);
      if (visit({ ...header, key, offset: offset + at, bytes }) === 'stop') return offset + at;
      at += header.sizeBytes;
    }
    if (at === 0) {
      // Nothing fits into a whole chunk: either it is no record, or a record larger than the chunk.
      const claimed = claimedBytes(chunk, 0);
      if (claimed === undefined || claimed <= chunk.length || offset + claimed > range.to) return offset;
      buffer = Buffer.alloc(claimed);
    }
    offset += at;
  }
  return offset;
}

/** What lies behind the place where the records of a segment end. */
export interface Remains {
  /** End of the last byte that is not zero; the place where the search began if all are. */
  readonly end: number;
  /** The first later record whose write began only after revision `after` was durable. */
  readonly laterRecord: { readonly offset: number; readonly revision: number } | undefined;
}

/** Looks through everything from `from` to the end of the file for signs that the log once went on. */
export async function searchRemains(file: OpenFile, from: number, after: number): Promise<Remains> {
  const size = await file.sizeBytes();
  const buffer = Buffer.alloc(Math.min(chunkBytes, Math.max(0, size - from)));
  let end = from;
  let laterRecord: Remains['laterRecord'];
  for (let offset = from; offset < size; offset += buffer.length) {
    const count = await file.read(buffer, offset);
    const chunk = buffer.subarray(0, count);
    if (chunk.equals(zeros.subarray(0, count))) continue;
    let last = count;
    while (last > 0 && chunk[last - 1] === 0) last--;
    end = offset + last;
    laterRecord ??= await findLaterRecord(file, { chunk, offset, size }, after);
  }
  return { end, laterRecord };
}

async function findLaterRecord(
  file: OpenFile,
  place: { chunk: Buffer; offset: number; size: number },
  after: number,
): Promise<Remains['laterRecord']> {
  const { chunk, offset, size } = place;
  for (let at = 0; at + 4 <= chunk.length; at += 8) {
    // Records begin at multiples of 8, and so does every chunk.
    if (chunk[at] !== 0x52 || chunk[at + 1] !== 0x4e) continue;
    const head = Buffer.alloc(recordHeaderBytes);
    await file.read(head, offset + at);
    const claimed = claimedBytes(head, 0);
    if (claimed === undefined || offset + at + claimed > size) continue;
    const whole = Buffer.alloc(claimed);
    await file.read(whole, offset + at);
    const record = readRecord(whole, 0);
    if (record !== undefined && record.writeRevision > after) return { offset: offset + at, revision: record.revision };
  }
  return undefined;
}
