import type { CronJob } from '../../api/index.ts';
import { parseSchedule, type Schedule } from '../../cron/index.ts';
import { UsageError } from '../command.ts';
import { faultAt } from '../scenario/fields.ts';
import type { LocatedManifest } from '../scenario/read-files.ts';

export interface PlanOptions {
  /** Inclusive, milliseconds since the epoch. */
  readonly fromMs: number;
  /** Exclusive. */
  readonly toMs: number;
  readonly hostZone: string;
  /** So many occurrences of each are kept to be listed. */
  readonly limit: number;
}

/** When one CronJob is due. */
export interface Plan {
  /** `namespace/name` */
  readonly name: string;
  readonly place: string;
  readonly spec: CronJob['spec'];
  readonly schedule: Schedule;
  readonly timeZone: string;
  /** The first ones, up to the limit. */
  readonly listed: readonly number[];
  /** How many there are in the whole span. */
  readonly count: number;
  /** The shortest distance between two in the span, milliseconds; Infinity with fewer than two. */
  readonly shortestMs: number;
  /** How often each instant's minute (since the epoch) is used; shared by nobody. */
  readonly minutes: readonly number[];
}

/** More occurrences than this are only counted, when CronJobs at the same minute are looked for. */
const minutesKept = 1_000_000;

/** @throws UsageError with file and line for a schedule or zone that upstream refuses */
export function planOf(located: LocatedManifest, options: PlanOptions): Plan {
  const { manifest, source } = located;
  const spec = manifest.spec as unknown as CronJob['spec'] | undefined;
  const at = (member: string): readonly string[] => ['spec', member];
  if (spec === undefined || spec.schedule === undefined || spec.schedule === '')
    throw new UsageError(faultAt(source, at('schedule'), 'Required value'));
  const timeZone = spec.timeZone ?? options.hostZone;
  const schedule = parse(located, spec, timeZone);
  const listed: number[] = [];
  const minutes: number[] = [];
  let count = 0;
  let shortestMs = Infinity;
  let lastMs = -Infinity;
  // What is due at the first instant itself belongs to the span.
  for (let at = schedule.next(options.fromMs - 1); at < options.toMs; at = schedule.next(at)) {
    count++;
    if (listed.length < options.limit) listed.push(at);
    const minute = Math.floor(at / 60_000);
    if (minutes.length < minutesKept && minutes.at(-1) !== minute) minutes.push(minute);
    if (at - lastMs < shortestMs) shortestMs = at - lastMs;
    lastMs = at;
  }
  const { namespace, name } = manifest.metadata;
  return {
    ...{ spec, schedule, timeZone, listed, count, shortestMs, minutes },
    name: `${namespace}/${name}`,
    place: `${source.file}:${source.document.lineOf(at('schedule'))}`,
  };
}

function parse({ source }: LocatedManifest, spec: CronJob['spec'], timeZone: string): Schedule {
  try {
    return parseSchedule(spec.schedule, { timeZone });
  } catch (error) {
    const member = spec.timeZone !== undefined && isZoneFault(error) ? 'timeZone' : 'schedule';
    throw new UsageError(faultAt(source, ['spec', member], (error as Error).message), { cause: error });
  }
}

function isZoneFault(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('provided bad location');
}
