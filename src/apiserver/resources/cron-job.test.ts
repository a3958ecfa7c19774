import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { CronJob } from '../../api/index.ts';
import { cronJob } from './cron-job.ts';
import { timeZoneErrors } from './cron-job/time-zone.ts';
import { created, createErrors, rowOf, updateErrors, withValues } from './rule-cases.fixture.ts';
import type { RuleCase, UpdateCase } from './rule-cases.fixture.ts';

const draft: CronJob = {
  apiVersion: 'batch/v1',
  kind: 'CronJob',
  metadata: {
    name: 'nightly',
    namespace: 'default',
    uid: 'u-1',
    resourceVersion: '',
    creationTimestamp: '2026-01-01T00:00:00Z',
  },
  spec: {
    schedule: '0 3 * * *',
    jobTemplate: {
      spec: { template: { spec: { restartPolicy: 'Never', containers: [{ name: 'main', image: 'busybox:1' }] } } },
    },
  },
  status: {},
};

describe('defaults of a CronJob', () => {
  it('leave the Job inside to be defaulted when it is made', () => {
    const { spec, status } = created(cronJob, withValues(draft, { 'status.lastScheduleTime': '2026-01-01T00:00:00Z' }));
    expect(spec).toMatchObject({
      concurrencyPolicy: 'Allow',
      suspend: false,
      successfulJobsHistoryLimit: 3,
      failedJobsHistoryLimit: 1,
    });
    expect(Object.keys(spec.jobTemplate.spec ?? {})).toEqual(['template']);
    expect(spec.jobTemplate.spec?.template).toEqual({
      metadata: {},
      spec: {
        restartPolicy: 'Never',
        terminationGracePeriodSeconds: 30,
        dnsPolicy: 'ClusterFirst',
        schedulerName: 'default-scheduler',
        securityContext: {},
        containers: [
          {
            name: 'main',
            image: 'busybox:1',
            imagePullPolicy: 'IfNotPresent',
            terminationMessagePath: '/dev/termination-log',
            terminationMessagePolicy: 'File',
            resources: {},
          },
        ],
      },
    });
    expect(status).toEqual({});
  });
});

const noTz = 'cannot use TZ or CRON_TZ in schedule, use timeZone field instead';
const inner = 'spec.jobTemplate.spec';
const noTemplate = [
  `${inner}.template.spec.containers: Required value`,
  `${inner}.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"`,
];

const cases: readonly RuleCase[] = [
  { rule: 'a plain CronJob is valid', set: {}, errors: [] },
  { rule: 'no spec', set: { spec: undefined }, errors: ['spec.schedule: Required value', ...noTemplate] },
  { rule: 'no job template', set: { 'spec.jobTemplate': undefined }, errors: noTemplate },
  { rule: 'a schedule is given', set: { 'spec.schedule': '' }, errors: ['spec.schedule: Required value'] },
  {
    rule: 'a schedule has five fields',
    set: { 'spec.schedule': '* * *' },
    errors: ['spec.schedule: Invalid value: "* * *": expected exactly 5 fields, found 3: [* * *]'],
  },
  {
    rule: 'the values in a schedule are checked',
    set: { 'spec.schedule': '0 24 * * *' },
    errors: ['spec.schedule: Invalid value: "0 24 * * *": end of range (24) above maximum (23): 24'],
  },
  { rule: 'a schedule may never match', set: { 'spec.schedule': '0 0 30 2 *' }, errors: [] },
  {
    rule: 'a bad zone in the schedule is told twice',
    set: { 'spec.schedule': 'TZ=Mars 0 0 * * *' },
    errors: [
      'spec.schedule: Invalid value: "TZ=Mars 0 0 * * *": provided bad location Mars: unknown time zone Mars',
      'spec.schedule: Invalid value: "TZ=Mars 0 0 * * *": cannot use TZ or CRON_TZ in schedule, use timeZone field instead',
    ],
  },
  { rule: 'a descriptor is a schedule', set: { 'spec.schedule': '@every 1h30m' }, errors: [] },
  {
    rule: 'zones do not belong into the schedule',
    set: { 'spec.schedule': 'CRON_TZ=UTC 0 3 * * *' },
    errors: [`spec.schedule: Invalid value: "CRON_TZ=UTC 0 3 * * *": ${noTz}`],
  },
  { rule: 'a zone is known', set: { 'spec.timeZone': 'Europe/Berlin' }, errors: [] },
  { rule: 'UTC is known', set: { 'spec.timeZone': 'UTC' }, errors: [] },
  {
    rule: 'an unknown zone',
    set: { 'spec.timeZone': 'Mars/Olympus' },
    errors: ['spec.timeZone: Invalid value: "Mars/Olympus": unknown time zone Mars/Olympus'],
  },
  {
    rule: 'a zone in the wrong case',
    set: { 'spec.timeZone': 'europe/berlin' },
    errors: ['spec.timeZone: Invalid value: "europe/berlin": unknown time zone europe/berlin'],
  },
  {
    rule: 'an empty zone',
    set: { 'spec.timeZone': '' },
    errors: ['spec.timeZone: Invalid value: "": timeZone must be nil or non-empty string'],
  },
  {
    rule: 'the zone of the machine',
    set: { 'spec.timeZone': 'local' },
    errors: [
      'spec.timeZone: Invalid value: "local": timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones',
      'spec.timeZone: Invalid value: "local": unknown time zone local',
    ],
  },
  {
    rule: 'numbers are not negative, policies known',
    set: {
      'spec.startingDeadlineSeconds': -1,
      'spec.successfulJobsHistoryLimit': -2,
      'spec.failedJobsHistoryLimit': -3,
      'spec.concurrencyPolicy': 'Odd',
    },
    errors: [
      'spec.startingDeadlineSeconds: Invalid value: -1: must be greater than or equal to 0',
      'spec.concurrencyPolicy: Unsupported value: "Odd": supported values: "Allow", "Forbid", "Replace"',
      'spec.successfulJobsHistoryLimit: Invalid value: -2: must be greater than or equal to 0',
      'spec.failedJobsHistoryLimit: Invalid value: -3: must be greater than or equal to 0',
    ],
  },
  {
    rule: 'Jobs get their own selector',
    set: { [`${inner}.selector`]: {}, [`${inner}.manualSelector`]: true },
    errors: [
      `${inner}.selector: Invalid value: {}: \`selector\` will be auto-generated`,
      `${inner}.manualSelector: Unsupported value: true: supported values: "nil", "false"`,
    ],
  },
  {
    rule: 'the Job inside follows the rules of Jobs',
    set: { [`${inner}.parallelism`]: -1 },
    errors: [`${inner}.parallelism: Invalid value: -1: must be greater than or equal to 0`],
  },
];

