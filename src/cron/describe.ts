import { canEverMatch, matchesBothDays, type Fields } from './fields.ts';
import { parseExpression } from './parse-schedule.ts';
import { timesInWords } from './describe-times.ts';
import { inOrder, joined, runs } from './word-lists.ts';

const weekdays = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const months = [
  ...['', 'January', 'February', 'March', 'April', 'May', 'June', 'July'],
  ...['August', 'September', 'October', 'November', 'December'],
];

/**
 * What an expression says, in plain English: `At 09:00, Monday to Friday, in March (America/New_York)`.
 * @throws Error as `parseSchedule`
 */
export function describe(expression: string): string {
  const { zone, body } = parseExpression(expression);
  if ('every' in body) return `Every ${durationInWords(body.every / 1000)}, counted from the time before`;
  const place = zone.name === 'UTC' || zone.name === '' ? '' : ` (${zone.name})`;
  if (!canEverMatch(body.fields)) return `Never: no date matches${place}`;
  return `${[timesInWords(body.fields), ...daysInWords(body.fields)].join(', ')}${place}`;
}

function durationInWords(totalSeconds: number): string {
  const parts = [
    { amount: Math.floor(totalSeconds / 3600), unit: 'hour' },
    { amount: Math.floor(totalSeconds / 60) % 60, unit: 'minute' },
    { amount: totalSeconds % 60, unit: 'second' },
  ].filter(({ amount }) => amount > 0);
  const only = parts.length === 1 ? parts[0] : undefined;
  if (only?.amount === 1) return only.unit;
  return joined(parts.map(({ amount, unit }) => `${amount} ${unit}${amount === 1 ? '' : 's'}`));
}

/** The day and month parts of the sentence; none when every day is meant. */
function daysInWords(fields: Fields): readonly string[] {
  const inMonths = fields.month.values.length === 12 ? [] : [`in ${monthsInWords(fields)}`];
  const anyDay = fields.dayOfMonth.values.length === 31;
  const anyWeekday = fields.dayOfWeek.values.length === 7;
  // With a star on one side both must match, and the star always does; else one full side is enough.
  if (matchesBothDays(fields) ? anyDay && anyWeekday : anyDay || anyWeekday) {
    return inMonths.length === 0 ? [] : [`every day ${inMonths[0]}`];
  }
  if (anyDay) return [weekdaysInWords(fields), ...inMonths];
  if (anyWeekday || fields.dayOfWeek.values.length === 0) return datesInWords(fields);
  if (fields.dayOfMonth.values.length === 0) return [weekdaysInWords(fields), ...inMonths];
  return [`on ${monthDays(fields)} and also ${weekdaysInWords(fields)}`, ...inMonths];
}

function datesInWords(fields: Fields): readonly string[] {
  const [month] = fields.month.values;
  if (fields.month.values.length === 12) return [`on ${monthDays(fields)}`];
  if (fields.month.values.length > 1 || month === undefined) {
    return [`on ${monthDays(fields)}`, `in ${monthsInWords(fields)}`];
  }
  return [`on ${joined(fields.dayOfMonth.values.map(String))} ${months[month]}`];
}

function monthDays({ dayOfMonth }: Fields): string {
  const [first] = dayOfMonth.values;
  const texts = runs(dayOfMonth.values, String);
  return dayOfMonth.values.length === 1 ? `day ${first} of the month` : `days ${joined(texts)} of the month`;
}

function monthsInWords({ month }: Fields): string {
  return joined(runs(month.values, (value) => months[value] as string));
}

/** `Monday to Friday`, `on Sundays`; the week begins on Monday, so that a weekend is a run. */
function weekdaysInWords({ dayOfWeek }: Fields): string {
  const fromMonday = inOrder(dayOfWeek.values.map((day) => (day === 0 ? 7 : day)));
  const first = fromMonday[0] ?? 0;
  const last = fromMonday[fromMonday.length - 1] ?? 0;
  const name = (day: number): string => weekdays[day % 7] as string;
  if (fromMonday.length > 2 && last - first === fromMonday.length - 1) return `${name(first)} to ${name(last)}`;
  return `on ${joined(fromMonday.map((day) => `${name(day)}s`))}`;
}
