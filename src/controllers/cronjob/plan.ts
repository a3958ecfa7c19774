import { parseTime, type CronJob, type ObjectReference } from '../../api/index.ts';
import type { Schedule } from '../../cron/index.ts';
import { timeZoneError } from '../../cron/index.ts';
import { tickName } from './job-for-tick.ts';
import { dueForStart, nextDueMs, type ScheduleState } from './missed.ts';
import type { PlannedEvent } from './planned-event.ts';
import { concurrency, invalidSchedule, suspended, unevenSchedule, type Cause } from './ticks/causes.ts';

export type Decision =
  /** Nothing to wait for: only a change of the CronJob or of a Job wakes it. */
  | { readonly type: 'sleep' }
  /** Look again at this time. */
  | { readonly type: 'wait'; readonly untilMs: number }
  | { readonly type: 'start'; readonly dueMs: number; readonly jobName: string; readonly replaces: ActiveJobs };

export interface Plan {
  readonly events: readonly PlannedEvent[];
  readonly decision: Decision;
  /** What keeps due ticks from running now. */
  readonly cause?: Cause;
  /** The tick that is due, is not started, and may be started later. */
  readonly pendingMs?: number;
}

type ActiveJobs = readonly ObjectReference[];

export interface PlanInput {
  readonly cronJob: CronJob;
  /** Of status.active what is left after the Jobs were looked at. */
  readonly active: ActiveJobs;
  readonly nowMs: number;
  /** Parses with the zone of the CronJob. @throws Error */
  readonly parse: (schedule: string, timeZone: string | undefined) => Schedule;
}

const tzWarning = (schedule: string): string =>
  `CRON_TZ or TZ used in schedule "${schedule}" is not officially supported, see https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details`;
const tooMany = 'too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew';
const alreadyActive = 'Not starting job because prior execution is running and concurrency policy is Forbid';

/** What a CronJob asks for now. Upstream: `syncCronJob` of the CronJob controller, from the deletion check on. */
export function plan(input: PlanInput): Plan {
  const { spec, metadata } = input.cronJob;
  if (metadata.deletionTimestamp !== undefined) return asleep();
  const zoneProblem = spec.timeZone === undefined ? undefined : timeZoneError(spec.timeZone);
  if (zoneProblem !== undefined) {
    return asleep(warning('UnknownTimeZone', `invalid timeZone: "${spec.timeZone}": ${zoneProblem}`));
  }
  if (spec.suspend === true) return { ...asleep(), cause: suspended };
  const events = spec.schedule.includes('TZ') ? [warning('UnsupportedSchedule', tzWarning(spec.schedule))] : [];
  let schedule: Schedule;
  try {
    schedule = input.parse(spec.schedule, spec.timeZone);
  } catch (error) {
    const message = `unparseable schedule: "${spec.schedule}" : ${error instanceof Error ? error.message : String(error)}`;
    return asleep(...events, warning('UnparseableSchedule', message));
  }
  return planTick(input, scheduleState(input.cronJob, schedule, input.nowMs), events);
}

/** The times of a CronJob as numbers. */
export function scheduleState(cronJob: CronJob, schedule: Schedule, nowMs: number): ScheduleState {
  const { startingDeadlineSeconds } = cronJob.spec;
  const { lastScheduleTime } = cronJob.status;
  return {
    schedule,
    createdMs: parseTime(cronJob.metadata.creationTimestamp),
    lastMs: lastScheduleTime === undefined ? undefined : parseTime(lastScheduleTime),
    deadlineMs: startingDeadlineSeconds === undefined ? undefined : startingDeadlineSeconds * 1000,
    nowMs,
  };
}

function planTick(input: PlanInput, state: ScheduleState, before: readonly PlannedEvent[]): Plan {
  const { cronJob, active } = input;
  const { concurrencyPolicy, schedule } = cronJob.spec;
  const { dueMs, missed, error } = dueForStart(state);
  if (error !== undefined) {
    const plan = asleep(...before, warning('InvalidSchedule', `invalid schedule: ${schedule} : ${error}`));
    return { ...plan, cause: invalidSchedule };
  }
  const waiting = (...events: readonly PlannedEvent[]): Plan => {
    const untilMs = nextDueMs(state);
    return { events, decision: Number.isNaN(untilMs) ? { type: 'sleep' } : { type: 'wait', untilMs } };
  };
  // Times were missed, but the jump to the newest one went too far: upstream drops them all without a word.
  if (dueMs === undefined && missed !== 'none') return { ...waiting(...before), cause: unevenSchedule };
  if (dueMs === undefined) return waiting(...before);
  // It runs all the same.
  const events = missed === 'many' ? [...before, warning('TooManyMissedTimes', tooMany)] : before;
  if (state.deadlineMs !== undefined && dueMs + state.deadlineMs < state.nowMs) {
    return waiting(...events, warning('MissSchedule', `Missed scheduled time to start a job: ${longTime(dueMs)}`));
  }
  const jobName = tickName(cronJob.metadata.name, dueMs);
  if (state.lastMs === dueMs || active.some((job) => job.name === jobName)) return waiting(...events);
  if (concurrencyPolicy === 'Forbid' && active.length > 0) {
    // The due time stays due: it is taken up when the running Job ends.
    const plan = waiting(...events, { type: 'Normal', reason: 'JobAlreadyActive', message: alreadyActive });
    return { ...plan, cause: concurrency(active), pendingMs: dueMs };
  }
  const replaces = concurrencyPolicy === 'Replace' ? active : [];
  return { events, decision: { type: 'start', dueMs, jobName, replaces } };
}

function asleep(...events: readonly PlannedEvent[]): Plan {
  return { events, decision: { type: 'sleep' } };
}

function warning(reason: string, message: string): PlannedEvent {
  return { type: 'Warning', reason, message };
}

/** RFC 1123 with a numeric zone. */
function longTime(atMs: number): string {
  return new Date(atMs).toUTCString().replace('GMT', '+0000');
}
