// Runs no-op Jobs through an engine, from 64 parallel submitters.
import { jobFinishedCondition, resources } from '../src/api/index.ts';
import { systemClock, type Engine } from '../src/engine/index.ts';

export interface JobsRun {
  readonly perSecond: number;
  /** Of this process, per Job. */
  readonly cpuMicros: number;
}

const submitters = 64;
const noOp = {
  template: {
    spec: { restartPolicy: 'Never', containers: [{ name: 'main', image: 'rondo.dev/host', command: ['/bin/true'] }] },
  },
};
let serial = 0;

/** Creates `count` Jobs and waits until all are Complete. @throws Error if one fails */
export async function runNoOpJobs(engine: Engine, count: number): Promise<JobsRun> {
  const { client } = engine;
  let left = count;
  let finish: (error?: Error) => void = () => undefined;
  const finished = new Promise<void>((resolve, reject) => (finish = (error) => (error ? reject(error) : resolve())));
  const first = await client.list(resources.jobs, { limit: 1 });
  const watch = client.watch(
    resources.jobs,
    { resourceVersion: first.resourceVersion },
    {
      onEvents: (events) => {
        for (const event of events) {
          if (event.type !== 'MODIFIED') continue;
          const ended = jobFinishedCondition(event.object)?.type;
          if (ended === 'Failed') finish(new Error(`Job ${event.object.metadata.name} failed`));
          else if (ended === 'Complete' && --left === 0) finish();
        }
      },
      onEnd: (error) => finish(error ?? new Error('the watch ended')),
    },
  );
  const cpu = process.cpuUsage();
  const startMs = performance.now();
  let todo = count;
  const submit = async (): Promise<void> => {
    while (todo-- > 0) {
      // As a client's request would: in a turn of its own.
      await systemClock.yield();
      await client.create(resources.jobs, {
        metadata: { name: `no-op-${serial++}`, namespace: 'default' },
        spec: noOp,
      });
    }
  };
  await Promise.all(Array.from({ length: submitters }, submit));
  await finished;
  const seconds = (performance.now() - startMs) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  finish = () => undefined;
  watch.close();
  return { perSecond: count / seconds, cpuMicros: (user + system) / count };
}
