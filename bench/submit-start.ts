// W3: from the POST of a Job to the first instruction of its process, and from there to Complete seen by a watcher.
import { spawn } from 'node:child_process';
import { jobFinishedCondition, resources } from '../src/api/index.ts';
import type { Client } from '../src/client/index.ts';
import { median, percentile, row, type Row, type RunOptions, type Workload } from './measure.ts';
import { startRondo } from './rondo-process.ts';
import { temporaryDirectory } from './temporary.ts';

export const submitStart: Workload = {
  name: 'submit-start',
  title: 'W3 one Job every 50 ms over TLS, idle engine',
  run: async (options) => {
    const rondo = await startRondo({ dataPath: temporaryDirectory() });
    try {
      return await measure(rondo.client(), options);
    } finally {
      await rondo.stop();
    }
  },
};

const everyMs = 50;
/** The command says when it ran, in nanoseconds of the wall clock; it ends within a fraction of a millisecond. */
const command = ['date', '+%s%N'];

/** Wall clock in ms, finer than Date.now(): found once by waiting for it to tick. */
const offsetMs = ((): number => {
  const before = Date.now();
  while (Date.now() === before) continue;
  return Date.now() - performance.now();
})();
const wallMs = (): number => offsetMs + performance.now();

async function measure(client: Client, { quick }: RunOptions): Promise<readonly Row[]> {
  const [warmUp, jobs] = quick ? [20, 60] : [40, 300];
  const [sentMs, completeMs, bare] = [new Map<string, number>(), new Map<string, number>(), [] as number[]];
  const watch = client.watch(
    resources.jobs,
    { namespace: 'default', resourceVersion: '0' },
    {
      onEvents: (events) => {
        const nowMs = wallMs();
        for (const event of events) {
          if (event.type === 'BOOKMARK' || jobFinishedCondition(event.object) === undefined) continue;
          const { name } = event.object.metadata;
          if (!completeMs.has(name)) completeMs.set(name, nowMs);
        }
      },
      onEnd: () => undefined,
    },
  );
  for (let i = 0; i < warmUp + jobs; i++) {
    const startMs = performance.now();
    const name = `timed-${i}`;
    sentMs.set(name, wallMs());
    const spec = { restartPolicy: 'Never', containers: [{ name: 'main', image: 'rondo.dev/host', command }] };
    await client.create(resources.jobs, { metadata: { name, namespace: 'default' }, spec: { template: { spec } } });
    await pause(everyMs - (performance.now() - startMs));
    if (i >= warmUp && i % 2 === 0) bare.push(await bareSpawnMs());
  }
  for (let waitedMs = 0; completeMs.size < warmUp + jobs && waitedMs < 10_000; waitedMs += 50) await pause(50);
  watch.close();
  const [starts, ends]: [number[], number[]] = [[], []];
  for (let i = warmUp; i < warmUp + jobs; i++) {
    const name = `timed-${i}`;
    const ranMs = await ranAt(client, name);
    starts.push(ranMs - (sentMs.get(name) ?? NaN));
    ends.push((completeMs.get(name) ?? NaN) - ranMs);
  }
  const limit = { what: 'bare spawn → first instruction, p50', value: median(bare) };
  return [
    row('POST sent → first instruction, p50', 'ms', [median(starts)], { limit, target: { overLimitAtMost: 3 } }),
    row('POST sent → first instruction, p99', 'ms', [percentile(starts, 0.99)], { target: { atMost: 20 } }),
    row('process runs → Complete seen, p50', 'ms', [median(ends)]),
    row('process runs → Complete seen, p99', 'ms', [percentile(ends, 0.99)], { target: { atMost: 10 } }),
  ];
}

async function ranAt(client: Client, name: string): Promise<number> {
  const pods = await client.list(resources.pods, { namespace: 'default', labelSelector: `job-name=${name}` });
  const pod = pods.items[0];
  if (pod === undefined) throw new Error(`Job ${name} has no pod`);
  let text = '';
  const ref = { namespace: 'default', name: pod.metadata.name };
  for await (const chunk of client.podLog(ref, {})) text += Buffer.from(chunk).toString();
  return Number(text.trim()) / 1e6;
}

async function bareSpawnMs(): Promise<number> {
  const startMs = wallMs();
  const child = spawn(command[0]!, command.slice(1), { stdio: ['ignore', 'pipe', 'ignore'] });
  let text = '';
  for await (const chunk of child.stdout) text += String(chunk);
  return Number(text.trim()) / 1e6 - startMs;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)));
}
