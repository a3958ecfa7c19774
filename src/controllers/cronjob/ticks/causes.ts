import type { CronJob, CronJobSpec, ObjectReference } from '../../../api/index.ts';
import { everyMs, type Schedule } from '../../../cron/index.ts';
import type { Ticks } from './aligned.ts';

/** Why ticks did not run at their time. */
export interface Cause {
  /** `Skipped`: the CronJob's own rules; `Missed`: nobody was there to act. */
  readonly outcome: 'Skipped' | 'Missed';
  readonly reason:
    | 'ConcurrencyPolicy'
    | 'Suspended'
    | 'Deadline'
    | 'UnevenSchedule'
    | 'InvalidSchedule'
    | 'FailedCreate'
    | 'NameTaken'
    | 'ScheduleChanged'
    | 'EngineDown'
    | 'ClockStep'
    | 'Late';
  readonly message: string;
  /** Names of the Jobs that were in the way. */
  readonly active?: readonly string[];
}

/** The cause of all ticks after the segment before it, up to `toMs`. Undefined: none was known. */
export interface Segment {
  readonly toMs: number;
  readonly cause: Cause | undefined;
}

/** The wall clock leapt from one instant to another without time passing. */
export interface Leap {
  readonly fromMs: number;
  readonly toMs: number;
}

/** What explains ticks for which the CronJob itself gives no cause. */
export interface Ambient {
  /** When this controller began to act. */
  readonly startedMs: number;
  /** When its predecessor was last known to act; undefined if there is no trace of one. */
  readonly aliveMs: number | undefined;
  readonly leaps: readonly Leap[];
  /** What explains the rest. */
  readonly otherwise: Cause;
}

/** Ticks after `fromMs` up to `toMs` that share a cause. */
export interface CausedSpan {
  readonly fromMs: number;
  readonly toMs: number;
  /** The first tick in it. */
  readonly firstMs: number;
  readonly cause: Cause;
}

/** A tick that starts within this time of its instant is on time. */
export const onTimeMs = 1000;

export interface Window {
  readonly ticks: Ticks;
  /** Exclusive. */
  readonly fromMs: number;
  /** Inclusive. */
  readonly toMs: number;
}

/** Cuts a window of ticks into spans of one cause each. Spans without any tick in them are left out. */
export function causedSpans(window: Window, segments: readonly Segment[], ambient: Ambient): readonly CausedSpan[] {
  const spans: CausedSpan[] = [];
  let fromMs = window.fromMs;
  for (const toMs of boundaries(window, segments, ambient)) {
    if (toMs <= fromMs) continue;
    const firstMs = window.ticks.after(fromMs);
    if (firstMs <= toMs) put(spans, { fromMs, toMs, firstMs, cause: causeAt(firstMs, segments, ambient) });
    fromMs = toMs;
  }
  return spans;
}

function put(spans: CausedSpan[], span: CausedSpan): void {
  const last = spans.at(-1);
  if (last !== undefined && isSameCause(last.cause, span.cause)) spans[spans.length - 1] = { ...last, toMs: span.toMs };
  else spans.push(span);
}

function boundaries({ toMs }: Window, segments: readonly Segment[], ambient: Ambient): readonly number[] {
  const cuts = [ambient.startedMs, ...ambient.leaps.flatMap((leap) => [leap.fromMs, leap.toMs])];
  const inside = [...segments.map((segment) => segment.toMs), ...cuts].filter((cut) => cut < toMs);
  return [...inside.toSorted((a, b) => a - b), toMs];
}

function causeAt(atMs: number, segments: readonly Segment[], ambient: Ambient): Cause {
  const known = segments.find((segment) => atMs <= segment.toMs)?.cause;
  if (known !== undefined) return known;
  if (atMs <= ambient.startedMs) return engineDown(ambient);
  const leap = ambient.leaps.find(({ fromMs, toMs }) => atMs > fromMs && atMs <= toMs);
  if (leap === undefined) return ambient.otherwise;
  const [from, to] = [new Date(leap.fromMs).toISOString(), new Date(leap.toMs).toISOString()];
  return { outcome: 'Missed', reason: 'ClockStep', message: `the clock leapt from ${from} to ${to}` };
}

function engineDown({ startedMs, aliveMs }: Ambient): Cause {
  const seen = aliveMs === undefined ? '' : `; it was last seen at ${new Date(aliveMs).toISOString()}`;
  const message = `the engine was not running until ${new Date(startedMs).toISOString()}${seen}`;
  return { outcome: 'Missed', reason: 'EngineDown', message };
}

export function isSameCause(a: Cause, b: Cause): boolean {
  return (
    a.reason === b.reason && a.message === b.message && (a.active ?? []).join('\n') === (b.active ?? []).join('\n')
  );
}

export const suspended: Cause = { outcome: 'Skipped', reason: 'Suspended', message: 'the CronJob is suspended' };

/** Of the ticks that a sync finds missed, not of those that come after it. */
export const unevenSchedule: Cause = {
  outcome: 'Skipped',
  reason: 'UnevenSchedule',
  message: 'several were missed, and the estimate of the newest one went past it, as it does with uneven schedules',
};

export const invalidSchedule: Cause = {
  outcome: 'Skipped',
  reason: 'InvalidSchedule',
  message: 'no other time follows within five years, and Kubernetes takes such a schedule for an invalid one',
};

export function concurrency(active: readonly ObjectReference[]): Cause {
  const message = 'concurrencyPolicy is Forbid and a Job of an earlier tick was still running';
  return { outcome: 'Skipped', reason: 'ConcurrencyPolicy', message, active: active.map(({ name }) => name ?? '') };
}

/** Why a tick did not start although nothing else was in its way: it was not come to in time. */
export function lateness({ spec }: CronJob, schedule: Schedule): Cause {
  const { startingDeadlineSeconds: seconds } = spec;
  if (seconds === undefined)
    return { outcome: 'Missed', reason: 'Late', message: 'the controller did not get to it in time' };
  const message = isNeverDue(spec, schedule)
    ? `@every is counted from the beginning of startingDeadlineSeconds ${seconds}, which is shorter: nothing is ever due`
    : `startingDeadlineSeconds ${seconds} had passed before it could be started`;
  return { outcome: 'Skipped', reason: 'Deadline', message };
}

/**
 * Upstream looks for due times from the beginning of the deadline on, and counts `@every` from where it begins to look:
 * a distance that is longer than the deadline is never over.
 */
export function isNeverDue({ startingDeadlineSeconds: seconds }: CronJobSpec, schedule: Schedule): boolean {
  return seconds !== undefined && (everyMs(schedule) ?? 0) > seconds * 1000;
}
