import { parseTime } from '../api/index.ts';
import { parseDuration, StartError, ticksPath, type TickFate, type TickList } from '../engine/index.ts';
import { parseOptions, UsageError, type Command } from './command.ts';
import { askEngine, engineAccess, readAnswer } from './engine-access.ts';

export const explain: Command = {
  summary: 'say what became of every tick of a CronJob, run or not, and why',
  help: `Usage: rondo explain cronjob/NAME [-n NAMESPACE] [--since 24h | --at INSTANT] [--limit N] [-o json]

Each tick with the time it was due, decided, started and ended, and its outcome: Ran, RanLate, Replaced, Skipped (by the
CronJob's own rules), Missed (nobody was there to act), Waiting (may still run late), Manual (made by hand). What is known
outlives Jobs and CronJobs: up to 10 000 entries a CronJob, 400 days.

  -n, --namespace NS  the namespace (default: default)
  --since DURATION    ticks of the last 90m, 24h, 7d (default: 24h)
  --at INSTANT        only the tick at this instant (RFC 3339), or its neighbours if there is none
  --limit N           at most so many, the newest (default: 1000)
  --kubeconfig FILE   how to reach the engine (default: what $KUBECONFIG names, else the data directory's)
  --data-dir DIR      the engine's data directory (default: $XDG_DATA_HOME/rondo or ~/.local/share/rondo)
  -o json             print the whole answer

Exit codes: 0 told, 1 no such CronJob, no such tick, or the engine could not be reached, 2 wrong usage.
`,
  run: async (args, terminal) => {
    const { values, positionals } = parseOptions(args, {
      ...{ namespace: { type: 'string', short: 'n' }, output: { type: 'string', short: 'o' } },
      ...{ since: { type: 'string' }, at: { type: 'string' }, limit: { type: 'string' } },
      ...{ kubeconfig: { type: 'string' }, 'data-dir': { type: 'string' } },
    });
    if (values.output !== undefined && values.output !== 'json') throw new UsageError('-o must be json');
    const name = nameOf(positionals);
    const window = windowOf(values);
    const access = engineAccess(values, terminal.env, { directory: 'rondo', hint: 'rondo up' });
    const path = ticksPath(values.namespace ?? 'default', name);
    const answer = await askEngine(access, { path: `${path}?${window.query.toString()}` });
    const list = readAnswer<TickList>(answer);
    const { atMs } = window;
    const ticks =
      atMs === undefined ? list.ticks : list.ticks.filter(({ scheduled }) => parseTime(scheduled ?? '') === atMs);
    if (atMs !== undefined && ticks.length === 0) throw new StartError(noTickText(list, name, atMs));
    terminal.out(
      values.output === 'json' ? `${JSON.stringify({ ...list, ticks }, undefined, 2)}\n` : text({ ...list, ticks }),
    );
    return 0;
  },
};

function nameOf(words: readonly string[]): string {
  const [word, ...rest] = words;
  if (word === undefined) throw new UsageError('say which: rondo explain cronjob/NAME');
  if (rest.length > 0) throw new UsageError(`unexpected argument "${rest[0]}"`);
  const [, name] = /^(?:cronjobs?(?:\.batch)?|cj)\/([^/]+)$/.exec(word) ?? [];
  if (name === undefined) throw new UsageError(`"${word}" is not of the form cronjob/NAME`);
  return name;
}

interface Window {
  readonly query: URLSearchParams;
  readonly atMs?: number;
}

/** What is asked around one instant, to name its neighbours. */
const aroundMs = 2 * 86_400_000;

function windowOf(values: {
  readonly since?: string | undefined;
  readonly at?: string | undefined;
  readonly limit?: string | undefined;
}): Window {
  const { since, at, limit } = values;
  const query = new URLSearchParams();
  if (limit !== undefined) query.set('limit', limit);
  if (at !== undefined) {
    if (since !== undefined) throw new UsageError('give --at or --since, not both');
    const atMs = parseTime(at);
    if (Number.isNaN(atMs)) throw new UsageError(`--at: "${at}" is no instant like 2026-03-08T06:00:00Z`);
    query.set('since', new Date(atMs - aroundMs).toISOString());
    query.set('until', new Date(atMs + aroundMs).toISOString());
    if (limit === undefined) query.set('limit', '10000');
    return { query, atMs };
  }
  if (since !== undefined) {
    const ms = parseDuration(since);
    if (!(ms > 0)) throw new UsageError(`--since: "${since}" is no duration like 24h`);
    query.set('since', `-${since}`);
  }
  return { query };
}

function noTickText({ ticks, next }: TickList, name: string, atMs: number): string {
  const times = ticks.flatMap(({ scheduled }) => (scheduled === undefined ? [] : [parseTime(scheduled)]));
  const before = times.filter((ms) => ms < atMs).at(-1);
  const after = times.find((ms) => ms > atMs) ?? (next === null ? undefined : parseTime(next));
  const say = (ms: number | undefined): string => (ms === undefined ? 'unknown' : new Date(ms).toISOString());
  return `cronjob/${name} had no tick at ${say(atMs)}; the one before: ${say(before)}, the one after: ${say(after)}`;
}

const columns: readonly (readonly [title: string, cell: (fate: TickFate) => string])[] = [
  ['SCHEDULED', ({ scheduled }) => scheduled ?? '-'],
  ['OUTCOME', ({ outcome }) => outcome],
  ['RESULT', ({ result }) => result ?? '-'],
  ['DECIDED', ({ decided }) => wholeSeconds(decided)],
  ['STARTED', ({ started }) => wholeSeconds(started)],
  ['ENDED', ({ ended }) => wholeSeconds(ended)],
  ['JOB', ({ job }) => job ?? '-'],
  ['WHY', (fate) => whyText(fate)],
];

function wholeSeconds(instant: string | undefined): string {
  return instant === undefined ? '-' : `${instant.slice(0, 19)}Z`;
}

function whyText({ reason, message, evidence }: TickFate): string {
  const jobs = evidence?.['activeJobs'];
  const active = Array.isArray(jobs) && jobs.length > 0 ? ` (${jobs.join(', ')})` : '';
  return reason === undefined ? '' : `${reason}: ${message ?? ''}${active}`;
}

function text({ cronJob, ticks, next, problem, truncated }: TickList): string {
  const rows = ticks.map((fate) => columns.map(([, cell]) => cell(fate)));
  const table = [columns.map(([title]) => title), ...rows];
  const widths = columns.map((_, at) => Math.max(...table.map((row) => (row[at] ?? '').length)));
  const lines = table.map((row) =>
    row
      .map((cell, at) => cell.padEnd(widths[at] ?? 0))
      .join('   ')
      .trimEnd(),
  );
  if (truncated) lines.push('(older ticks are left out: see --limit)');
  if (ticks.length === 0) lines.splice(0, 1, 'no ticks in this time');
  if (problem !== undefined) lines.push(`no ticks now: ${problem}`);
  else if (!cronJob.exists) lines.push('the CronJob is gone');
  else lines.push(`next: ${next ?? 'none'}`);
  return `${lines.join('\n')}\n`;
}
