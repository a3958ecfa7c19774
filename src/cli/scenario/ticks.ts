import { parseSchedule, type Schedule } from '../../cron/index.ts';
import type { CronJobVersion, Run } from './recorder.ts';
import type { Recording } from './run-scenario.ts';

/** What became of an instant at which a CronJob was due. */
export type Fate =
  'ran' | 'ranLate' | 'suspended' | 'concurrent' | 'engineDown' | 'clockStep' | 'deadline' | 'refused' | 'unaccounted';

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

/** Accounts for every tick of every CronJob of a recording. */
export function accountTicks(recording: Recording): readonly TickAccount[] {
  const runsOf = new Map<string, Run[]>();
  for (const run of recording.recorder.runs) {
    if (run.cronJob === undefined) continue;
    const runs = runsOf.get(run.cronJob);
    if (runs === undefined) runsOf.set(run.cronJob, [run]);
    else runs.push(run);
  }
  const { cronJobs } = recording.recorder;
  return [...cronJobs].map(([cronJob, versions]) =>
    new Accountant(recording, versions, runsOf.get(cronJob) ?? []).account(cronJob),
  );
}

class Accountant {
  readonly #recording: Recording;
  readonly #versions: readonly CronJobVersion[];
  /** In the order of their creation. */
  readonly #runs: readonly Run[];
  readonly #byTick = new Map<number, Run>();
  readonly #duplicates: Run[] = [];

  constructor(recording: Recording, versions: readonly CronJobVersion[], runs: readonly Run[]) {
    this.#recording = recording;
    this.#versions = versions;
    this.#runs = runs;
    for (const run of runs) {
      if (Number.isNaN(run.tickMs)) continue;
      if (this.#byTick.has(run.tickMs)) this.#duplicates.push(run);
      else this.#byTick.set(run.tickMs, run);
    }
  }

  account(cronJob: string): TickAccount {
    const ticks = new Map<number, Tick>();
    const invalid: string[] = [];
    this.#versions.forEach(({ fromMs, spec }, index) => {
      if (spec === undefined) return;
      const untilMs = this.#versions[index + 1]?.fromMs ?? this.#recording.endMs;
      const parsed = parse(spec, this.#recording.scenario.timeZone);
      if (typeof parsed === 'string') {
        invalid.push(parsed);
        return;
      }
      // After a step back of the clock the same instants come again: they are still the same ticks.
      for (let at = parsed.next(fromMs); at <= untilMs; at = parsed.next(at)) {
        const isOpen = at > this.#recording.endMs - marginMs && !this.#byTick.has(at);
        if (!ticks.has(at) && !isOpen) ticks.set(at, this.#judge(at, spec));
      }
    });
    const extra = [...this.#byTick.values()].filter((run) => !ticks.has(run.tickMs));
    const ordered = [...ticks.values()].toSorted((a, b) => a.atMs - b.atMs);
    return { cronJob, ticks: ordered, duplicates: this.#duplicates, extra, invalid };
  }

  #judge(atMs: number, spec: NonNullable<CronJobVersion['spec']>): Tick {
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
    if (spec.startingDeadlineSeconds === 0) return missed('deadline');
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
