import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { formatTime, type TickEntry, type TickRecord } from '../../../api/index.ts';
import type { Client } from '../../../client/index.ts';
import { createMemoryStore, type Store } from '../../../store/index.ts';
import { FakeClock, startTestEngine, type TestEngine } from '../../../testing/index.ts';
import { TickLog, type TickOwner } from './tick-log.ts';

const dayMs = 86_400_000;
const startMs = Date.parse('2026-03-01T00:00:00Z');
const owner: TickOwner = { namespace: 'default', name: 'tick', uid: '7b1e0c52-0000-4000-8000-000000000001' };
const again: TickOwner = { ...owner, uid: '7b1e0c52-0000-4000-8000-000000000002' };
const fullRecord = 32;

let engine: TestEngine;
let store: Store;
let client: Client;
beforeEach(async () => {
  const clock = new FakeClock(startMs);
  store = createMemoryStore({ clock });
  engine = await startTestEngine({ clock, store, heartbeatMs: 1000 * dayMs });
  client = engine.apiServer.clientFor({ name: 'system:rondo', groups: ['system:masters'] });
});
afterEach(() => engine.stop());

/** The log as a process that has just been started has it. */
const open = (maxEntries?: number): TickLog =>
  new TickLog({ client, clock: engine.clock, ...(maxEntries === undefined ? {} : { maxEntries }) });

const run = (index: number, rest: Partial<TickEntry> = {}): TickEntry => {
  const at = formatTime(engine.clock.now());
  return { outcome: 'Ran', scheduled: at, ended: at, jobUid: `job-${index}`, result: 'Complete', ...rest };
};
const span = (from: string, to: string, reason = 'Suspended'): TickEntry => ({
  ...{ outcome: 'Skipped', reason, schedule: '* * * * *' },
  ...{ from: `2026-03-01T${from}:00Z`, to: `2026-03-01T${to}:00Z` },
});
const runs = (count: number): readonly TickEntry[] => Array.from({ length: count }, (_, index) => run(index));

const records = async (): Promise<readonly TickRecord[]> => open().read(owner.namespace, owner.name);
const jobs = async (): Promise<readonly (string | undefined)[]> =>
  (await records()).flatMap(({ entries = [] }) => entries.map(({ jobUid }) => jobUid));

describe('a log of ticks', () => {
  it('lets the oldest go when there are too many, and keeps the newest', async () => {
    await open(100).append(owner, runs(300));
    const kept = await jobs();
    expect(kept.at(-1)).toBe('job-299');
    expect(kept.length).toBeGreaterThanOrEqual(100);
    expect(kept.length).toBeLessThanOrEqual(100 + fullRecord);
    expect(kept).toEqual(Array.from({ length: kept.length }, (_, index) => `job-${300 - kept.length + index}`));
  });

  it('keeps 10 000 entries unless it is told otherwise', async () => {
    await open().append(owner, runs(10_200));
    const kept = await jobs();
    expect(kept.length).toBeGreaterThanOrEqual(10_000);
    expect(kept.length).toBeLessThanOrEqual(10_000 + fullRecord);
    expect(kept.at(-1)).toBe('job-10199');
  });

  it('costs the same for the ten-thousandth entry as for the first ones', async () => {
    const log = open();
    await log.append(owner, runs(fullRecord));
    /** What a whole record of entries reads and writes, the beginning of the record included. */
    const costFrom = async (first: number): Promise<readonly number[]> => {
      const before = { ...store.counters };
      for (let index = first; index < first + fullRecord; index++) await log.append(owner, [run(index)]);
      return [
        store.counters.recordsRead - before.recordsRead,
        store.counters.recordsWritten - before.recordsWritten,
        store.counters.indexLookups - before.indexLookups,
      ];
    };
    const early = await costFrom(10_000);
    await log.append(owner, runs(6000));
    const late = await costFrom(20_000);
    expect(early[1]).toBe(fullRecord);
    expect(late).toEqual(early);
  });

  it('says a Job once, whoever says it again, and lets an end take the place of a start', async () => {
    await open().append(owner, [run(1, { result: 'Running' }), run(2)]);
    await open().append(owner, [run(1, { result: 'Complete' }), run(2, { result: 'Deleted' })]);
    const [record] = await records();
    expect(record?.entries?.map(({ jobUid, result }) => `${jobUid} ${result}`)).toEqual([
      'job-1 Complete',
      'job-2 Complete',
    ]);
  });

  it('lets the end of a Job that could not be replaced take the place of its replacement', async () => {
    const replaced = (index: number): TickEntry => run(index, { outcome: 'Replaced', result: 'Deleted' });
    await open().append(owner, [replaced(1), replaced(2)]);
    await open().append(owner, [run(1, { result: 'Failed' }), run(2, { result: 'Deleted' })]);
    const [record] = await records();
    expect(record?.entries?.map(({ jobUid, outcome, result }) => `${jobUid} ${outcome} ${result}`)).toEqual([
      'job-1 Ran Failed',
      'job-2 Replaced Deleted',
    ]);
  });

  it('lets a span that goes on grow, and begins another for another reason', async () => {
    const log = open();
    await log.append(owner, [span('00:00', '01:00'), span('01:00', '02:00')]);
    await log.append(owner, [span('02:00', '03:00', 'Deadline')]);
    const [record] = await records();
    expect(record?.entries).toMatchObject([span('00:00', '02:00'), span('02:00', '03:00', 'Deadline')]);
    expect(await open().spansUntilMs(owner)).toBe(Date.parse('2026-03-01T03:00:00Z'));
  });

  it('goes on after the newest record when it is opened anew', async () => {
    await open().append(owner, runs(40));
    await open().append(owner, [run(40)]);
    expect((await records()).map(({ entries }) => entries?.length)).toEqual([fullRecord, 9]);
  });

  it('survives a second writer that began the next record first', async () => {
    const [one, other] = [open(), open()];
    await one.append(owner, runs(fullRecord));
    await other.append(owner, [run(100)]);
    await one.append(owner, [run(200)]);
    expect((await jobs()).slice(-2)).toEqual(['job-100', 'job-200']);
  });

  it('keeps two CronJobs of one name apart', async () => {
    await open().append(owner, [run(1)]);
    await open().append(again, [run(1)]);
    expect((await records()).map(({ cronJob }) => cronJob?.uid)).toEqual([owner.uid, again.uid]);
    expect(await open().spansUntilMs(again)).toBeUndefined();
  });

  it('forgets what is older than 400 days, and nothing younger', async () => {
    await open().append(owner, [run(1)]);
    await engine.clock.advance(2 * dayMs);
    await open().append(again, [run(2)]);
    engine.clock.setWallTime(startMs + 401 * dayMs);
    await open().sweep();
    expect(await jobs()).toEqual(['job-2']);
  });
});
