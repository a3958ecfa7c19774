import { controllerOf, jobFinishedCondition, objectKey, refOf, resources } from '../../api/index.ts';
import type { CronJob, Job } from '../../api/index.ts';
import type { Informer } from '../../client/index.ts';
import { createWorkqueue, runController } from '../../controlloop/index.ts';
import type { Controller, ControllerContext, EventRecorder, Workqueue } from '../../controlloop/index.ts';
import { parseSchedule, type Schedule } from '../../cron/index.ts';
import type { Histogram } from '../../metrics/index.ts';
import { byController, controllerNames, keyOfOwner } from './children.ts';
import { DueTimes } from './due-times.ts';
import { nextDueMs } from './missed.ts';
import { scheduleState } from './plan.ts';
import { recordStart, syncCronJob, type Started, type SyncContext } from './sync-cron-job.ts';
import type { TickBook } from './ticks/tick-book.ts';

/** Far more than upstream's 5: a sync only waits for its writes, and writes made together are committed together. */
const workers = 1024;
/** Upstream's: 5 ms doubling to 1000 s. */
const backoff = { baseMs: 5, maxMs: 1_000_000 };
const maxParsed = 10_000;
/** Upstream's: 1 s doubling ten times; and below, where one machine is. */
const skewBuckets = [0.01, 0.05, 0.1, 0.5, ...Array.from({ length: 10 }, (_, at) => 2 ** at)];

/** Keys of this prefix account for ticks; the others are CronJobs. */
const ticksPrefix = 'ticks:';

export interface CronJobControllerOptions {
  /** The zone of schedules that name none: upstream's controller takes its own host's. Default: UTC. */
  readonly timeZone?: string | undefined;
  /** Where the fate of ticks is kept. Its `start` comes before the controller's. */
  readonly ticks?: TickBook | undefined;
}

/** Runs CronJobs: `controller.ts` listens and queues, `plan.ts` decides, `sync-cron-job.ts` acts. */
export function createCronJobController(
  context: ControllerContext,
  options: CronJobControllerOptions = {},
): Controller {
  return new CronJobController(context, options);
}

class CronJobController implements Controller {
  readonly name = 'cronjob-controller';
  readonly #context: ControllerContext;
  readonly #hostZone: string | undefined;
  readonly #cronJobs: Informer<CronJob>;
  readonly #jobs: Informer<Job>;
  readonly #queue: Workqueue;
  readonly #dueTimes: DueTimes;
  readonly #skew: Histogram;
  readonly #recorder: EventRecorder;
  /** Our last write of each CronJob, until the cache shows it or a later one. */
  readonly #written = new Map<string, CronJob>();
  /** Jobs that were made and are not in the status yet, because other CronJobs were due; by the key of their CronJob. */
  readonly #unrecorded = new Map<string, Started>();
  readonly #parsed = new Map<string, Schedule>();
  readonly #ticks: TickBook | undefined;
  /** CronJobs as they were before their schedule changed, or before they were deleted. */
  readonly #closing = new Map<string, CronJob[]>();
  #runner: { stop(): Promise<void> } | undefined;

