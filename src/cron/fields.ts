import { fieldBounds, parseField, type ValueSet } from './parse-field.ts';

/** A schedule of five fields. */
export interface Fields {
  readonly minute: ValueSet;
  readonly hour: ValueSet;
  readonly dayOfMonth: ValueSet;
  readonly month: ValueSet;
  readonly dayOfWeek: ValueSet;
}

/**
 * Reads the five fields; the first one that is wrong is reported.
 * @throws Error with upstream's text
 */
export function parseFields(texts: readonly string[]): Fields {
  if (texts.length !== 5) {
    throw new Error(`expected exactly 5 fields, found ${texts.length}: [${texts.join(' ')}]`);
  }
  const [minute = '', hour = '', dayOfMonth = '', month = '', dayOfWeek = ''] = texts;
  return {
    minute: parseField(minute, fieldBounds.minute),
    hour: parseField(hour, fieldBounds.hour),
    dayOfMonth: parseField(dayOfMonth, fieldBounds.dayOfMonth),
    month: parseField(month, fieldBounds.month),
    dayOfWeek: parseField(dayOfWeek, fieldBounds.dayOfWeek),
  };
}

/**
 * Whether a day must match both of its fields. With a star on either side it must (the star matches every day); two
 * restricted fields are alternatives: the 13th and every Friday. Upstream: `dayMatches`.
 */
export function matchesBothDays(fields: Fields): boolean {
  return fields.dayOfMonth.isStar || fields.dayOfWeek.isStar;
}

const longestMonths = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** Whether there is any date at all: `30 2` and `,` have none. */
export function canEverMatch(fields: Fields): boolean {
  const { minute, hour, month, dayOfMonth, dayOfWeek } = fields;
  if (minute.values.length === 0 || hour.values.length === 0 || month.values.length === 0) return false;
  const firstDay = dayOfMonth.values[0] ?? Infinity;
  const hasDate = month.values.some((value) => firstDay <= (longestMonths[value - 1] as number));
  const hasWeekday = dayOfWeek.values.length > 0;
  return matchesBothDays(fields) ? hasDate && hasWeekday : hasDate || hasWeekday;
}
