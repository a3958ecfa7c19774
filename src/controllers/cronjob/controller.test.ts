import { describe, expect, it } from 'vitest';
import { jobFinishedCondition, resources, type CronJob, type Job, type KubeObject } from '../../api/index.ts';
import { createMemoryStore } from '../../store/index.ts';
import { FakeClock, testContext } from '../../testing/index.ts';
import { createCronJobController } from './controller.ts';
import { aCronJob, aJobTemplate, cronJobBench, keptOpen, tickOf } from './test-cron-jobs.fixture.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;

describe('a CronJob', () => {
  it('makes a Job for each due time, at that time, named and marked by it', async () => {
    const { engine, create, jobs, get, events, ticks } = await cronJobBench();
    const cronJob = await create('hello', '*/1 * * * ?', { spec: { timeZone: 'Asia/Kolkata' } });
    await engine.clock.advance(3 * minuteMs);
    expect(ticks).toEqual(['2026-01-01T05:31:00+05:30', '2026-01-01T05:32:00+05:30', '2026-01-01T05:33:00+05:30']);
    const [job] = await jobs();
    const { apiVersion, kind } = cronJob;
    expect(job?.metadata).toMatchObject({
      name: `hello-${Date.UTC(2026, 0, 1, 0, 1) / minuteMs}`,
      creationTimestamp: '2026-01-01T00:01:00Z',
      ownerReferences: [{ apiVersion, kind, name: 'hello', uid: cronJob.metadata.uid, controller: true }],
    });
    expect((await get('hello')).status).toEqual({
      lastScheduleTime: '2026-01-01T00:03:00Z',
      lastSuccessfulTime: '2026-01-01T00:03:00Z',
    });
    const names = (await jobs()).map((made) => made.metadata.name);
    expect((await events()).filter((text) => text.startsWith('Warning'))).toEqual([]);
    for (const name of names) {
      expect(await events()).toContain(`Normal SuccessfulCreate Created job ${name}`);
      expect(await events()).toContain(`Normal SawCompletedJob Saw completed job: ${name}, condition: Complete`);
    }
    await engine.stop();
  });

  it('lists its running Jobs with their references, and drops them when they end or vanish', async () => {
    const { engine, create, get, jobs, event } = await cronJobBench();
    await create('slow', '* * * * *', { runMs: 150_000 });
    await engine.clock.advance(2 * minuteMs + 1000);
    const { status } = await get('slow');
    expect(status.active).toMatchObject(
      (await jobs()).map(({ metadata }) => ({ kind: 'Job', name: metadata.name, uid: metadata.uid })),
    );
    const first = status.active?.[0]?.name ?? '';
    await engine.client.delete(
      resources.jobs,
      { namespace: 'default', name: first },
      { propagationPolicy: 'Background' },
    );
    await engine.clock.settle();
    expect((await get('slow')).status.active).toHaveLength(1);
    expect(await event('MissingJob')).toEqual([`Normal MissingJob Active job went missing: ${first}`]);
    await engine.stop();
  });

  it('forbids a second run beside a first, and takes up the latest missed one when it ends', async () => {
    const { engine, create, ticks, event, get } = await cronJobBench();
    await create('one', '* * * * *', { spec: { concurrencyPolicy: 'Forbid' }, runMs: 150_000 });
    await engine.clock.advance(3 * minuteMs);
    expect(ticks).toEqual(['2026-01-01T00:01:00Z']);
    expect((await get('one')).status.lastScheduleTime).toBe('2026-01-01T00:01:00Z');
    await engine.clock.advance(31_000);
    expect(ticks).toEqual(['2026-01-01T00:01:00Z', '2026-01-01T00:03:00Z']);
    expect(await event('JobAlreadyActive')).toEqual([
      'Normal JobAlreadyActive Not starting job because prior execution is running and concurrency policy is Forbid',
    ]);
    await engine.stop();
  });

  it('replaces a running Job: the old one goes before the new one comes', async () => {
    const { engine, create, ticks, jobs, event } = await cronJobBench();
    await create('new', '* * * * *', { spec: { concurrencyPolicy: 'Replace' }, runMs: 600_000 });
    for (let minute = 1; minute <= 4; minute++) {
      await engine.clock.advance(minuteMs);
      const alive = (await jobs()).filter((job) => job.metadata.deletionTimestamp === undefined);
      expect(alive.map(tickOf)).toEqual([`2026-01-01T00:0${minute}:00Z`]);
    }
    expect(ticks).toHaveLength(4);
    expect(await event('SuccessfulDelete')).toHaveLength(3);
    expect(await event('MissingJob')).toEqual([]);
    await engine.stop();
  });

  it('makes nothing while suspended, and one Job of the latest missed time after', async () => {
    const { engine, create, change, ticks } = await cronJobBench();
    await create('off', '* * * * *', { spec: { suspend: true } });
    await engine.clock.advance(10 * minuteMs + 30_000);
    expect(ticks).toEqual([]);
    await change('off', { suspend: false });
    await engine.clock.settle();
    expect(ticks).toEqual(['2026-01-01T00:10:00Z']);
    await engine.clock.advance(minuteMs);
    expect(ticks).toEqual(['2026-01-01T00:10:00Z', '2026-01-01T00:11:00Z']);
    await engine.stop();
  });

  it('leaves out what the deadline excludes', async () => {
    const { engine, create, change, ticks } = await cronJobBench();
    await create('late', '* * * * *', { spec: { suspend: true, startingDeadlineSeconds: 20 } });
    await engine.clock.advance(10 * minuteMs + 30_000);
    await change('late', { suspend: false });
    await engine.clock.settle();
    expect(ticks).toEqual([]);
    await engine.clock.advance(30_000);
    expect(ticks).toEqual(['2026-01-01T00:11:00Z']);
    await engine.stop();
  });

  it('keeps as many finished Jobs as the limits say', async () => {
    const { engine, create, jobs } = await cronJobBench();
    const limits = { successfulJobsHistoryLimit: 2, failedJobsHistoryLimit: 1 };
    await create('good', '* * * * *', { spec: limits });
    await create('bad', '* * * * *', { spec: limits, exitCode: 1 });
    await create('none', '* * * * *', { spec: { ...limits, successfulJobsHistoryLimit: 0 } });
    await engine.clock.advance(6 * minuteMs);
    const kept = (await jobs()).map((job) => `${job.metadata.name.split('-')[0]} ${tickOf(job).slice(11, 16)}`);
    expect(kept).toEqual(['bad 00:06', 'good 00:05', 'good 00:06']);
    await engine.stop();
  });

  it('says why it does nothing: zones and schedules that cannot be used', async () => {
    const { engine, create, change, event, ticks } = await cronJobBench();
    await create('never', '0 0 30 2 *');
    await engine.clock.settle();
    expect(await event('InvalidSchedule')).toEqual([
      'Warning InvalidSchedule invalid schedule: 0 0 30 2 * : time difference between two schedules is less than 1 second',
    ]);
    await change('never', { schedule: '* * * * *' });
    await engine.clock.advance(minuteMs);
    expect(ticks).toEqual(['2026-01-01T00:01:00Z']);
    await engine.stop();
  });

  it('says so at once when it is changed to a schedule that is never due', async () => {
    const { engine, create, change, event } = await cronJobBench();
    await create('hello', '0 12 * * *');
    await change('hello', { schedule: '0 0 31 4 *' });
    await engine.clock.settle();
    expect(await event('InvalidSchedule')).toEqual([
      'Warning InvalidSchedule invalid schedule: 0 0 31 4 * : time difference between two schedules is less than 1 second',
    ]);
    await engine.stop();
  });

  it('reports a Job that it did not make, counts its success, and does not list it', async () => {
    const { engine, create, event, get } = await cronJobBench();
    const cronJob = await create('daily', '0 12 * * *');
    const owner = {
      apiVersion: 'batch/v1',
      kind: 'CronJob',
      name: 'daily',
      uid: cronJob.metadata.uid,
      controller: true,
    };
    const { spec } = aJobTemplate({ runMs: 5000 });
    const metadata = { name: 'by-hand', namespace: 'default', ownerReferences: [owner] };
    await engine.client.create<Job>(resources.jobs, { metadata, spec });
    await engine.clock.settle();
    expect(await event('UnexpectedJob')).toEqual([
      'Warning UnexpectedJob Saw a job that the controller did not create or forgot: by-hand',
    ]);
    expect((await get('daily')).status.active).toBeUndefined();
    await engine.clock.advance(6000);
    expect((await get('daily')).status).toEqual({ lastSuccessfulTime: '2026-01-01T00:00:05Z' });
    await engine.stop();
  });

  it('leaves a foreign Job of the same name alone and goes on with the next time', async () => {
    const { engine, create, ticks, get } = await cronJobBench();
    await create('hello', '* * * * *');
    const name = `hello-${Date.UTC(2026, 0, 1, 0, 1) / minuteMs}`;
    const { spec } = aJobTemplate();
    await engine.client.create<Job>(resources.jobs, { metadata: { name, namespace: 'default' }, spec });
    await engine.clock.advance(minuteMs);
    expect((await get('hello')).status.lastScheduleTime).toBeUndefined();
    await engine.clock.advance(minuteMs);
    expect(ticks).toEqual(['manual', '2026-01-01T00:02:00Z']);
    await engine.stop();
  });

  it('tries again when a Job cannot be created, with the same name, and says so', async () => {
    const { engine, create, change, ticks, event } = await cronJobBench();
    const template = (labels: object) => ({ jobTemplate: { metadata: { labels } } });
    await create('hello', '* * * * *');
    await change('hello', template({ bad: 'no label value!' }));
    await engine.clock.advance(minuteMs + 30_000);
    expect(ticks).toEqual([]);
    expect((await event('FailedCreate'))[0]).toMatch('Error creating job: Job.batch "hello-');
    await change('hello', template({ bad: 'good' }));
    await engine.clock.settle();
    expect(ticks).toEqual(['2026-01-01T00:01:00Z']);
    await engine.stop();
  });

  it('is silent in a namespace that goes away', async () => {
    const { engine } = await cronJobBench();
    const { client, clock } = engine;
    await client.create(resources.namespaces, { metadata: { name: 'short' } } as never);
    const draft = aCronJob('hello', '* * * * *');
    const finalizers = ['example.com/stay'];
    await client.create<CronJob>(resources.cronJobs, {
      ...draft,
      metadata: { ...draft.metadata, namespace: 'short', finalizers },
    });
    await client.delete(resources.namespaces, { name: 'short' });
    await clock.advance(2 * minuteMs);
    const { items } = await client.list<Job>(resources.jobs, { namespace: 'short' });
    expect(items).toEqual([]);
    const { items: events } = await client.list<KubeObject>(resources.events as never, { namespace: 'short' });
    expect(events).toEqual([]);
    await engine.stop();
  });

  it('stops with its deletion, and its Jobs go with it', async () => {
    const { engine, create, ticks, jobs } = await cronJobBench();
    await create('hello', '* * * * *', { runMs: 600_000 });
    await engine.clock.advance(minuteMs);
    await engine.client.delete(resources.cronJobs, { namespace: 'default', name: 'hello' });
    await engine.clock.advance(3 * minuteMs);
    expect(ticks).toHaveLength(1);
    expect(await jobs()).toEqual([]);
    await engine.stop();
  });

  it('follows a new schedule, and an edit alone starts nothing', async () => {
    const { engine, create, change, ticks } = await cronJobBench();
    await create('hello', '0 * * * *');
    await engine.clock.advance(hourMs + 10 * minuteMs);
    await change('hello', { schedule: '5,20 * * * *' });
    await engine.clock.settle();
    expect(ticks).toEqual(['2026-01-01T01:00:00Z']);
    await engine.stop();
  });
});

