// Ticks that upstream drops without an Event, or with one that does not say which.
import { afterEach, expect, it } from 'vitest';
import { resources, type Event } from '../../src/api/index.ts';
import { ref, World } from './tick-world.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;

let world: World;
async function worldAt(instant: string): Promise<World> {
  world = World.at(instant);
  await world.up();
  return world;
}
afterEach(() => world.engine.stop());

const days = async (): Promise<readonly string[]> => {
  const { ticks } = await world.list();
  return ticks.map(({ scheduled, outcome, reason }) => `${scheduled?.slice(5, 16)} ${outcome} ${reason ?? ''}`.trim());
};

it('says that the estimate overshot where an uneven schedule has missed ticks that nothing takes up', async () => {
  // Upstream's own case: `30 10,11,12 * * 1-5`, last run Thursday 10:30, looked at on Friday 16:30.
  const { clock } = await worldAt('2016-05-19T10:00:00Z');
  await world.create({ schedule: '30 10,11,12 * * 1-5' });
  await clock.advance(35 * minuteMs);
  await world.restart(30 * hourMs);
  await clock.advance(minuteMs);
  const missed = ['05-19T11:30', '05-19T12:30', '05-20T10:30', '05-20T11:30', '05-20T12:30'];
  expect(await days()).toEqual(['05-19T10:30 Ran', ...missed.map((at) => `${at} Skipped UnevenSchedule`)]);
  await clock.advance(66 * hourMs);
  expect((await days()).at(-1)).toBe('05-23T10:30 Ran');
});

it('tells the deadline from the overshoot where there are both', async () => {
  const { clock } = await worldAt('2016-05-19T09:00:00Z');
  await world.create({ schedule: '30 9,10,11,12 * * 1-5', startingDeadlineSeconds: 30 * 3600 });
  await clock.advance(35 * minuteMs);
  await world.restart(31 * hourMs);
  await clock.advance(minuteMs);
  const [ran, ...missed] = await days();
  expect(ran).toBe('05-19T09:30 Ran');
  // The search began at Thursday 10:35.
  expect(missed).toEqual([
    '05-19T10:30 Missed EngineDown',
    ...['05-19T11:30', '05-19T12:30', '05-20T09:30', '05-20T10:30', '05-20T11:30', '05-20T12:30'].map(
      (at) => `${at} Skipped UnevenSchedule`,
    ),
  ]);
});

it('says that the last time for years is taken for an invalid schedule', async () => {
  const { clock } = await worldAt('2096-02-28T23:59:00Z');
  await world.create({ schedule: '0 0 29 2 *' });
  await clock.advance(2 * minuteMs);
  expect(await days()).toEqual(['02-29T00:00 Skipped InvalidSchedule']);
  const { items } = await world.engine.client.list<Event>(resources.events);
  expect(items.map(({ reason, message }) => `${reason} ${message}`)).toContain(
    'InvalidSchedule invalid schedule: 0 0 29 2 * : time difference between two schedules is less than 1 second',
  );
});

it('does not blame the overshoot for what comes after it', async () => {
  const { clock } = await worldAt('2016-05-19T10:00:00Z');
  await world.create({ schedule: '30 10,11,12 * * 1-5' });
  await clock.advance(35 * minuteMs);
  await world.restart(30 * hourMs);
  await world.patch({ startingDeadlineSeconds: 0 });
  await clock.advance(66 * hourMs);
  expect((await days()).at(-1)).toBe('05-23T10:30 Skipped Deadline');
});

it('runs the newest of more than a hundred missed ones, and tells all the others', async () => {
  const { clock } = await worldAt('2026-03-01T00:00:30Z');
  await world.create({});
  await clock.advance(minuteMs);
  await world.restart(150 * minuteMs);
  await clock.settle();
  const lines = await world.lines();
  expect(lines).toHaveLength(151);
  expect(lines.slice(1, -1).every((line) => line.endsWith(' Missed EngineDown'))).toBe(true);
  expect(lines.at(-1)).toBe('02:31 RanLate EngineDown Complete');
  const events = await world.engine.client.list<Event>(resources.events);
  expect(events.items.map(({ reason }) => reason)).toContain('TooManyMissedTimes');
});

it('knows no tick in the hour that a change of the clocks leaves out, and two in the one that comes twice', async () => {
  const spring = await worldAt('2026-03-07T12:00:00Z');
  await world.create({ schedule: '30 2 * * *', timeZone: 'America/New_York' });
  await spring.clock.advance(48 * hourMs);
  expect(await days()).toEqual(['03-09T06:30 Ran']);
  await world.engine.stop();

  const autumn = await worldAt('2026-10-31T12:00:00Z');
  await world.create({ schedule: '30 1 * * *', timeZone: 'America/New_York' });
  await autumn.clock.advance(24 * hourMs);
  expect(await days()).toEqual(['11-01T05:30 Ran', '11-01T06:30 Ran']);
});

it('names the CronJob that each tick belonged to when one was deleted and made again', async () => {
  const { clock } = await worldAt('2026-03-01T00:00:30Z');
  await world.create({ suspend: true });
  const first = await world.engine.client.get(resources.cronJobs, ref);
  await clock.advance(2 * minuteMs);
  await world.engine.client.delete(resources.cronJobs, ref);
  await clock.settle();
  await world.create({});
  const second = await world.engine.client.get(resources.cronJobs, ref);
  await clock.advance(minuteMs);
  const { ticks, cronJob } = await world.list();
  expect(cronJob).toEqual({ ...ref, exists: true, uid: second.metadata.uid });
  expect(ticks.map(({ scheduled, outcome, cronJobUid }) => [scheduled?.slice(11, 16), outcome, cronJobUid])).toEqual([
    ['00:01', 'Skipped', first.metadata.uid],
    ['00:02', 'Skipped', first.metadata.uid],
    ['00:03', 'Ran', second.metadata.uid],
  ]);
});

it('enumerates the newest ticks of many spans, and says that there were more', async () => {
  const { clock } = await worldAt('2026-03-01T00:00:30Z');
  await world.create({ schedule: '* * * * *', suspend: true });
  for (let round = 0; round < 5; round++) {
    await clock.advance(10 * minuteMs);
    await world.patch({ suspend: false });
    await world.patch({ suspend: true });
  }
  const all = await world.list();
  expect([all.ticks.length, all.truncated]).toEqual([50, false]);
  const some = await world.list({ limit: 15 });
  expect([some.ticks.length, some.truncated]).toEqual([15, true]);
  expect(some.ticks).toEqual(all.ticks.slice(-15));
  expect((await world.list({ limit: 50 })).truncated).toBe(false);
});

it('says that @every is never due where the deadline is shorter, and nothing of it waits', async () => {
  const { clock } = await worldAt('2026-03-01T00:00:00Z');
  await world.create({ schedule: '@every 7m', startingDeadlineSeconds: 300 });
  await clock.advance(15 * minuteMs);
  const { ticks } = await world.list();
  expect(ticks.map(({ scheduled, outcome }) => `${scheduled?.slice(11, 16)} ${outcome}`)).toEqual([
    '00:07 Skipped',
    '00:14 Skipped',
  ]);
  expect(ticks[1]?.message).toBe(
    '@every is counted from the beginning of startingDeadlineSeconds 300, which is shorter: nothing is ever due',
  );
  await world.patch({ startingDeadlineSeconds: 420 });
  await clock.advance(7 * minuteMs);
  expect((await world.lines()).at(-1)).toMatch(/Ran.* Complete$/);
});
