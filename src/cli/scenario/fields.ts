import { formatDocumentPath, parseTime, type DocumentPath, type LocatedDocument } from '../../api/index.ts';
import { formatDuration, parseDuration } from '../../engine/index.ts';
import { UsageError } from '../command.ts';
import { hostZoneError } from '../host-zone.ts';

/** A document of a file. */
export interface Source {
  readonly file: string;
  readonly document: LocatedDocument;
}

/** `file.yaml:12: spec.start: message` */
export function faultAt(source: Source, path: DocumentPath, message: string): string {
  const where = path.length === 0 ? '' : `${formatDocumentPath(path)}: `;
  return `${source.file}:${source.document.lineOf(path)}: ${where}${message}`;
}

/** Everything that is wrong with the input, told together, each fault once. */
export class Faults {
  readonly #found = new Set<string>();

  add(source: Source, path: DocumentPath, message: string): void {
    this.#found.add(faultAt(source, path, message));
  }

  /** @throws UsageError when anything was found */
  throwIfAny(): void {
    if (this.#found.size > 0) throw new UsageError([...this.#found].join('\n'));
  }
}

/** Longer is a mistake, and would leave the calendar. */
const longestMs = 100 * 366 * 86_400_000;
const tooLong = `is longer than ${formatDuration(longestMs)}`;

export interface Range {
  readonly atLeast: number;
  readonly atMost: number;
}

/**
 * Reads the members of one map of a document and notes what is wrong with them. Members that nobody asked for are faults
 * too: `finish` says so.
 */
export class Fields {
  readonly source: Source;
  readonly path: DocumentPath;
  readonly #faults: Faults;
  readonly #values: Readonly<Record<string, unknown>>;
  readonly #asked = new Set<string>();

  constructor(source: Source, faults: Faults, at: { readonly path: DocumentPath; readonly value: unknown }) {
    this.source = source;
    this.path = at.path;
    this.#faults = faults;
    const isMap = typeof at.value === 'object' && at.value !== null && !Array.isArray(at.value);
    this.#values = isMap ? (at.value as Record<string, unknown>) : {};
    if (!isMap && at.value !== undefined) this.fault(undefined, 'must be a map');
  }

  fault(name: string | undefined, message: string): void {
    this.#faults.add(this.source, name === undefined ? this.path : [...this.path, name], message);
  }

  /** Whether the member stands there, with a value or without. */
  has(name: string): boolean {
    return this.#values[name] !== undefined;
  }

  /** A name with nothing behind it is a fault: taken as left out, a promise or a happening would be lost silently. */
  raw(name: string): unknown {
    this.#asked.add(name);
    const value = this.#values[name];
    if (value !== null) return value;
    this.fault(name, 'has no value');
    return undefined;
  }

  text(name: string): string | undefined {
    const value = this.raw(name);
    if (value === undefined || typeof value === 'string') return value;
    this.fault(name, 'must be a string');
    return undefined;
  }

  oneOf<T extends string>(name: string, allowed: readonly T[]): T | undefined {
    const text = this.text(name);
    const found = allowed.find((candidate) => candidate === text);
    if (text !== undefined && found === undefined) this.fault(name, `must be one of ${allowed.join(', ')}`);
    return found;
  }

  integer(name: string, range: Range): number | undefined {
    const value = this.raw(name);
    if (value === undefined) return undefined;
    if (Number.isInteger(value) && (value as number) >= range.atLeast && (value as number) <= range.atMost)
      return value as number;
    const bounds =
      range.atMost === Infinity ? `of at least ${range.atLeast}` : `from ${range.atLeast} to ${range.atMost}`;
    this.fault(name, `must be a whole number ${bounds}`);
    return undefined;
  }

  /** A number, or a map with atLeast and atMost. */
  range(name: string): Range | undefined {
    if (typeof this.#values[name] !== 'object' || this.#values[name] === null) {
      const exact = this.integer(name, { atLeast: 0, atMost: Infinity });
      return exact === undefined ? undefined : { atLeast: exact, atMost: exact };
    }
    const bounds = this.map(name)!;
    const atLeast = bounds.integer('atLeast', { atLeast: 0, atMost: Infinity }) ?? 0;
    const atMost = bounds.integer('atMost', { atLeast: 0, atMost: Infinity }) ?? Infinity;
    bounds.finish();
    if (atLeast > atMost) this.fault(name, 'atLeast is more than atMost');
    return { atLeast, atMost };
  }

  /** Only `true` makes sense: a check that is not wanted is left out. */
  wanted(name: string): boolean {
    const value = this.raw(name);
    if (value !== undefined && value !== true) this.fault(name, 'must be true, or be left out');
    return value === true;
  }

  /** Milliseconds. */
  duration(name: string): number | undefined {
    const value = this.raw(name);
    return value === undefined ? undefined : this.durationOf(name, value);
  }

  durationOf(name: string, value: unknown): number | undefined {
    const ms = typeof value === 'string' || value === 0 ? parseDuration(String(value)) : Number.NaN;
    if (ms >= 0 && ms <= longestMs) return ms;
    this.fault(name, `${JSON.stringify(value)} ${ms > longestMs ? tooLong : 'is no duration like 90s, 1h30m or 7d'}`);
    return undefined;
  }

  /** Milliseconds; may be in the past (`-30m`). */
  signedDuration(name: string): number | undefined {
    const text = this.text(name);
    const ms = parseDuration((text ?? '0').replace(/^\+/, ''));
    if (Math.abs(ms) <= longestMs) return text === undefined ? undefined : ms;
    this.fault(name, `${JSON.stringify(text)} ${Number.isNaN(ms) ? 'is no duration like 30m or -30m' : tooLong}`);
    return undefined;
  }

  /** Milliseconds since the epoch; `+36h` counts from `startMs` where that is given. */
  instant(name: string, startMs?: number): number | undefined {
    const value = this.raw(name);
    return value === undefined ? undefined : this.instantOf(name, value, startMs);
  }

  instantOf(name: string, value: unknown, startMs?: number): number | undefined {
    const text = typeof value === 'string' ? value : '';
    const ms = text.startsWith('+') && startMs !== undefined ? startMs + parseDuration(text.slice(1)) : parseTime(text);
    if (!Number.isNaN(ms)) return ms;
    const also = startMs === undefined ? '' : ', or +36h from the start';
    this.fault(name, `${JSON.stringify(value)} is no instant like 2026-03-08T06:00:00Z${also}`);
    return undefined;
  }

  timeZone(name: string): string | undefined {
    const zone = this.text(name);
    const error = zone === undefined ? undefined : hostZoneError(zone);
    if (error === undefined) return zone;
    this.fault(name, error);
    return undefined;
  }

  map(name: string): Fields | undefined {
    const value = this.raw(name);
    if (value === undefined) return undefined;
    return new Fields(this.source, this.#faults, { path: [...this.path, name], value });
  }

  list(name: string): readonly unknown[] {
    const value = this.raw(name);
    if (Array.isArray(value)) return value as readonly unknown[];
    if (value !== undefined) this.fault(name, 'must be a list');
    return [];
  }

  maps(name: string): readonly Fields[] {
    return this.list(name).map(
      (value, index) => new Fields(this.source, this.#faults, { path: [...this.path, name, index], value }),
    );
  }

  /** Call it last: notes members that nobody has asked for. */
  finish(): void {
    for (const name of Object.keys(this.#values)) {
      if (!this.#asked.has(name)) this.fault(name, `unknown field; known here: ${[...this.#asked].join(', ')}`);
    }
  }
}
