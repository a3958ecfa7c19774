const nano = 1_000_000_000n;
const decimalExponents = new Map([
  ['n', -9],
  ['u', -6],
  ['m', -3],
  ['', 0],
  ['k', 3],
  ['M', 6],
  ['G', 9],
  ['T', 12],
  ['P', 15],
  ['E', 18],
]);
const decimalSuffixes = new Map([...decimalExponents].map(([suffix, exponent]) => [exponent, suffix]));
const binaryExponents = new Map([
  ['Ki', 10],
  ['Mi', 20],
  ['Gi', 30],
  ['Ti', 40],
  ['Pi', 50],
  ['Ei', 60],
]);
/** Upstream takes a sign or a suffix alone for zero, but not nothing at all. */
const pattern = /^(?=.)([+-]?)0*(\d*)(?:\.(\d*))?([numkMGTPE]|[KMGTPE]i|[eE][+-]?\d+)?$/;
/** Upstream caps binary amounts here, and only these. */
const maxBinary = (2n ** 63n - 1n) * nano;
/** Limits of our own: no number of more digits or larger exponents is an amount of anything. */
const maxLength = 256;
const maxExponent = 1000;

type Format = 'decimal' | 'binary' | 'exponent';

interface Parsed {
  /** In billionths, rounded away from zero (apimachinery keeps no finer parts). */
  readonly nanos: bigint;
  readonly format: Format;
  /** Written so that upstream gives the text back as it is. */
  readonly keepsText: boolean;
}

const zero: Parsed = { nanos: 0n, format: 'decimal', keepsText: true };

function parse(text: string): Parsed | undefined {
  const match = text.length > maxLength ? null : pattern.exec(text);
  if (match === null) return undefined;
  const [, sign, whole = '', fraction = '', suffix = ''] = match;
  const digits = `${whole === '' ? '0' : whole}${fraction}`;
  const binary = binaryExponents.get(suffix);
  const exponent = binary ?? decimalExponents.get(suffix) ?? Number(suffix.slice(1));
  if (exponent > maxExponent) return undefined;
  const amount =
    binary === undefined
      ? scaled(BigInt(digits), exponent + 9 - fraction.length)
      : capped(scaled(BigInt(digits) << BigInt(binary), 9 - fraction.length));
  return {
    nanos: sign === '-' ? -amount : amount,
    format: binary !== undefined ? 'binary' : decimalExponents.has(suffix) ? 'decimal' : 'exponent',
    keepsText: binary === undefined ? keepsDecimal(digits, exponent - fraction.length) : keepsBinary(match, binary),
  };
}

/** `value` × 10^`power`, rounded up. */
function scaled(value: bigint, power: number): bigint {
  if (power >= 0) return value * 10n ** BigInt(power);
  return power < -2 * maxLength ? (value === 0n ? 0n : 1n) : divideUp(value, 10n ** BigInt(-power));
}

function capped(nanos: bigint): bigint {
  return nanos > maxBinary ? maxBinary : nanos;
}

/** The short way through upstream's parser keeps texts that look canonical: `1.500`, `+5`, `12e-3`. */
function keepsDecimal(digits: string, scale: number): boolean {
  return digits.length <= 18 && scale >= -9 && scale % 3 === 0 && !digits.endsWith('000') && !digits.startsWith('0');
}

function keepsBinary([, , whole = '', fraction = '']: RegExpExecArray, exponent: number): boolean {
  const digits = whole === '' ? '0' : whole;
  const precision = 14 - digits.length - Math.trunc((exponent * 3) / 10);
  return fraction === '' && precision >= 0 && (Number(digits) & 7) !== 0;
}

function divideUp(value: bigint, by: bigint): bigint {
  return value >= 0n ? (value + by - 1n) / by : -((-value + by - 1n) / by);
}

/**
 * The amount in billionths (exact), or undefined when `text` is no quantity. Finer parts are rounded away from zero,
 * binary amounts stop at 2^63-1 (apimachinery `resource.ParseQuantity`).
 */
export function parseQuantity(text: string): bigint | undefined {
  return parse(text)?.nanos;
}

/** Thousandths, rounded up: what CPU is counted in. NaN when `text` is no quantity. */
export function quantityMillis(text: string): number {
  const nanos = parseQuantity(text);
  return nanos === undefined ? NaN : Number(divideUp(nanos, 1_000_000n));
}

/** Whole units, rounded up: what memory (bytes) and counts are counted in. NaN when `text` is no quantity. */
export function quantityValue(text: string): number {
  const nanos = parseQuantity(text);
  return nanos === undefined ? NaN : Number(divideUp(nanos, nano));
}

/**
 * The form in which upstream writes the quantity `text`: the largest suffix that keeps a whole number, in the suffix
 * family of the input (apimachinery `Quantity.CanonicalizeBytes`). Gives `text` back when it is no quantity. Decimal
 * amounts from 10^21 on are written with an exponent, where upstream before 1.36 loses the zeros.
 */
export function formatQuantityCanonical(text: string): string {
  const parsed = parse(text);
  if (parsed === undefined || parsed.keepsText) return text;
  return formOf(parsed.nanos, parsed.format);
}

/**
 * The sum of two quantities, in the suffix family of the first one that is not zero (apimachinery `Quantity.Add`). What
 * is no quantity counts as zero.
 */
export function addQuantities(a: string, b: string): string {
  const [x, y] = [parse(a) ?? zero, parse(b) ?? zero];
  return formOf(x.nanos + y.nanos, x.nanos === 0n ? y.format : x.format);
}

/** The same amount with the other sign. */
export function negateQuantity(text: string): string {
  const { nanos, format } = parse(text) ?? zero;
  return formOf(-nanos, format);
}

/** Negative, zero or positive: as `a` is less than, equal to or more than `b`. What is no quantity counts as zero. */
export function compareQuantities(a: string, b: string): number {
  const difference = (parse(a) ?? zero).nanos - (parse(b) ?? zero).nanos;
  return difference < 0n ? -1 : Number(difference > 0n);
}

function formOf(nanos: bigint, format: Format): string {
  if (nanos === 0n) return '0';
  // Below 1024, or with fractions, binary amounts are written in decimal.
  if (format === 'binary' && nanos % nano === 0n && (nanos >= 1024n * nano || nanos <= -1024n * nano))
    return binaryForm(nanos / nano);
  return decimalForm(nanos, format);
}

function binaryForm(value: bigint): string {
  for (const [suffix, exponent] of [...binaryExponents].reverse())
    if (value % (1n << BigInt(exponent)) === 0n) return `${value >> BigInt(exponent)}${suffix}`;
  return String(value);
}

function decimalForm(nanos: bigint, format: Format): string {
  const digits = String(nanos);
  const zeros = digits.length - digits.replace(/0+$/, '').length;
  const exponent = Math.floor((zeros - 9) / 3) * 3;
  const suffix = format === 'exponent' && exponent !== 0 ? undefined : decimalSuffixes.get(exponent);
  return `${digits.slice(0, digits.length - exponent - 9)}${suffix ?? `e${exponent}`}`;
}
