import {
  controllerOf,
  jobFinishedCondition,
  objectKey,
  parseTime,
  resources,
  type CronJob,
  type Job,
} from '../../api/index.ts';
import type { Client, WatchEvent } from '../../client/index.ts';
import type { ObservedEvent, VirtualEngine } from '../../engine/index.ts';

/** One Job of a scenario, from its creation to its end. Instants are wall time, milliseconds since the epoch. */
export interface Run {
  /** `namespace/name` of the Job. */
  readonly job: string;
  /** `namespace/name`; undefined for Jobs of their own. */
  readonly cronJob: string | undefined;
  /** The scheduled instant; NaN for Jobs that no schedule made. */
  readonly tickMs: number;
  readonly createdMs: number;
  endedMs: number | undefined;
  outcome: 'running' | 'succeeded' | 'failed' | 'deleted';
  /** Why it failed. */
  reason: string;
  /** Pods that failed, whatever became of the Job. */
  failedPods: number;
}

/** What a CronJob said from an instant on; without a spec: it was gone. */
export interface CronJobVersion {
  /** Wall time. */
  readonly fromMs: number;
  /** The same in elapsed time since the beginning, which steps of the clock do not change. */
  readonly elapsedMs: number;
  readonly spec: CronJob['spec'] | undefined;
}

/** Something that happened besides runs. */
export interface Note {
  readonly atMs: number;
  readonly about: string;
  readonly text: string;
}

const scheduledAnnotation = 'batch.kubernetes.io/cronjob-scheduled-timestamp';
/** What the runs themselves show. */
const plainReasons = new Set(['SuccessfulCreate', 'SawCompletedJob', 'SuccessfulDelete']);

/** Writes down what happens to Jobs and CronJobs. */
export class Recorder {
  readonly runs: Run[] = [];
  readonly cronJobs = new Map<string, CronJobVersion[]>();
  readonly notes: Note[] = [];
  /** The scheduled instants that each CronJob took as handled, in the order of their coming: `status.lastScheduleTime`. */
  readonly handled = new Map<string, number[]>();
  readonly #clock: Pick<VirtualEngine['clock'], 'now' | 'monotonic'>;
  readonly #onJobGone: (uid: string) => void;
  readonly #byUid = new Map<string, Run>();
  readonly #cronJobOf = new Map<string, string>();
  readonly #generations = new Map<string, number>();

  constructor(clock: Pick<VirtualEngine['clock'], 'now' | 'monotonic'>, onJobGone: (uid: string) => void) {
    this.#clock = clock;
    this.#onJobGone = onJobGone;
  }

  /** Begins to watch. A watch that breaks breaks the scenario. */
  follow(client: Client): void {
    const onEnd = (error?: Error): void => {
      throw new Error('the watch of the scenario ended', { cause: error });
    };
    client.watch(
      resources.jobs,
      { resourceVersion: '0' },
      { onEvents: (events) => events.forEach((event) => this.#observeJob(event)), onEnd },
    );
    client.watch(
      resources.cronJobs,
      { resourceVersion: '0' },
      { onEvents: (events) => events.forEach((event) => this.#observeCronJob(event)), onEnd },
    );
  }

  cronJobOf(job: string): string | undefined {
    return this.#cronJobOf.get(job);
  }

  note(about: string, text: string): void {
    this.notes.push({ atMs: this.#clock.now(), about, text });
  }

  /** Takes what controllers report, as far as it says more than the runs do. */
  event({ about, reason, message }: ObservedEvent): void {
    if (about.kind !== 'CronJob' || plainReasons.has(reason)) return;
    this.note(objectKey(about.metadata), `${reason}: ${message}`);
  }

  #observeJob(event: WatchEvent<Job>): void {
    if (event.type === 'BOOKMARK') return;
    const { object: job, type } = event;
    const run = this.#byUid.get(job.metadata.uid) ?? this.#begin(job);
    if (run.outcome === 'running') this.#finish(run, job);
    if (type !== 'DELETED') return;
    if (run.outcome === 'running') Object.assign(run, { outcome: 'deleted', endedMs: this.#clock.now() });
    this.#byUid.delete(job.metadata.uid);
    this.#cronJobOf.delete(run.job);
    this.#onJobGone(job.metadata.uid);
  }

  #begin(job: Job): Run {
    const { metadata } = job;
    const owner = controllerOf(job);
    const cronJob = owner?.kind === 'CronJob' ? `${metadata.namespace}/${owner.name}` : undefined;
    const run: Run = {
      job: objectKey(metadata),
      cronJob,
      tickMs: parseTime(metadata.annotations?.[scheduledAnnotation] ?? ''),
      createdMs: this.#clock.now(),
      endedMs: undefined,
      outcome: 'running',
      reason: '',
      failedPods: 0,
    };
    this.runs.push(run);
    this.#byUid.set(metadata.uid, run);
    if (cronJob !== undefined) this.#cronJobOf.set(run.job, cronJob);
    return run;
  }

  #finish(run: Run, job: Job): void {
    const condition = jobFinishedCondition(job);
    if (condition === undefined) return;
    run.endedMs = this.#clock.now();
    run.failedPods = job.status.failed ?? 0;
    run.outcome = condition.type === 'Complete' ? 'succeeded' : 'failed';
    if (run.outcome === 'failed') run.reason = condition.reason ?? '';
  }

  #observeCronJob(event: WatchEvent<CronJob>): void {
    if (event.type === 'BOOKMARK') return;
    const { metadata, spec, status } = event.object;
    const key = objectKey(metadata);
    this.#noteHandled(key, status.lastScheduleTime);
    let versions = this.cronJobs.get(key);
    if (versions === undefined) this.cronJobs.set(key, (versions = []));
    const from = { fromMs: this.#clock.now(), elapsedMs: this.#clock.monotonic() };
    if (event.type === 'DELETED') {
      versions.push({ ...from, spec: undefined });
      this.#generations.delete(metadata.uid);
      return;
    }
    const generation = metadata.generation ?? 0;
    if (this.#generations.get(metadata.uid) === generation) return;
    this.#generations.set(metadata.uid, generation);
    versions.push({ ...from, spec });
  }

  #noteHandled(key: string, lastScheduleTime: string | undefined): void {
    if (lastScheduleTime === undefined) return;
    const handledMs = parseTime(lastScheduleTime);
    const before = this.handled.get(key);
    if (before === undefined) this.handled.set(key, [handledMs]);
    else if (before.at(-1) !== handledMs) before.push(handledMs);
  }
}
