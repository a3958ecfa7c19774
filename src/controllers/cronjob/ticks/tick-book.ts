import {
  controllerOf,
  formatMicroTime,
  formatTime,
  isNotFound,
  jobFinishedCondition,
  objectKey,
  parseTime,
  refOf,
  resources,
  type CronJob,
  type Job,
  type ObjectReference,
  type TickEntry,
} from '../../../api/index.ts';
import type { Client, Informers } from '../../../client/index.ts';
import type { Clock, Timer } from '../../../clock/index.ts';
import type { Logger } from '../../../log/index.ts';
import type { Schedule } from '../../../cron/index.ts';
import { byController } from '../children.ts';
import { ticksFrom } from './aligned.ts';
import {
  causedSpans,
  concurrency,
  isSameCause,
  onTimeMs,
  suspended,
  unevenSchedule,
  type Ambient,
  type Cause,
  type CausedSpan,
  type Leap,
  type Segment,
  lateness,
} from './causes.ts';
import { isManual, lostRunEntry, runEntry, tickOf, type RunEnd } from './run-entry.ts';
import { TickLog, type TickOwner } from './tick-log.ts';

export interface TickBookOptions {
  readonly client: Client;
  readonly informers: Informers;
  readonly clock: Clock;
  readonly log: Logger;
  /** Whose lease tells when the engine was last alive. */
  readonly nodeName: string;
  readonly maxEntries?: number;
}

/** What is known of one CronJob beyond its status. */
interface Memory {
  /** All ticks up to here have their fate. */
  accountedMs: number;
  /** Causes of the ticks since then, as they were found. */
  segments: Segment[];
  /** What the last sync found in the way: it holds until the next one. */
  cause: Cause | undefined;
}

/** What a sync decided about the ticks up to now. */
export interface SyncOutcome {
  readonly cronJob: CronJob;
  readonly schedule: Schedule;
  /** The tick that is started now; undefined: none is. */
  readonly startsMs: number | undefined;
  /** The newest tick that is due and could still be started later. */
  readonly pendingMs: number | undefined;
  /** What is in the way. */
  readonly cause: Cause | undefined;
}

const leapsKept = 16;
const dayMs = 86_400_000;
const sweepEveryMs = dayMs;

/**
 * Knows the fate of every tick: what ran is kept from its Job when that is over, what did not run is kept as spans with
 * a cause, written before the decision that makes it final. What is still open is derived from the CronJob, its Jobs
 * and what this book remembers, so that a crash at any moment loses nothing that cannot be derived again.
 */
export class TickBook {
  readonly log: TickLog;
  readonly #options: TickBookOptions;
  readonly #memories = new Map<string, Memory>();
  /** Jobs that are gone, as they were last, by the key of their CronJob and their uid. */
  readonly #gone = new Map<string, Map<string, Job>>();
  /** What is written of Jobs that no status lists, as long as they are there. */
  readonly #unlisted = new Map<string, 'running' | 'ended'>();
  readonly #leaps: Leap[] = [];
  #startedMs = 0;
  #aliveMs: number | undefined;
  #aheadMs = 0;
  #sweep: Timer | undefined;

  constructor(options: TickBookOptions) {
    this.#options = options;
    this.log = new TickLog(options);
  }

