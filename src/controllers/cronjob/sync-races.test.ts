import { describe, expect, it } from 'vitest';
import { conflict, failure, resources, type CronJob } from '../../api/index.ts';
import { testContext } from '../../testing/index.ts';
import { createCronJobController } from './controller.ts';
import { aCronJob } from './test-cron-jobs.fixture.ts';

const minuteMs = 60_000;
const ref = { namespace: 'default', name: 'hello' };

/** The controller alone on a fake server, one minute before its first tick. */
async function setUp() {
  const context = testContext();
  const { client } = context;
  await client.create<CronJob>(resources.cronJobs, { ...aCronJob('hello', '* * * * *'), status: {} });
  const controller = createCronJobController(context);
  await context.run(controller);
  const created = () => client.callsOf('create', resources.jobs).map((call) => call.key);
  const status = async () => (await client.get<CronJob>(resources.cronJobs, ref)).status;
  return { ...context, controller, created, status };
}

describe('the controller of CronJobs', () => {
  it('writes that a tick has its Job even when somebody changed the CronJob meanwhile', async () => {
    const { clock, client, created, status } = await setUp();
    client.onCall = ({ verb, resource }) => {
      if (verb !== 'updateStatus' || resource !== 'cronjobs.batch') return;
      client.onCall = () => undefined;
      throw conflict(resources.cronJobs, 'hello');
    };
    await clock.advance(minuteMs);
    // The Job is over and gone at once: only the status knows of it.
    await client.delete(resources.jobs, { namespace: 'default', name: created()[0]?.split('/')[1] ?? '' });
    await clock.advance(30_000);
    expect(created()).toHaveLength(1);
    expect(await status()).toEqual({ lastScheduleTime: '2026-01-01T00:01:00Z' });
  });

  it('takes up a Job that it made before it could say so', async () => {
    const { clock, client, created, status, events } = await setUp();
    let failures = 3;
    client.onCall = ({ verb, resource }) => {
      if (verb !== 'updateStatus' || resource !== 'cronjobs.batch' || failures-- <= 0) return;
      throw failure({ code: 503, reason: 'ServiceUnavailable', message: 'no' });
    };
    await clock.advance(minuteMs + 1000);
    expect(new Set(created()).size).toBe(1);
    expect(client.all(resources.jobs)).toHaveLength(1);
    expect((await status()).active).toMatchObject([{ name: client.all(resources.jobs)[0]?.metadata.name }]);
    expect(events().filter((text) => text.includes('SuccessfulCreate'))).toHaveLength(1);
  });

  it('tells when an old Job cannot be replaced, and makes no new one beside it', async () => {
    const { clock, client, created, events } = await setUp();
    const body = { spec: { concurrencyPolicy: 'Replace' } };
    await client.patch(resources.cronJobs, ref, { type: 'merge', body });
    await clock.advance(minuteMs);
    client.onCall = ({ verb, resource }) => {
      if (verb === 'delete' && resource === 'jobs.batch') {
        throw failure({ code: 403, reason: 'Forbidden', message: 'not this one' });
      }
    };
    await clock.advance(minuteMs);
    expect(created()).toHaveLength(1);
    expect(events()).toContain('Warning FailedDelete Deleted job: not this one');
    client.onCall = () => undefined;
    await clock.advance(30_000);
    expect(created()).toHaveLength(2);
    expect(client.all(resources.jobs)).toHaveLength(1);
  });

  it('tells when it cannot look at the Job that it would replace, and makes no new one beside it', async () => {
    const { clock, client, created, events } = await setUp();
    const body = { spec: { concurrencyPolicy: 'Replace' } };
    await client.patch(resources.cronJobs, ref, { type: 'merge', body });
    await clock.advance(minuteMs);
    client.onCall = ({ verb, resource }) => {
      if (verb === 'get' && resource === 'jobs.batch')
        throw failure({ code: 503, reason: 'ServiceUnavailable', message: 'not now' });
    };
    await clock.advance(minuteMs);
    expect(created()).toHaveLength(1);
    expect(events()).toContain('Warning FailedGet Get job: not now');
    client.onCall = () => undefined;
    await clock.advance(30_000);
    expect(created()).toHaveLength(2);
  });

  it('tells every failure to delete an old Job, and goes on with the others', async () => {
    const { clock, client, events } = await setUp();
    client.onCall = ({ verb, resource }) => {
      if (verb === 'delete' && resource === 'jobs.batch')
        throw failure({ code: 403, reason: 'Forbidden', message: 'not this one' });
    };
    const body = { spec: { successfulJobsHistoryLimit: 0 } };
    await client.patch(resources.cronJobs, ref, { type: 'merge', body });
    for (let minute = 1; minute <= 2; minute++) {
      await clock.advance(minuteMs);
      for (const job of client.all(resources.jobs)) {
        const conditions = [{ type: 'Complete', status: 'True' }];
        await client.updateStatus(resources.jobs, { ...job, status: { ...job.status, conditions } });
      }
      await clock.settle();
    }
    expect(client.all(resources.jobs)).toHaveLength(2);
    expect(events()).toContain('Warning FailedDelete Deleted job: not this one');
    // What fails does not keep the next one from being made, nor its end from being seen.
    expect(events().filter((text) => text.includes('SawCompletedJob'))).toHaveLength(2);
  });

  it('comes again when a timer was early, and does nothing before the time', async () => {
    const { clock, created } = await setUp();
    await clock.advance(30_000);
    // The wall clock is slow from here on: the timer comes 10 seconds before the time.
    clock.setWallTime(clock.now() - 10_000);
    await clock.advance(30_000);
    expect(created()).toEqual([]);
    await clock.advance(9_999);
    expect(created()).toEqual([]);
    await clock.advance(1);
    expect(created()).toHaveLength(1);
  });

  it('warns of a zone in the schedule, and of a zone that is none', async () => {
    const { clock, client, events } = await setUp();
    const change = (spec: object) => client.patch(resources.cronJobs, ref, { type: 'merge', body: { spec } });
    await change({ schedule: 'TZ=Asia/Tokyo 0 9 * * *' });
    await change({ suspend: false });
    await clock.settle();
    await change({ schedule: 'nonsense' });
    await change({ timeZone: 'Mars/Olympus' });
    await clock.settle();
    // What cannot be timed is not synced either; the next change of anything else is.
    expect(events().filter((text) => text.includes('UnknownTimeZone'))).toEqual([]);
    await change({ suspend: true });
    await clock.settle();
    const warnings = events().filter((text) => text.startsWith('Warning'));
    expect(warnings.map((text) => text.split(' ')[1])).toEqual([
      'UnsupportedSchedule',
      'UnParseableCronJobSchedule',
      'UnknownTimeZone',
    ]);
    expect(warnings.at(-1)).toBe(
      'Warning UnknownTimeZone invalid timeZone: "Mars/Olympus": unknown time zone Mars/Olympus',
    );
  });
});
