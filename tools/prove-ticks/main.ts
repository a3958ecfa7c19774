// Exactly one Job per tick, under kill -9: npm run prove:ticks [-- kills [seed [fast|minutes]]]
// An engine on a disk store makes a Job every minute of its time. It is killed again and again at random points and started
// anew. `fast`: its clock is 60 times as fast, so that a tick comes every second. `minutes`: its clock goes as ours, but is
// set forward before each life so that a full minute comes while it starts, lives or dies. Then the Jobs are matched to the
// ticks; the report is one JSON object (docs/prove-ticks.md), and the exit code is 1 if a tick is missing, extra, double or
// early, and 2 if it cannot make sense of its arguments.
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { resources, type CronJob, type Job } from '../../src/api/index.ts';
import { createApiServer, noPods } from '../../src/apiserver/index.ts';
import { systemClock, systemRandom } from '../../src/clock/index.ts';
import { silentLogger as log } from '../../src/log/index.ts';
import { openDiskStore } from '../../src/store/index.ts';
import { seededRandom } from '../../src/testing/index.ts';
import { FastClock } from './fast-clock.ts';
import { judge, type Life, type Run } from './judge.ts';
import { readArguments } from './read-arguments.ts';

const { kills, seed, mode } = readArguments(process.argv.slice(2));
const factor = mode === 'fast' ? 60 : 1;
/** Longest life of an engine, in system time. */
const longestMs = 3000;
/** A tick that came in the last moment before a kill may be left to the next life. In the engine's time. */
const graceMs = mode === 'fast' ? 45_000 : 1500;
const minuteMs = 60_000;

const chance = seededRandom(seed);
const directory = mkdtempSync(join(tmpdir(), 'rondo-ticks-'));
const originMs = systemClock.now();
const clock = new FastClock(factor, originMs);

async function startEngine(): Promise<{ child: ChildProcess; readyMs: number }> {
  const script = fileURLToPath(new URL('./engine.ts', import.meta.url));
  const parameters = ['--import', 'tsx', script, directory, String(factor), String(originMs), String(clock.shiftMs)];
  const child = spawn(process.execPath, parameters, { stdio: ['ignore', 'pipe', 'inherit'] });
  for await (const line of createInterface({ input: child.stdout! })) {
    if (line.startsWith('ready ')) return { child, readyMs: Number(line.slice('ready '.length)) };
  }
  throw new Error('the engine ended before it was ready');
}

/** Sets the clock forward so that a full minute comes some time in the life that begins now. */
function shift(): void {
  if (mode === 'fast') return;
  const leadMs = chance.float() * 2 * longestMs;
  const next = Math.ceil((clock.now() + leadMs) / minuteMs) * minuteMs;
  clock.shiftMs += next - leadMs - clock.now();
}

async function live(lifeMs: number): Promise<Life> {
  shift();
  const { child, readyMs } = await startEngine();
  process.stderr.write('.');
  await new Promise<void>((resolve) => systemClock.after(lifeMs, resolve));
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const killedMs = clock.now();
  child.kill('SIGKILL');
  await gone;
  return { readyMs, killedMs };
}

async function readStore(): Promise<{ createdMs: number; runs: Run[] }> {
  const store = await openDiskStore({ directory, clock, log });
  const server = createApiServer({ store, clock, random: systemRandom, log, podStreams: noPods });
  const client = server.clientFor({ name: 'judge', groups: ['system:masters'] });
  const cronJob = await client.get<CronJob>(resources.cronJobs, { namespace: 'default', name: 'tick' });
  const { items } = await client.list<Job>(resources.jobs);
  await store.close();
  const runs = items.map(({ metadata }) => ({
    dueMs: Date.parse(metadata.annotations?.['batch.kubernetes.io/cronjob-scheduled-timestamp'] ?? ''),
    createdMs: Date.parse(metadata.creationTimestamp),
  }));
  return { createdMs: Date.parse(cronJob.metadata.creationTimestamp), runs };
}

const lives: Life[] = [];
for (let i = 0; i < kills; i++) lives.push(await live(chance.float() * longestMs));
lives.push(await live(2 * longestMs));
const { createdMs, runs } = await readStore();
rmSync(directory, { recursive: true, force: true });
const untilMs = (lives.at(-1)?.killedMs ?? 0) - graceMs;
const judged = runs.filter((run) => run.dueMs <= untilMs);
const verdict = judge({ fromMs: createdMs, untilMs, runs: judged, lives, graceMs });
process.stderr.write('\n');
console.log(JSON.stringify({ mode, kills, seed, ...verdict }, undefined, 2));
const wrong = [verdict.missing, verdict.extra, verdict.double, verdict.early].flat();
process.exitCode = wrong.length === 0 && verdict.ran > 0 ? 0 : 1;
