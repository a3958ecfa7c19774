import { parseTime } from '../api/index.ts';
import { parseDuration, systemClock } from '../engine/index.ts';
import { parseOptions, UsageError, type Command } from './command.ts';
import { hostZoneError } from './host-zone.ts';
import { planOf, type PlanOptions } from './preview/plan.ts';
import { previewJson, previewText } from './preview/report.ts';
import { warningsOf } from './preview/warnings.ts';
import { readFiles } from './scenario/read-files.ts';

export const preview: Command = {
  summary: 'show when CronJobs will run, without running them, with warnings',
  help: `Usage: rondo preview FILE... [--from INSTANT] [--to INSTANT | --for DURATION] [--zone ZONE] [-o json]

Lists every planned occurrence of the CronJobs in the files, and warns of schedules that never fire, that a change to or
from daylight-saving time makes fire twice or not at all (or at another time), of many CronJobs at the same minute, of deadlines that lose runs,
and of what Forbid means. Nothing is run and no engine is needed. "-" is standard input.

  --from INSTANT     first instant (default: now), like 2026-03-01T00:00:00Z
  --to INSTANT       up to this instant, without it (default: 7 days after the first)
  --for DURATION     the same as a duration: 24h, 30d
  --zone ZONE        zone of the host, for CronJobs without timeZone (default: UTC)
  --limit N          list at most N occurrences of each CronJob (default: 100; 0: only count them)
  --at-once N        warn when more than N CronJobs are due at the same minute (default: 10)
  -o, --output json  print as JSON

Exit codes: 0 listed (with or without warnings), 2 bad input.
`,
  run: (args, terminal) => {
    const { values, positionals } = parseOptions(args, {
      filename: { type: 'string', short: 'f', multiple: true, default: [] },
      from: { type: 'string' },
      to: { type: 'string' },
      for: { type: 'string' },
      zone: { type: 'string', default: 'UTC' },
      limit: { type: 'string', default: '100' },
      'at-once': { type: 'string', default: '10' },
      output: { type: 'string', short: 'o' },
    });
    if (values.output !== undefined && values.output !== 'json') throw new UsageError('-o must be json');
    const files = [...values.filename, ...positionals];
    if (files.length === 0) throw new UsageError('name a file with CronJobs');
    const problem = hostZoneError(values.zone);
    if (problem !== undefined) throw new UsageError(`--zone ${values.zone}: ${problem}`);
    const options: PlanOptions = {
      ...parseSpan(values),
      hostZone: values.zone,
      limit: parseCount('--limit', values.limit),
    };
    const atOnce = parseCount('--at-once', values['at-once']);
    const plans = readFiles(files)
      .manifests.filter(({ manifest }) => manifest.kind === 'CronJob')
      .map((located) => planOf(located, options));
    if (plans.length === 0) throw new UsageError(`no CronJob in ${files.join(', ')}`);
    const warnings = warningsOf(plans, options, atOnce);
    if (values.output === 'json') terminal.out(`${JSON.stringify(previewJson(plans, warnings, options))}\n`);
    else terminal.out(previewText(plans, warnings, options));
    return Promise.resolve(0);
  },
};

const weekMs = 7 * 86_400_000;
const lastInstantMs = Date.UTC(9999, 0, 1);
const longestMs = 20 * 366 * 86_400_000;

function parseSpan(values: {
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly for?: string | undefined;
}): { readonly fromMs: number; readonly toMs: number } {
  const fromMs = values.from === undefined ? systemClock.now() : parseInstant('--from', values.from);
  if (values.to !== undefined && values.for !== undefined) throw new UsageError('give --to or --for, not both');
  const lengthMs = values.for === undefined ? weekMs : parseDuration(values.for);
  if (!(lengthMs > 0)) throw new UsageError(`--for ${values.for}: must be a duration like 24h or 30d`);
  const toMs = values.to === undefined ? fromMs + lengthMs : parseInstant('--to', values.to);
  if (toMs <= fromMs) throw new UsageError('--to must be after --from');
  if (!(toMs <= lastInstantMs)) throw new UsageError('the time must end before the year 9999');
  if (toMs - fromMs > longestMs) throw new UsageError('more than 20 years at once is too much');
  return { fromMs, toMs };
}

function parseInstant(option: string, text: string): number {
  const ms = parseTime(text);
  if (Number.isNaN(ms)) throw new UsageError(`${option} ${text}: must be an instant like 2026-03-08T06:00:00Z`);
  return ms;
}

function parseCount(option: string, text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new UsageError(`${option} ${text}: must be a whole number`);
}
