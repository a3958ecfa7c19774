import { loadTimeZone } from './time-zone.ts';

/**
 * RFC 3339 with whole seconds as seen in a zone: `2026-07-01T09:00:00-04:00`, with `Z` where the offset is zero.
 * @throws Error when the zone is unknown
 */
export function formatInZone(atMs: number, timeZone: string): string {
  const offsetMs = loadTimeZone(timeZone).offsetAt(atMs);
  const local = new Date(atMs + offsetMs).toISOString().slice(0, 19);
  if (offsetMs === 0) return `${local}Z`;
  const minutes = Math.floor(Math.abs(offsetMs) / 60_000);
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${local}${offsetMs < 0 ? '-' : '+'}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
}
