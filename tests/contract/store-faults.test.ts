import { describe, expect, it } from 'vitest';
import { silentLogger } from '../../src/log/index.ts';
import { openDiskStore, StoreClosedError, StoreFullError, StoreOpenError, type Store } from '../../src/store/index.ts';
import { FakeClock, seededRandom } from '../../src/testing/index.ts';
import {
  allCalls,
  FaultFiles,
  spaceCalls,
  writingCalls,
  type FaultPlan,
  type FileCall,
  type Survival,
} from './store-fault-files.ts';
import { Journal } from './store-journal.ts';

const directory = '/store';
const clock = new FakeClock();

function open(files: FaultFiles): Promise<Store> {
  return openDiskStore({
    directory,
    clock,
    log: silentLogger,
    files,
    segmentBytes: 4096,
    cacheBytes: 3000,
    retention: { minEvents: 9, minAgeMs: 0 },
  });
}

/** Every refusal that a fault may cause; anything else is a bug. A full disk must not stop the store for good. */
function expectRefusal(reason: unknown, fault: FaultPlan['fault'] | undefined): void {
  if (reason instanceof StoreFullError && fault === 'ENOSPC') return;
  if (reason instanceof StoreClosedError && fault !== 'ENOSPC' && fault !== undefined) return;
  throw reason;
}

/** A fixed mixture of puts, deletes, groups and compactions that fills a dozen small segments. */
async function work(
  store: Store,
  journal: Journal,
  plan: { rounds: number; fault?: FaultPlan['fault'] },
): Promise<void> {
  const random = seededRandom(7);
  let compacting = Promise.resolve();
  for (let round = 0; round < plan.rounds; round++) {
    const writes = Array.from({ length: 1 + (round % 4) }, (_, i) => {
      const key = `k/${Math.floor(random.float() * 8)}`;
      const type = random.float() < 0.25 && store.getNewest(key) !== undefined ? 'delete' : 'put';
      const bytes = i === 3 && round % 8 === 3 ? 5000 : Math.floor(random.float() * 900);
      return journal.write(store, { key, type }, bytes);
    });
    for (const result of await Promise.allSettled(writes)) {
      if (result.status === 'rejected') expectRefusal(result.reason, plan.fault);
    }
    // Compaction runs beside the writes of the next round.
    await compacting;
    if (round % 5 === 4) compacting = store.compact(store.revision);
  }
  await compacting;
}

/** Opens, works and closes on a disk with a plan; returns what was acknowledged. */
async function live(files: FaultFiles, rounds = 24): Promise<Journal> {
  const journal = new Journal();
  let store: Store;
  try {
    store = await open(files);
  } catch (error) {
    expect(error instanceof StoreOpenError || error instanceof StoreFullError).toBe(true);
    return journal;
  }
  await work(store, journal, { rounds, ...(files.plan && { fault: files.plan.fault }) });
  await store
    .close()
    .catch((error: unknown) => expect(error).toMatchObject({ code: expect.stringMatching(/EIO|ENOSPC/) }));
  return journal;
}

/** The store opens, holds what it must, takes further writes, and holds these as well after opening it once more. */
async function expectSound(files: FaultFiles, journal: Journal): Promise<void> {
  const store = await open(files);
  await journal.check(store);
  await work(store, journal, { rounds: 3 });
  await journal.check(store);
  const again = await open(files.afterPowerCut('nothing'));
  await journal.check(again);
  await again.close();
  await store.close();
}

/** How many compacted segments the work makes: their crash points are among the calls. */
async function compactions(): Promise<number> {
  const files = new FaultFiles();
  await live(files);
  const ids = files.paths().flatMap((path) => /compacted-(\d+)$/.exec(path)?.[1] ?? []);
  return Math.max(0, ...ids.map(Number));
}

async function countCalls(calls: readonly FileCall[]): Promise<number> {
  const files = new FaultFiles();
  await live(files);
  return files.calls.filter((call) => calls.includes(call)).length;
}

/** Tries to name the plan in the message of whatever fails. */
async function under(plan: FaultPlan, survival: string, check: () => Promise<void>): Promise<void> {
  try {
    await check();
  } catch (error) {
    throw new Error(`with ${plan.fault} at call ${plan.at}, surviving: ${survival}`, { cause: error });
  }
}

const survivals: readonly (readonly [string, (seed: number) => Survival])[] = [
  ['nothing unsynced', () => 'nothing'],
  ['everything', () => 'everything'],
  ['random sectors', (seed) => ({ random: () => random(seed) })],
];
const randoms = new Map<number, ReturnType<typeof seededRandom>>();
function random(seed: number): number {
  const source = randoms.get(seed) ?? seededRandom(seed);
  randoms.set(seed, source);
  return source.float();
}

