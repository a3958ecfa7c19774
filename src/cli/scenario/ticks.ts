import { everyMs, parseSchedule, type Schedule } from '../../cron/index.ts';
import { UsageError } from '../command.ts';
import { dueTicks } from './due-ticks.ts';
import { faultAt } from './fields.ts';
import type { CronJobVersion, Run } from './recorder.ts';
import type { Recording } from './run-scenario.ts';

/** What became of an instant at which a CronJob was due. */
export type Fate =
  | 'ran'
  | 'ranLate'
  | 'suspended'
  | 'concurrent'
  | 'engineDown'
  | 'clockStep'
  | 'nameTaken'
  | 'deadline'
  | 'refused'
  | 'unaccounted';

export interface Tick {
  readonly atMs: number;
  readonly fate: Fate;
  /** `namespace/name` of the Job that ran for it, or that kept it from running. */
  readonly job: string | undefined;
}

/** The ticks of one CronJob. */
export interface TickAccount {
  readonly cronJob: string;
  readonly ticks: readonly Tick[];
  /** Jobs beyond the first for one tick. */
  readonly duplicates: readonly Run[];
  /** Jobs for instants that were not due (of an edited schedule, for instance). */
  readonly extra: readonly Run[];
  /** Why the schedule has no ticks at all, by version. */
  readonly invalid: readonly string[];
}

/** Starting within this time of its instant is on time. */
export const onTimeMs = 1000;
/** What is due so shortly before the end may still be under way. */
const marginMs = 1000;
/** Each is kept and judged by itself: more would take minutes and all memory. */
const maxTicks = 1_000_000;

/** Accounts for every tick of every CronJob of a recording. */
export function accountTicks(recording: Recording): readonly TickAccount[] {
  const { cronJobs, runs, handled } = recording.recorder;
  const byCronJob = grouped(runs, ({ cronJob }) => cronJob);
  const byName = grouped(runs, ({ job }) => job);
  return [...cronJobs].map(([cronJob, versions]) =>
    new Accountant(recording, versions, {
      ...{ own: byCronJob.get(cronJob) ?? [], byName },
      handled: handled.get(cronJob) ?? [],
    }).account(cronJob),
  );
}

function grouped(runs: readonly Run[], keyOf: (run: Run) => string | undefined): ReadonlyMap<string, readonly Run[]> {
  const groups = new Map<string, Run[]>();
  for (const run of runs) {
    const key = keyOf(run);
    if (key === undefined) continue;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [run]);
    else group.push(run);
  }
  return groups;
}

/** What a tick is judged by, when no Job ran for it. */
interface Judged {
  readonly cronJob: string;
  readonly spec: NonNullable<CronJobVersion['spec']>;
  readonly schedule: Schedule;
}

class Accountant {
  readonly #recording: Recording;
  readonly #versions: readonly CronJobVersion[];
  /** In the order of their creation. */
  readonly #runs: readonly Run[];
  readonly #byTick = new Map<number, Run>();
  readonly #duplicates: Run[] = [];
  readonly #handledMs: readonly number[];
  /** All Jobs of a name, whoever made them. */
  readonly #byName: ReadonlyMap<string, readonly Run[]>;

