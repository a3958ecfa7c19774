import { formatInZone, occurrences, parseSchedule, type Schedule } from '../../cron/index.ts';

/** A change of a zone's offset from UTC, milliseconds. */
export interface OffsetChange {
  /** The first instant with the new offset. */
  readonly atMs: number;
  readonly beforeMs: number;
  readonly afterMs: number;
}

/** What a change of the clock does to a schedule. Times are those of the local clock, as `2026-03-29 02:30`. */
export interface ClockEffect {
  /** What the schedule asks for and the change leaves out: none of these fires. */
  readonly leftOut: readonly string[];
  /** What the schedule asks for, what the local clock shows, and what does not fire all the same. */
  readonly lost: readonly string[];
  /** What fires before the change, and again after it. */
  readonly twice: readonly string[];
  /** What fires although the schedule does not ask for it. */
  readonly shifted: readonly string[];
}

interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

const dayMs = 86_400_000;
const hourMs = 3_600_000;
const noEffect: ClockEffect = { leftOut: [], lost: [], twice: [], shifted: [] };

/** The changes of a zone in a span, to the second. */
export function offsetChanges(timeZone: string, { fromMs, toMs }: Span): readonly OffsetChange[] {
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

/**
 * Compares, from the day before a change to the day after it, the local times that the schedule asks for with those at
 * which it fires. What lies outside of the span is left out.
 */
export function effectOf(schedule: Schedule, change: OffsetChange, span: Span): ClockEffect {
  const day = Math.floor((change.atMs + Math.min(change.beforeMs, change.afterMs)) / dayMs) * dayMs;
  const local: Span = { fromMs: day - dayMs, toMs: day + 2 * dayMs };
  const wanted = wantedTimes(schedule, local);
  const fired = firedTimes(schedule, change, local);
  if (isEvenAllDay(wanted, fired)) return noEffect;
  const isInSpan = (localMs: number): boolean => {
    const atMs = localMs - (localMs < change.atMs + change.afterMs ? change.beforeMs : change.afterMs);
    return atMs >= span.fromMs && atMs < span.toMs;
  };
  const isLeftOut = (localMs: number): boolean =>
    localMs >= change.atMs + change.beforeMs && localMs < change.atMs + change.afterMs;
  const timesOf = new Map<number, number>();
  for (const { localMs } of fired) timesOf.set(localMs, (timesOf.get(localMs) ?? 0) + 1);
  const texts = (times: readonly number[]): readonly string[] => times.filter(isInSpan).map(localText);
  const missing = wanted.filter((localMs) => !timesOf.has(localMs));
  const asked = new Set(wanted);
  return {
    leftOut: texts(missing.filter(isLeftOut)),
    lost: texts(missing.filter((localMs) => !isLeftOut(localMs))),
    twice: texts(wanted.filter((localMs) => (timesOf.get(localMs) ?? 0) > 1)),
    shifted: texts([...timesOf.keys()].filter((localMs) => !asked.has(localMs))),
  };
}

/** The local times that the fields ask for: found with the same fields in UTC. */
function wantedTimes(schedule: Schedule, { fromMs, toMs }: Span): readonly number[] {
  const fields = parseSchedule(schedule.expression.replace(/^(?:CRON_)?TZ=\S* +/, ''));
  return [...occurrences(fields, { afterMs: fromMs - 1, untilMs: toMs - 1 })];
}

interface Fired {
  readonly atMs: number;
  readonly localMs: number;
}

/** What fires is found as it will be: each time from the one before. */
function firedTimes(schedule: Schedule, change: OffsetChange, local: Span): readonly Fired[] {
  const margin = Math.abs(change.afterMs - change.beforeMs);
  const fromMs = local.fromMs - Math.max(change.beforeMs, change.afterMs) - margin;
  const untilMs = local.toMs - Math.min(change.beforeMs, change.afterMs) + margin;
  const before = schedule.previous(fromMs);
  const found: Fired[] = [];
  for (const atMs of occurrences(schedule, { afterMs: Number.isNaN(before) ? fromMs : before, untilMs })) {
    const localMs = atMs + (atMs < change.atMs ? change.beforeMs : change.afterMs);
    if (localMs >= local.fromMs && localMs < local.toMs) found.push({ atMs, localMs });
  }
  return found;
}

/**
 * What fires in every hour of the day goes on as ever over a change by whole hours: the local clock jumps, but nothing is
 * nearer or farther than usual.
 */
function isEvenAllDay(wanted: readonly number[], fired: readonly Fired[]): boolean {
  const hoursOf = new Map<number, Set<number>>();
  for (const localMs of wanted) {
    const day = Math.floor(localMs / dayMs);
    const hours = hoursOf.get(day) ?? new Set<number>();
    hoursOf.set(day, hours.add(Math.floor(localMs / hourMs)));
  }
  if (![...hoursOf.values()].every((hours) => hours.size === 24)) return false;
  const usual = gaps(wanted);
  return gaps(fired.map(({ atMs }) => atMs)).every((gap) => usual.includes(gap));
}

/** The different distances between neighbours. */
function gaps(times: readonly number[]): readonly number[] {
  return [...new Set(times.slice(1).map((atMs, index) => atMs - times[index]!))];
}

function localText(localMs: number): string {
  return new Date(localMs).toISOString().slice(0, 16).replace('T', ' ');
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
