// How the life of one large Indexed Job grows: npx tsx bench/indexed.bench.ts [completions] [parallelism]
// Simulated runtime, memory store, a clock that jumps, so that only the work counts. Each size runs in an engine of its
// own; times are real time.
import { resources, type Draft, type Job } from '../src/api/index.ts';
import { systemClock } from '../src/clock/index.ts';
import { startTestEngine } from '../src/testing/index.ts';

const most = Number(process.argv[2] ?? 100_000);
const parallelism = Number(process.argv[3] ?? 10_000);

export interface LifeOfJob {
  readonly elapsedMs: number;
  /** Versions that the store took. */
  readonly writes: number;
  readonly objectsScanned: number;
  readonly status: Job['status'];
}

/** Runs an Indexed Job to its end and says what that took. */
export async function runIndexedJob(completions: number, width: number): Promise<LifeOfJob> {
  const engine = await startTestEngine({ podGc: { terminatedThreshold: 0 } });
  const template = { spec: { restartPolicy: 'Never', containers: [{ name: 'main', image: 'any' }] } };
  const spec = { completions, parallelism: Math.min(width, completions), completionMode: 'Indexed', template };
  const draft = { metadata: { namespace: 'default', name: 'large' }, spec } as unknown as Draft<Job>;
  const ref = { namespace: 'default', name: 'large' };
  const revision = async (): Promise<number> => {
    return Number((await engine.client.list(resources.jobs, { namespace: 'default' })).resourceVersion);
  };
  const before = await revision();
  const begunMs = systemClock.monotonic();
  await engine.client.create(resources.jobs, draft);
  let job = await engine.client.get(resources.jobs, ref);
  for (let seconds = 0; job.status.completionTime === undefined && seconds < 3600; seconds++) {
    await engine.clock.advance(1000);
    job = await engine.client.get(resources.jobs, ref);
  }
  const elapsedMs = systemClock.monotonic() - begunMs;
  const writes = (await revision()) - before;
  const { objectsScanned } = engine.apiServer.operations.counters;
  await engine.stop();
  return { elapsedMs, writes, objectsScanned, status: job.status };
}

async function main(): Promise<void> {
  const small = await runIndexedJob(most / 10, parallelism / 10);
  const large = await runIndexedJob(most, parallelism);
  for (const [completions, { elapsedMs, writes, status }] of [
    [most / 10, small],
    [most, large],
  ] as const) {
    const perIndex = `${((elapsedMs * 1000) / completions).toFixed(0)} µs and ${(writes / completions).toFixed(2)} writes per index`;
    console.log(
      `${completions} completions: ${(elapsedMs / 1000).toFixed(1)} s, ${perIndex}, ${status.completedIndexes}`,
    );
  }
  console.log(`ten times as many: ${(large.elapsedMs / small.elapsedMs).toFixed(1)} times as long`);
}

if (process.argv[1]?.includes('indexed.bench') === true) await main();
