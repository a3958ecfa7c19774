import {
  controllerOf,
  formatTime,
  isAlreadyExists,
  isConflict,
  isNamespaceTerminating,
  isNotFound,
  jobFinishedCondition,
  refOf,
  resources,
} from '../../api/index.ts';
import type { CronJob, Job, ObjectReference } from '../../api/index.ts';
import type { Client } from '../../client/index.ts';
import type { Clock } from '../../clock/index.ts';
import type { EventRecorder } from '../../controlloop/index.ts';
import type { Histogram } from '../../metrics/index.ts';
import type { Schedule } from '../../cron/index.ts';
import { jobsBeyondLimits } from './history.ts';
import { jobForTick, jobReference } from './job-for-tick.ts';
import { nextDueMs } from './missed.ts';
import { plan, scheduleState, type Decision, type Plan } from './plan.ts';
import { StatusDraft } from './status-draft.ts';
import { tickOf } from './ticks/run-entry.ts';
import type { TickBook } from './ticks/tick-book.ts';

export interface SyncContext {
  readonly client: Client;
  readonly recorder: EventRecorder;
  readonly clock: Clock;
  /** Seconds from when a tick was due until its Job was there. */
  readonly skew: Histogram;
  readonly parse: (schedule: string, timeZone: string | undefined) => Schedule;
  /** Is told the CronJob as it is after its status was written. */
  readonly onWritten: (cronJob: CronJob) => void;
  /**
   * Is told of a Job that was just made, and says whether the status need not be written now: then it calls
   * `recordStart` before the next sync of this CronJob.
   */
  readonly recordLater: (started: Started) => boolean;
  /** Where the fate of ticks is kept. */
  readonly ticks: TickBook | undefined;
}

/**
 * Brings one CronJob up to date, at most one new Job. The status is written once, also when a step failed; the error is
 * thrown afterwards. Resolves with the time to come again; undefined: only when something changes. (Upstream: `sync` of
 * the CronJob controller.)
 */
export async function syncCronJob(
  cronJob: CronJob,
  children: readonly Job[],
  context: SyncContext,
): Promise<number | undefined> {
  const sync = new Sync(cronJob, children, context);
  try {
    return await sync.run();
  } finally {
    await sync.writeStatus();
  }
}

/** A tick that has its Job. */
export interface Started {
  readonly cronJobUid: string;
  readonly job: ObjectReference;
  readonly scheduledTime: string;
}

/** Writes into the status that a tick has its Job. Must be done before anything else about this CronJob is decided. */
export async function recordStart(cronJob: CronJob, started: Started, context: SyncContext): Promise<void> {
  const sync = new Sync(cronJob, [], context);
  sync.started(started);
  await sync.writeStatus();
}

class Sync {
  readonly #cronJob: CronJob;
  readonly #children: readonly Job[];
  readonly #context: SyncContext;
  readonly #draft: StatusDraft;
  #started: Started | undefined;

  constructor(cronJob: CronJob, children: readonly Job[], context: SyncContext) {
    this.#cronJob = cronJob;
    this.#children = children;
    this.#context = context;
    this.#draft = new StatusDraft(cronJob);
  }

