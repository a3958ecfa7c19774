import type { Schedule } from '../../cron/index.ts';

/** All instants in milliseconds since the epoch. */
export interface ScheduleState {
  readonly schedule: Schedule;
  readonly createdMs: number;
  /** The due time of the last Job, if there was one. */
  readonly lastMs: number | undefined;
  /** `startingDeadlineSeconds`. */
  readonly deadlineMs: number | undefined;
  readonly nowMs: number;
}

export interface MostRecent {
  /** Where the search began. */
  readonly earliestMs: number;
  /** The latest time that is due and not handled; undefined if there is none. */
  readonly dueMs: number | undefined;
  /** How many were missed before it, estimated from the first distance: `many` is more than 100. */
  readonly missed: 'none' | 'few' | 'many';
  /** The schedule does not advance. */
  readonly error?: string;
}

const manyMissed = 100;
const noAdvance = 'time difference between two schedules is less than 1 second';

/** The time to run for now. Upstream: `mostRecentScheduleTime` of the CronJob controller, with the deadline. */
export function dueForStart(state: ScheduleState): MostRecent {
  const { deadlineMs, nowMs } = state;
  const earliestMs = lastHandledMs(state);
  return mostRecent(state, deadlineMs === undefined ? earliestMs : Math.max(earliestMs, nowMs - deadlineMs));
}

/**
 * When to look again: the first due time after now; NaN if there is none. Upstream: `nextScheduleTimeDuration`, which
 * takes no notice of the deadline. (It adds 100 ms so as not to come too early; we look again when we do.)
 */
export function nextDueMs(state: ScheduleState): number {
  const { dueMs, missed, error, earliestMs } = mostRecent(state, lastHandledMs(state));
  if (error !== undefined) return state.schedule.next(state.nowMs);
  return state.schedule.next(dueMs ?? (missed === 'none' ? earliestMs : state.nowMs));
}

function lastHandledMs({ lastMs, createdMs }: ScheduleState): number {
  return lastMs ?? createdMs;
}

/**
 * Jumps near to now by the distance of the first two times and steps from there. With uneven schedules the jump may go
 * too far and find nothing, as upstream.
 */
function mostRecent({ schedule, nowMs }: ScheduleState, earliestMs: number): MostRecent {
  const firstMs = schedule.next(earliestMs);
  const secondMs = schedule.next(firstMs);
  if (nowMs < firstMs) return { earliestMs, dueMs: undefined, missed: 'none' };
  if (nowMs < secondMs) return { earliestMs, dueMs: firstMs, missed: 'none' };
  const gapSeconds = Math.round((secondMs - firstMs) / 1000);
  // NaN, where nothing is due any more, is upstream's time zero: no advance either.
  if (!(gapSeconds >= 1)) return { earliestMs, dueMs: undefined, missed: 'none', error: noAdvance };
  const count = Math.floor(Math.trunc((nowMs - firstMs) / 1000) / gapSeconds) + 1;
  let dueMs: number | undefined;
  for (let atMs = schedule.next(firstMs + (count - 2) * gapSeconds * 1000); atMs <= nowMs; atMs = schedule.next(atMs)) {
    dueMs = atMs;
  }
  return { earliestMs, dueMs, missed: count > manyMissed ? 'many' : 'few' };
}
