import { afterEach, describe, expect, it } from 'vitest';
import { resources, type Event, type Job } from '../../src/api/index.ts';
import { ref, World } from './tick-world.ts';

const minuteMs = 60_000;

let world: World;
async function newWorld(options: { readonly heartbeatMs?: number } = {}): Promise<World> {
  world = new World();
  await world.up(options);
  return world;
}
afterEach(() => world.engine.stop());

describe('the fate of a tick', () => {
  it('is told with its times, its Job and the end of it, while it runs and after the Job is gone', async () => {
    const { clock } = await newWorld();
    await world.create({ successfulJobsHistoryLimit: 0 }, [5000]);
    await clock.advance(minuteMs / 2);
    expect((await world.list()).ticks).toMatchObject([
      {
        scheduled: '2026-03-01T00:01:00Z',
        outcome: 'Ran',
        result: 'Running',
        job: expect.stringMatching(/^tick-\d+$/),
      },
    ]);
    await clock.advance(10_000);
    expect((await world.engine.client.list<Job>(resources.jobs)).items).toEqual([]);
    const { ticks, next } = await world.list();
    expect(ticks).toMatchObject([
      {
        ...{ scheduled: '2026-03-01T00:01:00Z', outcome: 'Ran', result: 'Complete' },
        ...{ decided: '2026-03-01T00:01:00.000000Z', started: '2026-03-01T00:01:00Z', ended: '2026-03-01T00:01:05Z' },
      },
    ]);
    expect(next).toBe('2026-03-01T00:02:00Z');
  });

  it('of a failed run says why it failed', async () => {
    const { clock } = await newWorld();
    world.exitCode = 3;
    await world.create({});
    await clock.advance(minuteMs);
    expect(await world.lines()).toEqual(['00:01 Ran BackoffLimitExceeded Failed']);
  });

  it('under Forbid is skipped with the Job that was in the way, and the newest runs late', async () => {
    const { clock } = await newWorld();
    await world.create({ concurrencyPolicy: 'Forbid' }, [200_000, 1000]);
    await clock.advance(2.5 * minuteMs);
    expect(await world.lines()).toEqual([
      '00:01 Ran Running',
      '00:02 Skipped ConcurrencyPolicy',
      '00:03 Waiting ConcurrencyPolicy',
    ]);
    await clock.advance(2 * minuteMs);
    expect(await world.lines()).toEqual([
      '00:01 Ran Complete',
      '00:02 Skipped ConcurrencyPolicy',
      '00:03 Skipped ConcurrencyPolicy',
      '00:04 RanLate ConcurrencyPolicy Complete',
      '00:05 Ran Complete',
    ]);
    const skipped = (await world.list()).ticks[1]!;
    expect(skipped.evidence).toMatchObject({
      concurrencyPolicy: 'Forbid',
      generation: 1,
      activeJobs: [(await world.list()).ticks[0]!.job],
    });
  });

  it('under Forbid is ruled out by the deadline', async () => {
    const { clock } = await newWorld();
    await world.create({ concurrencyPolicy: 'Forbid', startingDeadlineSeconds: 10 }, [80_000]);
    await clock.advance(3 * minuteMs);
    expect(await world.lines()).toEqual([
      '00:01 Ran Complete',
      '00:02 Skipped ConcurrencyPolicy',
      '00:03 Ran Complete',
    ]);
  });

  it('under Replace is replaced', async () => {
    const { clock } = await newWorld();
    await world.create({ concurrencyPolicy: 'Replace' }, [Infinity, Infinity, Infinity]);
    await clock.advance(2.5 * minuteMs);
    expect(await world.lines()).toEqual(['00:01 Replaced Deleted', '00:02 Replaced Deleted', '00:03 Ran Running']);
  });

  it('of a suspended CronJob is skipped; the newest runs when it goes on', async () => {
    const { clock } = await newWorld();
    await world.create({});
    await clock.advance(minuteMs);
    await world.patch({ suspend: true });
    await clock.advance(3 * minuteMs);
    expect((await world.list()).next).toBeNull();
    await world.patch({ suspend: false });
    await clock.advance(minuteMs);
    expect(await world.lines()).toEqual([
      '00:01 Ran Complete',
      '00:02 Skipped Suspended',
      '00:03 Skipped Suspended',
      '00:04 RanLate Suspended Complete',
      '00:05 Ran Complete',
    ]);
  });

  it('of a CronJob that was suspended for a year costs one entry', async () => {
    const { clock } = await newWorld({ heartbeatMs: 30 * 86_400_000 });
    await world.create({ suspend: true, schedule: '@every 1s' });
    await clock.advance(365 * 86_400_000);
    await world.patch({ suspend: false, startingDeadlineSeconds: 30 });
    await clock.advance(1000);
    const entries = (await world.records()).flatMap((record) => record.entries ?? []);
    expect(entries.filter(({ reason }) => reason === 'Suspended')).toHaveLength(1);
    const { ticks, truncated } = await world.list({ limit: 100 });
    expect([ticks.length, truncated]).toEqual([100, true]);
    expect(ticks[50]).toMatchObject({ outcome: 'Skipped', reason: 'Suspended' });
  });

  it('that fell into a downtime was missed; the newest runs late', async () => {
    const { clock } = await newWorld();
    await world.create({});
    await clock.advance(minuteMs);
    await world.restart(3 * minuteMs);
    await clock.advance(minuteMs);
    expect(await world.lines()).toEqual([
      '00:01 Ran Complete',
      '00:02 Missed EngineDown',
      '00:03 Missed EngineDown',
      '00:04 RanLate EngineDown Complete',
      '00:05 Ran Complete',
    ]);
    expect((await world.list()).ticks[1]!.message).toMatch(
      /^the engine was not running until 2026-03-01T00:04:30\.000Z; it was last seen at 2026-03-01T00:01:/,
    );
  });

  it('is not lost when its Job ended while the engine was down', async () => {
    const { clock } = await newWorld();
    await world.create({ schedule: '0 * * * *', successfulJobsHistoryLimit: 0 }, [20_000]);
    await clock.advance(59.6 * minuteMs);
    await world.restart(2 * minuteMs);
    await clock.advance(minuteMs);
    expect(await world.lines()).toEqual(['01:00 Ran Complete']);
  });

  it('that the clock leapt over was missed', async () => {
    const { clock } = await newWorld();
    await world.create({});
    await clock.advance(minuteMs);
    clock.setWallTime(clock.now() + 3 * minuteMs);
    await clock.advance(1.5 * minuteMs);
    expect((await world.lines()).slice(0, 4)).toEqual([
      '00:01 Ran Complete',
      '00:02 Missed ClockStep',
      '00:03 Missed ClockStep',
      '00:04 Missed ClockStep',
    ]);
  });

  it('comes once, though its instant comes twice', async () => {
    const { clock } = await newWorld();
    await world.create({});
    await clock.advance(2 * minuteMs);
    clock.setWallTime(clock.now() - 2 * minuteMs);
    expect((await world.list()).next).toBe('2026-03-01T00:03:00Z');
    await clock.advance(4 * minuteMs);
    expect(await world.lines()).toEqual([
      '00:01 Ran Complete',
      '00:02 Ran Complete',
      '00:03 Ran Complete',
      '00:04 Ran Complete',
    ]);
  });

  it('with deadline 0 is skipped', async () => {
    const { clock } = await newWorld();
    await world.create({ startingDeadlineSeconds: 0 });
    await clock.advance(2 * minuteMs);
    expect(await world.lines()).toEqual(['00:01 Skipped Deadline', '00:02 Skipped Deadline']);
  });

  it('of a Job that somebody deleted says so', async () => {
    const { clock } = await newWorld();
    await world.create({ schedule: '1 * * * *' }, [Infinity]);
    await clock.advance(minuteMs);
    await world.engine.client.deleteCollection(resources.jobs, {
      namespace: 'default',
      propagationPolicy: 'Background',
    });
    await clock.advance(1000);
    expect(await world.lines()).toEqual(['00:01 Ran Deleted']);
  });

  it('outlives the CronJob, and tells two of one name apart by time only', async () => {
    const { clock } = await newWorld();
    await world.create({}, [Infinity]);
    await clock.advance(minuteMs);
    await world.engine.client.delete(resources.cronJobs, ref);
    await clock.advance(minuteMs);
    expect(await world.lines()).toEqual(['00:01 Ran Deleted']);
    expect((await world.list()).cronJob.exists).toBe(false);
    await world.create({});
    await clock.advance(minuteMs);
    expect(await world.lines()).toEqual(['00:01 Ran Deleted', '00:03 Ran Complete']);
  });

  it('of an old schedule is not judged by the new one', async () => {
    const { clock } = await newWorld();
    await world.create({ concurrencyPolicy: 'Forbid' }, [150_000]);
    await clock.advance(2.5 * minuteMs);
    await world.patch({ schedule: '30 * * * *' });
    await clock.advance(30 * minuteMs);
    const lines = await world.lines();
    expect(lines.slice(0, 3)).toEqual([
      '00:01 Ran Complete',
      '00:02 Skipped ConcurrencyPolicy',
      '00:03 Skipped ConcurrencyPolicy',
    ]);
    expect(lines.slice(3)).toEqual(['00:30 Ran Complete']);
  });

  it('made by hand is told apart', async () => {
    const { clock } = await newWorld();
    await world.create({ schedule: '0 12 * * *' });
    const { metadata, spec } = await world.engine.client.get(resources.cronJobs, ref);
    const owner = { apiVersion: 'batch/v1', kind: 'CronJob', name: metadata.name, uid: metadata.uid, controller: true };
    const annotations = { 'cronjob.kubernetes.io/instantiate': 'manual' };
    await world.engine.client.create(resources.jobs, {
      metadata: { namespace: 'default', name: 'by-hand', annotations, ownerReferences: [owner] },
      spec: spec.jobTemplate.spec!,
    });
    await clock.advance(1000);
    await world.engine.client.delete(resources.jobs, { namespace: 'default', name: 'by-hand' });
    await clock.advance(1000);
    expect(await world.lines()).toEqual(['manual Manual Complete']);
  });

  it('that the API refused runs late, with the refusal as its reason', async () => {
    const { clock } = await newWorld();
    await world.create({
      jobTemplate: {
        metadata: { labels: { ok: 'not a label!' } },
        spec: { template: { spec: { containers: [{ name: 'c', image: 'i' }], restartPolicy: 'Never' } } },
      },
    });
    await clock.advance(2.2 * minuteMs);
    const { ticks } = await world.list();
    expect(ticks.map(({ outcome, reason }) => `${outcome} ${reason}`)).toEqual([
      'Skipped FailedCreate',
      'Waiting FailedCreate',
    ]);
    expect(ticks[0]!.message).toContain('the Job could not be created');
  });
});

