import { everyMs as distanceOf, type Schedule } from '../../../cron/index.ts';

/** The instants of a schedule, to go through in both directions. NaN where there is none. */
export interface Ticks {
  /** The first one after `ms`. */
  after(ms: number): number;
  /** The last one before `ms`. */
  before(ms: number): number;
}

/**
 * The ticks of which `anchorMs` is one (or from which they are counted): `@every` has no instants of its own, each is
 * counted from the one before. Other schedules need no anchor.
 */
export function ticksFrom(schedule: Schedule, anchorMs: number): Ticks {
  const everyMs = distanceOf(schedule);
  if (everyMs === undefined) return { after: (ms) => schedule.next(ms), before: (ms) => schedule.previous(ms) };
  const originMs = Math.floor(anchorMs / 1000) * 1000;
  return {
    after: (ms) => originMs + (Math.floor((ms - originMs) / everyMs) + 1) * everyMs,
    before: (ms) => originMs + (Math.ceil((ms - originMs) / everyMs) - 1) * everyMs,
  };
}
