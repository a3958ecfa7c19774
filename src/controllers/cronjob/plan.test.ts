import { describe, expect, it } from 'vitest';
import type { CronJob, ObjectReference } from '../../api/index.ts';
import { parseSchedule } from '../../cron/index.ts';
import { plan, type Plan } from './plan.ts';

const nowMs = Date.parse('2026-01-01T03:00:30Z');
const running: ObjectReference = { name: 'tick-1', namespace: 'default', uid: 'u-2' };

interface Given {
  readonly spec?: Partial<CronJob['spec']>;
  readonly last?: string;
  readonly active?: readonly ObjectReference[];
  readonly isDeleted?: boolean;
}

/** Created at midnight; every hour, looked at half a minute after three. */
function planFor({ spec = {}, last, active = [], isDeleted = false }: Given): Plan {
  const created = '2026-01-01T00:00:00Z';
  const cronJob: CronJob = {
    apiVersion: 'batch/v1',
    kind: 'CronJob',
    metadata: {
      ...{ name: 'tick', namespace: 'default', uid: 'u-1', resourceVersion: '1', creationTimestamp: created },
      ...(isDeleted && { deletionTimestamp: '2026-01-01T02:00:00Z' }),
    },
    spec: { schedule: '0 * * * *', jobTemplate: {}, ...spec },
    status: last === undefined ? {} : { lastScheduleTime: last },
  };
  return plan({ cronJob, active, nowMs, parse: (text, timeZone) => parseSchedule(text, { timeZone }) });
}

const eventsOf = (given: Given): readonly string[] =>
  planFor(given).events.map(({ type, reason, message }) => `${type} ${reason} ${message}`);

const moreDetails =
  'is not officially supported, see https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details';
const unknownZone = 'Warning UnknownTimeZone invalid timeZone: "Mars/Olympus": unknown time zone Mars/Olympus';
const noZone = 'provided bad location Mars: unknown time zone Mars';

describe('what a CronJob says', () => {
  it.each<[string, Given, readonly string[]]>([
    ['nothing when it starts a Job', {}, []],
    ['nothing once it is being deleted', { isDeleted: true, spec: { timeZone: 'Mars/Olympus' } }, []],
    [
      'that its zone is none, even while it is suspended',
      { spec: { timeZone: 'Mars/Olympus', suspend: true } },
      [unknownZone],
    ],
    [
      'nothing while it is suspended, whatever its schedule',
      { spec: { schedule: 'TZ=Mars * * * * *', suspend: true } },
      [],
    ],
    [
      'that a zone in the schedule is not supported, and runs',
      { spec: { schedule: 'CRON_TZ=Asia/Tokyo 0 12 * * *' } },
      [`Warning UnsupportedSchedule CRON_TZ or TZ used in schedule "CRON_TZ=Asia/Tokyo 0 12 * * *" ${moreDetails}`],
    ],
    [
      'that its schedule cannot be read',
      { spec: { schedule: '61 * * * *' } },
      ['Warning UnparseableSchedule unparseable schedule: "61 * * * *" : end of range (61) above maximum (59): 61'],
    ],
    [
      'both, where the zone in the schedule is none',
      { spec: { schedule: 'TZ=Mars 0 * * * *', timeZone: 'Asia/Tokyo' } },
      [
        `Warning UnsupportedSchedule CRON_TZ or TZ used in schedule "TZ=Mars 0 * * * *" ${moreDetails}`,
        `Warning UnparseableSchedule unparseable schedule: "TZ=Mars 0 * * * *" : ${noZone}`,
      ],
    ],
    [
      'that its schedule does not advance',
      { spec: { schedule: '0 0 30 2 *' } },
      [
        'Warning InvalidSchedule invalid schedule: 0 0 30 2 * : time difference between two schedules is less than 1 second',
      ],
    ],
    [
      'that it missed too many, and runs',
      { spec: { schedule: '* * * * *' } },
      [
        'Warning TooManyMissedTimes too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew',
      ],
    ],
    [
      'that another Job is running, where it forbids two',
      { spec: { concurrencyPolicy: 'Forbid' }, active: [running] },
      ['Normal JobAlreadyActive Not starting job because prior execution is running and concurrency policy is Forbid'],
    ],
    ['nothing of what the deadline excludes', { spec: { startingDeadlineSeconds: 30 } }, []],
    ['nothing when the time was handled', { last: '2026-01-01T03:00:00Z' }, []],
  ])('%s', (_, given, expected) => {
    expect(eventsOf(given)).toEqual(expected);
  });
});

const due = Date.parse('2026-01-01T03:00:00Z');
const next = Date.parse('2026-01-01T04:00:00Z');

describe('what a CronJob does', () => {
  it.each<[string, Given, Plan['decision']]>([
    ['starts the latest of the missed', {}, { type: 'start', dueMs: due, jobName: 'tick-29453940', replaces: [] }],
    [
      'starts it in the zone of the schedule, whatever timeZone says',
      { spec: { schedule: 'TZ=Asia/Tokyo 0 12 * * *', timeZone: 'UTC' } },
      { type: 'start', dueMs: due, jobName: 'tick-29453940', replaces: [] },
    ],
    [
      'starts one beside another, where it allows that',
      { active: [running] },
      { type: 'start', dueMs: due, jobName: 'tick-29453940', replaces: [] },
    ],
    [
      'starts one in place of others, where it replaces them',
      { spec: { concurrencyPolicy: 'Replace' }, active: [running] },
      { type: 'start', dueMs: due, jobName: 'tick-29453940', replaces: [running] },
    ],
    [
      'waits behind another',
      { spec: { concurrencyPolicy: 'Forbid' }, active: [running] },
      { type: 'wait', untilMs: next },
    ],
    [
      'waits when the Job of this time is listed',
      { active: [{ name: 'tick-29453940' }] },
      { type: 'wait', untilMs: next },
    ],
    // As upstream: the slot at the deadline itself is outside, and the next one is counted without the deadline.
    ['waits when the deadline excludes it', { spec: { startingDeadlineSeconds: 30 } }, { type: 'wait', untilMs: next }],
    [
      'starts what is just inside of the deadline',
      { spec: { startingDeadlineSeconds: 31 } },
      { type: 'start', dueMs: due, jobName: 'tick-29453940', replaces: [] },
    ],
    [
      'waits for the time after one in the future',
      { last: '2026-01-01T09:00:00Z' },
      { type: 'wait', untilMs: Date.parse('2026-01-01T10:00:00Z') },
    ],
    ['sleeps while it is suspended', { spec: { suspend: true } }, { type: 'sleep' }],
    ['sleeps with a bad zone', { spec: { timeZone: 'Mars/Olympus' } }, { type: 'sleep' }],
    ['sleeps with a bad schedule', { spec: { schedule: '* *' } }, { type: 'sleep' }],
    ['sleeps with a schedule that is never due', { spec: { schedule: '0 0 30 2 *' } }, { type: 'sleep' }],
    ['sleeps when it is being deleted', { isDeleted: true }, { type: 'sleep' }],
  ])('%s', (_, given, decision) => {
    expect(planFor(given).decision).toEqual(decision);
  });
});
