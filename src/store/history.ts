import type { Version } from './version.ts';

/** How much of the past can always be watched and read. Both hold: what either asks for is kept. */
export interface Retention {
  readonly minEvents: number;
  readonly minAgeMs: number;
}

/** Ten thousand events and five minutes: what etcd keeps for Kubernetes, and more. */
export const defaultRetention: Retention = { minEvents: 10_000, minAgeMs: 5 * 60_000 };

interface Mark {
  /** Monotonic time of the first and the last event of this group. */
  readonly startMs: number;
  lastMs: number;
  lastRevision: number;
}

/**
 * The events after the compacted revision, one version per revision, oldest first. Their times are kept per group of
 * neighbours, not per event.
 */
export class History {
  readonly #retention: Retention;
  /** Events within this time of each other share a mark. */
  readonly #grainMs: number;
  #versions: Version[] = [];
  /** Position of the oldest event in `#versions`; what is before it has been dropped. */
  #head = 0;
  #compactedRevision: number;
  #marks: Mark[] = [];

  constructor(retention: Retention, compactedRevision: number) {
    this.#retention = retention;
    this.#grainMs = Math.min(1000, retention.minAgeMs / 10);
    this.#compactedRevision = compactedRevision;
  }

  get compactedRevision(): number {
    return this.#compactedRevision;
  }

  get revision(): number {
    return this.#compactedRevision + this.#versions.length - this.#head;
  }

  /** Adds the next event. `atMs` is monotonic. */
  push(version: Version, atMs: number): void {
    this.#versions.push(version);
    const last = this.#marks.at(-1);
    if (last !== undefined && atMs - last.startMs < this.#grainMs) {
      last.lastMs = Math.max(last.lastMs, atMs);
      last.lastRevision = version.revision;
    } else {
      this.#marks.push({ startMs: atMs, lastMs: atMs, lastRevision: version.revision });
    }
  }

  /** The event of a revision that is still held. */
  at(revision: number): Version {
    const version = this.#versions[this.#head + revision - this.#compactedRevision - 1];
    if (version === undefined) throw new Error(`no event of revision ${revision} in the history`);
    return version;
  }

  /** All events after a revision. */
  after(revision: number): readonly Version[] {
    return this.#versions.slice(this.#head + revision - this.#compactedRevision);
  }

  /** Up to which revision the retention rule allows to compact. */
  compactableRevision(nowMs: number): number {
    const byCount = this.revision - this.#retention.minEvents;
    if (byCount <= this.#compactedRevision) return this.#compactedRevision;
    let byAge = this.#compactedRevision;
    for (const mark of this.#marks) {
      if (nowMs - mark.lastMs < this.#retention.minAgeMs) break;
      byAge = mark.lastRevision;
      if (byAge >= byCount) break;
    }
    return Math.max(this.#compactedRevision, Math.min(byAge, byCount));
  }

  /** Takes the oldest event out. */
  shift(): Version {
    const version = this.at(this.#compactedRevision + 1);
    this.#head++;
    this.#compactedRevision++;
    while ((this.#marks[0]?.lastRevision ?? Number.POSITIVE_INFINITY) <= this.#compactedRevision) this.#marks.shift();
    if (this.#head > 1024 && this.#head * 2 > this.#versions.length) {
      this.#versions = this.#versions.slice(this.#head);
      this.#head = 0;
    }
    return version;
  }
}
