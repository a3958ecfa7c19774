/** One life of the engine, in milliseconds of its own time. */
export interface Life {
  readonly readyMs: number;
  readonly killedMs: number;
}

export interface Run {
  readonly dueMs: number;
  readonly createdMs: number;
}

export interface Verdict {
  readonly ticks: number;
  readonly ran: number;
  /** Of those that ran: the engine was down when they were due. */
  readonly caughtUp: number;
  /** Due while the engine was down and overtaken by a later tick before it was up again, as the rules say. */
  readonly overtaken: number;
  /** The engine was up when it was due, and took longer than the grace. Told, not judged: machines are slow at times. */
  readonly late: readonly string[];
  /** What must not be, as due times. */
  readonly missing: readonly string[];
  readonly extra: readonly string[];
  readonly double: readonly string[];
  readonly early: readonly string[];
}

export interface Evidence {
  readonly fromMs: number;
  readonly untilMs: number;
  readonly runs: readonly Run[];
  readonly lives: readonly Life[];
  readonly graceMs: number;
}

const minuteMs = 60_000;

/**
 * Matches Jobs to the ticks of an every-minute schedule between two instants. A tick may be without a Job only if no
 * engine lived between it and the tick after it, for longer than `graceMs`.
 */
export function judge({ fromMs, untilMs, runs, lives, graceMs }: Evidence): Verdict {
  const text = (ms: number): string => new Date(ms).toISOString();
  const seen = new Map<number, number>();
  for (const { dueMs } of runs) seen.set(dueMs, (seen.get(dueMs) ?? 0) + 1);
  const expected: number[] = [];
  for (let at = Math.floor(fromMs / minuteMs + 1) * minuteMs; at <= untilMs; at += minuteMs) expected.push(at);
  const isExpected = new Set(expected);
  const livedIn = (dueMs: number): boolean =>
    lives.some((life) => Math.min(life.killedMs, dueMs + minuteMs) - Math.max(life.readyMs, dueMs) > graceMs);
  const isUpAt = (ms: number): boolean => lives.some((life) => life.readyMs <= ms && ms < life.killedMs);
  const absent = expected.filter((dueMs) => !seen.has(dueMs));
  return {
    ticks: expected.length,
    ran: expected.length - absent.length,
    caughtUp: expected.filter((dueMs) => seen.has(dueMs) && !isUpAt(dueMs)).length,
    overtaken: absent.filter((dueMs) => !livedIn(dueMs)).length,
    late: runs.filter((run) => isUpAt(run.dueMs) && run.createdMs - run.dueMs > graceMs).map((run) => text(run.dueMs)),
    missing: absent.filter(livedIn).map(text),
    extra: [...seen.keys()].filter((dueMs) => !isExpected.has(dueMs)).map(text),
    double: [...seen].filter(([, count]) => count > 1).map(([dueMs]) => text(dueMs)),
    early: runs.filter((run) => run.createdMs < Math.floor(run.dueMs / 1000) * 1000).map((run) => text(run.dueMs)),
  };
}
