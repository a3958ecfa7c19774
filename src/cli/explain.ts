import { parseTime } from '../api/index.ts';
import { parseDuration, StartError, ticksPath, type TickFate, type TickList } from '../engine/index.ts';
import { parseOptions, UsageError, type Command } from './command.ts';
import { askEngine, engineAccess, readAnswer } from './engine-access.ts';

export const explain: Command = {
  summary: 'say what became of every tick of a CronJob, run or not, and why',
  help: `Usage: rondo explain cronjob/NAME [-n NAMESPACE] [--since 24h] [--limit N] [-o json]
       rondo explain cronjob/NAME [-n NAMESPACE] --at INSTANT [-o json]

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
    const query = queryOf(values);
    const access = engineAccess(values, terminal.env, { directory: 'rondo', hint: 'rondo up' });
    const path = ticksPath(values.namespace ?? 'default', name);
    const ask: Ask = async (parameters) => {
      const search = new URLSearchParams(parameters).toString();
      return readAnswer<TickList>(await askEngine(access, { path: `${path}?${search}` }));
    };
    const list = values.at === undefined ? await ask(query) : await onlyAt(parseTime(values.at), name, ask);
    terminal.out(values.output === 'json' ? `${JSON.stringify(list, undefined, 2)}\n` : text(list));
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

type Ask = (parameters: Readonly<Record<string, string>>) => Promise<TickList>;

function queryOf(values: {
  readonly since?: string | undefined;
  readonly at?: string | undefined;
  readonly limit?: string | undefined;
}): Readonly<Record<string, string>> {
  const { since, at, limit } = values;
  if (at !== undefined) {
    if (since !== undefined || limit !== undefined) throw new UsageError('--at goes without --since and --limit');
    if (Number.isNaN(parseTime(at))) throw new UsageError(`--at: "${at}" is no instant like 2026-03-08T06:00:00Z`);
  }
  if (since !== undefined && !(parseDuration(since) > 0))
    throw new UsageError(`--since: "${since}" is no duration like 24h`);
  return { ...(since === undefined ? {} : { since: `-${since}` }), ...(limit === undefined ? {} : { limit }) };
}

/** How far from the instant its neighbours are looked for. */
const aroundMs = 2 * 86_400_000;
/** What can be written as an instant begins here. */
const firstMs = parseTime('0000-01-01T00:00:00Z');

/**
 * Asks for the instant alone: around it there may be more ticks than an answer holds.
 * @throws StartError that names its neighbours if there is no tick
 */
async function onlyAt(atMs: number, name: string, ask: Ask): Promise<TickList> {
  const instant = (ms: number): string => new Date(ms).toISOString();
  const list = await ask({ since: instant(atMs), until: instant(atMs), limit: '10' });
  // What was made by hand is found by the time at which it was made, and is no tick.
  const ticks = list.ticks.filter(({ scheduled }) => scheduled !== undefined);
  if (ticks.length > 0) return { ...list, ticks };
  if (atMs > parseTime(list.now)) {
    const due = list.next === null ? 'none is due' : `the next one is due at ${instant(parseTime(list.next))}`;
    throw new StartError(`${instant(atMs)} has not come yet: it is ${instant(parseTime(list.now))}, and ${due}`);
  }
  const [before, after] = [
    await ask({ since: instant(Math.max(atMs - aroundMs, firstMs)), until: instant(atMs), limit: '10000' }),
    await ask({ since: instant(atMs), until: instant(atMs + aroundMs), limit: '10000' }),
  ];
  const following = timesOf(after)[0] ?? (after.next === null ? undefined : parseTime(after.next));
  const say = (ms: number | undefined): string => (ms === undefined ? 'unknown' : instant(ms));
  throw new StartError(
    `cronjob/${name} had no tick at ${instant(atMs)}; the one before: ${say(timesOf(before).at(-1))}, ` +
      `the one after: ${say(after.truncated ? undefined : following)}`,
  );
}

function timesOf({ ticks }: TickList): readonly number[] {
  return ticks.flatMap(({ scheduled }) => (scheduled === undefined ? [] : [parseTime(scheduled)]));
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
