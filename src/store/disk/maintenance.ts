import * as path from 'node:path';
import type { Clock } from '../../clock/index.ts';
import type { Logger } from '../../log/index.ts';
import type { History } from '../history.ts';
import type { VersionIndex } from '../version-index.ts';
import { adopt, copyLiveRecords, UnreadableVictim } from './cleaning.ts';
import { isOutOfSpace, type FileLayer } from './file-layer.ts';
import type { LogWriter } from './log-writer.ts';
import { describeSegment, writeManifest, type Manifest } from './manifest.ts';
import { writeSegmentIndex } from './sealing.ts';
import { StoreOpenError } from '../errors.ts';
import { formatVersion, indexName, type Segment } from './segment.ts';

/** A segment is worth cleaning when this part of it is dead; so at most about half of the space is waste. */
const worthwhileDeadShare = 0.5;
const maxVictims = 32;
/** After the disk was full, maintenance tries again after this time. */
const fullDiskPauseMs = 5000;

export interface MaintenanceParts {
  readonly files: FileLayer;
  readonly directory: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly index: VersionIndex;
  readonly history: History;
  readonly segmentBytes: number;
  readonly onFailure: (error: Error) => void;
}

export interface KnownSegments {
  readonly sealed: Segment[];
  readonly finished: Segment[];
}

/** Everything behind the log's head: seals finished segments, cleans mostly dead ones, keeps the manifest. One at a time. */
export class Maintenance {
  readonly #parts: MaintenanceParts;
  #sealed: Segment[];
  /** Full, but without index and not in the manifest yet; in log order. */
  readonly #finished: Segment[];
  #nextCompacted: number;
  #writer: LogWriter | undefined;
  #running: Promise<void> | undefined;
  #closing = false;
  #failed = false;
  #pausedUntilMs = Number.NEGATIVE_INFINITY;
  /** Sealed segments that are mostly dead; they can be cleaned once the history has left them. */
  readonly #victims = new Set<Segment>();
  #manifestRevision: number;
  /** The last revision before the first segment that is not sealed. */
  #tailAfter: number;

  constructor(parts: MaintenanceParts, known: KnownSegments, manifest: Manifest) {
    this.#parts = parts;
    this.#sealed = known.sealed;
    this.#finished = known.finished;
    this.#nextCompacted = manifest.nextCompacted;
    this.#manifestRevision = manifest.revision;
    this.#tailAfter = manifest.tailAfter;
    for (const segment of known.sealed) this.noteDead(segment);
  }

  /** The log writer comes after maintenance, because it reports to it. */
  attach(writer: LogWriter): void {
    this.#writer = writer;
  }

