import { dayMs, hourMs, minuteMs, secondMs } from './calendar.ts';
import { DaySearch } from './day-search.ts';
import { canEverMatch, type Fields } from './fields.ts';
import { maxInstantMs, type Schedule } from './schedule.ts';
import type { TimeZone, ZoneSegment } from './time-zone.ts';
import { showsMatch, walk } from './zone-walk.ts';

/** Years of tests would not reach it: zones jump by hours, not weeks. */
const searchLimitMs = 7 * dayMs;
/** How far before an instant the search for its predecessor begins: longer only if there was none. */
const spansMs = [3, 40, 400, 9 * 366].map((days) => days * dayMs);

/** Five fields read in a zone. Where the zone's clock runs evenly, instants are computed; elsewhere walked to. */
export class FieldSchedule implements Schedule {
  readonly expression: string;
  readonly #zone: TimeZone;
  readonly #search: DaySearch;
  readonly #canMatch: boolean;
  /** A walk goes back to the beginning of the day, or of the month, before it goes forward. */
  readonly #marginMs: number;

  constructor(expression: string, fields: Fields, zone: TimeZone) {
    this.expression = expression;
    this.#zone = zone;
    this.#search = new DaySearch(fields);
    this.#canMatch = canEverMatch(fields);
    this.#marginMs = (this.#search.hasAllMonths ? 2 : 33) * dayMs;
  }

  get timeZone(): string {
    return this.#zone.name;
  }

  next(afterMs: number): number {
    if (!this.#canMatch || !(Math.abs(afterMs) <= maxInstantMs)) return NaN;
    const startMs = Math.floor(afterMs / secondMs) * secondMs + secondMs;
    const segment = this.#zone.segmentAt(startMs);
    if (segment.offsetMs % minuteMs === 0) {
      const fromMs = startMs + segment.offsetMs;
      const foundMs = this.#search.first(fromMs);
      // No date in five years: walking finds none either.
      if (Number.isNaN(foundMs)) return NaN;
      const atMs = this.#evenInstant(fromMs, foundMs, segment);
      if (atMs !== undefined) return atMs;
    }
    const walkedMs = walk(this.#search, this.#zone, afterMs);
    return walkedMs <= afterMs ? this.#forward(afterMs) : walkedMs;
  }

  previous(beforeMs: number): number {
    if (!this.#canMatch || !(Math.abs(beforeMs) <= maxInstantMs)) return NaN;
    const { startMs, endMs, offsetMs } = this.#zone.segmentAt(beforeMs);
    if (beforeMs + dayMs <= endMs && offsetMs % minuteMs === 0) {
      const foundMs = this.#search.last(beforeMs + offsetMs) - offsetMs;
      if (foundMs - this.#marginMs >= startMs) return foundMs;
    }
    for (const spanMs of spansMs) {
      const foundMs = this.#lastBetween(beforeMs - spanMs, beforeMs);
      if (!Number.isNaN(foundMs)) return foundMs;
    }
    return NaN;
  }

  /**
   * The instant of the match that was found by the local clock, unless the clock jumps where a walk would notice it.
   * Within the hour that has begun, a walk never looks back; within a day it goes back to the hour; beyond, it goes from
   * midnight to midnight, or from month to month.
   */
  #evenInstant(fromMs: number, foundMs: number, segment: ZoneSegment): number | undefined {
    const { startMs, endMs, offsetMs } = segment;
    const atMs = foundMs - offsetMs;
    if (atMs < endMs && Math.floor(fromMs / hourMs) === Math.floor(foundMs / hourMs)) return atMs;
    const afterMs = fromMs - offsetMs;
    if (afterMs - dayMs < startMs || afterMs + dayMs > endMs) return undefined;
    if (atMs + dayMs <= endMs && (afterMs - this.#marginMs >= startMs || segment.hasAllMidnights)) return atMs;
    const target = this.#zone.segmentAt(atMs);
    if (!segment.hasAllMidnights || !target.hasAllMidnights || target.chunk > segment.chunk + 1) return undefined;
    if (target.offsetMs % minuteMs !== 0) return undefined;
    const thereMs = foundMs - target.offsetMs;
    return thereMs - dayMs >= target.startMs && thereMs + dayMs <= target.endMs ? thereMs : undefined;
  }

  /**
   * Upstream answers an instant that is not later (the clock went back across its rounding). Then the first minute that
   * matches, or from which upstream finds its way, is taken.
   */
  #forward(afterMs: number): number {
    const firstMs = Math.floor(afterMs / minuteMs) * minuteMs + minuteMs;
    for (let atMs = firstMs; atMs < afterMs + searchLimitMs; atMs += minuteMs) {
      if (showsMatch(this.#search, this.#zone, atMs)) return atMs;
      const walkedMs = walk(this.#search, this.#zone, atMs);
      if (!(walkedMs <= atMs)) return walkedMs;
    }
    return NaN;
  }

  #lastBetween(afterMs: number, beforeMs: number): number {
    let lastMs = NaN;
    for (let atMs = this.next(afterMs); atMs < beforeMs; atMs = this.next(atMs)) lastMs = atMs;
    return lastMs;
  }
}
