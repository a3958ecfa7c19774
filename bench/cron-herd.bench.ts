// How late Jobs come when many CronJobs are due at the same instant, on the disk store with the simulated runtime:
// npx tsx bench/cron-herd.bench.ts [CronJobs]
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { resources, type CronJob, type Draft, type Job } from '../src/api/index.ts';
import { systemClock, systemRandom as random, type Clock } from '../src/clock/index.ts';
import { createEngine } from '../src/engine/index.ts';
import { silentLogger as log } from '../src/log/index.ts';
import { createSimulatedRuntime } from '../src/runtimes/simulated/index.ts';
import { openDiskStore } from '../src/store/index.ts';

const total = Number(process.argv[2] ?? 10_000);
const minuteMs = 60_000;
/** Time to make the CronJobs in. */
const leadMs = 2000 + total;

/** The system's clock, shifted so that a full minute comes soon after everything stands ready. */
class ShiftedClock implements Clock {
  #shiftMs = 0;
  now(): number {
    return systemClock.now() + this.#shiftMs;
  }
  monotonic(): number {
    return systemClock.monotonic();
  }
  after(delayMs: number, call: () => void): ReturnType<Clock['after']> {
    return systemClock.after(delayMs, call);
  }
  yield(): Promise<void> {
    return systemClock.yield();
  }
  startBeforeMinute(leadMs: number): void {
    this.#shiftMs = Math.ceil(systemClock.now() / minuteMs) * minuteMs - leadMs - systemClock.now();
  }
}

function draft(index: number): Draft<CronJob> {
  const template = { spec: { restartPolicy: 'Never', containers: [{ name: 'main', image: 'any' }] } };
  const spec = { schedule: '* * * * *', jobTemplate: { spec: { template } } };
  return { metadata: { name: `c-${index}`, namespace: 'default' }, spec };
}

async function main(): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'rondo-herd-'));
  const clock = new ShiftedClock();
  clock.startBeforeMinute(leadMs);
  const store = await openDiskStore({ directory, clock, log });
  const engine = createEngine({
    store,
    clock,
    random,
    log,
    runtimes: [createSimulatedRuntime({ clock, random, log })],
  });
  await engine.start();
  const { client } = engine;
  const created = clock.monotonic();
  for (let from = 0; from < total; from += 500) {
    const part = Array.from({ length: Math.min(500, total - from) }, (_, i) => draft(from + i));
    await Promise.all(part.map((one) => client.create<CronJob>(resources.cronJobs, one)));
  }
  console.log(`${total} CronJobs made in ${Math.round(clock.monotonic() - created)} ms`);
  const { resourceVersion } = await client.list<Job>(resources.jobs);
  const dueMs = Math.ceil(clock.now() / minuteMs) * minuteMs;
  const lateMs: number[] = [];
  const all = new Promise<void>((resolve) => {
    client.watch<Job>(
      resources.jobs,
      { resourceVersion },
      {
        onEvents: (events) => {
          const nowMs = clock.now();
          for (const event of events) if (event.type === 'ADDED') lateMs.push(nowMs - dueMs);
          if (lateMs.length >= total) resolve();
        },
        onEnd: (error) => {
          if (error !== undefined) throw error;
        },
      },
    );
  });
  const cpu = process.cpuUsage();
  await all;
  const used = process.cpuUsage(cpu);
  lateMs.sort((a, b) => a - b);
  const at = (share: number): number => Math.round(lateMs[Math.floor((lateMs.length - 1) * share)] ?? NaN);
  console.log(`due to durable and seen: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, last ${at(1)} ms`);
  console.log(`CPU until then: ${Math.round((used.user + used.system) / total)} us per CronJob`);
  await engine.stop();
  rmSync(directory, { recursive: true, force: true });
}

await main();
