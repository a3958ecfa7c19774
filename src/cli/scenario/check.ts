import { formatInZone } from '../../cron/index.ts';
import { formatDuration } from '../../engine/index.ts';
import { isLocalTime } from './contradictions.ts';
import type { Range } from './fields.ts';
import { fits } from './names.ts';
import type { Run } from './recorder.ts';
import type { Recording } from './run-scenario.ts';
import type { Check, Expectation } from './scenario.ts';
import type { TickAccount } from './ticks.ts';

/** Whether one check of an expectation holds. */
export interface Verdict {
  /** `spec.expect[0]` as a path, with the line in its file. */
  readonly path: Expectation['path'];
  /** What was expected, in short. */
  readonly name: string;
  readonly passed: boolean;
  /** What was found instead; empty when it holds. */
  readonly message: string;
}

/** How many instances a message lists. */
const listed = 5;

/** Judges every check of a recording. */
export function judge(recording: Recording, accounts: readonly TickAccount[]): readonly Verdict[] {
  return recording.scenario.expectations.flatMap((expectation) => {
    const runs = recording.recorder.runs.filter((run) => concerns(expectation, run));
    const about = expectation.cronJob ?? expectation.job ?? 'all Jobs';
    return expectation.checks.map((check): Verdict => {
      const message = fault(check, { recording, expectation, runs, accounts }) ?? '';
      return { path: expectation.path, name: `${about}: ${nameOf(check)}`, passed: message === '', message };
    });
  });
}

/** The instant that counts for a run: when it was due, or when it came into being. */
export function instantOf(run: Run): number {
  return Number.isNaN(run.tickMs) ? run.createdMs : run.tickMs;
}

function concerns(expectation: Expectation, run: Run): boolean {
  const { cronJob, job, fromMs, toMs } = expectation;
  if (instantOf(run) < fromMs || instantOf(run) >= toMs) return false;
  if (cronJob !== undefined) return run.cronJob !== undefined && fits(cronJob, run.cronJob);
  return job === undefined || fits(job, run.job);
}

function nameOf(check: Check): string {
  switch (check.type) {
    case 'runs':
      return `runs ${rangeText(check.range)}`;
    case 'failedRuns':
      return check.range.atMost === 0 ? 'no failed run' : `failed runs ${rangeText(check.range)}`;
    case 'at':
      return `runs exactly at ${check.instants.map(time).join(', ')}`;
    case 'noneBetween':
      return `none between ${time(check.fromMs)} and ${time(check.toMs)}`;
    case 'localTimes':
      return `always at ${check.times.join(', ')} in ${check.timeZone}`;
    case 'atMostAtOnce':
      return `at most ${check.limit} at once`;
    case 'lastSuccessWithin':
      return `last success within ${formatDuration(check.ageMs)} of the end`;
    case 'startWithin':
      return `starts within ${formatDuration(check.latenessMs)}`;
    case 'everyTickAccountedFor':
      return 'every tick accounted for';
  }
}

interface Found {
  readonly recording: Recording;
  readonly expectation: Expectation;
  readonly runs: readonly Run[];
  readonly accounts: readonly TickAccount[];
}

/** What contradicts a check; undefined if nothing. */
function fault(check: Check, found: Found): string | undefined {
  const { runs, recording } = found;
  switch (check.type) {
    case 'runs':
      return outside(check.range, runs.length) ? `found ${runs.length}` : undefined;
    case 'failedRuns': {
      const failed = runs.filter(({ outcome }) => outcome === 'failed');
      const named = failed.length === 0 ? '' : `: ${list(failed)}`;
      return outside(check.range, failed.length) ? `found ${failed.length}${named}` : undefined;
    }
    case 'at':
      return differences(check.instants, runs);
    case 'noneBetween': {
      const inside = runs.filter((run) => instantOf(run) >= check.fromMs && instantOf(run) < check.toMs);
      return inside.length === 0 ? undefined : `found ${inside.length}: ${list(inside)}`;
    }
    case 'localTimes': {
      const other = runs.filter((run) => !isLocalTime(instantOf(run), check));
      const show = (run: Run): string => `${run.job} at ${formatInZone(instantOf(run), check.timeZone)}`;
      return other.length === 0 ? undefined : `found ${other.length} at other times: ${list(other, show)}`;
    }
    case 'atMostAtOnce':
      return tooManyAtOnce(check.limit, runs);
    case 'lastSuccessWithin':
      return tooOld(check.ageMs, runs, recording.endMs);
    case 'startWithin': {
      const late = runs.filter(({ createdMs, tickMs }) => createdMs - tickMs > check.latenessMs);
      const show = (run: Run): string => `${run.job} after ${formatDuration(run.createdMs - run.tickMs)}`;
      return late.length === 0 ? undefined : `${late.length} started later: ${list(late, show)}`;
    }
    case 'everyTickAccountedFor':
      return unaccounted(found);
  }
}

