import { scanRecords, searchRemains } from './scan.ts';
import { damage, segmentHeaderBytes, type Segment } from './segment.ts';
import type { IndexRecord } from './segment-index.ts';

export interface Tail {
  /** Records of each segment, in log order. */
  readonly records: ReadonlyMap<Segment, readonly IndexRecord[]>;
  /** The newest revision of the log. */
  readonly revision: number;
  /** The segment to go on in. */
  readonly active: Segment;
}

/**
 * Reads the log's unsealed segments up to the place where it ends, and clears what a torn write left behind there (it
 * must not come back to life behind later records).
 *
 * A record that cannot be read ends the log only if nothing shows that the log once went on: a readable record of a
 * later write, a later segment with records, or a manifest that was written when the log was longer.
 * @throws StoreOpenError naming file and offset if the log is damaged before its end
 */
export async function readTail(
  segments: readonly Segment[],
  known: { readonly tailAfter: number; readonly revision: number },
): Promise<Tail> {
  const records = new Map<Segment, readonly IndexRecord[]>();
  let revision = known.tailAfter;
  let active = segments[0] as Segment;
  let end: { segment: Segment; offset: number } | undefined;
  for (const segment of segments) {
    const found = await readRun(segment, revision + 1);
    records.set(segment, found);
    if (found.length > 0) {
      if (end !== undefined) throw damage(end.segment.file.path, end.offset, 'the log goes on in a later segment');
      active = segment;
      revision += found.length;
    }
    const torn = await clearRemains(segment, revision + 1, active);
    if (torn) end ??= { segment, offset: segment.endBytes };
  }
  if (revision < known.revision) {
    throw damage(active.file.path, active.endBytes, `the log ends at ${revision}, but reached ${known.revision}`);
  }
  return { records, revision, active };
}

/** The records of a segment as long as their revisions follow each other. */
async function readRun(segment: Segment, firstRevision: number): Promise<IndexRecord[]> {
  const found: IndexRecord[] = [];
  const range = { from: segmentHeaderBytes, to: segment.capacityBytes };
  segment.endBytes = await scanRecords(segment.file, range, (record) => {
    if (record.revision !== firstRevision + found.length) return 'stop';
    const { type, key, revision, createRevision, timeMs, offset, sizeBytes } = record;
    found.push({ type, key, revision, createRevision, timeMs, offset, sizeBytes });
    segment.lastRevision = revision;
    segment.lastTimeMs = Math.max(segment.lastTimeMs, timeMs);
    return 'go on';
  });
  return found;
}

/** Overwrites a torn write with zeros. True if there was one. */
async function clearRemains(segment: Segment, nextRevision: number, active: Segment): Promise<boolean> {
  const remains = await searchRemains(segment.file, segment.endBytes, nextRevision);
  if (remains.laterRecord !== undefined) {
    const { offset, revision } = remains.laterRecord;
    const what = `revision ${nextRevision} cannot be read, but ${revision} can (${segment.name}, byte ${offset})`;
    throw damage(active.file.path, active.endBytes, what);
  }
  if (remains.end === segment.endBytes) return false;
  await segment.file.write(Buffer.alloc(remains.end - segment.endBytes), segment.endBytes);
  return true;
}