  /** Before anything acts: reads when the engine was last alive. */
  async start(): Promise<void> {
    const { clock, client, nodeName } = this.#options;
    this.#startedMs = clock.now();
    this.#aheadMs = clock.now() - clock.monotonic();
    try {
      const lease = await client.get(resources.leases, { namespace: 'kube-node-lease', name: nodeName });
      const renewed = lease.spec?.renewTime;
      this.#aliveMs = renewed === undefined ? undefined : parseTime(renewed);
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
    this.#sweepLater(dayMs / 24);
  }

  stop(): void {
    this.#sweep?.cancel();
  }

  /** Writes what is final by this decision, and remembers what is not. Comes before the decision is acted upon. */
  async account(outcome: SyncOutcome): Promise<void> {
    this.#watchClock();
    const { cronJob, schedule, startsMs, pendingMs } = outcome;
    const nowMs = this.#options.clock.now();
    const known = this.#memories.get(cronJob.metadata.uid);
    const fromMs = Math.max(handledMs(cronJob), known?.accountedMs ?? 0);
    const firstMs = ticksFrom(schedule, handledMs(cronJob)).after(fromMs);
    if (!(firstMs <= nowMs) || (firstMs === startsMs && this.#needsNoReason(firstMs, outcome.cause ?? known?.cause))) {
      this.#remember(cronJob, { accountedMs: fromMs, segments: [], cause: outcome.cause });
      return;
    }
    const memory = known ?? (await this.#recall(cronJob, fromMs));
    memory.accountedMs = Math.max(memory.accountedMs, fromMs);
    const deadlineMs = (cronJob.spec.startingDeadlineSeconds ?? Infinity) * 1000;
    // Upstream's search begins at the deadline: what lies before it was not even looked for.
    if (outcome.cause === unevenSchedule && nowMs - deadlineMs > fromMs)
      addSegment(memory, { toMs: nowMs - deadlineMs, cause: memory.cause });
    addSegment(memory, { toMs: nowMs, cause: memory.cause ?? outcome.cause });
    const finalMs = startsMs ?? (pendingMs === undefined ? finalWithout(outcome, nowMs) : pendingMs - 1);
    if (finalMs !== undefined) await this.#settle(outcome, memory, finalMs);
    this.#remember(cronJob, { ...memory, cause: outcome.cause === unevenSchedule ? undefined : outcome.cause });
  }

  /** The only tick since the last one starts now, on time or late for no other reason than that much is to be done. */
  #needsNoReason(atMs: number, cause: Cause | undefined): boolean {
    if (this.#options.clock.now() - atMs <= onTimeMs) return true;
    return (
      cause === undefined &&
      atMs > this.#startedMs &&
      !this.#leaps.some(({ fromMs, toMs }) => atMs > fromMs && atMs <= toMs)
    );
  }

  /** A start that failed: its tick stays due, and this is why it is late. */
  failed(cronJob: CronJob, message: string): void {
    const cause: Cause = { outcome: 'Skipped', reason: 'FailedCreate', message };
    const known = this.#memories.get(cronJob.metadata.uid);
    this.#memories.set(cronJob.metadata.uid, {
      accountedMs: known?.accountedMs ?? handledMs(cronJob),
      segments: known?.segments ?? [],
      cause,
    });
  }

  /** Names of Jobs tell minutes: a second tick in one minute finds its name taken, and its Job is the first one's. */
  async nameTaken(cronJob: CronJob, atMs: number, job: string): Promise<void> {
    const message = `the Job ${job} of an earlier tick in the same minute has its name`;
    const cause: Cause = { outcome: 'Skipped', reason: 'NameTaken', message };
    await this.log.append(ownerOf(cronJob), [
      this.#spanEntry(cronJob, { fromMs: atMs - 1000, toMs: atMs, firstMs: atMs, cause }),
    ]);
  }

  /** The schedule is another one from now on (or the CronJob is gone): ticks of the old one that are open now stay so. */
  async close(cronJob: CronJob, schedule: Schedule | undefined, why: string): Promise<void> {
    const { clock } = this.#options;
    const nowMs = clock.now();
    if (schedule !== undefined) {
      const cause: Cause = { outcome: 'Skipped', reason: 'ScheduleChanged', message: why };
      await this.account({ cronJob, schedule, startsMs: undefined, pendingMs: undefined, cause });
      const memory = this.#memories.get(cronJob.metadata.uid) ?? (await this.#recall(cronJob, handledMs(cronJob)));
      await this.#settle({ cronJob, schedule, startsMs: undefined, pendingMs: undefined, cause }, memory, nowMs);
    }
    // The new schedule's ticks count from here, also after a crash.
    const marker = { outcome: 'Skipped', reason: 'ScheduleChanged', message: why };
    const at = formatTime(nowMs);
    await this.log.append(ownerOf(cronJob), [{ ...marker, from: at, to: at, decided: formatMicroTime(nowMs) }]);
    this.#memories.set(cronJob.metadata.uid, { accountedMs: nowMs, segments: [], cause: undefined });
  }

  /** Nothing of a CronJob that is gone is kept in memory. */
  forget(uid: string): void {
    this.#memories.delete(uid);
  }

  /** The end of a run. Must be durable before anything forgets the Job. */
  async ended(cronJob: CronJob, job: Job, end: Partial<RunEnd> = {}): Promise<void> {
    await this.#write(ownerOf(cronJob), runEntry(job, { nowMs: this.#options.clock.now(), ...end }));
  }

  /**
   * A Job of the CronJob that its status does not list. Finished ones have their end written already, except those made
   * by hand, and those whose maker was killed before it could list them: they are known by a tick that is newer than the
   * last one in the status, and are written down at once, because soon the status moves on.
   */
  async unlisted(cronJob: CronJob, job: Job): Promise<void> {
    const { uid } = job.metadata;
    const isFinished = jobFinishedCondition(job) !== undefined;
    const state = this.#unlisted.get(uid);
    if (state === 'ended' || (state === 'running' && !isFinished)) return;
    const { lastScheduleTime } = cronJob.status;
    const isForgotten = lastScheduleTime === undefined || (tickOf(job) ?? Infinity) > parseTime(lastScheduleTime);
    if (state === undefined && !(isManual(job) ? isFinished : isForgotten)) return;
    await this.ended(cronJob, job, isFinished ? {} : { result: 'Running' });
    this.#unlisted.set(uid, isFinished ? 'ended' : 'running');
  }

  /** A listed Job that is not there any more. */
  async missing(cronJob: CronJob, reference: ObjectReference): Promise<void> {
    const nowMs = this.#options.clock.now();
    const last = this.#gone.get(objectKey(refOf(cronJob)))?.get(reference.uid ?? '');
    await this.#write(
      ownerOf(cronJob),
      last === undefined ? lostRunEntry(reference, nowMs) : runEntry(last, { nowMs }),
    );
  }

