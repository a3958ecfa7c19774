// The runtime `sandbox`: from the call to the exit event of a container that runs `true`, next to bare spawns.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Container, Pod } from '../src/api/index.ts';
import { systemClock as clock, systemRandom as random } from '../src/clock/index.ts';
import { silentLogger as log } from '../src/log/index.ts';
import { containerIdKey, type ContainerId, type Runtime } from '../src/runtimes/index.ts';
import { createSandboxRuntime, sandboxProblem } from '../src/runtimes/sandbox/index.ts';
import { bareSpawnsPerSecond } from './bare-spawn.ts';
import { percentile, row, type Row, type Workload } from './measure.ts';
import { temporaryDirectory } from './temporary.ts';

const parallelism = 8;

export const sandboxStart: Workload = {
  name: 'sandbox-start',
  title: 'W10 sandboxes that run `true`',
  run: async ({ quick }) => {
    const problem = await sandboxProblem();
    if (problem !== undefined) throw new Error(`not measured: ${problem}`);
    const [latencies, seconds] = quick ? [50, 1] : [400, 5];
    return [...(await measure('shim', latencies, seconds)), ...(await measure('util-linux', latencies, seconds))];
  },
};

async function measure(only: 'shim' | 'util-linux', latencies: number, seconds: number): Promise<readonly Row[]> {
  const runtime = createSandboxRuntime({ dataDir: temporaryDirectory(), clock, random, log, rootfs: 'host', only });
  await runtime.start();
  const runOne = containerRuns(runtime);
  for (let index = 0; index < 20; index++) await (await runOne())();
  const [own, bare]: [number[], number[]] = [[], []];
  for (let index = 0; index < latencies; index++) {
    const begunMs = performance.now();
    const remove = await runOne();
    own.push(performance.now() - begunMs);
    await remove();
    bare.push(await timed(() => once(spawn('/bin/true', { stdio: 'ignore' }), 'exit')));
  }
  const limit = { what: 'bare spawn', value: percentile(bare, 0.5) };
  const limitTail = { what: 'bare spawn', value: percentile(bare, 0.99) };
  const rates: number[] = [];
  const bareRate = { what: 'bare spawn', value: bareSpawnsPerSecond(parallelism, seconds) };
  for (let round = 0; round < 3; round++) rates.push(await rate(runOne, seconds));
  await runtime.stop();
  const shim = only === 'shim';
  return [
    {
      what: `${only}: start → exit, p50`,
      unit: 'ms',
      runs: [],
      achieved: percentile(own, 0.5),
      limit,
      target: { atMost: shim ? 4 : 10 },
    },
    {
      what: `${only}: start → exit, p99`,
      unit: 'ms',
      runs: [],
      achieved: percentile(own, 0.99),
      limit: limitTail,
      ...(shim ? { target: { atMost: 10 } } : {}),
    },
    row(`${only}: ${parallelism} at a time`, '/s', rates, {
      limit: bareRate,
      ...(shim ? { target: { atLeast: 400 } } : {}),
    }),
  ];
}

async function timed(once: () => Promise<unknown>): Promise<number> {
  const begunMs = performance.now();
  await once();
  return performance.now() - begunMs;
}

async function rate(runOne: () => Promise<() => Promise<void>>, seconds: number): Promise<number> {
  const endMs = performance.now() + seconds * 1000;
  const begunMs = performance.now();
  let done = 0;
  const worker = async (): Promise<void> => {
    while (performance.now() < endMs) {
      await (
        await runOne()
      )();
      done++;
    }
  };
  await Promise.all(Array.from({ length: parallelism }, worker));
  return (done / (performance.now() - begunMs)) * 1000;
}

/** A Pod with one container is made and runs to its end; what comes back removes it. */
function containerRuns(runtime: Runtime): () => Promise<() => Promise<void>> {
  const container: Container = { name: 'main', image: 'rondo.dev/host', command: ['/bin/true'] };
  const waiting = new Map<string, () => void>();
  let pods = 0;
  runtime.onExit((state) => {
    if (state.type !== 'exited' || state.exitCode !== 0) throw new Error(`unexpected end: ${JSON.stringify(state)}`);
    waiting.get(containerIdKey(state.id))?.();
    waiting.delete(containerIdKey(state.id));
  });
  return async () => {
    const name = `noop-${pods++}`;
    const metadata = { name, namespace: 'default', uid: `u-${name}`, resourceVersion: '1', creationTimestamp: '' };
    const pod: Pod = { apiVersion: 'v1', kind: 'Pod', metadata, spec: { containers: [container] }, status: {} };
    const id: ContainerId = { podUid: metadata.uid, container: 'main', attempt: 0 };
    const exited = new Promise<void>((resolve) => waiting.set(containerIdKey(id), resolve));
    await runtime.preparePod(pod, []);
    await runtime.startContainer({ id, pod, container, env: [], command: ['/bin/true'], args: [] });
    await exited;
    return async () => {
      await runtime.endPod?.(metadata.uid);
      await runtime.removePod(metadata.uid);
    };
  };
}
