import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { systemClock } from '../../src/clock/index.ts';
import { silentLogger } from '../../src/log/index.ts';
import { createMemoryStore, openDiskStore } from '../../src/store/index.ts';
import { storeContract } from './store-contract.ts';
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

let root: string;
let count = 0;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'rondo-store-'));
});
afterAll(() => rm(root, { recursive: true }));

storeContract('disk store on real files', (retention) =>
  openDiskStore({ directory: join(root, String(count++)), clock, log, ...(retention && { retention }) }),
);