  /** A Job was deleted: its last state is kept until a sync of its CronJob, or `endedWithoutCronJob`, has seen it. */
  gone(key: string, job: Job): void {
    const { uid } = job.metadata;
    const jobs = this.#gone.get(key) ?? new Map<string, Job>();
    this.#gone.set(key, jobs.set(uid, job));
  }

  /** Ends the sync of a CronJob: Jobs made by hand that were deleted have their end too, the others have it already. */
  async settleGone(cronJob: CronJob): Promise<void> {
    const key = objectKey(refOf(cronJob));
    const jobs = this.#gone.get(key);
    if (jobs === undefined) return;
    this.#gone.delete(key);
    for (const job of jobs.values()) {
      const isOwn = controllerOf(job)?.uid === cronJob.metadata.uid;
      if (!isOwn) await this.endedWithoutCronJob(job);
      else if (this.#unlisted.get(job.metadata.uid) === 'running' || this.#isUnwritten(job))
        await this.ended(cronJob, job);
      this.#unlisted.delete(job.metadata.uid);
    }
  }

  #isUnwritten(job: Job): boolean {
    return isManual(job) && this.#unlisted.get(job.metadata.uid) === undefined;
  }

  /** Writes the ends of the deleted Jobs of a CronJob that is gone itself. */
  async settleOrphans(key: string): Promise<void> {
    const jobs = this.#gone.get(key);
    this.#gone.delete(key);
    for (const job of jobs?.values() ?? []) await this.endedWithoutCronJob(job);
  }

