import {
  formatTime,
  isAlreadyExists,
  isConflict,
  isNamespaceTerminating,
  isNotFound,
  parseTime,
  resources,
  type TickEntry,
  type TickRecord,
} from '../../../api/index.ts';
import type { Client } from '../../../client/index.ts';
import type { Clock } from '../../../clock/index.ts';

/** Whose ticks: a CronJob that was deleted and made again is another one. */
export interface TickOwner {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

export interface TickLogOptions {
  readonly client: Client;
  readonly clock: Clock;
  /** How many entries are kept of one CronJob. */
  readonly maxEntries?: number;
}

const defaultMaxEntries = 10_000;
/** An entry is added by writing its record anew: few enough that this costs no more than the Job itself. */
const entriesPerRecord = 32;
const maxTries = 8;
const dayMs = 86_400_000;
const keptMs = 400 * dayMs;
const sweepPage = 500;

/**
 * Keeps entries in TickRecords: constant work per entry, the oldest record goes when a new one begins. Records know
 * their CronJob by name and uid only, so they outlive it.
 */
export class TickLog {
  readonly #client: Client;
  readonly #clock: Clock;
  readonly #recordsKept: number;
  /** The number of the newest record, by uid of the CronJob. */
  readonly #newest = new Map<string, number>();

  constructor({ client, clock, maxEntries = defaultMaxEntries }: TickLogOptions) {
    this.#client = client;
    this.#clock = clock;
    this.#recordsKept = Math.ceil(maxEntries / entriesPerRecord);
  }

  /** Durable when it resolves. An entry for a Job that has a final one already is left out. */
  async append(owner: TickOwner, entries: readonly TickEntry[]): Promise<void> {
    try {
      for (const entry of entries) await this.#appendOne(owner, entry);
    } catch (error) {
      // The namespace takes its history with it.
      if (!isNamespaceTerminating(error) && !isNotFound(error)) throw error;
    }
  }

  /** Up to when all ticks are accounted for by spans; undefined if no span was written yet. */
  async spansUntilMs(owner: TickOwner): Promise<number | undefined> {
    const records = await this.#recordsOf(owner, `cronJob.uid=${owner.uid}`);
    const ends = records.flatMap(({ entries = [] }) =>
      entries.flatMap(({ to }) => (to === undefined ? [] : [parseTime(to)])),
    );
    return ends.length === 0 ? undefined : Math.max(...ends);
  }

  /** All records of CronJobs of a name, in the order of their entries; those of one uid follow each other. */
  async read(namespace: string, name: string): Promise<readonly TickRecord[]> {
    return this.#recordsOf({ namespace }, `cronJob.name=${name}`);
  }

