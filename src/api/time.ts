const secondMs = 1000;
const minute = 60;
const hour = 3600;
const day = 86_400;

/** RFC 3339 in UTC with whole seconds, as all `Time` fields. `ms`: milliseconds since the epoch, rounded down. */
export function formatTime(ms: number): string {
  const seconds = Math.floor(ms / secondMs);
  const ofDay = ((seconds % day) + day) % day;
  const startOfDay = seconds - ofDay;
  if (startOfDay !== lastDay) {
    lastDate = new Date(startOfDay * secondMs).toISOString().slice(0, -'00:00:00.000Z'.length);
    lastDay = startOfDay;
  }
  const hours = Math.floor(ofDay / hour);
  const minutes = Math.floor((ofDay % hour) / minute);
  return `${lastDate}${twoDigits(hours)}:${twoDigits(minutes)}:${twoDigits(ofDay % minute)}Z`;
}

/** The date made last, up to its `T`: nearly all times that are written are of one day. */
let lastDay = NaN;
let lastDate = '';

function twoDigits(value: number): string {
  return value < 10 ? `0${value}` : `${value}`;
}

/** RFC 3339 in UTC with six digits, as `MicroTime` fields. */
export function formatMicroTime(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 23)}000Z`;
}

const rfc3339 =
  /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d+)?(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/;
const firstMs = Date.parse('0000-01-01T00:00:00Z');
const lastMs = Date.parse('9999-12-31T23:59:59.999Z');

/** Milliseconds since the epoch, or NaN when `text` is not RFC 3339 or its year has not four digits in UTC. */
export function parseTime(text: string): number {
  const known = parseStored(text);
  if (known !== undefined) return known;
  if (!rfc3339.test(text) || !hasDay(text)) return NaN;
  const ms = Date.parse(text);
  return ms >= firstMs && ms <= lastMs ? ms : NaN;
}

/** The form that nearly all times have, `YYYY-MM-DDThh:mm:ssZ` of a day that every month has, without a regular expression. */
function parseStored(text: string): number | undefined {
  if (text.length !== 20 || !hasMarks(text)) return undefined;
  const year = digits(text, 0) * 100 + digits(text, 2);
  const month = digits(text, 5);
  const dayOfMonth = digits(text, 8);
  const [hours, minutes, seconds] = [digits(text, 11), digits(text, 14), digits(text, 17)];
  const usual = year >= 1000 && month >= 1 && month <= 12 && dayOfMonth >= 1 && dayOfMonth <= 28;
  if (!usual || !(hours < 24 && minutes < 60 && seconds < 60)) return undefined;
  return Date.UTC(year, month - 1, dayOfMonth, hours, minutes, seconds);
}

function hasMarks(text: string): boolean {
  return (
    text[4] === '-' && text[7] === '-' && text[10] === 'T' && text[13] === ':' && text[16] === ':' && text[19] === 'Z'
  );
}

/** The number of two digits here, or NaN. */
function digits(text: string, at: number): number {
  const [tens, ones] = [text.charCodeAt(at) - 48, text.charCodeAt(at + 1) - 48];
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : NaN;
}

/** Whether the month is long enough: Date.parse would go on into the next one. */
function hasDay(text: string): boolean {
  const day = Number(text.slice(8, 10));
  return day <= 28 || new Date(`${text.slice(0, 10)}T00:00:00Z`).getUTCDate() === day;
}

/** A `Time` as it is stored: in UTC, without fractions of seconds. Undefined when `text` is no time. */
export function canonicalTime(text: string): string | undefined {
  const ms = parseTime(text);
  if (Number.isNaN(ms)) return undefined;
  return text.length === 20 ? text : formatTime(ms);
}

/** A `MicroTime` as it is stored: in UTC, with six digits after the seconds. Undefined when `text` is no time. */
export function canonicalMicroTime(text: string): string | undefined {
  const ms = parseTime(text);
  if (Number.isNaN(ms)) return undefined;
  const digits = /\.(\d+)/.exec(text)?.[1] ?? '';
  return `${formatTime(ms).slice(0, 19)}.${digits.slice(0, 6).padEnd(6, '0')}Z`;
}

const year = 365 * day;

/** A duration as kubectl shows ages: two units at most (apimachinery `duration.HumanDuration`). */
export function humanDuration(ms: number): string {
  const seconds = Math.trunc(ms / secondMs);
  if (seconds < -1) return '<invalid>';
  if (seconds < 0) return '0s';
  if (seconds < 2 * minute) return `${seconds}s`;
  if (seconds < 10 * minute) return two(seconds, { unit: minute, name: 'm', rest: 1, restName: 's' });
  if (seconds < 3 * hour) return `${Math.trunc(seconds / minute)}m`;
  if (seconds < 8 * hour) return two(seconds, { unit: hour, name: 'h', rest: minute, restName: 'm' });
  if (seconds < 2 * day) return `${Math.trunc(seconds / hour)}h`;
  if (seconds < 8 * day) return two(seconds, { unit: day, name: 'd', rest: hour, restName: 'h' });
  if (seconds < 2 * year) return `${Math.trunc(seconds / day)}d`;
  if (seconds < 8 * year) return two(seconds, { unit: year, name: 'y', rest: day, restName: 'd' });
  return `${Math.trunc(seconds / year)}y`;
}

function two(
  seconds: number,
  units: { readonly unit: number; readonly name: string; readonly rest: number; readonly restName: string },
): string {
  const whole = Math.trunc(seconds / units.unit);
  const rest = Math.trunc((seconds % units.unit) / units.rest);
  return `${whole}${units.name}${rest === 0 ? '' : `${rest}${units.restName}`}`;
}
