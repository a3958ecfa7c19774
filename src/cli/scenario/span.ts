import type { Fields } from './fields.ts';

/** What the parts of a scenario are read against. */
export interface Span {
  readonly startMs: number;
  readonly endMs: number;
  readonly timeZone: string;
}

/** Reads `from` and `to` of a window inside the span. */
export function readWindow(fields: Fields, span: Span): { readonly fromMs: number; readonly toMs: number } {
  const fromMs = instantInside(fields, 'from', span) ?? span.startMs;
  // Without an end, what happens at the very last instant belongs to it.
  const toMs = instantInside(fields, 'to', span) ?? Infinity;
  if (fromMs >= toMs) fields.fault(fields.has('to') ? 'to' : 'from', 'the window ends before it begins');
  return { fromMs, toMs };
}

/** An instant that must lie between start and end. */
export function instantInside(fields: Fields, name: string, span: Span): number | undefined {
  const atMs = fields.instant(name, span.startMs);
  if (atMs !== undefined) faultOutside(fields, name, { atMs, span });
  return atMs;
}

export function faultOutside(
  fields: Fields,
  name: string,
  where: { readonly atMs: number; readonly span: Span },
): void {
  const { atMs, span } = where;
  if (atMs >= span.startMs && atMs <= span.endMs) return;
  const [from, to] = [span.startMs, span.endMs].map((ms) => new Date(ms).toISOString().replace('.000Z', 'Z'));
  fields.fault(name, `lies outside the scenario, which goes from ${from} to ${to}`);
}
