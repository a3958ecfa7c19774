// W1: no-op Jobs, created and Complete, per second.
import { bareSpawnsPerSecond } from './bare-spawn.ts';
import { median, row, type Row, type RunOptions, type Workload } from './measure.ts';
import { runNoOpJobs, type JobsRun } from './no-op-jobs.ts';
import { startEngine, type EngineKind } from './test-engines.ts';

export const jobsNoop: Workload = {
  name: 'jobs-noop',
  title: 'W1 no-op Jobs, 64 submitters, created → Complete',
  run: async (options) => [
    ...(await simulated('memory', options)),
    ...(await simulated('disk', options)),
    ...(await real(options)),
  ],
};

const warmUpJobs = 2000;

async function simulated(store: EngineKind['store'], { quick }: RunOptions): Promise<readonly Row[]> {
  const engine = await startEngine({ store, runtime: 'simulated' });
  await runNoOpJobs(engine, warmUpJobs);
  const [small, large]: [JobsRun[], JobsRun[]] = [[], []];
  for (let round = 0; round < (quick ? 1 : 3); round++) {
    for (let i = 0; i < 3; i++) small.push(await runNoOpJobs(engine, 1000));
    if (!quick || store === 'memory') large.push(await runNoOpJobs(engine, quick ? 5000 : 10_000));
  }
  await engine.stop();
  const rows: Row[] = [];
  for (const [name, runs] of [
    [1000, small],
    [quick ? 5000 : 10_000, large],
  ] as const) {
    if (runs.length === 0) continue;
    const what = `${name} Jobs, simulated containers, ${store} store`;
    rows.push(
      row(
        what,
        'Jobs/s',
        runs.map((run) => run.perSecond),
        { target: { atLeast: 2000 } },
      ),
    );
    rows.push(
      row(
        `… CPU per Job`,
        'µs',
        runs.map((run) => run.cpuMicros),
      ),
    );
  }
  if (large.length > 0) {
    const growth = median(large.map((run) => run.cpuMicros)) / median(small.map((run) => run.cpuMicros));
    rows.push(row(`… CPU per Job, large ÷ small`, '×', [growth], { target: { atMost: 1.25 } }));
  }
  return rows;
}

async function real({ quick }: RunOptions): Promise<readonly Row[]> {
  const engine = await startEngine({ store: 'disk', runtime: 'process' });
  await runNoOpJobs(engine, quick ? 100 : 300);
  const [rates, limits, small]: [number[], number[], number[]] = [[], [], []];
  for (let round = 0; round < (quick ? 1 : 3); round++) {
    limits.push(bareSpawnsPerSecond(64, quick ? 1 : 2));
    small.push((await runNoOpJobs(engine, quick ? 500 : 1000)).perSecond);
  }
  if (!quick) rates.push((await runNoOpJobs(engine, 10_000)).perSecond);
  limits.push(bareSpawnsPerSecond(64, quick ? 1 : 2));
  await engine.stop();
  const limit = { what: 'S: bare spawns/s, 64 at a time', value: median(limits) };
  const more = { limit, target: { ratioAtLeast: 0.5 } };
  const rows = [row(`${quick ? 500 : 1000} Jobs, real processes, disk store`, 'Jobs/s', small, more)];
  if (rates.length > 0) rows.push(row('10000 Jobs, real processes, disk store', 'Jobs/s', rates, more));
  return rows;
}
