import * as path from 'node:path';
import { StoreOpenError } from '../errors.ts';
import { errorCode, type FileLayer, type OpenFile } from './file-layer.ts';
import { missing, skipDead, type Loader } from './loading.ts';
import { createLogSegment, firstSegmentSize } from './log-writer.ts';
import { decodeDead, readManifest, writeManifest, type Manifest } from './manifest.ts';
import { readAllRecords } from './sealing.ts';
import {
  checkSegmentHeader,
  formatVersion,
  indexName,
  parseSegmentName,
  Segment,
  segmentName,
  type SegmentKind,
} from './segment.ts';
import { readIndex } from './segment-index.ts';

/** Which segments there are, all open. */
export interface Layout {
  readonly manifest: Manifest;
  /** Sealed segments, compacted ones first, then the log in order; with the offsets of their dead records. */
  readonly sealed: ReadonlyMap<Segment, readonly number[]>;
  /** The unsealed log segments in order, at least one. */
  readonly open: readonly Segment[];
}

/** Reads the manifest, removes what an interrupted step left behind, and opens every segment. */
export async function openLayout(files: FileLayer, directory: string, segmentBytes: number): Promise<Layout> {
  const manifest = (await readManifest(files, directory)) ?? (await createFirst(files, directory, segmentBytes));
  await removeLeftovers(files, directory, manifest);
  const names = await files.list(directory);
  const opened: Segment[] = [];
  try {
    const sealed = new Map<Segment, readonly number[]>();
    for (const known of inLoadingOrder(manifest)) {
      const segment = await openSegment(files, directory, { kind: known.kind, id: known.id, mode: 'read' });
      opened.push(segment);
      segment.endBytes = known.endBytes;
      segment.lastRevision = known.lastRevision;
      segment.lastTimeMs = known.lastTimeMs;
      segment.sealed = true;
      sealed.set(segment, decodeDead(known));
    }
    const open: Segment[] = [];
    for (let id = manifest.tail; names.includes(segmentName('log', id)); id++) {
      const segment = await openSegment(files, directory, { kind: 'log', id, mode: 'log' });
      opened.push(segment);
      open.push(segment);
    }
    if (open.length === 0) throw missing(path.join(directory, segmentName('log', manifest.tail)));
    return { manifest, sealed, open };
  } catch (error) {
    for (const segment of opened) await segment.file.close();
    throw error;
  }
}

/** Brings every record of the sealed segments to the loader: from the index files, or from a segment that has none. */
export async function loadSealed(files: FileLayer, layout: Layout, loader: Loader): Promise<void> {
  for (const [segment, dead] of layout.sealed) {
    const isDead = skipDead(segment, dead);
    const index = await readIndex(
      files,
      `${segment.file.path.slice(0, -segment.name.length)}${indexName(segment.name)}`,
    );
    if (index !== undefined) {
      index.visit((record) => {
        if (!isDead(record)) loader.add(segment, record);
      });
      continue;
    }
    for (const record of await readAllRecords(segment)) if (!isDead(record)) loader.add(segment, record);
  }
}

function inLoadingOrder(manifest: Manifest): Manifest['segments'] {
  const rank = { compacted: 0, log: 1 };
  return [...manifest.segments].sort((a, b) => rank[a.kind] - rank[b.kind] || a.id - b.id);
}

async function createFirst(files: FileLayer, directory: string, segmentBytes: number): Promise<Manifest> {
  for (const name of await files.list(directory)) {
    const found = parseSegmentName(name);
    // A first start that was interrupted leaves an empty first segment; anything else has lost its manifest.
    if (found !== undefined && (found.kind !== 'log' || found.id !== 1))
      throw missing(path.join(directory, 'manifest'));
  }
  await refuseUsedSegment(files, path.join(directory, segmentName('log', 1)));
  const first = await createLogSegment(files, { directory, id: 1, capacityBytes: firstSegmentSize(segmentBytes) });
  await first.file.close();
  const manifest: Manifest = {
    format: formatVersion,
    revision: 0,
    compactedRevision: 0,
    tail: 1,
    tailAfter: 0,
    nextCompacted: 1,
    segments: [],
  };
  await writeManifest(files, directory, manifest);
  return manifest;
}

async function refuseUsedSegment(files: FileLayer, segmentPath: string): Promise<void> {
  let file: OpenFile;
  try {
    file = await files.open(segmentPath, 'read');
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return;
    throw error;
  }
  const bytes = Buffer.alloc(await file.sizeBytes());
  await file.read(bytes, 0);
  await file.close();
  if (bytes.subarray(64).some((byte) => byte !== 0)) {
    throw new StoreOpenError(`${segmentPath} holds records, but the manifest beside it is missing`);
  }
}

/** Drafts, and segments that the manifest does not know (any more). */
async function removeLeftovers(files: FileLayer, directory: string, manifest: Manifest): Promise<void> {
  const known = new Set(manifest.segments.map(({ kind, id }) => segmentName(kind, id)));
  for (const name of await files.list(directory)) {
    const segment = parseSegmentName(name.replace(/\.index$/, ''));
    const unknown =
      segment !== undefined &&
      !known.has(segmentName(segment.kind, segment.id)) &&
      (segment.kind === 'compacted' || segment.id < manifest.tail);
    if (unknown || (name.endsWith('.tmp') && !name.startsWith('lock-'))) await files.remove(path.join(directory, name));
  }
}

async function openSegment(
  files: FileLayer,
  directory: string,
  which: { kind: SegmentKind; id: number; mode: 'read' | 'log' },
): Promise<Segment> {
  const { kind, id, mode } = which;
  const file = await openExisting(files, path.join(directory, segmentName(kind, id)), mode);
  try {
    await checkSegmentHeader(file, kind, id);
    return new Segment(kind, id, file, await file.sizeBytes());
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function openExisting(files: FileLayer, file: string, mode: 'read' | 'log'): Promise<OpenFile> {
  try {
    return await files.open(file, mode);
  } catch (error) {
    throw errorCode(error) === 'ENOENT' ? missing(file) : error;
  }
}