describe('disk store under faults', () => {
  it('loses nothing acknowledged when the power is cut at any call, whatever unsynced sectors survive', async () => {
    const total = await countCalls(writingCalls);
    expect(total).toBeGreaterThan(150);
    expect(await compactions()).toBeGreaterThan(3);
    for (let at = 1; at <= total; at++) {
      const plan: FaultPlan = { at, calls: writingCalls, fault: 'power cut' };
      const files = new FaultFiles();
      files.plan = plan;
      const journal = await live(files);
      for (const [name, survival] of survivals) {
        const issued = journal.copy();
        await under(plan, name, () => expectSound(files.afterPowerCut(survival(at)), issued));
      }
    }
  }, 60_000);

  it('loses nothing acknowledged when any call fails with EIO', async () => {
    const total = await countCalls(allCalls);
    for (let at = 1; at <= total; at++) {
      const plan: FaultPlan = { at, calls: allCalls, fault: 'EIO' };
      const files = new FaultFiles();
      files.plan = plan;
      const journal = await live(files);
      await under(plan, 'random sectors', () =>
        expectSound(files.afterPowerCut({ random: () => random(at) }), journal.copy()),
      );
    }
  }, 60_000);

  it('survives ENOSPC at any call that needs space, without failing for good', async () => {
    const total = await countCalls(spaceCalls);
    for (let at = 1; at <= total; at++) {
      const plan: FaultPlan = { at, calls: spaceCalls, fault: 'ENOSPC' };
      const files = new FaultFiles();
      files.plan = plan;
      const journal = await live(files);
      await under(plan, 'nothing unsynced', () => expectSound(files.afterPowerCut('nothing'), journal.copy()));
    }
  }, 60_000);

  it('reports a failed flush once and for all, and keeps reading', async () => {
    const files = new FaultFiles();
    const store = await open(files);
    const journal = new Journal();
    await journal.write(store, { key: 'k/1', type: 'put' }, 10);
    files.plan = { at: 1, calls: ['log write'], fault: 'EIO' };
    const pending = ['k/2', 'k/3'].map((key) => journal.write(store, { key, type: 'put' }, 10));
    const [first, second] = await Promise.allSettled(pending);
    expect(first).toMatchObject({ status: 'rejected', reason: { message: 'the store has failed: EIO: log write' } });
    expect(second).toMatchObject({ status: 'rejected' });
    await expect(store.failed).rejects.toBeInstanceOf(StoreClosedError);
    const flushes = files.calls.length;
    await expect(journal.write(store, { key: 'k/4', type: 'put' }, 10)).rejects.toBeInstanceOf(StoreClosedError);
    expect(files.calls.length).toBe(flushes);
    expect([store.get('k/1')?.modRevision, store.get('k/2'), store.revision]).toEqual([1, undefined, 1]);
  });

  it('refuses writes on a full disk, goes on reading, and recovers when space returns', async () => {
    const files = new FaultFiles();
    const store = await open(files);
    const journal = new Journal();
    files.capacityBytes = files.usedBytes() + 6000;
    let refused = 0;
    for (let i = 0; i < 60; i++) {
      await journal.write(store, { key: `k/${i}`, type: 'put' }, 400).catch((error: unknown) => {
        expect(error).toBeInstanceOf(StoreFullError);
        refused++;
      });
    }
    expect(refused).toBeGreaterThan(20);
    await journal.check(store);
    files.capacityBytes = Number.POSITIVE_INFINITY;
    for (let i = 0; i < 30; i++) await journal.write(store, { key: `k/${i}`, type: 'put' }, 400);
    await expectSound(files.afterPowerCut('nothing'), journal);
  });

  it('never serves a flipped bit, and names where it is', async () => {
    const files = new FaultFiles();
    const journal = await live(files, 16);
    let refused = 0;
    for (const path of files.paths()) {
      const size = files.bytes(path).length;
      for (let byte = 3; byte < size; byte += 41) {
        const damaged = files.afterPowerCut('everything');
        const bytes = damaged.bytes(path);
        bytes[byte] = (bytes[byte] ?? 0) ^ (1 << (byte % 8));
        refused += await openDamaged(damaged, journal, path);
      }
    }
    expect(refused).toBeGreaterThan(100);
  }, 60_000);

  it('tells damage in the middle of the log from a torn tail', async () => {
    const files = new FaultFiles();
    const store = await open(files);
    const journal = new Journal();
    for (let i = 0; i < 4; i++) await journal.write(store, { key: `k/${i}`, type: 'put' }, 100);
    const torn = files.afterPowerCut('nothing');
    const log = torn.paths().find((path) => path.endsWith('log-0000000001')) as string;
    const secondAt = torn.bytes(log).indexOf('2:k/1');
    torn.bytes(log)[secondAt] = 0;
    await expect(open(torn)).rejects.toThrow(
      /log-0000000001 is damaged at byte \d+: revision 2 cannot be read, but 3 can/,
    );
    const tail = files.afterPowerCut('nothing');
    tail.bytes(log).fill(0, tail.bytes(log).indexOf('4:k/3') + 10);
    const cut = await open(tail);
    expect(cut.revision).toBe(3);
    await store.close();
    const closed = files.afterPowerCut('nothing');
    closed.bytes(log).fill(0, closed.bytes(log).indexOf('4:k/3') + 10);
    await expect(open(closed)).rejects.toThrow('the log ends at 3, but reached 4');
  });

  it('refuses a newer format, a second owner and a lost manifest', async () => {
    const files = new FaultFiles();
    const store = await open(files);
    await expect(open(files)).rejects.toThrow('/store is in use by process 1');
    await new Journal().write(store, { key: 'k/1', type: 'put' }, 10);
    await store.close();
    const lost = files.afterPowerCut('everything');
    await lost.remove('/store/manifest');
    await expect(open(lost)).rejects.toThrow('the manifest beside it is missing');
  });
});

/** Either refuses to open, naming the file, or serves nothing but the truth. Returns 1 if it refused. */
async function openDamaged(files: FaultFiles, journal: Journal, path: string): Promise<number> {
  let store: Store;
  try {
    store = await open(files);
  } catch (error) {
    expect(error).toBeInstanceOf(StoreOpenError);
    expect((error as Error).message).toMatch(path.replace(/\.index$/, ''));
    return 1;
  }
  expect(store.revision).toBe(journal.acknowledged);
  const state = journal.stateAt(store.revision);
  let refused = 0;
  for (const [key, text] of state) {
    try {
      expect(store.get(key)?.value.toString()).toBe(text);
    } catch (error) {
      if (!(error instanceof StoreOpenError)) throw error;
      expect(error.message).toMatch(path);
      refused = 1;
    }
  }
  expect(store.count('k/')).toBe(state.size);
  await store.close();
  return refused;
}