function outside({ atLeast, atMost }: Range, count: number): boolean {
  return count < atLeast || count > atMost;
}

function differences(instants: readonly number[], runs: readonly Run[]): string | undefined {
  const actual = runs.map(instantOf);
  const missing = instants.filter((at) => !actual.includes(at)).map(time);
  const surplus = runs.filter((run) => !instants.includes(instantOf(run)));
  const parts = [
    ...(missing.length > 0 ? [`missing ${shorten(missing)}`] : []),
    ...(surplus.length > 0 ? [`surplus ${list(surplus)}`] : []),
    ...(missing.length + surplus.length === 0 && actual.length !== instants.length ? ['an instant has two runs'] : []),
  ];
  return parts.length === 0 ? undefined : parts.join('; ');
}

function tooManyAtOnce(limit: number, runs: readonly Run[]): string | undefined {
  const changes = runs.flatMap(({ createdMs, endedMs = Infinity }) => [
    { atMs: createdMs, by: 1, order: 1 },
    { atMs: endedMs, by: -1, order: endedMs > createdMs ? 0 : 2 },
  ]);
  // At one instant, ends come before beginnings; but what takes no time was there all the same.
  changes.sort((a, b) => a.atMs - b.atMs || a.order - b.order);
  let active = 0;
  let most = { count: 0, atMs: 0 };
  for (const { atMs, by } of changes) {
    active += by;
    if (active > most.count) most = { count: active, atMs };
  }
  return most.count > limit ? `${most.count} at ${time(most.atMs)}` : undefined;
}

function tooOld(ageMs: number, runs: readonly Run[], endMs: number): string | undefined {
  let lastMs = -Infinity;
  for (const { outcome, endedMs = 0 } of runs) if (outcome === 'succeeded') lastMs = Math.max(lastMs, endedMs);
  if (lastMs === -Infinity) return 'there was no success';
  return endMs - lastMs > ageMs
    ? `the last one was at ${time(lastMs)}, ${formatDuration(endMs - lastMs)} before`
    : undefined;
}

function unaccounted({ accounts, expectation }: Found): string | undefined {
  const { cronJob, fromMs, toMs } = expectation;
  const parts = accounts
    .filter((account) => cronJob === undefined || fits(cronJob, account.cronJob))
    .flatMap((account) => {
      const lost = account.ticks.filter(
        (tick) => tick.fate === 'unaccounted' && tick.atMs >= fromMs && tick.atMs < toMs,
      );
      return [
        ...(lost.length > 0 ? [`${account.cronJob} lost ${shorten(lost.map(({ atMs }) => time(atMs)))}`] : []),
        ...(account.duplicates.length > 0 ? [`${account.cronJob} ran twice: ${list(account.duplicates)}`] : []),
        ...account.invalid.map((reason) => `${account.cronJob} has an invalid schedule: ${reason}`),
      ];
    });
  return parts.length === 0 ? undefined : parts.join('; ');
}

function list(runs: readonly Run[], show = (run: Run): string => `${run.job} at ${time(instantOf(run))}`): string {
  return shorten(runs.map(show));
}

function shorten(texts: readonly string[]): string {
  const more = texts.length > listed ? ` and ${texts.length - listed} more` : '';
  return `${texts.slice(0, listed).join(', ')}${more}`;
}

function rangeText({ atLeast, atMost }: Range): string {
  if (atLeast === atMost) return String(atLeast);
  if (atMost === Infinity) return `at least ${atLeast}`;
  return atLeast === 0 ? `at most ${atMost}` : `from ${atLeast} to ${atMost}`;
}

/** `2026-03-08T06:00:00Z` */
function time(ms: number): string {
  return new Date(ms).toISOString().replace('.000Z', 'Z');
}
