// W9: what a Job costs beside others: counted operations, and CPU.
import { median, row, type Row, type RunOptions, type Workload } from './measure.ts';
import { runNoOpJobs } from './no-op-jobs.ts';
import { fillWithFinished, operationsOfOneJob } from './one-job-life.ts';
import { startEngine } from './test-engines.ts';

export const growth: Workload = {
  name: 'growth',
  title: 'W9 the cost of a Job beside others',
  run: async ({ quick }: RunOptions) => {
    const [few, many] = quick ? [1000, 20_000] : [1000, 100_000];
    const rows: Row[] = [];
    const [small, large] = [await operationsOfOneJob(few), await operationsOfOneJob(many)];
    for (const [name, count] of Object.entries(small)) {
      const limit = { what: `beside ${few}`, value: count };
      rows.push(
        row(`${name} per Job beside ${many}`, '', [large[name] ?? NaN], { limit, target: { overLimitAtMost: 0 } }),
      );
    }
    const [beside, alone] = [await cpuBeside(many), await cpuBeside(few)];
    const limit = { what: `beside ${few}`, value: alone };
    return [...rows, row(`CPU per Job beside ${many}`, 'µs', [beside], { limit })];
  },
};

async function cpuBeside(others: number): Promise<number> {
  const engine = await startEngine({
    store: 'memory',
    runtime: 'simulated',
    fill: (store) => fillWithFinished(store, others),
  });
  await runNoOpJobs(engine, 2000);
  const runs: number[] = [];
  for (let i = 0; i < 5; i++) runs.push((await runNoOpJobs(engine, 1000)).cpuMicros);
  await engine.stop();
  return median(runs);
}