  constructor(
    recording: Recording,
    versions: readonly CronJobVersion[],
    runs: {
      readonly own: readonly Run[];
      readonly byName: ReadonlyMap<string, readonly Run[]>;
      readonly handled: readonly number[];
    },
  ) {
    this.#recording = recording;
    this.#versions = versions;
    this.#runs = runs.own.filter(({ tickMs }) => !Number.isNaN(tickMs));
    this.#byName = runs.byName;
    for (const run of this.#runs) {
      if (this.#byTick.has(run.tickMs)) this.#duplicates.push(run);
      else this.#byTick.set(run.tickMs, run);
    }
    const handled = new Set([...this.#byTick.keys(), ...runs.handled]);
    this.#handledMs = [...handled].toSorted((a, b) => a - b);
  }

  account(cronJob: string): TickAccount {
    const ticks = new Map<number, Tick>();
    const invalid: string[] = [];
    let createdMs = 0;
    this.#versions.forEach((version, index) => {
      const { fromMs, spec } = version;
      if (this.#versions[index - 1]?.spec === undefined) createdMs = fromMs;
      if (spec === undefined) return;
      const schedule = parse(spec, this.#recording.scenario.timeZone);
      if (typeof schedule === 'string') {
        invalid.push(schedule);
        return;
      }
      const next = this.#versions[index + 1];
      const untilMs = this.#furthest(version, next);
      const lastMs = this.#handledMs.findLast((atMs) => atMs <= fromMs && atMs > createdMs) ?? createdMs;
      // After a step back of the clock the same instants come again: they are still the same ticks.
      for (const at of dueTicks(schedule, { afterMs: fromMs, untilMs }, { lastMs, handledMs: this.#handledMs })) {
        const isOpen = next === undefined && at > untilMs - marginMs && !this.#byTick.has(at);
        if (!ticks.has(at) && !isOpen) ticks.set(at, this.#judge(at, { cronJob, spec, schedule }));
        if (ticks.size > maxTicks) throw this.#tooMany(cronJob);
      }
    });
    const extra = [...this.#byTick.values()].filter((run) => !ticks.has(run.tickMs));
    const ordered = [...ticks.values()].toSorted((a, b) => a.atMs - b.atMs);
    return { cronJob, ticks: ordered, duplicates: this.#duplicates, extra, invalid };
  }

  /** The latest wall time while a version was the one: the clock may have been stepped back since. */
  #furthest({ elapsedMs }: CronJobVersion, next: CronJobVersion | undefined): number {
    const { clockSteps, endMs } = this.#recording;
    const within = clockSteps.filter(
      (step) => step.elapsedMs >= elapsedMs && step.elapsedMs <= (next?.elapsedMs ?? Infinity),
    );
    return Math.max(next?.fromMs ?? endMs, ...within.map(({ fromMs }) => fromMs));
  }

  #tooMany(cronJob: string): UsageError {
    const { source } = this.#recording.scenario;
    const message = `${cronJob} is due more than ${maxTicks} times: take a shorter time, or smaller steps of the clock`;
    return new UsageError(faultAt(source, ['spec', 'duration'], message));
  }

  #judge(atMs: number, { cronJob, spec, schedule }: Judged): Tick {
    const run = this.#byTick.get(atMs);
    if (run !== undefined) {
      return { atMs, fate: run.createdMs - atMs > onTimeMs ? 'ranLate' : 'ran', job: run.job };
    }
    const missed = (fate: Fate, job?: string): Tick => ({ atMs, fate, job });
    if (spec.suspend === true) return missed('suspended');
    const { downtimes, clockSteps, recorder } = this.#recording;
    if (downtimes.some(({ fromMs, toMs }) => atMs >= fromMs - onTimeMs && atMs <= toMs)) return missed('engineDown');
    // Steps back make it wait for instants it has had; steps forward leap over some.
    if (
      clockSteps.some(({ fromMs, toMs }) => atMs >= Math.min(fromMs, toMs) - onTimeMs && atMs <= Math.max(fromMs, toMs))
    )
      return missed('clockStep');
    if (spec.concurrencyPolicy === 'Forbid') {
      const active = this.#activeAt(atMs);
      if (active !== undefined) return missed('concurrent', active.job);
    }
    const other = this.#byName.get(tickName(cronJob, atMs))?.find(({ createdMs }) => createdMs <= atMs + onTimeMs);
    if (other !== undefined) return missed('nameTaken', other.job);
    const { startingDeadlineSeconds: seconds } = spec;
    // The search begins where the deadline does, and `@every` is counted from there: its other instants are then none.
    if (seconds === 0 || (seconds !== undefined && everyMs(schedule) !== undefined)) return missed('deadline');
    const refused = recorder.notes.some(
      (note) => note.atMs >= atMs && note.atMs <= atMs + onTimeMs && note.text.startsWith('FailedCreate'),
    );
    return missed(refused ? 'refused' : 'unaccounted');
  }

  /** The newest Job that was created before an instant and had not ended then. */
  #activeAt(atMs: number): Run | undefined {
    let low = 0;
    for (let high = this.#runs.length; low < high;) {
      const middle = (low + high) >> 1;
      if (this.#runs[middle]!.createdMs <= atMs + onTimeMs) low = middle + 1;
      else high = middle;
    }
    for (let index = low - 1; index >= Math.max(0, low - 16); index--) {
      const run = this.#runs[index]!;
      if (run.endedMs === undefined || run.endedMs > atMs) return run;
    }
    return undefined;
  }
}

function parse(spec: NonNullable<CronJobVersion['spec']>, hostZone: string): Schedule | string {
  try {
    return parseSchedule(spec.schedule, { timeZone: spec.timeZone ?? hostZone });
  } catch (error) {
    return (error as Error).message;
  }
}

/** The name of the Job of a tick tells its minute. */
function tickName(cronJob: string, atMs: number): string {
  return `${cronJob}-${Math.floor(atMs / 60_000)}`;
}
