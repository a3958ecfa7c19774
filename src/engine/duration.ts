const unitsMs: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3600_000,
  d: 86_400_000,
  w: 7 * 86_400_000,
};
const part = /(\d+(?:\.\d+)?)(ms|[smhdw])/g;

/**
 * Milliseconds of `90s`, `1h30m`, `36h`, `7d`, `1.5h`, `250ms`; days and weeks have 24 and 168 hours. `-` in front for the
 * past. NaN if it is no duration.
 */
export function parseDuration(text: string): number {
  const match = /^(-?)((?:\d+(?:\.\d+)?(?:ms|[smhdw]))+)$/.exec(text);
  if (text === '0') return 0;
  if (match === null) return Number.NaN;
  let totalMs = 0;
  for (const [, amount, unit] of match[2]!.matchAll(part)) totalMs += Number(amount) * unitsMs[unit!]!;
  return Math.round(match[1] === '-' ? -totalMs : totalMs);
}

/** `1d2h30m`, `45s`, `0s`: the largest units first, nothing that is zero. */
export function formatDuration(ms: number): string {
  let rest = Math.abs(Math.round(ms));
  let text = '';
  for (const unit of ['d', 'h', 'm', 's', 'ms']) {
    const size = unitsMs[unit]!;
    if (rest >= size) text += `${Math.floor(rest / size)}${unit}`;
    rest %= size;
  }
  return text === '' ? '0s' : `${ms < 0 ? '-' : ''}${text}`;
}
