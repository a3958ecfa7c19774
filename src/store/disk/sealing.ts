import type { FileLayer } from './file-layer.ts';
import { scanRecords } from './scan.ts';
import { damage, indexName, segmentHeaderBytes, type Segment } from './segment.ts';
import { encodeIndex, type IndexRecord } from './segment-index.ts';
import { writeFileSafely } from './write-file.ts';

/**
 * Writes the index file of a finished segment from what is really on disk, which checks every record once more.
 * @throws StoreOpenError if a record cannot be read back
 */
export async function writeSegmentIndex(files: FileLayer, directory: string, segment: Segment): Promise<void> {
  const records = await readAllRecords(segment);
  await writeFileSafely(files, { directory, name: indexName(segment.name), bytes: encodeIndex(records) });
}

/** Every record of a segment whose end is known. @throws StoreOpenError if one of them cannot be read */
export async function readAllRecords(segment: Segment): Promise<IndexRecord[]> {
  const records: IndexRecord[] = [];
  const range = { from: segmentHeaderBytes, to: segment.endBytes };
  const end = await scanRecords(segment.file, range, (found) => {
    const { type, key, revision, createRevision, timeMs, offset, sizeBytes } = found;
    records.push({ type, key, revision, createRevision, timeMs, offset, sizeBytes });
    return 'go on';
  });
  if (end !== segment.endBytes) throw damage(segment.file.path, end, 'a record cannot be read');
  return records;
}
