import {
  formatMicroTime,
  formatTime,
  isNotFound,
  jobFinishedCondition,
  notFound,
  parseTime,
  resources,
  type CronJob,
  type Job,
  type TickEntry,
} from '../../../api/index.ts';
import type { Client } from '../../../client/index.ts';
import { parseSchedule, type Schedule } from '../../../cron/index.ts';
import { ticksFrom } from './aligned.ts';
import { invalidSchedule, isNeverDue, onTimeMs, unevenSchedule } from './causes.ts';
import { isManual, tickOf } from './run-entry.ts';
import { handledMs, type TickBook } from './tick-book.ts';

/** What became of one tick, or of one run that was made by hand. Instants are RFC 3339. */
export interface TickFate {
  /** Absent for runs made by hand. */
  readonly scheduled?: string;
  /** `Skipped`: by the CronJob's own rules; `Missed`: nobody was there to act; `Waiting`: may still run late. */
  readonly outcome: 'Ran' | 'RanLate' | 'Replaced' | 'Manual' | 'Skipped' | 'Missed' | 'Waiting';
  /** Why it did not run, ran late, or failed. */
  readonly reason?: string;
  readonly message?: string;
  readonly decided?: string;
  readonly started?: string;
  readonly ended?: string;
  /** Name of its Job. */
  readonly job?: string;
  /** Which of the CronJobs that had this name: one that was deleted and made again is another one. */
  readonly cronJobUid: string;
  readonly result?: string;
  readonly evidence?: Readonly<Record<string, unknown>>;
}

export interface TickList {
  readonly apiVersion: 'rondo.dev/v1alpha1';
  readonly kind: 'TickList';
  readonly cronJob: {
    readonly namespace: string;
    readonly name: string;
    readonly uid?: string;
    readonly exists: boolean;
  };
  readonly now: string;
  /** The next tick; null if there is none, or the CronJob is suspended or gone. */
  readonly next: string | null;
  /** Why there are no ticks at all now. */
  readonly problem?: string;
  /** In the order of time. */
  readonly ticks: readonly TickFate[];
  /** There were more, and these are the newest. */
  readonly truncated: boolean;
}

export interface TickQuery {
  readonly namespace: string;
  readonly name: string;
  /** Inclusive both. */
  readonly sinceMs: number;
  readonly untilMs: number;
  readonly limit: number;
}

export interface TickSources {
  readonly client: Client;
  readonly book: TickBook;
  /** The zone of schedules that name none. */
  readonly timeZone: string | undefined;
  readonly nowMs: number;
}

/**
 * The fate of every tick of the CronJobs that had this name, from what was written, the Jobs that are still there, and
 * what is open now.
 * @throws ApiError 404 if there is no such CronJob and nothing is known of one
 */
export async function explainTicks(query: TickQuery, sources: TickSources): Promise<TickList> {
  const cronJob = await existing(query, sources.client);
  const records = await sources.book.log.read(query.namespace, query.name);
  if (cronJob === undefined && records.length === 0) throw notFound(resources.cronJobs, query.name);
  const schedule = cronJob === undefined ? undefined : scheduleOf(cronJob, sources.timeZone);
  const fates = new Fates(query, sources);
  for (const record of records) for (const entry of record.entries ?? []) fates.add(entry, record.cronJob?.uid ?? '');
  if (cronJob !== undefined) {
    for (const job of sources.book.children(cronJob)) fates.addLive(job, cronJob.metadata.uid);
    if (typeof schedule === 'object') await addOpen(fates, { cronJob, schedule, sources });
  }
  const { ticks, truncated } = fates.finish();
  const nextMs = nextTickMs(cronJob, schedule, sources.nowMs);
  return {
    apiVersion: 'rondo.dev/v1alpha1',
    kind: 'TickList',
    cronJob: {
      ...{ namespace: query.namespace, name: query.name, exists: cronJob !== undefined },
      ...(cronJob === undefined ? {} : { uid: cronJob.metadata.uid }),
    },
    now: formatMicroTime(sources.nowMs),
    next: Number.isNaN(nextMs) ? null : formatTime(nextMs),
    ...(typeof schedule === 'string' ? { problem: schedule } : {}),
    ticks,
    truncated,
  };
}

