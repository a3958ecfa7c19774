// The disk store beside the bare disk: `npx tsx bench/store.bench.ts [seconds per measurement]`.
// Prints durable commits per second, the time to open a million revisions, and the memory this takes.
import { spawnSync } from 'node:child_process';
import { closeSync, constants, fdatasyncSync, openSync, write, writeSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../src/clock/index.ts';
import { silentLogger } from '../src/log/index.ts';
import { openDiskStore, type Store } from '../src/store/index.ts';

const valueBytes = 2048;
const recordBytes = 2128;
const limitFileBytes = 64 << 20;
const revisions = 1_000_000;
const liveKeys = 100_000;
const now = (): number => systemClock.monotonic();
const base = { clock: systemClock, log: silentLogger };

interface Rate {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly cpuMicros: number;
}

/** Runs `once` in `writers` loops for a while; `weight` operations each. */
async function rateOf(
  options: { writers: number; seconds: number; weight: number },
  once: (writer: number) => Promise<unknown>,
): Promise<Rate> {
  const delays: number[] = [];
  const startMs = now();
  const endMs = startMs + options.seconds * 1000;
  const cpu = process.cpuUsage();
  const loop = async (writer: number): Promise<void> => {
    while (now() < endMs) {
      const fromMs = now();
      await once(writer);
      delays.push(now() - fromMs);
    }
  };
  await Promise.all(Array.from({ length: options.writers }, (_, writer) => loop(writer)));
  const used = process.cpuUsage(cpu);
  const count = delays.length * options.weight;
  delays.sort((a, b) => a - b);
  const at = (share: number): number => delays[Math.floor(delays.length * share)] ?? Number.NaN;
  return {
    perSecond: (count / (now() - startMs)) * 1000,
    p50Ms: at(0.5),
    p99Ms: at(0.99),
    cpuMicros: (used.user + used.system) / count,
  };
}

/** The disk alone: one O_DSYNC overwrite in flight, as large as the group that so many writers make. */
async function bareLimit(directory: string, writers: number, seconds: number): Promise<Rate> {
  const path = join(directory, 'limit');
  const file = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_TRUNC);
  for (let at = 0; at < limitFileBytes; at += 1 << 20) writeSync(file, Buffer.alloc(1 << 20), 0, 1 << 20, at);
  fdatasyncSync(file);
  closeSync(file);
  const durable = openSync(path, constants.O_RDWR | constants.O_DSYNC);
  const group = Buffer.alloc(recordBytes * writers, 'x');
  let position = 0;
  const rate = await rateOf({ writers: 1, seconds, weight: writers }, () => {
    position = position + group.length * 2 > limitFileBytes ? 0 : position + group.length;
    return new Promise<void>((resolve, reject) => {
      write(durable, group, 0, group.length, position, (error) => (error === null ? resolve() : reject(error)));
    });
  });
  closeSync(durable);
  await rm(path);
  return rate;
}

async function storeRate(directory: string, writers: number, seconds: number): Promise<Rate> {
  const store = await openDiskStore({ ...base, directory: join(directory, `store-${writers}`) });
  const value = Buffer.alloc(valueBytes, 'x');
  let count = 0;
  const once = (writer: number): Promise<unknown> =>
    store.write({ key: `jobs/${writer}/${count++ % 10_000}`, type: 'put', encode: () => ({ value: () => value }) });
  // The first segments are small; measure what runs in ordinary ones.
  await rateOf({ writers: 64, seconds: 1, weight: 1 }, once);
  const rate = await rateOf({ writers, seconds, weight: 1 }, once);
  await store.close();
  return rate;
}

async function commits(directory: string, seconds: number): Promise<void> {
  process.stdout.write('writers | bare limit/s | store/s | of limit | p50 ms | p99 ms | CPU us\n');
  for (const writers of [1, 16, 128]) {
    const limits: Rate[] = [];
    const rates: Rate[] = [];
    for (let round = 0; round < 3; round++) {
      limits.push(await bareLimit(directory, writers, seconds));
      rates.push(await storeRate(directory, writers, seconds));
      await rm(join(directory, `store-${writers}`), { recursive: true });
    }
    const limit = median(limits).perSecond;
    const rate = median(rates);
    const share = `${Math.round((100 * rate.perSecond) / limit)} %`;
    const row = [writers, Math.round(limit), Math.round(rate.perSecond), share];
    row.push(rate.p50Ms.toFixed(2), rate.p99Ms.toFixed(2), rate.cpuMicros.toFixed(1));
    process.stdout.write(`${row.join(' | ')}\n`);
  }
}

