import { civilOf, dayMs, dayNumberOf, hourMs, minuteMs, secondMs } from './calendar.ts';
import type { DaySearch } from './day-search.ts';
import type { TimeZone } from './time-zone.ts';

/**
 * The first match after an instant by walking months, days, hours, minutes and seconds as robfig/cron v3
 * `SpecSchedule.Next` does. Needed where the local clock jumps: which instants upstream loses or repeats there hangs on
 * the way it walks. May answer an instant at or before `afterMs` where upstream does; ends where upstream does not (a day
 * that the zone skipped). NaN if there is none in five years.
 */
export function walk(search: DaySearch, zone: TimeZone, afterMs: number): number {
  return new Walk(search, zone, Math.floor(afterMs / secondMs) * secondMs + secondMs).run();
}

/** Whether the local clock shows a matching minute at this instant, at second zero. */
export function showsMatch(search: DaySearch, zone: TimeZone, atMs: number): boolean {
  const local = new LocalTime(zone, atMs);
  if (local.second !== 0 || !search.matchesMonth(local.month)) return false;
  if (!search.matchesDayOfMonth(local.dayNumber, local.day)) return false;
  return search.matchesHour(local.hour) && search.matchesMinute(local.minute);
}

/** An instant and what the local clock shows then. */
class LocalTime {
  readonly zone: TimeZone;
  atMs = 0;
  /** The end of the stretch without a change of offset, and its beginning. */
  evenUntilMs = 0;
  evenSinceMs = 0;
  dayNumber = 0;
  year = 0;
  month = 0;
  day = 0;
  hour = 0;
  minute = 0;
  second = 0;

  constructor(zone: TimeZone, atMs: number) {
    this.zone = zone;
    this.moveTo(atMs);
  }

  moveTo(atMs: number): void {
    const segment = this.zone.segmentAt(atMs);
    const localMs = atMs + segment.offsetMs;
    const dayNumber = Math.floor(localMs / dayMs);
    const seconds = Math.floor((localMs - dayNumber * dayMs) / secondMs);
    if (dayNumber !== this.dayNumber || this.day === 0) {
      const { year, month, day } = civilOf(dayNumber);
      this.year = year;
      this.month = month;
      this.day = day;
    }
    this.atMs = atMs;
    this.evenUntilMs = segment.endMs;
    this.evenSinceMs = segment.startMs;
    this.dayNumber = dayNumber;
    this.hour = (seconds / 3600) | 0;
    this.minute = ((seconds / 60) | 0) - this.hour * 60;
    this.second = seconds % 60;
  }

  /**
   * Takes as many steps as are wanted, one at a time near a change of offset: what lies between might be the end of the
   * walk then.
   */
  advance(count: number, stepMs: number): void {
    // Setting the smaller units to their beginning may have led to a match: upstream steps over it.
    const targetMs = this.atMs + Math.max(count, 1) * stepMs;
    this.moveTo(targetMs < this.evenUntilMs ? targetMs : this.atMs + stepMs);
  }

  /** The same time of day on another date; months and days may overflow. */
  onDate(year: number, month: number, day: number): number {
    const timeOfDayMs = this.hour * hourMs + this.minute * minuteMs + this.second * secondMs;
    return instantOf(this.zone, dayNumberOf(year, month, day) * dayMs + timeOfDayMs);
  }

  /** The beginning of an hour of this date. */
  atHour(hour: number): number {
    return instantOf(this.zone, this.dayNumber * dayMs + hour * hourMs);
  }
}

/** The rule of Go's `time.Date` for wall-clock times that do not exist or exist twice. */
function instantOf(zone: TimeZone, wallMs: number): number {
  const guessMs = zone.offsetAt(wallMs);
  return guessMs === 0 ? wallMs : wallMs - zone.offsetAt(wallMs - guessMs);
}

class Walk {
  readonly #search: DaySearch;
  readonly #local: LocalTime;
  /** Smaller units were set to their beginning. Once for all units, as upstream. */
  #isTouched = false;

  constructor(search: DaySearch, zone: TimeZone, atMs: number) {
    this.#search = search;
    this.#local = new LocalTime(zone, atMs);
  }

  run(): number {
    const local = this.#local;
    const limitYear = local.year + 5;
    while (local.year <= limitYear) {
      // A step that wraps around begins again with the larger units.
      if (this.#toMonth() && this.#toDay() && this.#toHour() && this.#toMinute() && this.#toSecond()) return local.atMs;
    }
    return NaN;
  }

  #toMonth(): boolean {
    const local = this.#local;
    while (!this.#search.matchesMonth(local.month)) {
      if (!this.#isTouched) this.#touch(instantOf(local.zone, (local.dayNumber - local.day + 1) * dayMs));
      local.moveTo(local.onDate(local.year, local.month + 1, local.day));
      if (local.month === 1) return false;
    }
    return true;
  }

  #toDay(): boolean {
    const local = this.#local;
    while (!this.#search.matchesDayOfMonth(local.dayNumber, local.day)) {
      if (!this.#isTouched) this.#touch(local.atHour(0));
      if (!this.#leapOverDays()) this.#stepOverDay();
      if (local.day === 1) return false;
    }
    return true;
  }

  /** Far from any change of offset, midnight follows midnight. False: this is not such a place. */
  #leapOverDays(): boolean {
    const local = this.#local;
    const days = this.#search.daysToNextMatch(local.dayNumber, local.year, local.month, local.day);
    const targetMs = local.atMs + days * dayMs;
    if (local.hour !== 0 || local.atMs - dayMs < local.evenSinceMs || targetMs + dayMs > local.evenUntilMs)
      return false;
    local.moveTo(targetMs);
    return true;
  }

  #stepOverDay(): void {
    const local = this.#local;
    const { year, month, day, atMs } = local;
    const nextMs = local.onDate(year, month, day + 1);
    const dayAfterMs = local.onDate(year, month, day + 2);
    this.#moveToMidnightBy(nextMs);
    // The zone skipped the next day, and "tomorrow" is today again: upstream goes round for ever.
    if (local.atMs <= atMs) this.#moveToMidnightBy(dayAfterMs);
  }

  /** A midnight that does not exist becomes one o'clock, or eleven the evening before. */
  #moveToMidnightBy(atMs: number): void {
    const local = this.#local;
    local.moveTo(atMs);
    if (local.hour !== 0) local.moveTo(atMs + (local.hour > 12 ? 24 - local.hour : -local.hour) * hourMs);
  }

  #toHour(): boolean {
    const local = this.#local;
    while (!this.#search.matchesHour(local.hour)) {
      if (!this.#isTouched) this.#touch(local.atHour(local.hour));
      local.advance(this.#search.hoursToNextMatch(local.hour), hourMs);
      if (local.hour === 0) return false;
    }
    return true;
  }

  #toMinute(): boolean {
    const local = this.#local;
    while (!this.#search.matchesMinute(local.minute)) {
      if (!this.#isTouched) this.#touch(Math.floor(local.atMs / minuteMs) * minuteMs);
      local.advance(this.#search.minutesToNextMatch(local.minute), minuteMs);
      if (local.minute === 0) return false;
    }
    return true;
  }

  #toSecond(): boolean {
    const local = this.#local;
    this.#isTouched ||= local.second !== 0;
    while (local.second !== 0) {
      local.advance(60 - local.second, secondMs);
      if (local.second === 0) return false;
    }
    return true;
  }

  #touch(atMs: number): void {
    this.#isTouched = true;
    this.#local.moveTo(atMs);
  }
}