function nextTickMs(cronJob: CronJob | undefined, schedule: Schedule | string | undefined, nowMs: number): number {
  if (cronJob === undefined || typeof schedule !== 'object' || cronJob.spec.suspend === true) return Number.NaN;
  // The clock may have been set back: what has had its Job does not come again.
  return ticksFrom(schedule, handledMs(cronJob)).after(Math.max(nowMs, handledMs(cronJob)));
}

async function existing({ namespace, name }: TickQuery, client: Client): Promise<CronJob | undefined> {
  try {
    return await client.get(resources.cronJobs, { namespace, name });
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/** The text of the error where there is no schedule to speak of. */
function scheduleOf({ spec }: CronJob, hostZone: string | undefined): Schedule | string {
  try {
    return parseSchedule(spec.schedule, { timeZone: spec.timeZone ?? hostZone });
  } catch (error) {
    return (error as Error).message;
  }
}

interface Open {
  readonly cronJob: CronJob;
  readonly schedule: Schedule;
  readonly sources: TickSources;
}

/** What is not written yet, and the one tick that upstream's rules would still start. */
async function addOpen(fates: Fates, { cronJob, schedule, sources }: Open): Promise<void> {
  for (const entry of await sources.book.open(cronJob, schedule)) fates.add(entry, cronJob.metadata.uid);
  const newestMs = ticksFrom(schedule, handledMs(cronJob)).before(sources.nowMs + 1);
  const deadlineMs = (cronJob.spec.startingDeadlineSeconds ?? Infinity) * 1000;
  if (newestMs + deadlineMs >= sources.nowMs && !isNeverDue(cronJob.spec, schedule)) fates.markWaiting(newestMs);
}

/** Ticks of one cause that are not enumerated yet. */
interface Span {
  readonly entry: TickEntry;
  readonly cronJobUid: string;
  /** What was written later says more. */
  readonly order: number;
}

class Fates {
  readonly #query: TickQuery;
  readonly #sources: TickSources;
  readonly #runs = new Map<string, TickFate>();
  readonly #spans: Span[] = [];
  /** By instant. */
  readonly #idle = new Map<number, { readonly fate: TickFate; readonly order: number }>();
  #waitingMs = Number.NaN;
  #truncated = false;

  constructor(query: TickQuery, sources: TickSources) {
    this.#query = query;
    this.#sources = sources;
  }

  add(entry: TickEntry, cronJobUid: string): void {
    if (entry.from === undefined) this.#addRun(entry, cronJobUid);
    else this.#spans.push({ entry, cronJobUid, order: this.#spans.length });
  }

  /** The newest tick may still be started, unless the CronJob's deadline rules it out. */
  markWaiting(atMs: number): void {
    this.#waitingMs = atMs;
  }

  addLive(job: Job, cronJobUid: string): void {
    const { uid, name, creationTimestamp } = job.metadata;
    if (this.#isOver(uid)) return;
    const tickMs = isManual(job) ? undefined : tickOf(job);
    const finished = jobFinishedCondition(job);
    this.#runs.set(uid, {
      ...(tickMs === undefined ? {} : { scheduled: formatTime(tickMs) }),
      outcome: tickMs === undefined ? 'Manual' : 'Ran',
      decided: formatMicroTime(parseTime(creationTimestamp)),
      ...(job.status.startTime === undefined ? {} : { started: job.status.startTime }),
      ...(job.status.completionTime === undefined ? {} : { ended: job.status.completionTime }),
      job: name,
      cronJobUid,
      result: finished?.type ?? 'Running',
    });
  }

  finish(): { readonly ticks: readonly TickFate[]; readonly truncated: boolean } {
    this.#enumerate();
    const runs = [...this.#runs.values()].map((run) => this.#late(run));
    const ran = new Set(runs.flatMap(({ scheduled }) => (scheduled === undefined ? [] : [parseTime(scheduled)])));
    const idle = [...this.#idle].filter(([atMs]) => !ran.has(atMs)).map(([, { fate }]) => fate);
    const { sinceMs, untilMs, limit } = this.#query;
    const all = [...runs, ...idle].filter((fate) => timeOf(fate) >= sinceMs && timeOf(fate) <= untilMs);
    const ticks = all.toSorted((a, b) => timeOf(a) - timeOf(b));
    return { ticks: ticks.slice(-limit), truncated: this.#truncated || ticks.length > limit };
  }

  #isOver(jobUid: string): boolean {
    const run = this.#runs.get(jobUid);
    return run !== undefined && run.result !== 'Running';
  }

  #addRun(entry: TickEntry, cronJobUid: string): void {
    const { jobUid = '', outcome } = entry;
    if (this.#isOver(jobUid)) return;
    const fields = runFields.flatMap((field) => (entry[field] === undefined ? [] : [[field, entry[field]] as const]));
    this.#runs.set(jobUid, { ...Object.fromEntries(fields), outcome: outcome as TickFate['outcome'], cronJobUid });
  }

  /**
   * The newest first, and no more than can be told: thousands of spans may hold thousands of ticks each. Every run may
   * take the place of one.
   */
  #enumerate(): void {
    const enough = this.#query.limit + this.#runs.size;
    for (const span of this.#spans.toSorted((a, b) => endOf(b) - endOf(a))) {
      if (this.#idle.size > enough) {
        this.#truncated ||= endOf(span) >= this.#query.sinceMs;
        break;
      }
      this.#expand(span, enough);
    }
    const waiting = this.#idle.get(this.#waitingMs);
    // What the estimate overshot is not found again: nothing but another deadline would bring it back.
    if (waiting !== undefined && !finalReasons.has(waiting.fate.reason))
      this.#idle.set(this.#waitingMs, { ...waiting, fate: { ...waiting.fate, outcome: 'Waiting' } });
  }

  /** Each tick of a span, the newest first, as far as it was asked for. */
  #expand({ entry, cronJobUid, order }: Span, enough: number): void {
    const outcome = entry.outcome as TickFate['outcome'];
    const { from = '', to = '', schedule: text, timeZone, scheduled = from } = entry;
    if (text === undefined) return;
    const schedule = parseSchedule(text, { timeZone: timeZone ?? this.#sources.timeZone });
    const ticks = ticksFrom(schedule, parseTime(scheduled));
    const fromMs = Math.max(parseTime(from), this.#query.sinceMs - 1);
    // What was counted up to a part of a second is written in whole seconds, as ticks are.
    let atMs = ticks.before(Math.min(parseTime(to), this.#query.untilMs) + 1);
    for (let count = 0; atMs > fromMs; atMs = ticks.before(atMs), count++) {
      if (count > enough) {
        this.#truncated = true;
        break;
      }
      if ((this.#idle.get(atMs)?.order ?? -1) > order) continue;
      this.#idle.set(atMs, { order, fate: { scheduled: formatTime(atMs), outcome, cronJobUid, ...whyOf(entry) } });
    }
  }

  /** A run that began well after its instant: the span that its instant lies in says why. */
  #late(run: TickFate): TickFate {
    const { scheduled, decided, outcome } = run;
    if (outcome !== 'Ran' || scheduled === undefined || decided === undefined) return run;
    const atMs = parseTime(scheduled);
    if (parseTime(decided) - atMs <= onTimeMs) return run;
    const span = this.#idle.get(atMs)?.fate;
    const late: TickFate = { ...run, outcome: 'RanLate' };
    if (span === undefined) return late;
    return {
      ...late,
      ...(run.reason === undefined && span.reason !== undefined ? { reason: span.reason } : {}),
      ...(run.message === undefined && span.message !== undefined ? { message: span.message } : {}),
      ...(span.evidence === undefined ? {} : { evidence: span.evidence }),
    };
  }
}

/** Upstream's arithmetic does not find these again. */
const finalReasons: ReadonlySet<string | undefined> = new Set([unevenSchedule.reason, invalidSchedule.reason]);

const runFields = ['scheduled', 'decided', 'started', 'ended', 'job', 'result', 'reason', 'message'] as const;

function whyOf(entry: TickEntry): Pick<TickFate, 'reason' | 'message' | 'decided' | 'evidence'> {
  const { reason, message, decided, generation, startingDeadlineSeconds, concurrencyPolicy, active } = entry;
  const evidence = { generation, startingDeadlineSeconds, concurrencyPolicy, activeJobs: active };
  return {
    ...(reason === undefined ? {} : { reason }),
    ...(message === undefined ? {} : { message }),
    ...(decided === undefined ? {} : { decided }),
    evidence: Object.fromEntries(Object.entries(evidence).filter(([, value]) => value !== undefined)),
  };
}

function endOf({ entry }: Span): number {
  return parseTime(entry.to ?? '');
}

function timeOf({ scheduled, decided, ended }: TickFate): number {
  return parseTime(scheduled ?? decided ?? ended ?? '');
}