  /** Drops records whose last entry is older than 400 days, page by page. */
  async sweep(): Promise<void> {
    const beforeMs = this.#clock.now() - keptMs;
    let token: string | undefined;
    do {
      const page = await this.#client.list<TickRecord>(resources.tickRecords, {
        limit: sweepPage,
        ...(token === undefined ? {} : { continue: token }),
      });
      for (const record of page.items) if (endMsOf(record) < beforeMs) await this.#remove(record.metadata);
      token = page.continue;
      await this.#clock.yield();
    } while (token !== undefined);
  }

  async #recordsOf(of: { readonly namespace: string }, fieldSelector: string): Promise<readonly TickRecord[]> {
    const { items } = await this.#client.list<TickRecord>(resources.tickRecords, {
      namespace: of.namespace,
      fieldSelector,
    });
    return items.toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
  }

  async #appendOne(owner: TickOwner, entry: TickEntry): Promise<void> {
    for (let tries = 1; ; tries++) {
      try {
        await this.#tryAppend(owner, entry);
        return;
      } catch (error) {
        // Two writers for one CronJob: its own sync, and the end of a Job whose CronJob is gone.
        if (!(isConflict(error) || isAlreadyExists(error)) || tries >= maxTries) throw error;
        this.#newest.delete(owner.uid);
      }
    }
  }

  async #tryAppend(owner: TickOwner, entry: TickEntry): Promise<void> {
    const number = this.#newest.get(owner.uid) ?? (await this.#findNewest(owner));
    const record = number === 0 ? undefined : await this.#record(owner, number);
    const entries = record?.entries ?? [];
    const merged = withEntry(entries, entry);
    if (merged === entries) return;
    if (record === undefined || merged.length > entriesPerRecord) await this.#begin(owner, number + 1, entry);
    else await this.#client.update(resources.tickRecords, { ...record, entries: merged });
  }

  async #record({ namespace, uid }: TickOwner, number: number): Promise<TickRecord | undefined> {
    try {
      return await this.#client.get(resources.tickRecords, { namespace, name: recordName(uid, number) });
    } catch (error) {
      // Swept away meanwhile: the next one begins.
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  async #findNewest(owner: TickOwner): Promise<number> {
    const last = (await this.#recordsOf(owner, `cronJob.uid=${owner.uid}`)).at(-1);
    const number = last === undefined ? 0 : Number(last.metadata.name.slice(owner.uid.length + 1));
    this.#newest.set(owner.uid, number);
    return number;
  }

  async #begin(owner: TickOwner, number: number, entry: TickEntry): Promise<void> {
    const { namespace, name, uid } = owner;
    const metadata = { namespace, name: recordName(uid, number) };
    await this.#client.create(resources.tickRecords, { metadata, cronJob: { name, uid }, entries: [entry] });
    this.#newest.set(uid, number);
    const tooOld = number - this.#recordsKept;
    if (tooOld > 0) await this.#remove({ namespace, name: recordName(uid, tooOld) });
  }

  async #remove({
    namespace,
    name,
  }: {
    readonly namespace?: string | undefined;
    readonly name: string;
  }): Promise<void> {
    try {
      await this.#client.delete(resources.tickRecords, { ...(namespace === undefined ? {} : { namespace }), name });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }
}

/** Sorts as it counts. */
function recordName(uid: string, number: number): string {
  return `${uid}-${String(number).padStart(8, '0')}`;
}

/** The entries with one more; the same array if it says nothing new. A span that goes on only gets longer. */
function withEntry(entries: readonly TickEntry[], entry: TickEntry): readonly TickEntry[] {
  const at = entry.jobUid === undefined ? -1 : entries.findIndex(({ jobUid }) => jobUid === entry.jobUid);
  const known = entries[at];
  if (known !== undefined) return supersedes(entry, known) ? entries.with(at, entry) : entries;
  const last = entries.at(-1);
  if (last === undefined || !continues(last, entry)) return [...entries, entry];
  return [...entries.slice(0, -1), { ...last, to: entry.to, decided: entry.decided }];
}

/** What was being replaced may have ended by itself, where it could not be deleted. */
function supersedes(entry: TickEntry, known: TickEntry): boolean {
  if (known.result === 'Running') return entry.result !== 'Running';
  return known.outcome === 'Replaced' && known.result === 'Deleted' && entry.result !== 'Deleted';
}

function continues(last: TickEntry, entry: TickEntry): boolean {
  const { from, to: _to, decided: _decided, scheduled: _scheduled, ...rest } = entry;
  if (from === undefined || last.to !== from) return false;
  const { from: _from, to: _lastTo, decided: _lastDecided, scheduled: _first, ...lastRest } = last;
  return JSON.stringify(sorted(rest)) === JSON.stringify(sorted(lastRest));
}

function sorted(object: object): unknown {
  return Object.entries(object).toSorted(([a], [b]) => (a < b ? -1 : 1));
}

function endMsOf({ entries = [], metadata }: TickRecord): number {
  const last = entries.at(-1);
  return parseTime(last?.to ?? last?.ended ?? metadata.creationTimestamp ?? formatTime(0));
}