  constructor(context: ControllerContext, { timeZone, ticks }: CronJobControllerOptions) {
    this.#context = context;
    this.#hostZone = timeZone;
    this.#ticks = ticks;
    this.#queue = createWorkqueue({ clock: context.clock, backoff });
    this.#dueTimes = new DueTimes(this.#queue, context.clock);
    this.#recorder = context.recorderFor(this.name);
    this.#skew = context.metrics.histogram({
      name: 'cronjob_controller_job_creation_skew_duration_seconds',
      help: 'From when a tick was due until its Job was created.',
      buckets: skewBuckets,
    });
    this.#cronJobs = context.informers.of(resources.cronJobs);
    this.#jobs = context.informers.of(resources.jobs, { [byController]: controllerNames });
    this.#cronJobs.addHandler({
      onAdd: (cronJob) => this.#queue.add(objectKey(refOf(cronJob))),
      onUpdate: (cronJob, previous) => this.#onUpdate(cronJob, previous),
      onDelete: (cronJob) => {
        this.#close(cronJob);
        this.#queue.add(objectKey(refOf(cronJob)));
      },
    });
    this.#jobs.addHandler({
      onAdd: (job) => this.#wakeOwner(job),
      onUpdate: (job, previous) => this.#onJobUpdate(job, previous),
      onDelete: (job) => this.#onJobDelete(job),
    });
  }

  start(): void {
    const { clock, log, metrics, dueFirst: holds } = this.#context;
    const reconcile = (key: string): Promise<void> => this.#reconcile(key);
    this.#runner = runController({
      ...{ name: this.name, queue: this.#queue, workers, reconcile, clock, log, metrics, holds },
    });
  }

  async stop(): Promise<void> {
    this.#dueTimes.stop();
    this.#queue.stop();
    await this.#runner?.stop();
    for (const [key, started] of this.#unrecorded) {
      const cached = this.#cronJobs.get(key);
      if (cached !== undefined) await this.#record(key, this.#newest(key, cached), started);
    }
  }

  /**
   * A changed schedule is only timed, not acted on; an earlier wake-up stays. (Upstream: `updateCronJob`.) The echo of
   * our own write says nothing new.
   */
  #onUpdate(cronJob: CronJob, previous: CronJob): void {
    const key = objectKey(refOf(cronJob));
    const isSame = cronJob.metadata.uid === previous.metadata.uid;
    const { schedule, timeZone } = cronJob.spec;
    if (isSame && (schedule !== previous.spec.schedule || timeZone !== previous.spec.timeZone)) {
      this.#close(previous);
      this.#retime(key, cronJob);
      return;
    }
    if (this.#written.get(key)?.metadata.resourceVersion !== cronJob.metadata.resourceVersion) this.#queue.add(key);
  }

  #retime(key: string, cronJob: CronJob): void {
    try {
      const schedule = this.#parse(cronJob.spec.schedule, cronJob.spec.timeZone);
      const dueMs = nextDueMs(scheduleState(cronJob, schedule, this.#context.clock.now()));
      // A schedule that is never due is looked at at once, and called invalid.
      if (Number.isNaN(dueMs)) this.#queue.add(key);
      else this.#dueTimes.set(key, dueMs);
    } catch {
      const message = `unparseable schedule for cronjob: ${cronJob.spec.schedule}`;
      this.#recorder.event(cronJob, 'Warning', 'UnParseableCronJobSchedule', message);
    }
  }

  /** Ticks of what it was are accounted for by a key of its own: a change of the schedule is no reason for a sync. */
  #close(before: CronJob): void {
    if (this.#ticks === undefined) return;
    const key = objectKey(refOf(before));
    this.#closing.set(key, [...(this.#closing.get(key) ?? []), before]);
    this.#queue.add(ticksPrefix + key);
  }

  #onJobDelete(job: Job): void {
    const owner = controllerOf(job);
    if (owner?.kind === resources.cronJobs.kind && this.#ticks !== undefined) {
      const key = keyOfOwner(job, owner);
      this.#ticks.gone(key, job);
      if (this.#cronJobs.get(key)?.metadata.uid !== owner.uid) this.#queue.add(ticksPrefix + key);
    }
    this.#wakeOwner(job);
  }

  #onJobUpdate(job: Job, previous: Job): void {
    if (job.metadata.resourceVersion === previous.metadata.resourceVersion) return;
    const owner = controllerOf(previous);
    if (owner?.uid !== controllerOf(job)?.uid) {
      this.#wakeOwner(previous);
      if (owner?.kind === resources.cronJobs.kind && this.#ticks !== undefined) {
        const key = keyOfOwner(previous, owner);
        this.#ticks.gone(key, previous);
        this.#queue.add(ticksPrefix + key);
      }
    }
    this.#wakeOwner(job);
  }

  #wakeOwner(job: Job): void {
    const owner = controllerOf(job);
    if (owner?.kind !== resources.cronJobs.kind) return;
    const key = keyOfOwner(job, owner);
    if (this.#cronJobs.get(key)?.metadata.uid === owner.uid) this.#queue.add(key);
  }

  async #reconcile(key: string): Promise<void> {
    if (key.startsWith(ticksPrefix)) {
      await this.#accountFor(key.slice(ticksPrefix.length));
      return;
    }
    const cached = this.#cronJobs.get(key);
    if (cached === undefined) {
      this.#dueTimes.delete(key);
      this.#written.delete(key);
      if (this.#unrecorded.delete(key)) this.#context.dueFirst.release();
      return;
    }
    const context = this.#syncContext(key);
    const unrecorded = this.#unrecorded.get(key);
    if (unrecorded !== undefined) await this.#record(key, this.#newest(key, cached), unrecorded);
    const children = this.#jobs.byIndex(byController, key);
    const cronJob = await this.#latest(key, cached, children);
    const untilMs = await syncCronJob(cronJob, children, context);
    if (untilMs === undefined) this.#dueTimes.delete(key);
    else this.#dueTimes.set(key, untilMs);
  }

  #syncContext(key: string): SyncContext {
    const { client, clock } = this.#context;
    return {
      client,
      clock,
      skew: this.#skew,
      recorder: this.#recorder,
      onWritten: (after) => void this.#written.set(key, after),
      recordLater: (started) => this.#recordLater(key, started),
      parse: this.#parse,
      ticks: this.#ticks,
    };
  }

  /**
   * Jobs come before the statuses that tell of them: while others are due, a start is recorded by the next sync. Until
   * then the Job must not run, or it could be over and gone before anything durable says that its tick had one.
   */
  #recordLater(key: string, started: Started): boolean {
    if (this.#queue.dueLength === 0) return false;
    this.#unrecorded.set(key, started);
    this.#context.dueFirst.hold();
    this.#queue.add(key);
    return true;
  }

  /** Whatever comes of it: a start that could not be recorded is found again, as after a crash. */
  async #record(key: string, cronJob: CronJob, started: Started): Promise<void> {
    try {
      if (started.cronJobUid === cronJob.metadata.uid) await recordStart(cronJob, started, this.#syncContext(key));
    } finally {
      this.#unrecorded.delete(key);
      this.#context.dueFirst.release();
    }
  }

  /** Writes what is to be said of CronJobs that were another one, or are gone. */
  async #accountFor(key: string): Promise<void> {
    const ticks = this.#ticks;
    if (ticks === undefined) return;
    for (let before = this.#closing.get(key)?.[0]; before !== undefined; before = this.#closing.get(key)?.[0]) {
      const { uid } = before.metadata;
      const isGone = this.#cronJobs.get(key)?.metadata.uid !== uid;
      await ticks.close(
        before,
        this.#scheduleOf(before),
        isGone ? 'the CronJob was deleted' : 'the schedule was changed',
      );
      if (isGone) ticks.forget(uid);
      this.#closing.get(key)?.shift();
    }
    this.#closing.delete(key);
    const present = this.#cronJobs.get(key);
    if (present === undefined) await ticks.settleOrphans(key);
    else await ticks.settleGone(present);
  }

  #scheduleOf({ spec }: CronJob): Schedule | undefined {
    try {
      return this.#parse(spec.schedule, spec.timeZone);
    } catch {
      return undefined;
    }
  }

  /**
   * A cache that is behind our own write would make us start a tick again whose Job is already over and gone. A Job that
   * the status does not list is reason to ask the server.
   */
  async #latest(key: string, cached: CronJob, children: readonly Job[]): Promise<CronJob> {
    const known = this.#newest(key, cached);
    const { active = [] } = known.status;
    const isKnown = (job: Job): boolean =>
      jobFinishedCondition(job) !== undefined || active.some(({ uid }) => uid === job.metadata.uid);
    if (children.every(isKnown)) return known;
    const fresh = await this.#context.client.get(resources.cronJobs, refOf(known));
    return isOlder(known, fresh) ? fresh : known;
  }

  /** What we wrote, as long as the cache shows something older. */
  #newest(key: string, cached: CronJob): CronJob {
    const written = this.#written.get(key);
    if (written !== undefined && isOlder(cached, written)) return written;
    this.#written.delete(key);
    return cached;
  }

  readonly #parse = (text: string, timeZone: string | undefined): Schedule => {
    const key = `${timeZone ?? ''}\n${text}`;
    const known = this.#parsed.get(key);
    if (known !== undefined) return known;
    const schedule = parseSchedule(text, { timeZone: timeZone ?? this.#hostZone });
    if (this.#parsed.size >= maxParsed) this.#parsed.clear();
    this.#parsed.set(key, schedule);
    return schedule;
  };
}

/** Whether `a` is an earlier version than `b` of the same object. Versions are decimal numbers of any length. */
function isOlder(a: CronJob, b: CronJob): boolean {
  if (a.metadata.uid !== b.metadata.uid) return false;
  const [x, y] = [a.metadata.resourceVersion, b.metadata.resourceVersion];
  return x.length === y.length ? x < y : x.length < y.length;
}
