import { formatInZone, parseSchedule, type Schedule } from '../../cron/index.ts';

/** A change of a zone's offset from UTC, milliseconds. */
export interface OffsetChange {
  /** The first instant with the new offset. */
  readonly atMs: number;
  readonly beforeMs: number;
  readonly afterMs: number;
}

const dayMs = 86_400_000;

/** The changes of a zone in a span, to the second. */
export function offsetChanges(
  timeZone: string,
  { fromMs, toMs }: { readonly fromMs: number; readonly toMs: number },
): readonly OffsetChange[] {
  const found: OffsetChange[] = [];
  let before = offsetAt(fromMs, timeZone);
  for (let at = fromMs; at < toMs; at += dayMs) {
    const end = Math.min(at + dayMs, toMs);
    const after = offsetAt(end, timeZone);
    if (after !== before) found.push({ atMs: changeBetween(at, end, timeZone), beforeMs: before, afterMs: after });
    before = after;
  }
  return found;
}

/** Local times that the schedule asks for and that a change leaves out: none of them fires. */
export function skippedTimes(schedule: Schedule, change: OffsetChange): readonly string[] {
  const gapMs = change.afterMs - change.beforeMs;
  if (gapMs <= 0) return [];
  return wanted(schedule, { fromMs: change.atMs + change.beforeMs, lengthMs: gapMs });
}

/** Local times that fire before a change back, and again after it. */
export function repeatedTimes(schedule: Schedule, change: OffsetChange): readonly string[] {
  const overlapMs = change.beforeMs - change.afterMs;
  if (overlapMs <= 0) return [];
  const firstMs = change.atMs - overlapMs;
  const firesAt = (atMs: number): boolean => schedule.next(atMs - 1) === atMs;
  const local = wanted(schedule, { fromMs: firstMs + change.beforeMs, lengthMs: overlapMs });
  return local.filter((text) => {
    const asUtc = Date.parse(`${text.replace(' ', 'T')}:00Z`);
    return firesAt(asUtc - change.beforeMs) && firesAt(asUtc - change.afterMs);
  });
}

/** The local times in a stretch of wall clock that the fields ask for: found with the same fields in UTC. */
function wanted(schedule: Schedule, local: { readonly fromMs: number; readonly lengthMs: number }): readonly string[] {
  const fields = schedule.expression.replace(/^(?:CRON_)?TZ=\S* +/, '');
  const asUtc = parseSchedule(fields);
  const times: string[] = [];
  const endMs = local.fromMs + local.lengthMs;
  for (let at = asUtc.next(local.fromMs - 1); at < endMs; at = asUtc.next(at)) {
    times.push(new Date(at).toISOString().slice(0, 16).replace('T', ' '));
  }
  return times;
}

function offsetAt(atMs: number, timeZone: string): number {
  const local = formatInZone(atMs, timeZone);
  return Date.parse(`${local.slice(0, 19)}Z`) - Math.floor(atMs / 1000) * 1000;
}

function changeBetween(fromMs: number, toMs: number, timeZone: string): number {
  const before = offsetAt(fromMs, timeZone);
  let [low, high] = [Math.floor(fromMs / 1000), Math.ceil(toMs / 1000)];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (offsetAt(middle * 1000, timeZone) === before) low = middle;
    else high = middle;
  }
  return high * 1000;
}