  /** The end of a Job whose CronJob is gone, or is its owner no more. */
  async endedWithoutCronJob(job: Job, result: 'Deleted' | 'Released' = 'Deleted'): Promise<void> {
    const owner = controllerOf(job);
    if (owner === undefined) return;
    const { namespace = '' } = job.metadata;
    const finished = jobFinishedCondition(job) !== undefined;
    const entry = runEntry(job, { nowMs: this.#options.clock.now(), ...(finished ? {} : { result }) });
    await this.#write({ namespace, name: owner.name, uid: owner.uid }, entry);
  }

  /** The Jobs of a CronJob that are there, as the cache has them. */
  children(cronJob: CronJob): readonly Job[] {
    const jobs = this.#options.informers.of(resources.jobs).byIndex(byController, objectKey(refOf(cronJob)));
    return jobs.filter((job) => controllerOf(job)?.uid === cronJob.metadata.uid);
  }

  /** What would be written now about ticks that are still open. */
  async open(cronJob: CronJob, schedule: Schedule): Promise<readonly TickEntry[]> {
    const memory = this.#memories.get(cronJob.metadata.uid) ?? (await this.#recall(cronJob, handledMs(cronJob)));
    const nowMs = this.#options.clock.now();
    const fromMs = Math.max(memory.accountedMs, handledMs(cronJob));
    const segments = [...memory.segments, { toMs: nowMs, cause: memory.cause }];
    // What became due just now is still on its way.
    const toMs = memory.cause === undefined ? nowMs - onTimeMs : nowMs;
    return this.#entries({ cronJob, schedule, fromMs, toMs, segments });
  }

  async #settle(outcome: SyncOutcome, memory: Memory, finalMs: number): Promise<void> {
    const { cronJob, schedule } = outcome;
    const { accountedMs: fromMs, segments } = memory;
    const entries = this.#entries({ cronJob, schedule, fromMs, toMs: finalMs, segments });
    await this.log.append(ownerOf(cronJob), entries);
    memory.accountedMs = Math.max(memory.accountedMs, finalMs);
    memory.segments = memory.segments.filter(({ toMs }) => toMs > finalMs);
  }

  #entries(of: {
    readonly cronJob: CronJob;
    readonly schedule: Schedule;
    readonly fromMs: number;
    readonly toMs: number;
    readonly segments: readonly Segment[];
  }): readonly TickEntry[] {
    const ambient: Ambient = {
      startedMs: this.#startedMs,
      aliveMs: this.#aliveMs,
      leaps: this.#leaps,
      otherwise: lateness(of.cronJob, of.schedule),
    };
    const ticks = ticksFrom(of.schedule, handledMs(of.cronJob));
    return causedSpans({ ...of, ticks }, of.segments, ambient).map((span) => this.#spanEntry(of.cronJob, span));
  }

  #spanEntry({ spec, metadata }: CronJob, { fromMs, toMs, firstMs, cause }: CausedSpan): TickEntry {
    return {
      outcome: cause.outcome,
      scheduled: formatTime(firstMs),
      from: formatTime(fromMs),
      to: formatTime(toMs),
      schedule: spec.schedule,
      ...(spec.timeZone === undefined ? {} : { timeZone: spec.timeZone }),
      reason: cause.reason,
      message: cause.message,
      decided: formatMicroTime(this.#options.clock.now()),
      ...(metadata.generation === undefined ? {} : { generation: metadata.generation }),
      ...(spec.startingDeadlineSeconds === undefined ? {} : { startingDeadlineSeconds: spec.startingDeadlineSeconds }),
      ...(spec.concurrencyPolicy === undefined ? {} : { concurrencyPolicy: spec.concurrencyPolicy }),
      ...(cause.active === undefined ? {} : { active: cause.active }),
    };
  }

  /** What a book that has just been opened can know: specs do not change while the engine is down. */
  async #recall(cronJob: CronJob, fromMs: number): Promise<Memory> {
    const untilMs = await this.log.spansUntilMs(ownerOf(cronJob));
    const accountedMs = Math.max(fromMs, untilMs ?? 0);
    const { spec, status } = cronJob;
    const active = status.active ?? [];
    const blocked = spec.concurrencyPolicy === 'Forbid' && active.length > 0 && this.#aliveMs !== undefined;
    if (spec.suspend === true) return { accountedMs, segments: [], cause: suspended };
    const segments = blocked ? [{ toMs: this.#aliveMs ?? 0, cause: concurrency(active) }] : [];
    return { accountedMs, segments, cause: undefined };
  }

  #remember(cronJob: CronJob, memory: Memory): void {
    const { uid } = cronJob.metadata;
    // Nothing worth remembering beyond what the status says: most CronJobs, most of the time.
    if (memory.cause === undefined && memory.segments.length === 0 && memory.accountedMs <= handledMs(cronJob))
      this.#memories.delete(uid);
    else this.#memories.set(uid, memory);
  }

  async #write(owner: TickOwner, entry: TickEntry): Promise<void> {
    await this.log.append(owner, [entry]);
  }

  /** The wall clock moves ahead of elapsed time: somebody set it, or the machine slept. */
  #watchClock(): void {
    const { clock } = this.#options;
    const aheadMs = clock.now() - clock.monotonic();
    const byMs = aheadMs - this.#aheadMs;
    this.#aheadMs = aheadMs;
    if (byMs <= onTimeMs) return;
    this.#leaps.push({ fromMs: clock.now() - byMs - onTimeMs, toMs: clock.now() });
    if (this.#leaps.length > leapsKept) this.#leaps.shift();
  }

  #sweepLater(delayMs: number): void {
    const { clock, log } = this.#options;
    this.#sweep = clock.after(delayMs, () => {
      this.log.sweep().catch((error: unknown) => log.error('old tick records could not be removed', { error }));
      this.#sweepLater(sweepEveryMs);
    });
  }
}

/** Ticks that are due, but that upstream's arithmetic will never start: which rule drops them. */
function finalWithout({ cause }: SyncOutcome, nowMs: number): number | undefined {
  // A suspended CronJob takes up its newest tick when it goes on.
  return cause?.reason === 'Suspended' ? undefined : nowMs;
}

/** The newest tick that has its Job, or the time from which ticks count. */
export function handledMs({ metadata, status }: CronJob): number {
  return parseTime(status.lastScheduleTime ?? metadata.creationTimestamp);
}

function addSegment(memory: Memory, segment: Segment): void {
  const last = memory.segments.at(-1);
  const same =
    last !== undefined &&
    (last.cause === segment.cause ||
      (last.cause !== undefined && segment.cause !== undefined && isSameCause(last.cause, segment.cause)));
  if (same) memory.segments[memory.segments.length - 1] = segment;
  else memory.segments.push(segment);
}

export function ownerOf({ metadata }: CronJob): TickOwner {
  return { namespace: metadata.namespace ?? '', name: metadata.name, uid: metadata.uid };
}