  async run(): Promise<number | undefined> {
    // First of all, so that what a quota stops can recover.
    for (const job of jobsBeyondLimits(this.#cronJob.spec, this.#children)) await this.#removeFromHistory(job);
    for (const job of this.#children) await this.#lookAt(job);
    await this.#dropMissing();
    const { clock, parse } = this.#context;
    const planned = plan({ cronJob: this.#cronJob, active: this.#draft.active, nowMs: clock.now(), parse });
    for (const { type, reason, message } of planned.events) this.#event(type, reason, message);
    await this.#account(planned);
    return this.#act(planned.decision);
  }

  /** What becomes final by this decision is written before it is acted upon. */
  async #account({ decision, cause, pendingMs }: Plan): Promise<void> {
    const { ticks } = this.#context;
    const { schedule: text, timeZone } = this.#cronJob.spec;
    const schedule = ticks === undefined ? undefined : parsedOr(() => this.#context.parse(text, timeZone));
    if (ticks === undefined || schedule === undefined || this.#cronJob.metadata.deletionTimestamp !== undefined) return;
    const startsMs = decision.type === 'start' ? decision.dueMs : undefined;
    await ticks.account({ cronJob: this.#cronJob, schedule, startsMs, pendingMs, cause });
    await ticks.settleGone(this.#cronJob);
  }

  started(started: Started): void {
    this.#started = started;
    this.#draft.started(started.job, started.scheduledTime);
  }

  async writeStatus(): Promise<void> {
    if (!this.#draft.isChanged) return;
    try {
      await this.#write(this.#cronJob, this.#draft);
    } catch (error) {
      if (isNotFound(error)) return;
      if (!isConflict(error) || this.#started === undefined) throw error;
      await this.#writeStart(this.#started, error);
    }
  }

  /**
   * Somebody changed the CronJob meanwhile. That a tick has its Job must not wait for another sync: by then the Job may
   * be over and gone, and would be made again. All else is found again by the next sync.
   */
  async #writeStart(started: Started, conflict: unknown): Promise<void> {
    const fresh = await this.#context.client.get(resources.cronJobs, refOf(this.#cronJob));
    const draft = new StatusDraft(fresh);
    if (fresh.metadata.uid !== this.#cronJob.metadata.uid || draft.isActive(started.job.uid ?? '')) throw conflict;
    draft.started(started.job, started.scheduledTime);
    await this.#write(fresh, draft);
  }

  async #write(cronJob: CronJob, draft: StatusDraft): Promise<void> {
    const { client, onWritten } = this.#context;
    onWritten(await client.updateStatus(resources.cronJobs, { ...cronJob, status: draft.finish() }));
  }

  #event(type: 'Normal' | 'Warning', reason: string, message: string): void {
    this.#context.recorder.event(this.#cronJob, type, reason, message);
  }

  /** What is gone already needs no Event: the cache was behind. */
  async #removeFromHistory(job: Job): Promise<void> {
    const { uid, name } = job.metadata;
    const options = { propagationPolicy: 'Background', preconditions: { uid } } as const;
    await this.#keepEnd(job);
    try {
      await this.#context.client.delete(resources.jobs, refOf(job), options);
      this.#event('Normal', 'SuccessfulDelete', `Deleted job ${name}`);
    } catch (error) {
      if (!isNotFound(error)) {
        this.#event('Warning', 'FailedDelete', `Deleted job: ${textOf(error)}`);
        return;
      }
    }
    this.#draft.drop(uid);
  }

  async #lookAt(job: Job): Promise<void> {
    const { uid, name } = job.metadata;
    const finished = jobFinishedCondition(job);
    const isActive = this.#draft.isActive(uid);
    if (finished === undefined) {
      // Not taken into the list: whoever made it has to look after it.
      if (!isActive) {
        await this.#context.ticks?.unlisted(this.#cronJob, job);
        this.#event('Warning', 'UnexpectedJob', `Saw a job that the controller did not create or forgot: ${name}`);
      }
      return;
    }
    await this.#keepEnd(job);
    if (isActive) {
      this.#draft.drop(uid);
      this.#event('Normal', 'SawCompletedJob', `Saw completed job: ${name}, condition: ${finished.type}`);
    }
    if (finished.type === 'Complete') this.#draft.succeeded(job.status.completionTime);
  }

  /**
   * Durable before the status forgets the Job, or the Job itself goes: whoever finds it finished and unlisted may take
   * its end for written.
   */
  async #keepEnd(job: Job): Promise<void> {
    const { ticks } = this.#context;
    if (this.#draft.isActive(job.metadata.uid)) await ticks?.ended(this.#cronJob, job);
    else await ticks?.unlisted(this.#cronJob, job);
  }

  /** The cache may not show a Job yet that was just made: asked is the server. */
  async #dropMissing(): Promise<void> {
    const present = new Set(this.#children.map((job) => job.metadata.uid));
    for (const reference of this.#draft.active) {
      if (present.has(reference.uid ?? '')) continue;
      const job = await this.#live(reference);
      if (job !== undefined && job.metadata.uid === reference.uid) continue;
      await this.#context.ticks?.missing(this.#cronJob, reference);
      this.#draft.drop(reference.uid);
      this.#event('Normal', 'MissingJob', `Active job went missing: ${reference.name}`);
    }
  }

  async #live(reference: ObjectReference): Promise<Job | undefined> {
    try {
      return await this.#context.client.get(resources.jobs, this.#refTo(reference));
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  #refTo({ name }: ObjectReference): { namespace: string | undefined; name: string } {
    return { namespace: this.#cronJob.metadata.namespace, name: name ?? '' };
  }

  async #act(decision: Decision): Promise<number | undefined> {
    switch (decision.type) {
      case 'sleep':
        return undefined;
      case 'wait':
        return decision.untilMs;
      case 'start': {
        for (const reference of decision.replaces) await this.#replace(reference);
        const job = await this.#start(decision.dueMs, decision.jobName);
        if (job !== undefined) {
          const { uid: cronJobUid } = this.#cronJob.metadata;
          const started = { cronJobUid, job: jobReference(job), scheduledTime: formatTime(decision.dueMs) };
          if (this.#draft.isChanged || !this.#context.recordLater(started)) this.started(started);
        }
        return this.#nextAfter(decision.dueMs);
      }
    }
  }

  async #replace(reference: ObjectReference): Promise<void> {
    const { client } = this.#context;
    const ref = this.#refTo(reference);
    const { uid } = reference;
    let replaced: Job;
    try {
      replaced = await client.get(resources.jobs, ref);
    } catch (error) {
      this.#event('Warning', 'FailedGet', `Get job: ${textOf(error)}`);
      throw error;
    }
    await this.#context.ticks?.ended(this.#cronJob, replaced, { outcome: 'Replaced' });
    try {
      const preconditions = uid === undefined ? {} : { preconditions: { uid } };
      await client.delete(resources.jobs, ref, { propagationPolicy: 'Background', ...preconditions });
    } catch (error) {
      this.#event('Warning', 'FailedDelete', `Deleted job: ${textOf(error)}`);
      throw new Error(`could not replace job ${ref.namespace}/${ref.name}`, { cause: error });
    }
    this.#draft.drop(uid);
    this.#event('Normal', 'SuccessfulDelete', `Deleted job ${ref.name}`);
  }

  /** Undefined: the name is taken, by another's Job or by one that is in the list already. */
  async #start(dueMs: number, name: string): Promise<Job | undefined> {
    const { client, clock } = this.#context;
    try {
      const job = await client.create(resources.jobs, jobForTick(this.#cronJob, dueMs));
      this.#context.skew.observe((clock.now() - dueMs) / 1000);
      this.#event('Normal', 'SuccessfulCreate', `Created job ${name}`);
      return job;
    } catch (error) {
      if (isAlreadyExists(error)) return this.#ownUnlisted(name, dueMs);
      if (!isNamespaceTerminating(error))
        this.#event('Warning', 'FailedCreate', `Error creating job: ${textOf(error)}`);
      this.#context.ticks?.failed(this.#cronJob, `the Job could not be created: ${textOf(error)}`);
      throw error;
    }
  }

  /** We made it and died, or read an old cache, before the status said so. */
  async #ownUnlisted(name: string, dueMs: number): Promise<Job | undefined> {
    const job = await this.#context.client.get(resources.jobs, this.#refTo({ name }));
    if (tickOf(job) !== dueMs) await this.#context.ticks?.nameTaken(this.#cronJob, dueMs, name);
    const isOurs = controllerOf(job)?.uid === this.#cronJob.metadata.uid;
    return isOurs && !this.#draft.isActive(job.metadata.uid) ? job : undefined;
  }

  #nextAfter(dueMs: number): number | undefined {
    const { clock, parse } = this.#context;
    const { schedule, timeZone } = this.#cronJob.spec;
    const state = scheduleState(this.#cronJob, parse(schedule, timeZone), clock.now());
    const untilMs = nextDueMs({ ...state, lastMs: dueMs });
    return Number.isNaN(untilMs) ? undefined : untilMs;
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Undefined: it cannot be parsed, which the plan has said already. */
function parsedOr(parse: () => Schedule): Schedule | undefined {
  try {
    return parse();
  } catch {
    return undefined;
  }
}
