import type { Fields, Range } from './fields.ts';
import { fits, qualified } from './names.ts';
import { readWindow, type Span } from './span.ts';
import type { Distribution, Outcome, Result } from './scenario.ts';

/** Reads `spec.outcomes`. */
export function readOutcomes(items: readonly Fields[], span: Span): readonly Outcome[] {
  const outcomes = items.map((fields) => readOutcome(fields, span));
  outcomes.forEach((outcome, index) => {
    const before = outcomes.findIndex((other, at) => at < index && coversAll(other, outcome));
    if (before !== -1)
      items[index]!.fault(undefined, `never counts: spec.outcomes[${before}] fits every start before it`);
  });
  return outcomes;
}

/** Whether an outcome fits every start that another one fits. Where one pattern fits another as a text, it fits all its names. */
function coversAll(outcome: Outcome, other: Outcome): boolean {
  const { job, index, container, attempt, fromMs, toMs } = outcome;
  if (container !== other.container) return false;
  if (job !== undefined && (other.job === undefined || !fits(job, other.job))) return false;
  if (index !== undefined && index !== other.index) return false;
  if (fromMs > other.fromMs || toMs < other.toMs) return false;
  if (attempt === undefined) return true;
  return (
    other.attempt !== undefined && attempt.atLeast <= other.attempt.atLeast && attempt.atMost >= other.attempt.atMost
  );
}

function readOutcome(fields: Fields, span: Span): Outcome {
  const job = fields.text('job');
  const index = fields.integer('index', { atLeast: 0, atMost: Infinity });
  const container = fields.text('container');
  const attempt = readAttempt(fields);
  const window = readWindow(fields, span);
  const result = readResult(fields);
  const duration = readDistribution(fields, result);
  fields.finish();
  return {
    job: job === undefined ? undefined : qualified(job),
    index,
    container,
    attempt,
    ...window,
    result,
    duration,
  };
}

/** A number, or a map with atLeast and atMost. */
function readAttempt(fields: Fields): Range | undefined {
  const range = fields.range('attempt');
  if (range !== undefined && range.atMost < 1) fields.fault('attempt', 'attempts count from 1');
  return range;
}

const results = ['succeeds', 'fails', 'crashes', 'outOfMemory', 'evicted', 'neverStarts', 'hangs'] as const;

function readResult(fields: Fields): Result {
  const exitCode = fields.integer('exitCode', { atLeast: 0, atMost: 255 });
  const name = fields.oneOf('result', results) ?? (exitCode === undefined || exitCode === 0 ? 'succeeds' : 'fails');
  if (exitCode !== undefined && name !== 'fails' && !(name === 'succeeds' && exitCode === 0))
    fields.fault('exitCode', `contradicts result ${name}`);
  if (name === 'fails' && exitCode === 0) fields.fault('exitCode', 'contradicts result fails');
  switch (name) {
    case 'succeeds':
      return { type: 'exits', exitCode: 0 };
    case 'fails':
      return { type: 'exits', exitCode: exitCode ?? 1 };
    case 'crashes':
      // 128 + SIGSEGV.
      return { type: 'exits', exitCode: 139 };
    default:
      return { type: name };
  }
}

/** A duration, or a map with one of uniform, normal and exponential. */
function readDistribution(fields: Fields, result: Result): Distribution {
  const none: Distribution = { type: 'fixed', ms: 0 };
  if (!fields.has('duration')) return none;
  if (result.type === 'neverStarts' || result.type === 'hangs')
    fields.fault('duration', `contradicts result ${result.type}`);
  const raw = fields.raw('duration');
  if (typeof raw !== 'object') return { type: 'fixed', ms: fields.duration('duration') ?? 0 };
  const map = fields.map('duration')!;
  const found = readNamed(map);
  if (found === undefined) fields.fault('duration', 'give one of uniform, normal and exponential');
  map.finish();
  return found ?? none;
}

function readNamed(map: Fields): Distribution | undefined {
  if (map.has('uniform')) {
    const [minMs, maxMs] = pair(map, 'uniform');
    if (minMs > maxMs) map.fault('uniform', 'the first duration must not be the longer one');
    return { type: 'uniform', minMs, maxMs };
  }
  if (map.has('normal')) {
    const [meanMs, deviationMs] = pair(map, 'normal');
    return { type: 'normal', meanMs, deviationMs };
  }
  if (map.has('exponential')) return { type: 'exponential', meanMs: map.duration('exponential') ?? 0 };
  return undefined;
}

function pair(map: Fields, name: string): readonly [number, number] {
  const list = map.list(name);
  if (list.length !== 2) {
    map.fault(name, 'must be two durations: [1m, 5m]');
    return [0, 0];
  }
  return [map.durationOf(name, list[0]) ?? 0, map.durationOf(name, list[1]) ?? 0];
}
