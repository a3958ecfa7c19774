import { afterAll, expect, it } from 'vitest';
import type { TickFate, TickList } from '../../src/engine/index.ts';
import { removeDirectory, runRondo, startRondo, temporaryDirectory, type Rondo } from './rondo.ts';

const names = ['a', 'b', 'c', 'd', 'e', 'f'];
/** How many ticks are told of a CronJob before the engine is killed, and how many pass while it is down, life by life. */
const lives = [
  { ticks: 1, away: 3 },
  { ticks: 3, away: 0 },
  { ticks: 1, away: 0 },
  { ticks: 2, away: 4 },
  { ticks: 1, away: 0 },
];

const dataDir = temporaryDirectory();
let rondo: Rondo;
afterAll(async () => {
  await rondo.stop('SIGKILL');
  removeDirectory(dataDir);
});

/** Every second; all Jobs are kept. Names of Jobs tell minutes, so that one tick a minute runs. */
function cronJob(name: string): object {
  const template = { spec: { restartPolicy: 'Never', containers: [{ name: 'main', image: 'any' }] } };
  const spec = { schedule: '@every 1s', successfulJobsHistoryLimit: 1000, jobTemplate: { spec: { template } } };
  return { apiVersion: 'batch/v1', kind: 'CronJob', metadata: { name }, spec };
}

function ticksOf(name: string): readonly TickFate[] {
  const path = `/rondo.dev/v1alpha1/namespaces/default/cronjobs/${name}/ticks?limit=10000`;
  const { status, stdout, stderr } = rondo.kubectl(['get', '--raw', path]);
  expect(`${status} ${stderr}`).toBe('0 ');
  return (JSON.parse(stdout) as TickList).ticks;
}

const timeOf = ({ scheduled }: TickFate): number => Date.parse(scheduled ?? '');

/** Asks until so many more ticks are told than there were; gives the last one. */
function waitForTicks(name: string, count: number): number {
  const before = ticksOf(name).length;
  for (;;) {
    const ticks = ticksOf(name);
    if (ticks.length >= before + count) return timeOf(ticks.at(-1)!);
  }
}

function ranByJobs(): Readonly<Record<string, readonly number[]>> {
  const { stdout } = rondo.kubectl(['get', 'jobs', '-o', 'json']);
  const { items } = JSON.parse(stdout) as {
    items: { metadata: { annotations: Record<string, string>; ownerReferences: { name: string }[] } }[];
  };
  const byOwner = names.map((name) => [
    name,
    items
      .filter(({ metadata }) => metadata.ownerReferences[0]?.name === name)
      .map(({ metadata }) => Date.parse(metadata.annotations['batch.kubernetes.io/cronjob-scheduled-timestamp']!))
      .toSorted((a, b) => a - b),
  ]);
  return Object.fromEntries(byOwner) as Record<string, readonly number[]>;
}

it('tells every tick once, those of its Jobs as run, after the engine was killed again and again', async () => {
  for (const [life, { ticks, away }] of lives.entries()) {
    rondo = await startRondo({ dataDir, args: ['--runtime', 'simulated'] });
    if (life === 0) {
      const input = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: names.map(cronJob) });
      expect(rondo.kubectl(['create', '-f', '-'], { input }).stderr).toBe('');
    }
    const last = waitForTicks(names[life]!, ticks);
    expect(await rondo.stop('SIGKILL')).toBeNull();
    while (Date.now() < last + away * 1000) runRondo(['version']);
  }
  rondo = await startRondo({ dataDir, args: ['--runtime', 'simulated'] });
  for (const name of names) waitForTicks(name, 1);

  const told = Object.fromEntries(names.map((name) => [name, ticksOf(name)]));
  const jobs = ranByJobs();
  for (const name of names) {
    const ticks = told[name]!;
    const times = ticks.map(timeOf);
    // The newest may be about to run.
    const untilMs = timeOf(ticks.findLast(({ outcome }) => outcome !== 'Waiting')!);
    expect(times.length).toBeGreaterThan(lives.length);
    expect(times, `the ticks of ${name}`).toEqual(times.map((_, index) => times[0]! + index * 1000));
    const ran = ticks
      .filter(({ outcome }) => outcome === 'Ran' || outcome === 'RanLate')
      .map(timeOf)
      .filter((atMs) => atMs <= untilMs);
    expect(ran, `the runs of ${name}`).toEqual(jobs[name]!.filter((atMs) => atMs <= untilMs));
    expect(ran.length).toBeGreaterThan(0);
    expect(ticks.map(({ reason }) => reason)).toContain('EngineDown');
  }
}, 120_000);
