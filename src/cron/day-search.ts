import { civilOf, dayMs, dayNumberOf, monthLength, weekdayOf } from './calendar.ts';
import { matchesBothDays, type Fields } from './fields.ts';
import type { ValueSet } from './parse-field.ts';

/**
 * Finds matching local times by arithmetic, as if the local clock never jumped. Sets of days are bit masks: one month is
 * one look. Local times are milliseconds since 1970-01-01T00:00 on the local clock.
 */
export class DaySearch {
  readonly hasAllMonths: boolean;
  readonly #both: boolean;
  readonly #days: number;
  /** Matching weekdays as days of a month, by the weekday of the first. */
  readonly #weekdays: readonly number[];
  readonly #months: readonly boolean[];
  readonly #hours: Neighbours;
  readonly #minutes: Neighbours;

  constructor(fields: Fields) {
    this.#both = matchesBothDays(fields);
    this.#days = maskOf(fields.dayOfMonth.values);
    this.#weekdays = [0, 1, 2, 3, 4, 5, 6].map((first) => weekdayMask(fields.dayOfWeek.values, first));
    const isInSet = Array.from({ length: 13 }, () => false);
    for (const month of fields.month.values) isInSet[month] = true;
    this.#months = isInSet;
    this.hasAllMonths = fields.month.values.length === 12;
    this.#hours = neighbours(fields.hour, 24);
    this.#minutes = neighbours(fields.minute, 60);
  }

  /** The first match at or after `localMs`, up to the end of the fifth year after; NaN if there is none. */
  first(localMs: number): number {
    const minuteNumber = Math.ceil(localMs / 60_000);
    const dayNumber = Math.floor(minuteNumber / 1440);
    const { year, month, day } = civilOf(dayNumber);
    if (this.#matchesDay(dayNumber, year, month, day)) {
      const minuteOfDay = this.#nextMinuteOfDay(minuteNumber - dayNumber * 1440);
      if (minuteOfDay >= 0) return dayNumber * dayMs + minuteOfDay * 60_000;
    }
    const found = this.#firstDayAfter({ year, month, day }, limitYear(localMs, dayNumber, year));
    return found * dayMs + this.#nextMinuteOfDay(0) * 60_000;
  }

  /** The last match before `localMs`, back to the eighth year before; NaN if there is none. */
  last(localMs: number): number {
    const minuteNumber = Math.ceil(localMs / 60_000) - 1;
    const dayNumber = Math.floor(minuteNumber / 1440);
    const { year, month, day } = civilOf(dayNumber);
    if (this.#matchesDay(dayNumber, year, month, day)) {
      const minuteOfDay = this.#previousMinuteOfDay(minuteNumber - dayNumber * 1440);
      if (minuteOfDay >= 0) return dayNumber * dayMs + minuteOfDay * 60_000;
    }
    return this.#lastDayBefore(year, month, day) * dayMs + this.#previousMinuteOfDay(1439) * 60_000;
  }

  matchesMonth(month: number): boolean {
    return this.#months[month] === true;
  }

  /** The day alone; the month is another question. */
  matchesDayOfMonth(dayNumber: number, day: number): boolean {
    return (this.#daysOf(dayNumber - day + 1) & (1 << (day - 1))) !== 0;
  }

  matchesHour(hour: number): boolean {
    return this.#hours.next[hour] === hour;
  }

  matchesMinute(minute: number): boolean {
    return this.#minutes.next[minute] === minute;
  }

  /** Days to the next match in this month, or to the first of the next month. */
  daysToNextMatch(dayNumber: number, year: number, month: number, day: number): number {
    const length = monthLength(year, month);
    const left = this.#daysAfter(dayNumber - day + 1, day, length);
    return (left === 0 ? length + 1 : 32 - Math.clz32(left & -left)) - day;
  }

  /** Hours from one that does not match to the next that does, or to midnight. */
  hoursToNextMatch(hour: number): number {
    const next = this.#hours.next[hour] as number;
    return (next < 0 ? 24 : next) - hour;
  }

  /** Minutes from one that does not match to the next that does, or to the full hour. */
  minutesToNextMatch(minute: number): number {
    const next = this.#minutes.next[minute] as number;
    return (next < 0 ? 60 : next) - minute;
  }

  #matchesDay(dayNumber: number, year: number, month: number, day: number): boolean {
    return this.#months[month] === true && day <= monthLength(year, month) && this.matchesDayOfMonth(dayNumber, day);
  }