describe('the time of a CronJob', () => {
  it('jumps forward by 8 hours (a laptop wakes up): one Job, for the latest missed time, within half a minute', async () => {
    const { engine, create, ticks, event } = await cronJobBench();
    await create('hello', '*/10 * * * *');
    await create('hourly', '0 * * * *', { spec: { startingDeadlineSeconds: 600 } });
    await engine.clock.advance(5 * minuteMs);
    engine.clock.setWallTime(Date.UTC(2026, 0, 1, 8, 15));
    await engine.clock.advance(30_000);
    expect(ticks).toEqual(['2026-01-01T08:10:00Z']);
    await engine.clock.advance(5 * minuteMs);
    expect(ticks).toEqual(['2026-01-01T08:10:00Z', '2026-01-01T08:20:00Z']);
    expect(await event('TooManyMissedTimes')).toEqual([]);
    await engine.stop();
  });

  it('jumps back: no tick gets a second Job, and the next comes at its time', async () => {
    const { engine, create, ticks } = await cronJobBench();
    await create('hello', '* * * * *');
    await engine.clock.advance(3 * minuteMs + 30_000);
    engine.clock.setWallTime(Date.UTC(2026, 0, 1, 0, 1, 30));
    await engine.clock.advance(2 * minuteMs + 29_000);
    expect(ticks).toHaveLength(3);
    await engine.clock.advance(1000);
    expect(ticks.slice(2)).toEqual(['2026-01-01T00:03:00Z', '2026-01-01T00:04:00Z']);
    await engine.stop();
  });

  it('goes on over a restart: every tick has exactly one Job, the ones in between have the latest', async () => {
    const clock = new FakeClock();
    const store = createMemoryStore({ clock });
    const shared = keptOpen(store);
    const first = await cronJobBench({ clock, store: shared });
    await first.create('hello', '* * * * *', { spec: { successfulJobsHistoryLimit: 100 } });
    await clock.advance(3 * minuteMs);
    await first.engine.stop();
    await clock.advance(5 * minuteMs);
    const second = await cronJobBench({ clock, store: shared });
    await clock.advance(2 * minuteMs);
    const made = (await second.jobs()).map((job) => tickOf(job).slice(14, 16));
    expect(made).toEqual(['01', '02', '03', '08', '09', '10']);
    expect((await second.jobs()).every((job) => jobFinishedCondition(job)?.type === 'Complete')).toBe(true);
    await second.engine.stop();
  });

  it('is as the zone has it for a whole year, changes of the clock included', async () => {
    const context = testContext();
    const { client, clock } = context;
    const draft = (name: string, schedule: string) =>
      aCronJob(name, schedule, { spec: { timeZone: 'America/New_York', concurrencyPolicy: 'Allow' } });
    await client.create<CronJob>(resources.cronJobs, { ...draft('monthly', '30 9 1 * *'), status: {} });
    await client.create<CronJob>(resources.cronJobs, { ...draft('in-the-gap', '30 2 8 3 *'), status: {} });
    await client.create<CronJob>(resources.cronJobs, { ...draft('twice', '30 1 1 11 *'), status: {} });
    const controller = createCronJobController(context);
    await context.run(controller);
    await clock.advance(365 * 24 * hourMs);
    const ticks = client.all(resources.jobs).map((job) => `${job.metadata.name.replace(/-\d+$/, '')} ${tickOf(job)}`);
    const months = ['01', '02', '03', '04', '05', '06', '07', '08', '09', '10', '11', '12'];
    const offset = (month: string): string => (month > '03' && month < '11' ? '04' : '05');
    const monthly = months.map((month) => `monthly 2026-${month}-01T09:30:00-${offset(month)}:00`);
    // Nothing on 8 March, when 02:30 does not exist.
    expect(ticks).toEqual([
      ...monthly.slice(0, 10),
      'twice 2026-11-01T01:30:00-04:00',
      'twice 2026-11-01T01:30:00-05:00',
      ...monthly.slice(10),
    ]);
    await controller.stop();
  }, 60_000);
});

it('makes no second Job for a tick when the status is lost', async () => {
  const { engine, create, ticks, get } = await cronJobBench();
  await create('hello', '* * * * *');
  await engine.clock.advance(minuteMs);
  const before = await get('hello');
  // Somebody else's status write takes the last schedule time back.
  await engine.client.updateStatus<CronJob>(resources.cronJobs, { ...before, status: {} });
  await engine.clock.settle();
  expect(ticks).toHaveLength(1);
  expect((await get('hello')).status.lastScheduleTime).toBe('2026-01-01T00:01:00Z');
  await engine.stop();
});