describe('rules for new CronJobs', () => {
  it.each(cases)('$rule', ({ set, errors }) => {
    expect(createErrors(cronJob, withValues(draft, set))).toEqual(errors);
  });
  it('leave room in the name for the Jobs', () => {
    expect(cronJob.validateName('x'.repeat(52))).toEqual([]);
    expect(cronJob.validateName('x'.repeat(53))).toEqual(['must be no more than 52 characters']);
  });
});

describe('schedules that the real library refuses', () => {
  interface Refused {
    readonly expr: string;
    readonly error: string;
  }
  const url = new URL('../../../tests/vectors/cron-next.json', import.meta.url);
  const records = (JSON.parse(readFileSync(url, 'utf8')) as readonly Partial<Refused>[]).filter(
    (record): record is Refused => record.error !== undefined,
  );

  it('are refused with its words', () => {
    expect(records.length).toBeGreaterThan(80);
    for (const { expr, error } of records) {
      const [first] = createErrors(cronJob, withValues(draft, { 'spec.schedule': expr }));
      const expected = expr === '' ? 'Required value' : `Invalid value: ${JSON.stringify(expr)}: ${error}`;
      expect(first).toBe(`spec.schedule: ${expected}`);
    }
  });
});

describe('time zones', () => {
  interface ZoneRecord {
    readonly timeZone: string;
    readonly errors: readonly string[];
  }
  const url = new URL('../../../tests/vectors/cron-timezones.json', import.meta.url);
  const records = JSON.parse(readFileSync(url, 'utf8')) as readonly ZoneRecord[];

  it.each(records)('$timeZone is judged as by upstream', ({ timeZone, errors }) => {
    expect(timeZoneErrors(timeZone)).toEqual(errors);
  });
});

const zoned = 'TZ=UTC 0 3 * * *';
const updateCases: readonly UpdateCase[] = [
  { rule: 'a zone that was in the schedule may stay', old: { 'spec.schedule': zoned }, set: {}, errors: [] },
  {
    rule: 'but not beside the field',
    old: { 'spec.schedule': zoned },
    set: { 'spec.timeZone': 'UTC' },
    errors: [`spec.schedule: Invalid value: "${zoned}": cannot use both timeZone field and TZ or CRON_TZ in schedule`],
  },
  {
    rule: 'a zone does not come into the schedule',
    set: { 'spec.schedule': zoned },
    errors: [`spec.schedule: Invalid value: "${zoned}": ${noTz}`],
  },
  { rule: 'a bad zone may stay', old: { 'spec.timeZone': 'Mars/Olympus' }, set: { 'spec.suspend': true }, errors: [] },
  { rule: 'everything may change', set: { 'spec.schedule': '@daily', 'spec.concurrencyPolicy': 'Forbid' }, errors: [] },
];

describe('updates of CronJobs', () => {
  it.each(updateCases)('$rule', ({ old = {}, set, errors }) => {
    const before = withValues(created(cronJob, draft), old);
    expect(updateErrors(cronJob, withValues(before, set), before)).toEqual(errors);
  });
});

describe('warnings about CronJobs', () => {
  it('come for names on create and for zones on update', () => {
    const named = created(cronJob, withValues(draft, { 'metadata.name': 'a.b' }));
    expect(cronJob.warnings?.(named, undefined)).toEqual([expect.stringContaining('a DNS label is recommended')]);
    const old = withValues(named, { 'spec.schedule': zoned });
    expect(cronJob.warnings?.(old, old)).toEqual([
      'cannot use TZ or CRON_TZ in spec.spec.schedule, use timeZone instead, see https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details',
    ]);
  });
});

describe('the table of CronJobs', () => {
  const nowMs = Date.parse('2026-01-01T00:10:00Z');
  it('has all cells', () => {
    const object = withValues(created(cronJob, draft), {
      'status.active': [{ name: 'a' }],
      'status.lastScheduleTime': '2026-01-01T00:05:00Z',
    });
    expect(rowOf(cronJob, object, nowMs)).toEqual({
      Name: 'nightly',
      Schedule: '0 3 * * *',
      Timezone: '<none>',
      Suspend: 'False',
      Active: 1,
      'Last Schedule': '5m',
      Age: '10m',
      Containers: 'main',
      Images: 'busybox:1',
      Selector: '<none>',
    });
    expect(rowOf(cronJob, created(cronJob, draft), nowMs)['Last Schedule']).toBe('<none>');
  });
});
