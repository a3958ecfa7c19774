import { formatInZone } from '../../cron/index.ts';
import type { Fields, Range } from './fields.ts';
import type { Check } from './scenario.ts';

interface Window {
  readonly fromMs: number;
  readonly toMs: number;
}

const anyNumber: Range = { atLeast: 0, atMost: Infinity };

/** Notes checks of one expectation that can never hold together, and such as hold whatever happens. */
export function noteContradictions(fields: Fields, window: Window, checks: readonly Check[]): void {
  const runs = checks.find((check) => check.type === 'runs')?.range ?? anyNumber;
  const at = checks.find((check) => check.type === 'at');
  if (at !== undefined) {
    const count = at.instants.length;
    if (count < runs.atLeast || count > runs.atMost)
      fields.fault('runs', `contradicts at, which lists ${count} instants`);
    noteInstants(fields, window, { instants: at.instants, checks });
  }
  noteEmptyWindow(fields, window, checks);
  const wanted: Range = at === undefined ? runs : { atLeast: at.instants.length, atMost: at.instants.length };
  noteFailures(fields, wanted, checks);
  for (const check of checks) {
    if (check.type === 'atMostAtOnce' && check.limit === 0 && wanted.atLeast > 0)
      fields.fault('atMostAtOnce', 'contradicts the runs that are expected');
  }
}

/** What `at` lists, against everything else that speaks of instants. */
function noteInstants(
  fields: Fields,
  { fromMs, toMs }: Window,
  { instants, checks }: { readonly instants: readonly number[]; readonly checks: readonly Check[] },
): void {
  instants.forEach((atMs, index) => {
    const text = formatInZone(atMs, 'UTC');
    if (atMs === instants[index - 1]) fields.fault('at', `lists ${text} twice: an instant has one run at most`);
    if (atMs < fromMs || atMs >= toMs) fields.fault('at', `${text} lies outside of from and to`);
    for (const check of checks) {
      if (check.type === 'noneBetween' && atMs >= check.fromMs && atMs < check.toMs)
        fields.fault('at', `contradicts noneBetween, in which ${text} lies`);
      if (check.type === 'localTimes' && !isLocalTime(atMs, check))
        fields.fault('at', `contradicts localTimes: ${text} is ${formatInZone(atMs, check.timeZone)}`);
    }
  });
}

/** Whether an instant is one of the times of day, to the second. */
export function isLocalTime(
  atMs: number,
  { timeZone, times }: { readonly timeZone: string; readonly times: readonly string[] },
): boolean {
  const local = formatInZone(atMs, timeZone).slice(11, 19);
  return times.some((time) => local === `${time}:00`);
}

function noteEmptyWindow(fields: Fields, { fromMs, toMs }: Window, checks: readonly Check[]): void {
  const none = checks.find((check) => check.type === 'noneBetween');
  if (none === undefined || none.fromMs >= none.toMs) return;
  if (none.toMs <= fromMs || none.fromMs >= toMs)
    fields.fault('noneBetween', 'lies outside of from and to, so that it says nothing');
}

function noteFailures(fields: Fields, runs: Range, checks: readonly Check[]): void {
  const failed = checks.filter((check) => check.type === 'failedRuns').map(({ range }) => range);
  const atLeast = Math.max(0, ...failed.map((range) => range.atLeast));
  if (failed.some((range) => range.atMost < atLeast)) fields.fault('failedRuns', 'contradicts noFailedRun');
  else if (atLeast > runs.atMost)
    fields.fault('failedRuns', `contradicts the number of runs, which is at most ${runs.atMost}`);
  const isSuccessWanted = checks.some((check) => check.type === 'lastSuccessWithin');
  if (isSuccessWanted && atLeast >= runs.atMost)
    fields.fault('lastSuccessWithin', 'there can be no success among the runs');
}
