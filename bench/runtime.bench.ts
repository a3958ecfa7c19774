// How fast the process runtime starts containers, beside bare child_process.spawn in the same run.
// npx tsx bench/runtime.bench.ts [containers]
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Container, Pod } from '../src/api/index.ts';
import { systemClock as clock, systemRandom as random } from '../src/clock/index.ts';
import { silentLogger as log } from '../src/log/index.ts';
import { containerIdKey, type ContainerId, type Runtime } from '../src/runtimes/index.ts';
import { createProcessRuntime } from '../src/runtimes/process/index.ts';
import { createSimulatedRuntime } from '../src/runtimes/simulated/index.ts';

const total = Number(process.argv[2] ?? 2000);

/** Runs `count` times `once`, `parallel` at a time; resolves with runs per second. */
async function rate(count: number, parallel: number, once: (index: number) => Promise<void>): Promise<number> {
  let next = 0;
  const begunMs = clock.monotonic();
  const worker = async (): Promise<void> => {
    while (next < count) await once(next++);
  };
  await Promise.all(Array.from({ length: parallel }, worker));
  return (count / (clock.monotonic() - begunMs)) * 1000;
}

function bareSpawn(): Promise<void> {
  return new Promise((resolve) => spawn('/bin/true', { stdio: 'ignore' }).on('exit', () => resolve()));
}

const noop: Container = { name: 'main', image: 'rondo.dev/host', command: ['/bin/true'] };
let pods = 0;

function noopPod(): Pod {
  const name = `noop-${pods++}`;
  const metadata = { name, namespace: 'default', uid: `u-${name}`, resourceVersion: '1', creationTimestamp: '' };
  return { apiVersion: 'v1', kind: 'Pod', metadata, spec: { containers: [noop] }, status: {} };
}

function containerRuns(runtime: Runtime): () => Promise<void> {
  const waiting = new Map<string, () => void>();
  runtime.onExit((state) => {
    if (state.type !== 'exited' || state.exitCode !== 0) throw new Error(`unexpected end: ${JSON.stringify(state)}`);
    waiting.get(containerIdKey(state.id))?.();
    waiting.delete(containerIdKey(state.id));
  });
  return async () => {
    const pod = noopPod();
    const id: ContainerId = { podUid: pod.metadata.uid, container: 'main', attempt: 0 };
    const exited = new Promise<void>((resolve) => waiting.set(containerIdKey(id), resolve));
    await runtime.preparePod(pod, []);
    await runtime.startContainer({ id, pod, container: noop, env: [], command: ['/bin/true'], args: [] });
    await exited;
  };
}

async function latencies(count: number, once: () => Promise<void>): Promise<string> {
  const times: number[] = [];
  for (let index = 0; index < count; index++) {
    const begunMs = clock.monotonic();
    await once();
    times.push(clock.monotonic() - begunMs);
  }
  times.sort((a, b) => a - b);
  const at = (part: number): string => times[Math.floor(part * times.length)]!.toFixed(2);
  return `p50 ${at(0.5)} ms, p99 ${at(0.99)} ms`;
}

async function main(): Promise<void> {
  const dataDir = mkdtempSync(join(tmpdir(), 'rondo-bench-'));
  const runtime = createProcessRuntime({ dataDir, clock, random, log });
  await runtime.start();
  const simulated = createSimulatedRuntime({ clock, random, log });
  await simulated.start();
  const runProcess = containerRuns(runtime);
  const runSimulated = containerRuns(simulated);
  for (let round = 0; round < 3; round++) {
    const bare = await rate(total, 64, bareSpawn);
    const cpu = process.cpuUsage();
    const own = await rate(total, 64, runProcess);
    const used = process.cpuUsage(cpu);
    const ownCpu = (used.user + used.system) / total;
    console.log(
      `64 in flight: bare spawn ${bare.toFixed(0)}/s, process runtime ${own.toFixed(0)}/s = ${(own / bare).toFixed(2)} x, ` +
        `${ownCpu.toFixed(0)} us CPU of Node per container`,
    );
    console.log(`1 in flight, start to exit: bare spawn ${await latencies(200, bareSpawn)}`);
    console.log(`1 in flight, start to exit: process runtime ${await latencies(200, runProcess)}`);
  }
  const fast = await rate(100_000, 64, runSimulated);
  console.log(`64 in flight: simulated runtime ${fast.toFixed(0)}/s`);
  await rate(runtime.podUids().length, 64, (index) => runtime.removePod(`u-noop-${index}`));
  await runtime.stop();
  rmSync(dataDir, { recursive: true, force: true });
}

await main();
