import { describe, expect, it } from 'vitest';
import { conflict, resources, type CronJob, type Resource } from '../../api/index.ts';
import { testContext, type TestEngine } from '../../testing/index.ts';
import { createCronJobController } from './controller.ts';
import { aCronJob, cronJobBench } from './test-cron-jobs.fixture.ts';

const minuteMs = 60_000;
const total = 200;
const names = Array.from({ length: total }, (_, at) => `c-${at}`);

/** The controller alone on a fake server, with many CronJobs, one minute before the tick of all of them. */
async function setUp() {
  const context = testContext();
  for (const name of names)
    await context.client.create<CronJob>(resources.cronJobs, { ...aCronJob(name, '* * * * *'), status: {} });
  const controller = createCronJobController(context);
  await context.run(controller);
  const order: string[] = [];
  context.client.onCall = ({ verb, resource }) => void order.push(`${verb} ${resource}`);
  const statuses = () => context.client.all(resources.cronJobs).map((cronJob) => cronJob.status);
  return { ...context, controller, order, statuses };
}

/** The revisions at which objects of a kind were made, from the store's history. */
async function addedRevisions({ client, clock }: TestEngine, resource: Resource): Promise<readonly number[]> {
  const revisions: number[] = [];
  const watch = client.watch(
    resource,
    { resourceVersion: '1' },
    {
      onEvents: (events) => {
        for (const event of events)
          if (event.type === 'ADDED') revisions.push(Number(event.object.metadata.resourceVersion));
      },
      onEnd: () => undefined,
    },
  );
  await clock.settle();
  watch.close();
  return revisions;
}

describe('many CronJobs that are due at the same instant', () => {
  it('have their Jobs before the first of them is given a Pod, and all are recorded', async () => {
    const { engine, create } = await cronJobBench();
    for (const name of names) await create(name, '* * * * *');
    await engine.clock.advance(minuteMs);
    const jobs = await addedRevisions(engine, resources.jobs);
    const pods = await addedRevisions(engine, resources.pods);
    expect([jobs.length, pods.length]).toEqual([total, total]);
    expect(Math.max(...jobs)).toBeLessThan(Math.min(...pods));
    const { items } = await engine.client.list<CronJob>(resources.cronJobs);
    expect(items.filter(({ status }) => status.lastScheduleTime === '2026-01-01T00:01:00Z')).toHaveLength(total);
    await engine.stop();
  });

  it('are recorded after the Jobs of the others', async () => {
    const { clock, order, statuses } = await setUp();
    await clock.advance(minuteMs);
    const created = order.filter((call) => call === 'create jobs.batch');
    expect(created).toHaveLength(total);
    expect(statuses().map(({ active }) => active?.length)).toEqual(names.map(() => 1));
    const firstStatus = order.indexOf('updateStatus cronjobs.batch');
    expect(order.slice(0, firstStatus).filter((call) => call === 'create jobs.batch').length).toBeGreaterThan(
      total / 2,
    );
  });

  it('are recorded when the controller is stopped in between', async () => {
    const { clock, client, controller, order, statuses } = await setUp();
    let stopping: Promise<void> | undefined;
    client.onCall = ({ verb, resource }) => {
      order.push(`${verb} ${resource}`);
      if (order.filter((call) => call === 'create jobs.batch').length === 50) stopping ??= controller.stop();
    };
    await clock.advance(minuteMs);
    await stopping;
    expect(client.all(resources.jobs).length).toBeLessThan(total);
    const recorded = statuses().filter(({ lastScheduleTime }) => lastScheduleTime !== undefined);
    expect(recorded).toHaveLength(client.all(resources.jobs).length);
  });

  it('are found again when they cannot be recorded, without a second Job', async () => {
    const { clock, client, statuses, dueFirst } = await setUp();
    let failures = total;
    client.onCall = ({ verb, resource }) => {
      if (verb !== 'updateStatus' || resource !== 'cronjobs.batch' || failures-- <= 0) return;
      throw conflict(resources.cronJobs, 'c');
    };
    await clock.advance(minuteMs + 30_000);
    expect(client.all(resources.jobs)).toHaveLength(total);
    expect(statuses().map(({ active }) => active?.length)).toEqual(names.map(() => 1));
    expect(dueFirst.isHeld).toBe(false);
  });
});
