import { dayMs } from './calendar.ts';
import { zoneNames } from './zone-names.ts';

/** A stretch of time with one offset from UTC; what is east is positive. */
export interface ZoneSegment {
  /** Milliseconds since the epoch, inclusive; no earlier than the real beginning. */
  readonly startMs: number;
  /** Exclusive; no later than the real end. */
  readonly endMs: number;
  readonly offsetMs: number;
  /** Segments of one piece of history have the same number. */
  readonly chunk: number;
  /** Every midnight in this piece of history comes exactly once: no change of offset touches one. */
  readonly hasAllMidnights: boolean;
}

/** About 8.7 years: the piece of a zone's history that is worked out at a time. */
const chunkMs = 2 ** 38;
/** No two changes of the database that matter to schedules lie nearer to one another. */
const sampleMs = 4 * dayMs;

/** A zone whose rules come from `Intl`, kept as segments so that asking again costs a comparison. */
export class TimeZone {
  readonly name: string;
  readonly #format: Intl.DateTimeFormat | undefined;
  readonly #chunks = new Map<number, readonly ZoneSegment[]>();
  #latest: ZoneSegment;

  /** `format` absent: UTC under any name. */
  constructor(name: string, format: Intl.DateTimeFormat | undefined) {
    this.name = name;
    this.#format = format;
    const limitMs = format === undefined ? Infinity : 0;
    this.#latest = { startMs: -limitMs, endMs: limitMs, offsetMs: 0, chunk: 0, hasAllMidnights: true };
  }

  /** The segment around an instant (which must be within the range of `Date`). */
  segmentAt(atMs: number): ZoneSegment {
    const latest = this.#latest;
    if (atMs >= latest.startMs && atMs < latest.endMs) return latest;
    const segments = this.#chunkAt(Math.floor(atMs / chunkMs));
    let low = 0;
    for (let high = segments.length - 1; low < high;) {
      const middle = (low + high + 1) >> 1;
      if ((segments[middle] as ZoneSegment).startMs <= atMs) low = middle;
      else high = middle - 1;
    }
    return (this.#latest = segments[low] as ZoneSegment);
  }

  offsetAt(atMs: number): number {
    return this.segmentAt(atMs).offsetMs;
  }

  #chunkAt(index: number): readonly ZoneSegment[] {
    let chunk = this.#chunks.get(index);
    if (chunk === undefined) {
      const stretches = this.#survey(index * chunkMs, (index + 1) * chunkMs);
      const hasAllMidnights = stretches.every((stretch, i) => i === 0 || keepsMidnight(stretches[i - 1], stretch));
      chunk = stretches.map((stretch) => ({ ...stretch, chunk: index, hasAllMidnights }));
      this.#chunks.set(index, chunk);
    }
    return chunk;
  }

  /** Looks at the offset every few days, and for the exact second of the change where it differs. */
  #survey(fromMs: number, toMs: number): readonly Stretch[] {
    const segments: Stretch[] = [];
    let startMs = fromMs;
    let offsetMs = this.#ask(fromMs);
    for (let atMs = fromMs; atMs < toMs; atMs += sampleMs) {
      const nextMs = Math.min(atMs + sampleMs, toMs);
      const nextOffsetMs = this.#ask(nextMs);
      if (nextOffsetMs === offsetMs) continue;
      const changeMs = this.#changeBetween(atMs, nextMs, offsetMs);
      segments.push({ startMs, endMs: changeMs, offsetMs });
      startMs = changeMs;
      offsetMs = nextOffsetMs;
    }
    segments.push({ startMs, endMs: toMs, offsetMs });
    return segments.filter((segment) => segment.startMs < segment.endMs);
  }

  #changeBetween(fromMs: number, toMs: number, offsetBeforeMs: number): number {
    let [low, high] = [Math.floor(fromMs / 1000), Math.ceil(toMs / 1000)];
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      if (this.#ask(middle * 1000) === offsetBeforeMs) low = middle;
      else high = middle;
    }
    return high * 1000;
  }

  /** `1/1/2026, GMT-05:00`: the offset stands at the end, `GMT` alone is zero. */
  #ask(atMs: number): number {
    const match = offsetPattern.exec(this.#format?.format(atMs) ?? '');
    if (match === null) return 0;
    const [, sign, hours, minutes, seconds = '0'] = match;
    const size = (Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds)) * 1000;
    return sign === '-' ? -size : size;
  }
}

type Stretch = Pick<ZoneSegment, 'startMs' | 'endMs' | 'offsetMs'>;

/** Whether the local clock jumps within one day, from after midnight to before the next. */
function keepsMidnight(before: Stretch | undefined, after: Stretch): boolean {
  const [fromMs, toMs] = [after.startMs + (before?.offsetMs ?? after.offsetMs), after.startMs + after.offsetMs];
  const day = Math.floor(fromMs / dayMs);
  return day === Math.floor(toMs / dayMs) && fromMs % dayMs !== 0 && toMs % dayMs !== 0;
}

const offsetPattern = /GMT([+-])(\d\d):(\d\d)(?::(\d\d))?$/;

/** Zones that never differ from UTC. `Factory` is what an installation has before anybody chose a zone. */
const utcNames: ReadonlySet<string> = new Set(['', 'UTC', 'Local', 'Factory']);
/** Names in installed databases that are no zones of their own. */
const otherFiles = ['Factory', 'localtime', 'posixrules'];

let exactNames: ReadonlySet<string> | undefined;
const loaded = new Map<string, TimeZone>();

function knownNames(): ReadonlySet<string> {
  if (exactNames !== undefined) return exactNames;
  // What the platform knows and the list does not is newer than the list.
  const names = new Set<string>(Intl.supportedValuesOf('timeZone'));
  for (const [region, list] of Object.entries(zoneNames)) {
    for (const name of list.trim().split(/\s+/)) names.add(region === '' ? name : `${region}/${name}`);
  }
  return (exactNames = names);
}

/**
 * The zone of a name, which must be spelled exactly; `''` and `Local` are UTC, the zone of the control plane.
 * @throws Error with the text of Go's `time.LoadLocation`
 */
export function loadTimeZone(name: string): TimeZone {
  const known = loaded.get(name);
  if (known !== undefined) return known;
  const problem = timeZoneError(name);
  if (problem !== undefined) throw new Error(problem);
  const format = utcNames.has(name)
    ? undefined
    : new Intl.DateTimeFormat('en-US', { timeZone: name, timeZoneName: 'longOffset' });
  const zone = new TimeZone(name, format);
  loaded.set(name, zone);
  return zone;
}

/** What Go's `time.LoadLocation` says against a name; undefined when it is a zone. */
export function timeZoneError(name: string): string | undefined {
  if (utcNames.has(name)) return undefined;
  if (name.includes('..') || name.startsWith('/') || name.startsWith('\\')) return 'time: invalid location name';
  const names = knownNames();
  if (names.has(name)) return undefined;
  // Zones are files: what is asked for below one is not found by a different error.
  const isBelowFile = [...name.matchAll(/\//g)].some(({ index }) => {
    const prefix = name.slice(0, index);
    return names.has(prefix) || otherFiles.includes(prefix);
  });
  return isBelowFile ? 'not a directory' : `unknown time zone ${name}`;
}
