import { quote } from './go-text.ts';

/** The values that one field of a schedule allows. */
export interface ValueSet {
  /** Ascending, without repetitions. */
  readonly values: readonly number[];
  /**
   * One item was `*` or `?` with a step of at most one. Such a field does not restrict, which decides how days of the
   * month and of the week are combined. A full range written out (`1-31`) does restrict.
   */
  readonly isStar: boolean;
}

export interface FieldBounds {
  readonly min: number;
  readonly max: number;
  readonly names?: Readonly<Record<string, number>>;
}

const monthNames = {
  jan: 1,
  feb: 2,
  mar: 3,
  apr: 4,
  may: 5,
  jun: 6,
  jul: 7,
  aug: 8,
  sep: 9,
  oct: 10,
  nov: 11,
  dec: 12,
};
const dayNames = { sun: 0, mon: 1, tue: 2, wed: 3, thu: 4, fri: 5, sat: 6 };

export const fieldBounds = {
  minute: { min: 0, max: 59 },
  hour: { min: 0, max: 23 },
  dayOfMonth: { min: 1, max: 31 },
  month: { min: 1, max: 12, names: monthNames },
  dayOfWeek: { min: 0, max: 6, names: dayNames },
} as const satisfies Readonly<Record<string, FieldBounds>>;

/**
 * Reads a comma-separated field; empty items are dropped. Upstream: robfig/cron v3 `getField`.
 * @throws Error with upstream's text
 */
export function parseField(text: string, bounds: FieldBounds): ValueSet {
  const values = new Set<number>();
  let isStar = false;
  for (const item of text.split(',')) {
    if (item === '') continue;
    const range = parseItem(item, bounds);
    for (let value = range.first; value <= range.last; value += range.step) values.add(value);
    isStar ||= range.isStar;
  }
  return { values: [...values].sort((a, b) => a - b), isStar };
}

interface Range {
  readonly first: number;
  readonly last: number;
  readonly step: number;
  readonly isStar: boolean;
}

/** `base[/step]`; the order of the checks decides which error is reported. Upstream: `getRange`. */
function parseItem(item: string, bounds: FieldBounds): Range {
  const [base = '', stepText, ...moreSteps] = item.split('/');
  const [low = '', high, ...moreHighs] = base.split('-');
  // After `*-` everything is ignored.
  const isWildcard = low === '*' || low === '?';
  let first = BigInt(bounds.min);
  let last = BigInt(bounds.max);
  if (!isWildcard) {
    first = parseValue(low, bounds);
    if (moreHighs.length > 0) throw new Error(`too many hyphens: ${item}`);
    last = high === undefined ? first : parseValue(high, bounds);
  }
  if (moreSteps.length > 0) throw new Error(`too many slashes: ${item}`);
  const step = stepText === undefined ? 1n : parseInteger(stepText);
  // `5/15` means `5-59/15`.
  if (stepText !== undefined && high === undefined) last = BigInt(bounds.max);
  checkRange(item, bounds, { first, last, step });
  return { first: Number(first), last: Number(last), step: Number(step), isStar: isWildcard && step <= 1n };
}

function checkRange(
  item: string,
  { min, max }: FieldBounds,
  { first, last, step }: { readonly first: bigint; readonly last: bigint; readonly step: bigint },
): void {
  if (first < min) throw new Error(`beginning of range (${first}) below minimum (${min}): ${item}`);
  if (last > max) throw new Error(`end of range (${last}) above maximum (${max}): ${item}`);
  if (first > last) throw new Error(`beginning of range (${first}) beyond end of range (${last}): ${item}`);
  if (step === 0n) throw new Error(`step of range should be a positive number: ${item}`);
}

function parseValue(text: string, { names }: FieldBounds): bigint {
  const name = text.toLowerCase();
  return names !== undefined && Object.hasOwn(names, name) ? BigInt(names[name] ?? 0) : parseInteger(text);
}

const decimal = /^[+-]?[0-9]+$/;

/** Go's `strconv.Atoi`, and no negative numbers. Exact, because the numbers are quoted in errors. */
function parseInteger(text: string): bigint {
  if (!decimal.test(text)) throw unreadable(text, 'invalid syntax');
  const value = BigInt(text.startsWith('+') ? text.slice(1) : text);
  if (BigInt.asIntN(64, value) !== value) throw unreadable(text, 'value out of range');
  if (value < 0n) throw new Error(`negative number (${value}) not allowed: ${text}`);
  return value;
}

function unreadable(text: string, reason: string): Error {
  return new Error(`failed to parse int from ${text}: strconv.Atoi: parsing ${quote(text)}: ${reason}`);
}
