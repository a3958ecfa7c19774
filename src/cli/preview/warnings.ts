import { formatInZone } from '../../cron/index.ts';
import { formatDuration } from '../../engine/index.ts';
import { effectOf, offsetChanges } from './daylight-saving.ts';
import type { Plan, PlanOptions } from './plan.ts';

export interface Warning {
  /** `namespace/name` of the CronJob; several for what they do together. */
  readonly about: string;
  readonly place: string;
  readonly type: WarningType;
  readonly message: string;
}

export type WarningType =
  | 'never'
  | 'notInSpan'
  | 'twice'
  | 'skipped'
  | 'shifted'
  | 'counted'
  | 'sameMinute'
  | 'shortPeriod'
  | 'deadline'
  | 'forbid'
  | 'suspended'
  | 'zoneInSchedule';

/** Upstream's advice: with less than this, the controller may look at the CronJob too late. */
const syncMs = 10_000;
/** From here on there are leap years for long: what matches no date here matches none. */
const leapYearsMs = Date.UTC(2000, 0, 1);
/** How many instants of one kind are named. */
const named = 5;

/** Everything that a person should know before these CronJobs run. */
export function warningsOf(plans: readonly Plan[], options: PlanOptions, atOnce: number): readonly Warning[] {
  return [...plans.flatMap((plan) => warningsOfOne(plan, options)), ...sameMinutes(plans, atOnce)];
}

function warningsOfOne(plan: Plan, options: PlanOptions): readonly Warning[] {
  const found: Warning[] = [];
  const warn = (type: WarningType, message: string): void => {
    found.push({ about: plan.name, place: plan.place, type, message });
  };
  if (plan.count === 0) warnOfNothing(plan, options, warn);
  if (plan.spec.suspend === true) warn('suspended', 'is suspended: nothing runs before it is resumed');
  if (plan.spec.schedule.includes('TZ'))
    warn('zoneInSchedule', 'the zone stands in the schedule: Kubernetes refuses that; use spec.timeZone');
  warnOfClockChanges(plan, options, warn);
  warnOfEvery(plan, options, warn);
  warnOfDeadline(plan, warn);
  if (plan.spec.concurrencyPolicy === 'Forbid') warn('forbid', forbidText(plan));
  return found;
}

type Warn = (type: WarningType, message: string) => void;

function warnOfNothing(plan: Plan, { fromMs }: PlanOptions, warn: Warn): void {
  const next = plan.schedule.next(fromMs);
  const text = JSON.stringify(plan.spec.schedule);
  if (Number.isNaN(next) && Number.isNaN(plan.schedule.next(leapYearsMs)))
    warn('never', `never fires: no date matches ${text}`);
  else if (Number.isNaN(next))
    warn(
      'never',
      `does not fire within five years, beyond which Kubernetes does not look: to it ${text} is invalid then`,
    );
  else warn('notInSpan', `does not fire in this time; the next time is ${formatInZone(next, plan.timeZone)}`);
}

function warnOfClockChanges(plan: Plan, options: PlanOptions, warn: Warn): void {
  if (plan.everyMs !== undefined) return;
  for (const change of offsetChanges(plan.schedule.timeZone, options)) {
    const when = `the clock change of ${formatInZone(change.atMs, plan.schedule.timeZone)}`;
    const { leftOut, lost, twice, shifted } = effectOf(plan.schedule, change, options);
    if (leftOut.length > 0) warn('skipped', `does not fire at ${few(leftOut)}, which ${when} leaves out`);
    if (lost.length > 0) warn('skipped', `does not fire at ${few(lost)}: ${when} makes Kubernetes pass over it`);
    if (twice.length > 0) warn('twice', `fires twice at ${few(twice)}, which ${when} repeats`);
    if (shifted.length > 0) warn('shifted', `fires at ${few(shifted)}, for which it does not ask, because of ${when}`);
  }
}

/** `@every` has no instants of its own. */
function warnOfEvery(plan: Plan, options: PlanOptions, warn: Warn): void {
  if (plan.everyMs === undefined) return;
  const from = formatInZone(options.fromMs, 'UTC');
  warn('counted', `counts from its creation, and then from each run: these are the times if it is created at ${from}`);
  const { startingDeadlineSeconds } = plan.spec;
  if (startingDeadlineSeconds === undefined || startingDeadlineSeconds * 1000 >= plan.everyMs) return;
  const [every, deadline] = [formatDuration(plan.everyMs), formatDuration(startingDeadlineSeconds * 1000)];
  const message = `never runs: Kubernetes counts ${every} from the beginning of the deadline (${deadline}), which is always shorter`;
  warn('deadline', message);
}

function warnOfDeadline(plan: Plan, warn: Warn): void {
  const { startingDeadlineSeconds } = plan.spec;
  const deadlineMs = startingDeadlineSeconds === undefined ? Infinity : startingDeadlineSeconds * 1000;
  if (deadlineMs === 0) {
    warn('deadline', 'startingDeadlineSeconds 0 never runs anything: every start is later than its instant');
  } else if (deadlineMs < syncMs) {
    const given = formatDuration(deadlineMs);
    warn(
      'deadline',
      `startingDeadlineSeconds ${given} is below the 10 s within which Kubernetes promises to look: runs may be lost`,
    );
  }
  if (plan.shortestMs < syncMs)
    warn(
      'shortPeriod',
      `fires every ${formatDuration(plan.shortestMs)}, more often than every 10 s: Kubernetes may not keep up`,
    );
  if (plan.shortestMs < 60_000)
    warn(
      'shortPeriod',
      'fires more than once a minute: Jobs are named by the minute, so only the first one of a minute runs',
    );
  if (deadlineMs !== Infinity && plan.shortestMs < deadlineMs) {
    const [period, deadline] = [formatDuration(plan.shortestMs), formatDuration(deadlineMs)];
    warn(
      'deadline',
      `the period (${period}) is shorter than the deadline (${deadline}): of several missed runs only the latest is caught up`,
    );
  }
}

function forbidText({ spec }: Plan): string {
  const { startingDeadlineSeconds } = spec;
  const limit =
    startingDeadlineSeconds === undefined
      ? 'however late that is (set startingDeadlineSeconds to limit it)'
      : `if that is at most ${formatDuration(startingDeadlineSeconds * 1000)} late`;
  return `Forbid does not skip: when a run is still going at the next instant, the latest missed one starts as soon as it ends, ${limit}`;
}

function sameMinutes(plans: readonly Plan[], atOnce: number): readonly Warning[] {
  if (plans.length <= atOnce) return [];
  const counts = new Map<number, number>();
  for (const { minutes } of plans) for (const minute of minutes) counts.set(minute, (counts.get(minute) ?? 0) + 1);
  const crowded = [...counts].filter(([, count]) => count > atOnce);
  const cut = plans
    .filter(({ isCut }) => isCut)
    .map(({ name, place }) => {
      const message = `is due too often to be compared with others for the whole time: take a shorter one`;
      return { about: name, place, type: 'sameMinute' as const, message };
    });
  if (crowded.length === 0) return cut;
  const [minute, most] = crowded.reduce((best, entry) => (entry[1] > best[1] ? entry : best));
  const at = new Date(minute * 60_000).toISOString().slice(0, 16);
  const message = `more than ${atOnce} CronJobs are due at the same minute, ${crowded.length} times; most (${most}) at ${at}Z`;
  return [{ about: '', place: '', type: 'sameMinute', message }, ...cut];
}

function few(times: readonly string[]): string {
  const more = times.length > named ? ` and ${times.length - named} more` : '';
  return `${times.slice(0, named).join(', ')}${more}`;
}
