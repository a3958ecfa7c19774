import type { Schedule } from './schedule.ts';

/** The distance of an `@every` schedule in milliseconds; undefined for others, which have instants of their own. */
export function everyMs(schedule: Schedule): number | undefined {
  return /(?:^|\s)@every\s/.test(schedule.expression) ? schedule.next(0) : undefined;
}
