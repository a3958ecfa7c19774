// W8: resident memory and idle CPU of all of Rondo's processes.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../src/engine/index.ts';
import { openDiskStore } from '../src/store/index.ts';
import { cpuSeconds, residentBytes, row, type RunOptions, type Row, type Workload } from './measure.ts';
import { runNoOpJobs } from './no-op-jobs.ts';
import { fillWithFinished } from './one-job-life.ts';
import { startRondo } from './rondo-process.ts';
import { temporaryDirectory } from './temporary.ts';
import { log, startEngine } from './test-engines.ts';

const megabyte = 1e6;

export const memory: Workload = {
  name: 'memory',
  title: 'W8 resident memory of all processes, idle CPU',
  run: async (options) => [...(await idle(options)), await finished(options), await perJob(options)],
};

async function idle({ quick }: RunOptions): Promise<readonly Row[]> {
  const dataPath = temporaryDirectory();
  const rows: Row[] = [];
  for (const what of ['very first start', 'later start']) {
    const rondo = await startRondo({ dataPath });
    // What the start leaves behind (garbage, files that are prepared) is over by then.
    await pause(quick ? 5000 : 12_000);
    const before = cpuSeconds(rondo.pid);
    const seconds = quick ? 5 : 20;
    await pause(seconds * 1000);
    const busy = ((cpuSeconds(rondo.pid) - before) / seconds) * 100;
    rows.push(row(`idle, ${what}`, 'MB', [residentBytes(rondo.pid) / megabyte], { target: { atMost: 80 } }));
    rows.push(row('… CPU, share of one core', '%', [busy], { target: { atMost: 0.5 } }));
    await rondo.stop();
  }
  return rows;
}

/** An engine that finds finished Jobs and their Pods in its store. */
async function finished({ quick }: RunOptions): Promise<Row> {
  const jobs = quick ? 20_000 : 100_000;
  const dataPath = temporaryDirectory();
  const store = await openDiskStore({ directory: join(dataPath, 'store'), clock: systemClock, log });
  await fillWithFinished(store, 2 * jobs);
  await store.close();
  const script = fileURLToPath(new URL('./idle-engine.js', import.meta.url));
  const child = spawn(process.execPath, ['--max-semi-space-size=32', script, dataPath], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  await pause(10_000);
  const bytes = residentBytes(child.pid!);
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  await ended;
  const what = `${jobs} finished Jobs with their Pods, found at start`;
  return row(what, 'MB', [bytes / megabyte], { target: { atMost: (400 * jobs) / 100_000 + (quick ? 80 : 0) } });
}

/** What a finished Job leaves behind in an engine that ran it. */
async function perJob({ quick }: RunOptions): Promise<Row> {
  const jobs = quick ? 3000 : 15_000;
  const engine = await startEngine({ store: 'disk', runtime: 'simulated' });
  await runNoOpJobs(engine, 3000);
  const before = heapBytes();
  await runNoOpJobs(engine, jobs);
  await pause(3000);
  const perOne = (heapBytes() - before) / jobs;
  await engine.stop();
  return row('kept per Job that was run (with 10 revisions of history)', 'KB', [perOne / 1000]);
}

function heapBytes(): number {
  // main.ts starts workloads with --expose-gc.
  (globalThis as { gc?: () => void }).gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