it('are none where the zone is unknown, as that of an object from another version may be: the list says so', async () => {
  const { clock, store } = await newWorld();
  await world.create({ timeZone: 'Asia/Tokyo' });
  await clock.advance(minuteMs);
  await world.engine.stop();
  const key = 'batch/cronjobs/default/tick';
  const text = store.get(key)!.value.toString().replace('Asia/Tokyo', 'Mars/Olympus');
  await store.write({ key, type: 'put', encode: () => ({ value: () => Buffer.from(text) }) });
  await world.up();
  await clock.advance(minuteMs);
  const zone = 'unknown time zone Mars/Olympus';
  const { problem, next, ticks } = await world.list();
  expect({ problem, next }).toEqual({ problem: `provided bad location Mars/Olympus: ${zone}`, next: null });
  expect(ticks).toHaveLength(1);
  const { items } = await world.engine.client.list<Event>(resources.events);
  expect(items.map(({ message }) => message)).toContain(`invalid timeZone: "Mars/Olympus": ${zone}`);
  await world.patch({ timeZone: 'Asia/Kolkata' });
  await clock.advance(minuteMs);
  expect((await world.lines()).at(-1)).toBe('00:03 Ran Complete');
});

describe('what is kept', () => {
  it('is bounded: the oldest go, and nothing is read to find them', async () => {
    const { clock } = await newWorld();
    await world.create({ schedule: '@every 10s', successfulJobsHistoryLimit: 0 });
    await clock.advance(70 * 10_000);
    const records = await world.records();
    expect(records.map(({ entries }) => entries?.length)).toEqual([32, 32, 6]);
    expect((await world.list()).ticks).toHaveLength(70);
  });

  it('cannot be written by anybody else', async () => {
    await newWorld();
    const draft = { metadata: { namespace: 'default', name: 'x' }, cronJob: { name: 'tick', uid: 'u' } };
    await expect(world.engine.client.create(resources.tickRecords, draft)).rejects.toMatchObject({
      reason: 'Forbidden',
    });
  });
});