  get segments(): readonly Segment[] {
    return [...this.#sealed, ...this.#finished];
  }

  finish(segment: Segment): void {
    this.#finished.push(segment);
  }

  /** A record of this segment has died. */
  noteDead(segment: Segment): void {
    if (segment.sealed && !segment.damaged && segment.deadBytes >= segment.usedBytes * worthwhileDeadShare) {
      this.#victims.add(segment);
    }
  }

  /** Starts work in the background if there is any. Cheap when there is none. */
  tidy(): void {
    if (this.#running !== undefined || this.#closing || !this.#hasWork()) return;
    if (this.#parts.clock.monotonic() < this.#pausedUntilMs) return;
    this.#running = this.#work().finally(() => {
      this.#running = undefined;
    });
  }

  /** Works until nothing is left to do. */
  async tidyNow(): Promise<void> {
    await this.#running;
    this.#pausedUntilMs = Number.NEGATIVE_INFINITY;
    this.tidy();
    await this.#running;
  }

  /** Changes nothing on disk any more: it cannot be trusted. */
  fail(): void {
    this.#failed = true;
    this.#closing = true;
  }

  /** Stops, and notes how far the log goes, so that a cut-off log is noticed. */
  async close(): Promise<void> {
    this.#closing = true;
    await this.#running;
    if (this.#failed) return;
    if (this.#writer !== undefined && this.#writer.durableRevision > this.#manifestRevision) {
      try {
        await this.#writeManifest();
      } catch (error) {
        if (!isOutOfSpace(error)) throw error;
        this.#parts.log.warn('No space to note the end of the log', { error });
      }
    }
  }

  #hasWork(): boolean {
    if (this.#finished.length > 0) return true;
    for (const victim of this.#victims) if (this.#cleanable(victim)) return true;
    return false;
  }

  /** Nothing in it is part of the history, except as the state before an event. */
  #cleanable(segment: Segment): boolean {
    return segment.lastRevision <= this.#parts.history.compactedRevision;
  }

  async #work(): Promise<void> {
    try {
      while (!this.#closing && this.#hasWork()) {
        if (this.#finished.length > 0) await this.#seal();
        else await this.#clean();
      }
    } catch (error) {
      this.#stop(error);
    }
  }

  #stop(error: unknown): void {
    const { log, clock, onFailure } = this.#parts;
    if (isOutOfSpace(error)) {
      this.#pausedUntilMs = clock.monotonic() + fullDiskPauseMs;
      log.warn('No space to clean up the store; trying again later', { error });
    } else if (error instanceof UnreadableVictim) {
      error.victim.damaged = true;
      this.#victims.delete(error.victim);
      log.error('The store is damaged', { error });
    } else {
      onFailure(error instanceof Error ? error : new Error(String(error)));
    }
  }

  async #seal(): Promise<void> {
    const { files, directory, log } = this.#parts;
    const segment = this.#finished[0] as Segment;
    try {
      await writeSegmentIndex(files, directory, segment);
    } catch (error) {
      if (!(error instanceof StoreOpenError)) throw error;
      // Without an index, opening reads the segment itself and names the damage.
      segment.damaged = true;
      log.error('The store is damaged', { error });
    }
    this.#finished.shift();
    segment.sealed = true;
    this.#sealed.push(segment);
    const tailAfter = this.#tailAfter;
    // A segment that was too small for the next record has stayed empty.
    this.#tailAfter = Math.max(tailAfter, segment.lastRevision);
    try {
      await this.#writeManifest();
    } catch (error) {
      segment.sealed = false;
      this.#tailAfter = tailAfter;
      this.#sealed.pop();
      this.#finished.unshift(segment);
      throw error;
    }
    this.noteDead(segment);
  }

  async #clean(): Promise<void> {
    const { files, directory, index } = this.#parts;
    const victims = this.#chooseVictims();
    const cancelled = (): boolean => this.#closing;
    const copy = await copyLiveRecords({ files, directory, index, cancelled }, victims, this.#nextCompacted);
    if (copy === 'cancelled') return;
    const before = this.#sealed;
    const added = copy === 'empty' ? [] : [copy.segment];
    if (copy !== 'empty') adopt(copy);
    this.#nextCompacted++;
    this.#sealed = [...before.filter((segment) => !victims.includes(segment)), ...added];
    for (const victim of victims) this.#victims.delete(victim);
    try {
      await this.#writeManifest();
    } catch (error) {
      // The old manifest may still be the valid one: the victims stay on disk, and listed, with all they hold dead.
      this.#sealed = [...before, ...added];
      for (const victim of victims) this.#victims.add(victim);
      throw error;
    }
    for (const victim of victims) await this.#remove(victim);
    for (const segment of added) this.noteDead(segment);
  }

  /** As many as their live records fill one segment. */
  #chooseVictims(): Segment[] {
    const victims: Segment[] = [];
    let liveBytes = 0;
    for (const segment of this.#victims) {
      if (!this.#cleanable(segment)) continue;
      liveBytes += segment.usedBytes - segment.deadBytes;
      if (victims.length > 0 && liveBytes > this.#parts.segmentBytes) break;
      victims.push(segment);
      if (victims.length === maxVictims) break;
    }
    return victims;
  }

  async #remove(segment: Segment): Promise<void> {
    const { files, directory } = this.#parts;
    await segment.file.close();
    await files.remove(path.join(directory, segment.name));
    await files.remove(path.join(directory, indexName(segment.name)));
  }

  async #writeManifest(): Promise<void> {
    const { files, directory, history } = this.#parts;
    const [tail] = [...this.#finished, ...(this.#writer?.openSegments ?? [])];
    if (tail === undefined) throw new Error('the log has no open segment');
    const revision = this.#writer?.durableRevision ?? 0;
    await writeManifest(files, directory, {
      format: formatVersion,
      revision,
      compactedRevision: history.compactedRevision,
      tail: tail.id,
      tailAfter: this.#tailAfter,
      nextCompacted: this.#nextCompacted,
      segments: this.#sealed.map(describeSegment),
    });
    this.#manifestRevision = revision;
  }
}
