import * as path from 'node:path';
import { crc32 } from 'node:zlib';
import { StoreOpenError } from '../errors.ts';
import { errorCode, type FileLayer } from './file-layer.ts';
import { refuseNewerFormat, type Segment, type SegmentKind } from './segment.ts';
import { writeFileSafely } from './write-file.ts';

const manifestName = 'manifest';

/** A sealed segment. */
export interface ManifestSegment {
  readonly kind: SegmentKind;
  readonly id: number;
  readonly endBytes: number;
  readonly lastRevision: number;
  readonly lastTimeMs: number;
  /** Offsets of dead records (u32, little-endian, base64), so that they stay dead when what killed them is dropped. */
  readonly dead: string;
}

/** Which files make up the store. Swapped as a whole by rename: the only step that changes what exists. */
export interface Manifest {
  readonly format: number;
  /** The log was durable up to here when this was written: a log that ends earlier is damaged. */
  readonly revision: number;
  readonly compactedRevision: number;
  /** The first log segment that is not sealed; it and all later ones are found by looking. */
  readonly tail: number;
  /** The last revision before that segment. */
  readonly tailAfter: number;
  readonly nextCompacted: number;
  readonly segments: readonly ManifestSegment[];
}

export function describeSegment(segment: Segment): ManifestSegment {
  const { kind, id, endBytes, lastRevision, lastTimeMs } = segment;
  const dead = Buffer.from(Uint32Array.from(segment.dead).buffer).toString('base64');
  return { kind, id, endBytes, lastRevision, lastTimeMs, dead };
}

/** Dead offsets in ascending order. */
export function decodeDead(segment: ManifestSegment): number[] {
  const bytes = Buffer.from(segment.dead, 'base64');
  const offsets: number[] = [];
  for (let at = 0; at < bytes.length; at += 4) offsets.push(bytes.readUInt32LE(at));
  return offsets.sort((a, b) => a - b);
}

export async function writeManifest(files: FileLayer, directory: string, manifest: Manifest): Promise<void> {
  const body = JSON.stringify(manifest);
  const bytes = Buffer.from(`${body}\n${crc32(body).toString(16)}\n`);
  await writeFileSafely(files, { directory, name: manifestName, bytes });
  await files.syncDirectory(directory);
}

/** Undefined if there is none. @throws StoreOpenError if it is damaged or of a newer format */
export async function readManifest(files: FileLayer, directory: string): Promise<Manifest | undefined> {
  const file = path.join(directory, manifestName);
  const text = await readText(files, file);
  if (text === undefined) return undefined;
  const [body = '', sum] = text.split('\n');
  if (crc32(body).toString(16) !== sum) throw new StoreOpenError(`${file} is damaged: its checksum does not match`);
  const manifest = JSON.parse(body) as Manifest;
  refuseNewerFormat(manifest.format, file);
  return manifest;
}

async function readText(files: FileLayer, file: string): Promise<string | undefined> {
  let handle;
  try {
    handle = await files.open(file, 'read');
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
  try {
    const bytes = Buffer.alloc(await handle.sizeBytes());
    await handle.read(bytes, 0);
    return bytes.toString();
  } finally {
    await handle.close();
  }
}
