import { secondMs } from './calendar.ts';
import { maxInstantMs, type Schedule } from './schedule.ts';

/** `@every`: a distance, not instants. Each is counted from the one before, so the phase hangs on the first. */
export class EverySchedule implements Schedule {
  readonly expression: string;
  readonly timeZone: string;
  readonly #everyMs: number;

  /** Whole seconds, at least one. Upstream: robfig/cron v3 `Every`. */
  constructor(expression: string, timeZone: string, everyMs: number) {
    this.expression = expression;
    this.timeZone = timeZone;
    this.#everyMs = everyMs;
  }

  next(afterMs: number): number {
    return inRange(afterMs) ? Math.floor(afterMs / secondMs) * secondMs + this.#everyMs : NaN;
  }

  previous(beforeMs: number): number {
    return inRange(beforeMs) ? Math.ceil(beforeMs / secondMs) * secondMs - this.#everyMs : NaN;
  }
}

function inRange(atMs: number): boolean {
  return Math.abs(atMs) <= maxInstantMs;
}
