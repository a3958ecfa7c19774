import * as path from 'node:path';
import type { VersionIndex } from '../version-index.ts';
import type { Version } from '../version.ts';
import type { FileLayer, OpenFile } from './file-layer.ts';
import { scanRecords, type FoundRecord } from './scan.ts';
import { damage, indexName, Segment, segmentHeader, segmentHeaderBytes, segmentName } from './segment.ts';
import { encodeIndex, type IndexRecord } from './segment-index.ts';
import { writeFileSafely } from './write-file.ts';

const bufferBytes = 1 << 20;
const draftName = 'compacted.tmp';

/** A record that was copied. */
export interface Moved {
  readonly version: Version;
  readonly from: Segment;
  readonly fromOffset: number;
  /** Its place in the new segment. */
  readonly offset: number;
}

export interface CleaningParts {
  readonly files: FileLayer;
  readonly directory: string;
  readonly index: VersionIndex;
  /** Asked between chunks; true: give up, leave nothing behind. */
  readonly cancelled: () => boolean;
}

/** A victim holds a record that cannot be read: nothing was changed. */
export class UnreadableVictim extends Error {
  readonly victim: Segment;
  constructor(victim: Segment, cause: unknown) {
    super('a record cannot be read', { cause });
    this.victim = victim;
  }
}

/** Copies that are on disk, but not used yet. */
export interface Copy {
  readonly segment: Segment;
  readonly moved: readonly Moved[];
}

/**
 * Copies what is still needed of old segments into a new one, keeping revisions. Nothing in memory changes until `adopt`.
 * A crash at any point leaves a draft or a segment that the manifest does not know; opening removes both.
 */
export async function copyLiveRecords(
  parts: CleaningParts,
  victims: readonly Segment[],
  id: number,
): Promise<Copy | 'empty' | 'cancelled'> {
  const { files, directory } = parts;
  const draft = path.join(directory, draftName);
  const copier = new Copier(await files.open(draft, 'create'));
  try {
    for (const victim of victims) if ((await copyFrom(parts, victim, copier)) === 'cancelled') return 'cancelled';
    if (copier.moved.length === 0) return 'empty';
    return await finish(parts, copier, { draft, id });
  } finally {
    await copier.file.close();
    await files.remove(draft);
  }
}

async function finish(parts: CleaningParts, copier: Copier, to: { draft: string; id: number }): Promise<Copy> {
  const { files, directory } = parts;
  await copier.file.write(segmentHeader('compacted', to.id), 0);
  await copier.file.sync();
  const name = segmentName('compacted', to.id);
  const target = path.join(directory, name);
  await files.rename(to.draft, target);
  await writeFileSafely(files, { directory, name: indexName(name), bytes: encodeIndex(copier.records) });
  await files.syncDirectory(directory);
  const segment = new Segment('compacted', to.id, await files.open(target, 'read'), copier.end);
  segment.endBytes = copier.end;
  segment.lastRevision = copier.records.reduce((most, record) => Math.max(most, record.revision), 0);
  segment.lastTimeMs = copier.records.reduce((most, record) => Math.max(most, record.timeMs), 0);
  segment.sealed = true;
  return { segment, moved: copier.moved };
}

/**
 * From here on the copies are read, and the originals are dead (should the victims have to stay, for instance because the
 * manifest cannot be written now). What died while it was copied is dead in the new segment as well.
 */
export function adopt({ moved, segment }: Copy): void {
  for (const { version, from, fromOffset, offset } of moved) {
    if (version.segment === from) {
      version.segment = segment;
      version.offset = offset;
      from.markDead(fromOffset, version.sizeBytes);
    } else {
      segment.markDead(offset, version.sizeBytes);
    }
  }
}

/** Reads a victim in chunks; the file reads in between let everything else run. */
async function copyFrom(parts: CleaningParts, victim: Segment, copier: Copier): Promise<'copied' | 'cancelled'> {
  let from = segmentHeaderBytes;
  while (from < victim.endBytes) {
    if (parts.cancelled()) return 'cancelled';
    const end = await scanRecords(victim.file, { from, to: victim.endBytes }, (found) => {
      const version = findVersion(parts.index, found);
      if (version !== undefined && version.segment === victim && version.offset === found.offset) {
        copier.add(found, version, victim);
      }
      return copier.full ? 'stop' : 'go on';
    });
    // A record at which the scan stopped because the copier is full has been added already.
    const next = copier.full ? Math.max(end, copier.lastEnd) : end;
    if (next === from) throw new UnreadableVictim(victim, damage(victim.file.path, from, 'a record cannot be read'));
    from = next;
    await copier.flush();
  }
  return 'copied';
}

function findVersion(index: VersionIndex, found: FoundRecord): Version | undefined {
  let version = index.newest(found.key);
  while (version !== undefined && version.revision > found.revision) version = version.previous;
  return version?.revision === found.revision ? version : undefined;
}

class Copier {
  readonly file: OpenFile;
  readonly records: IndexRecord[] = [];
  readonly moved: Moved[] = [];
  /** Where the last record that was added ended in its old segment. */
  lastEnd = 0;
  #chunks: Buffer[] = [];
  #chunkBytes = 0;
  #flushedEnd = segmentHeaderBytes;

  constructor(file: OpenFile) {
    this.file = file;
  }

  get end(): number {
    return this.#flushedEnd + this.#chunkBytes;
  }

  get full(): boolean {
    return this.#chunkBytes >= bufferBytes;
  }

  add(found: FoundRecord, version: Version, from: Segment): void {
    const { type, key, revision, createRevision, timeMs, sizeBytes } = found;
    this.records.push({ type, key, revision, createRevision, timeMs, sizeBytes, offset: this.end });
    this.moved.push({ version, from, fromOffset: found.offset, offset: this.end });
    this.#chunks.push(Buffer.from(found.bytes));
    this.#chunkBytes += sizeBytes;
    this.lastEnd = found.offset + sizeBytes;
  }

  async flush(): Promise<void> {
    if (this.#chunkBytes === 0) return;
    const bytes = Buffer.concat(this.#chunks);
    await this.file.write(bytes, this.#flushedEnd);
    this.#flushedEnd += bytes.length;
    this.#chunks = [];
    this.#chunkBytes = 0;
  }
}
