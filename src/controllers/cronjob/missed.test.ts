import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { CronJob } from '../../api/index.ts';
import { parseSchedule } from '../../cron/index.ts';
import { jobForTick, scheduledTimestampAnnotation } from './job-for-tick.ts';
import { dueForStart, nextDueMs, type MostRecent } from './missed.ts';
import { plan, scheduleState } from './plan.ts';

interface Found {
  readonly earliest: string;
  readonly mostRecent: string | null;
  readonly missed: string;
  readonly error?: string;
}

interface MissedRecord {
  readonly name?: string;
  readonly schedule: string;
  readonly timeZone?: string;
  readonly creationTimestamp: string;
  readonly lastScheduleTime: string | null;
  readonly startingDeadlineSeconds: number | null;
  readonly now: string;
  readonly withDeadline: Found;
  readonly withoutDeadline: Found;
  readonly tooManyMissedEvent: boolean;
  readonly decision: string;
  readonly requeueAfterMs: number | null;
  readonly jobNameSuffix?: number;
  readonly scheduledTimestampAnnotation?: string;
}

const url = new URL('../../../tests/vectors/cronjob-missed.json', import.meta.url);
const all = JSON.parse(readFileSync(url, 'utf8')) as readonly MissedRecord[];
/** Upstream's schedule stands still there and the CronJob never runs again; ours always moves forward. */
const isStuck = (record: MissedRecord): boolean => record.name === 'Chatham overlap: still stuck a month later';
const records = all.filter((record) => !isStuck(record));
/** What upstream adds so that its timers do not come too early. */
const paddingMs = 100;

function cronJobOf(record: MissedRecord): CronJob {
  return {
    apiVersion: 'batch/v1',
    kind: 'CronJob',
    metadata: {
      ...{ name: 'tick', namespace: 'default', uid: 'u-1', resourceVersion: '1' },
      creationTimestamp: record.creationTimestamp,
    },
    spec: {
      schedule: record.schedule,
      jobTemplate: {},
      ...(record.timeZone !== undefined && { timeZone: record.timeZone }),
      ...(record.startingDeadlineSeconds !== null && { startingDeadlineSeconds: record.startingDeadlineSeconds }),
    },
    status: record.lastScheduleTime === null ? {} : { lastScheduleTime: record.lastScheduleTime },
  };
}

function decide(record: MissedRecord): unknown {
  const cronJob = cronJobOf(record);
  const nowMs = Date.parse(record.now);
  const parse = (text: string, timeZone: string | undefined) => parseSchedule(text, { timeZone });
  const { events, decision } = plan({ cronJob, active: [], nowMs, parse });
  const state = scheduleState(cronJob, parse(record.schedule, record.timeZone), nowMs);
  const reasons = events.map((event) => event.reason);
  const tooManyMissedEvent = reasons.includes('TooManyMissedTimes');
  if (decision.type !== 'start') {
    const requeueAfterMs = decision.type === 'wait' ? decision.untilMs + paddingMs - nowMs : null;
    const name = reasons.includes('InvalidSchedule') ? 'InvalidSchedule' : 'NotTime';
    return { decision: name, requeueAfterMs, tooManyMissedEvent };
  }
  const job = jobForTick(cronJob, decision.dueMs);
  return {
    decision: 'Create',
    requeueAfterMs: nextDueMs({ ...state, lastMs: decision.dueMs }) + paddingMs - nowMs,
    tooManyMissedEvent,
    jobNameSuffix: Number(job.metadata.name?.slice('tick-'.length)),
    scheduledTimestampAnnotation: job.metadata.annotations?.[scheduledTimestampAnnotation],
  };
}

function found({ earliestMs, dueMs, missed, error }: MostRecent): unknown {
  const text = (ms: number): number => Math.floor(ms);
  return { earliest: text(earliestMs), mostRecent: dueMs === undefined ? null : text(dueMs), missed, error };
}

function recorded({ earliest, mostRecent, missed, error }: Found): unknown {
  return {
    earliest: Date.parse(earliest),
    mostRecent: mostRecent === null ? null : Date.parse(mostRecent),
    missed,
    error,
  };
}

describe('missed schedules (cronjob-missed.json)', () => {
  it('are found with and without the deadline as by upstream, in every record', () => {
    expect(records.length).toBeGreaterThan(380);
    for (const record of records) {
      const schedule = parseSchedule(record.schedule, { timeZone: record.timeZone });
      const state = scheduleState(cronJobOf(record), schedule, Date.parse(record.now));
      expect(found(dueForStart(state)), JSON.stringify(record)).toEqual(recorded(record.withDeadline));
      const withoutDeadline = dueForStart({ ...state, deadlineMs: undefined });
      expect(found(withoutDeadline), JSON.stringify(record)).toEqual(recorded(record.withoutDeadline));
    }
  });

  it('lead to the same decision, wake-up, name and annotation in every record', () => {
    for (const record of records) {
      const { decision, requeueAfterMs, tooManyMissedEvent, jobNameSuffix } = record;
      const expected =
        decision === 'Create'
          ? { jobNameSuffix, scheduledTimestampAnnotation: record.scheduledTimestampAnnotation }
          : {};
      expect(decide(record), JSON.stringify(record)).toEqual({
        ...{ decision, requeueAfterMs, tooManyMissedEvent },
        ...expected,
      });
    }
  });

  it('do not stop a CronJob for ever where upstream repeats an instant', () => {
    expect(all.filter(isStuck).map((record) => decide(record))).toEqual([
      {
        decision: 'Create',
        requeueAfterMs: expect.any(Number) as number,
        tooManyMissedEvent: true,
        jobNameSuffix: Date.parse('2025-05-04T15:00:00Z') / 60_000 + 1440,
        scheduledTimestampAnnotation: '2025-05-06T03:45:00+12:45',
      },
    ]);
  });
});
