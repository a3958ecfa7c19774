import { noteContradictions } from './contradictions.ts';
import type { Fields } from './fields.ts';
import { qualified } from './names.ts';
import { faultOutside, readWindow, type Span } from './span.ts';
import type { Check, Expectation } from './scenario.ts';

/** Reads `spec.expect`. */
export function readExpectations(items: readonly Fields[], span: Span): readonly Expectation[] {
  return items.map((fields) => readExpectation(fields, span));
}

const checkNames = [
  ...['runs', 'failedRuns', 'noFailedRun', 'at', 'noneBetween', 'localTimes', 'atMostAtOnce'],
  ...['lastSuccessWithin', 'startWithin', 'everyTickAccountedFor'],
];

function readExpectation(fields: Fields, span: Span): Expectation {
  const cronJob = fields.text('cronJob');
  const job = fields.text('job');
  if (cronJob !== undefined && job !== undefined) fields.fault('job', 'give cronJob or job, not both');
  const window = readWindow(fields, span);
  const checks = readChecks(fields, span);
  noteContradictions(fields, window, checks);
  if (checks.length === 0 && !checkNames.some((name) => fields.has(name))) fields.fault(undefined, 'expects nothing');
  fields.finish();
  return {
    path: fields.path,
    cronJob: cronJob === undefined ? undefined : qualified(cronJob),
    job: job === undefined ? undefined : qualified(job),
    ...window,
    checks,
  };
}

function readChecks(fields: Fields, span: Span): readonly Check[] {
  const checks: (Check | undefined)[] = [
    withRange(fields, 'runs'),
    withRange(fields, 'failedRuns'),
    fields.wanted('noFailedRun') ? { type: 'failedRuns', range: { atLeast: 0, atMost: 0 } } : undefined,
    readInstants(fields, span),
    readNoneBetween(fields, span),
    readLocalTimes(fields, span),
  ];
  const limit = fields.integer('atMostAtOnce', { atLeast: 0, atMost: Infinity });
  if (limit !== undefined) checks.push({ type: 'atMostAtOnce', limit });
  const ageMs = fields.duration('lastSuccessWithin');
  if (ageMs !== undefined) checks.push({ type: 'lastSuccessWithin', ageMs });
  const latenessMs = fields.duration('startWithin');
  if (latenessMs !== undefined) checks.push({ type: 'startWithin', latenessMs });
  if (fields.wanted('everyTickAccountedFor')) {
    if (fields.has('job')) fields.fault('everyTickAccountedFor', 'only CronJobs have ticks');
    checks.push({ type: 'everyTickAccountedFor' });
  }
  return checks.filter((check) => check !== undefined);
}

function withRange(fields: Fields, type: 'runs' | 'failedRuns'): Check | undefined {
  const range = fields.range(type);
  return range === undefined ? undefined : { type, range };
}

function readInstants(fields: Fields, span: Span): Check | undefined {
  if (!fields.has('at')) return undefined;
  const instants = fields
    .list('at')
    .map((value) => instantOfList(fields, 'at', { value, span }))
    .filter((atMs) => atMs !== undefined);
  return { type: 'at', instants: instants.toSorted((a, b) => a - b) };
}

/** One of several instants, inside the scenario. */
function instantOfList(
  fields: Fields,
  name: string,
  { value, span }: { readonly value: unknown; readonly span: Span },
): number | undefined {
  const atMs = fields.instantOf(name, value, span.startMs);
  if (atMs !== undefined) faultOutside(fields, name, { atMs, span });
  return atMs;
}

function readNoneBetween(fields: Fields, span: Span): Check | undefined {
  if (!fields.has('noneBetween')) return undefined;
  const list = fields.list('noneBetween');
  if (list.length !== 2) fields.fault('noneBetween', 'must be two instants');
  const [fromMs, toMs] = list.map((value) => instantOfList(fields, 'noneBetween', { value, span }));
  if (fromMs === undefined || toMs === undefined) return undefined;
  if (fromMs >= toMs) fields.fault('noneBetween', 'the window ends before it begins');
  return { type: 'noneBetween', fromMs, toMs };
}

/** `localTimes: { timeZone: America/New_York, times: ["16:00"] }` */
function readLocalTimes(fields: Fields, span: Span): Check | undefined {
  const map = fields.map('localTimes');
  if (map === undefined) return undefined;
  const timeZone = map.timeZone('timeZone') ?? span.timeZone;
  const times = map.list('times').map(String);
  if (times.length === 0 || !times.every((time) => /^([01]\d|2[0-3]):[0-5]\d$/.test(time)))
    map.fault('times', 'must be times of day like "16:00"');
  map.finish();
  return { type: 'localTimes', timeZone, times };
}
