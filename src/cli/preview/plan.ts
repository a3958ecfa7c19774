import type { CronJob } from '../../api/index.ts';
import { everyMs, parseSchedule, type Schedule } from '../../cron/index.ts';
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
  /** The minutes (since the epoch) in which it is due. */
  readonly minutes: readonly number[];
  /** There are more minutes than are kept. */
  readonly isCut: boolean;
  /** The distance of `@every`; undefined for schedules with instants of their own. */
  readonly everyMs: number | undefined;
}

/** More occurrences than this are only counted, when CronJobs at the same minute are looked for. */
const minutesKept = 1_000_000;

/** @throws UsageError with file and line for a schedule, zone, policy or deadline that upstream refuses */
export function planOf(located: LocatedManifest, options: PlanOptions): Plan {
  const { manifest, source } = located;
  const spec = checkedSpec(located);
  const timeZone = spec.timeZone ?? options.hostZone;
  const schedule = parse(located, spec, timeZone);
  const distanceMs = everyMs(schedule);
  const listed: number[] = [];
  const minutes: number[] = [];
  let count = 0;
  let shortestMs = Infinity;
  let lastMs = -Infinity;
  // What is due at the first instant itself belongs to the span; `@every` begins to count there.
  const afterMs = distanceMs === undefined ? options.fromMs - 1 : options.fromMs;
  for (let at = schedule.next(afterMs); at < options.toMs; at = schedule.next(at)) {
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
    isCut: minutes.length >= minutesKept,
    everyMs: distanceMs,
    name: `${namespace}/${name}`,
    place: `${source.file}:${source.document.lineOf(['spec', 'schedule'])}`,
  };
}

const policies = ['Allow', 'Forbid', 'Replace'];

/** What upstream's validation says of the members that count here. */
function checkedSpec({ manifest, source }: LocatedManifest): CronJob['spec'] {
  const spec = manifest.spec as unknown as CronJob['spec'] | undefined;
  const refuse = (member: string, message: string): never => {
    throw new UsageError(faultAt(source, ['spec', member], message));
  };
  if (spec?.schedule === undefined || spec.schedule === '') return refuse('schedule', 'Required value');
  const { timeZone, concurrencyPolicy: policy, startingDeadlineSeconds: seconds } = spec;
  if (timeZone === '') refuse('timeZone', 'Invalid value: "": timeZone must be nil or non-empty string');
  if (timeZone?.toLowerCase() === 'local') {
    const rule = 'timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones';
    refuse('timeZone', `Invalid value: "${timeZone}": ${rule}`);
  }
  if (policy !== undefined && policy !== '' && !policies.includes(policy)) {
    const known = policies.map((name) => `"${name}"`).join(', ');
    refuse('concurrencyPolicy', `Unsupported value: "${policy}": supported values: ${known}`);
  }
  if (seconds !== undefined && seconds < 0)
    refuse('startingDeadlineSeconds', `Invalid value: ${seconds}: must be greater than or equal to 0`);
  return spec;
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
