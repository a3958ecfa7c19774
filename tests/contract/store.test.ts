import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { systemClock } from '../../src/clock/index.ts';
import { silentLogger } from '../../src/log/index.ts';
import { createMemoryStore, openDiskStore } from '../../src/store/index.ts';
import { FakeClock } from '../../src/testing/index.ts';
import { put, settle, storeContract } from './store-contract.ts';
import { FaultFiles } from './store-fault-files.ts';

const clock = systemClock;
const log = silentLogger;

storeContract('memory store', async (retention) => createMemoryStore({ clock, ...(retention && { retention }) }));

storeContract('disk store on files in memory, with segments of 4 KiB and hardly any cache', (retention) =>
  openDiskStore({
    directory: '/store',
    clock,
    log,
    files: new FaultFiles(),
    segmentBytes: 4096,
    cacheBytes: 2000,
    ...(retention && { retention }),
  }),
);

it('lets writes that may wait share the flush of one that does not', async () => {
  const fake = new FakeClock();
  const store = await openDiskStore({ directory: '/store', clock: fake, log, files: new FaultFiles() });
  const waits = (key: string): Promise<unknown> => store.write({ ...put(key, 'waits'), flushMayWaitMs: 10 });
  const all = [waits('a'), waits('b')];
  await settle();
  expect([store.revision, store.counters.flushes]).toEqual([0, 0]);
  await store.write(put('c', 'now'));
  await Promise.all(all);
  expect([store.revision, store.counters.flushes]).toEqual([3, 1]);
  const alone = waits('d');
  await fake.advance(10);
  await alone;
  expect([store.revision, store.counters.flushes]).toEqual([4, 2]);
  await store.close();
});

let root: string;
let count = 0;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'rondo-store-'));
});
afterAll(() => rm(root, { recursive: true }));

storeContract('disk store on real files', (retention) =>
  openDiskStore({ directory: join(root, String(count++)), clock, log, ...(retention && { retention }) }),
);
