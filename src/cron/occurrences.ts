import type { Schedule } from './schedule.ts';

/** Milliseconds since the epoch. */
export interface OccurrenceRange {
  /** Exclusive, as in `next`. */
  readonly afterMs: number;
  /** Inclusive. */
  readonly untilMs: number;
}

/** The instants of a schedule in a range, in order, each found when it is asked for. */
export function* occurrences(schedule: Schedule, range: OccurrenceRange): Generator<number, void> {
  // NaN compares false: what is never due ends at once.
  for (let at = schedule.next(range.afterMs); at <= range.untilMs; at = schedule.next(at)) yield at;
}
