import { quoteForTime } from './go-text.ts';

const unitsNs: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1000n,
  '\u00b5s': 1000n,
  '\u03bcs': 1000n,
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
};
const limit = 1n << 63n;
const pieceStart = /^(?<whole>[0-9]*)(?:\.(?<fraction>[0-9]*))?(?<unit>[^.0-9]*)/u;

/**
 * A duration in Go's grammar (`1h30m`, `-1.5s`, `0`) in nanoseconds.
 * @throws Error with the text of Go's `time.ParseDuration`
 */
export function parseDurationNs(text: string): bigint {
  const isNegative = text.startsWith('-');
  let rest = isNegative || text.startsWith('+') ? text.slice(1) : text;
  if (rest === '0') return 0n;
  if (rest === '') throw invalid(text);
  let totalNs = 0n;
  while (rest !== '') {
    const piece = pieceStart.exec(rest);
    if (piece?.groups === undefined) throw invalid(text);
    totalNs += pieceNs(piece.groups, text);
    if (totalNs > limit) throw invalid(text);
    rest = rest.slice(piece[0].length);
  }
  if (isNegative) return -totalNs;
  if (totalNs === limit) throw invalid(text);
  return totalNs;
}

function pieceNs(groups: Readonly<Record<string, string | undefined>>, text: string): bigint {
  const { whole = '', fraction = '', unit = '' } = groups;
  if (whole === '' && fraction === '') throw invalid(text);
  const amount = BigInt(whole === '' ? '0' : whole);
  if (amount > limit) throw invalid(text);
  if (unit === '') throw new Error(`time: missing unit in duration ${quoteForTime(text)}`);
  const unitNs = Object.hasOwn(unitsNs, unit) ? unitsNs[unit] : undefined;
  if (unitNs === undefined) {
    throw new Error(`time: unknown unit ${quoteForTime(unit)} in duration ${quoteForTime(text)}`);
  }
  const ns = amount * unitNs + fractionNs(fraction, unitNs);
  if (ns > limit) throw invalid(text);
  return ns;
}

/** Digits beyond what 63 bits hold do not count; the product is rounded as a 64-bit float. */
function fractionNs(digits: string, unitNs: bigint): bigint {
  const kept = digits.slice(0, 18);
  return kept === '' ? 0n : BigInt(Math.trunc(Number(kept) * (Number(unitNs) / 10 ** kept.length)));
}

function invalid(text: string): Error {
  return new Error(`time: invalid duration ${quoteForTime(text)}`);
}