function median(rates: readonly Rate[]): Rate {
  return [...rates].sort((a, b) => a.perSecond - b.perSecond)[Math.floor(rates.length / 2)] as Rate;
}

async function fill(store: Store, from: number, to: number): Promise<void> {
  const value = Buffer.alloc(256, 'x');
  for (let i = from; i < to; i += 1000) {
    const key = (j: number): string => `batch/jobs/default/job-${String(((i + j) * 7919) % liveKeys).padStart(8, '0')}`;
    const put = (_: unknown, j: number): Promise<unknown> =>
      store.write({ key: key(j), type: 'put', encode: () => ({ value: () => value }) });
    await Promise.all(Array.from({ length: 1000 }, put));
  }
}

/** A million revisions of 100 000 objects, all within the five minutes of history: the worst case for opening. */
async function opening(directory: string): Promise<void> {
  const path = join(directory, 'million');
  const store = await openDiskStore({ ...base, directory: path });
  const fromMs = now();
  await fill(store, 0, revisions);
  process.stdout.write(`filled ${revisions} revisions in ${((now() - fromMs) / 1000).toFixed(1)} s\n`);
  await store.close();
  for (const history of ['all of it in the history', 'history left behind']) {
    for (let run = 0; run < 3; run++) {
      const result = spawnSync(
        process.execPath,
        [...process.execArgv, fileURLToPath(import.meta.url), '--open', path, history],
        {
          encoding: 'utf8',
        },
      );
      process.stdout.write(result.stdout + result.stderr);
    }
  }
}

/** In a process of its own: opens, reads once, and says what it took. */
async function openOnce(directory: string, history: string): Promise<void> {
  global.gc?.();
  const before = process.memoryUsage();
  const fromMs = now();
  const retention = history === 'history left behind' ? { minEvents: 10_000, minAgeMs: 0 } : undefined;
  const store = await openDiskStore({ ...base, directory, ...(retention && { retention }) });
  const openMs = now() - fromMs;
  if (retention !== undefined) await store.compact(store.revision);
  const count = store.count('batch/jobs/');
  global.gc?.();
  const after = process.memoryUsage();
  const heapMiB = ((after.heapUsed - before.heapUsed) / 2 ** 20).toFixed(0);
  const rssMiB = ((after.rss - before.rss) / 2 ** 20).toFixed(0);
  const text = `open (${history}): ${openMs.toFixed(0)} ms, ${count} live of ${store.revision}, +${heapMiB} MiB heap, +${rssMiB} MiB RSS\n`;
  process.stdout.write(text);
  await store.close();
}

/** Heap per live key of an index with a million keys. */
async function memoryPerKey(directory: string): Promise<void> {
  const store = await openDiskStore({
    ...base,
    directory: join(directory, 'keys'),
    retention: { minEvents: 0, minAgeMs: 0 },
  });
  global.gc?.();
  const before = process.memoryUsage().heapUsed;
  const value = Buffer.alloc(16);
  const put = (i: number): Promise<unknown> => {
    const key = `batch/jobs/default/job-${String(i).padStart(8, '0')}`;
    return store.write({ key, type: 'put', encode: () => ({ value: () => value }) });
  };
  for (let i = 0; i < 1_000_000; i += 1000) await Promise.all(Array.from({ length: 1000 }, (_, j) => put(i + j)));
  await store.compact(store.revision);
  global.gc?.();
  const bytes = (process.memoryUsage().heapUsed - before) / 1_000_000;
  process.stdout.write(
    `1 000 000 live keys: ${bytes.toFixed(0)} bytes of heap each, with the key and 32 MiB of cached values\n`,
  );
  await store.close();
}

if (process.argv[2] === '--open') {
  await openOnce(process.argv[3] as string, process.argv[4] as string);
} else {
  const directory = await mkdtemp(join(process.env['RONDO_BENCH_DIR'] ?? tmpdir(), 'rondo-store-bench-'));
  try {
    await commits(directory, Number(process.argv[2] ?? 2));
    await opening(directory);
    await memoryPerKey(directory);
  } finally {
    await rm(directory, { recursive: true });
  }
}