  #firstDayAfter(from: { year: number; month: number; day: number }, lastYear: number): number {
    let { year, month, day } = from;
    for (; year <= lastYear; day = 0) {
      if (this.#months[month] === true) {
        const firstNumber = dayNumberOf(year, month, 1);
        const left = this.#daysAfter(firstNumber, day, monthLength(year, month));
        if (left !== 0) return firstNumber + 31 - Math.clz32(left & -left);
      }
      if (month === 12) [year, month] = [year + 1, 1];
      else month++;
    }
    return NaN;
  }

  #lastDayBefore(fromYear: number, fromMonth: number, fromDay: number): number {
    let [year, month, day] = [fromYear, fromMonth, fromDay];
    for (; year >= fromYear - 8; day = 32) {
      if (this.#months[month] === true) {
        const firstNumber = dayNumberOf(year, month, 1);
        const last = Math.min(day - 1, monthLength(year, month));
        const left = this.#daysOf(firstNumber) & 0x7fff_ffff & (last >= 31 ? -1 : (1 << last) - 1);
        if (left !== 0) return firstNumber + 31 - Math.clz32(left);
      }
      if (month === 1) [year, month] = [year - 1, 12];
      else month--;
    }
    return NaN;
  }

  /** The matching days after `day`. (A shift by 32 would be one by 0.) */
  #daysAfter(firstNumber: number, day: number, length: number): number {
    if (day >= 31) return 0;
    return this.#daysOf(firstNumber) & (-1 << day) & (length === 31 ? 0x7fff_ffff : (1 << length) - 1);
  }

  /** Bit 0 is the first of the month that begins on this day number. */
  #daysOf(firstNumber: number): number {
    const weekdays = this.#weekdays[weekdayOf(firstNumber)] as number;
    return this.#both ? this.#days & weekdays : this.#days | weekdays;
  }

  #nextMinuteOfDay(from: number): number {
    const hour = (from / 60) | 0;
    if (this.#hours.next[hour] === hour) {
      const minute = this.#minutes.next[from - hour * 60] as number;
      if (minute >= 0) return hour * 60 + minute;
    }
    const later = this.#hours.next[hour + 1] as number;
    return later < 0 ? -1 : later * 60 + (this.#minutes.next[0] as number);
  }

  #previousMinuteOfDay(from: number): number {
    const hour = (from / 60) | 0;
    if (this.#hours.next[hour] === hour) {
      const minute = this.#minutes.previous[from - hour * 60] as number;
      if (minute >= 0) return hour * 60 + minute;
    }
    const earlier = hour === 0 ? -1 : (this.#hours.previous[hour - 1] as number);
    return earlier < 0 ? -1 : earlier * 60 + (this.#minutes.previous[59] as number);
  }
}

/** The days of a month that begins on the weekday `first`. */
function weekdayMask(weekdays: readonly number[], first: number): number {
  let mask = 0;
  for (const weekday of weekdays) for (let bit = (weekday - first + 7) % 7; bit < 31; bit += 7) mask |= 1 << bit;
  return mask;
}

function maskOf(daysOfMonth: readonly number[]): number {
  return daysOfMonth.reduce((mask, day) => mask | (1 << (day - 1)), 0);
}

/** The five years count from the second that is asked for, not from the minute it is rounded up to. */
function limitYear(localMs: number, dayNumber: number, year: number): number {
  return (localMs < dayNumber * dayMs ? civilOf(Math.floor(localMs / dayMs)).year : year) + 5;
}

/** For each value the nearest member at or above it, and at or below it; -1 where there is none. */
interface Neighbours {
  readonly next: Int8Array;
  readonly previous: Int8Array;
}

function neighbours({ values }: ValueSet, size: number): Neighbours {
  const next = new Int8Array(size + 1).fill(-1);
  const previous = new Int8Array(size).fill(-1);
  for (const value of values) next[value] = previous[value] = value;
  for (let value = size - 1; value >= 0; value--)
    if ((next[value] as number) < 0) next[value] = next[value + 1] as number;
  for (let value = 1; value < size; value++) {
    if ((previous[value] as number) < 0) previous[value] = previous[value - 1] as number;
  }
  return { next, previous };
}
