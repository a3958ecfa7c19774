import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Container, Pod } from '../../src/api/index.ts';
import { systemClock as clock, systemRandom as random } from '../../src/clock/index.ts';
import { silentLogger as log } from '../../src/log/index.ts';
import type { ContainerRequest, Runtime } from '../../src/runtimes/index.ts';
import { createProcessRuntime } from '../../src/runtimes/process/index.ts';
import { createSandboxRuntime, sandboxProblem } from '../../src/runtimes/sandbox/index.ts';
import {
  createSimulatedMachine,
  createSimulatedRuntime,
  durationAnnotation,
  exitCodeAnnotation,
  ignoresTermAnnotation,
  logAnnotation,
  messageAnnotation,
} from '../../src/runtimes/simulated/index.ts';
import { buildShim } from '../../tools/build.mjs';

/** What a container of the suite does, said so that every runtime can be asked for it. */
export interface Behaviour {
  readonly exitCode?: number;
  /** Without it: runs until it is stopped. */
  readonly durationMs?: number;
  readonly ignoresTerm?: boolean;
  readonly log?: string;
  readonly message?: string;
}

/** A place where runtimes run: opening it again is a restart of the engine on the same machine. */
export interface Machine {
  open(): Runtime;
  request(podName: string, behaviour: Behaviour): ContainerRequest;
  /** Removes everything, after all runtimes were stopped. */
  close(): void;
}

/** The process runtime without its compiled starter, as on a machine without a C compiler. */
export const shellStarted = 'process started by a shell';

/** A runtime that runs real processes, by name: `process`, `process started by a shell`, `shim`, `util-linux`. */
export function createRealRuntime(name: string, dataDir: string): Runtime {
  if (name === 'process') return createProcessRuntime({ dataDir, clock, random, log });
  if (name === shellStarted) return createProcessRuntime({ dataDir, clock, random, log, limits: { starter: 'shell' } });
  const only = name === 'shim' ? 'shim' : 'util-linux';
  return createSandboxRuntime({ dataDir, clock, random, log, rootfs: 'host', only });
}

/** The executors of the sandbox that this machine can run; why the others are missing is printed. */
export const sandboxExecutors: readonly ('shim' | 'util-linux')[] = await probeExecutors();

export const machines: readonly { readonly name: string; readonly create: () => Machine }[] = [
  // With the compiled starter, where there is one.
  { name: 'process', create: () => processMachine({}) },
  { name: shellStarted, create: () => processMachine({ starter: 'shell' }) },
  { name: 'process started by a shell without job control', create: () => processMachine({ starter: 'setsid' }) },
  ...sandboxExecutors.map((only) => ({ name: `sandbox with ${only}`, create: () => sandboxMachine(only) })),
  { name: 'simulated', create: simulatedMachine },
];

export function podOf(name: string, container: Container, annotations: Record<string, string> = {}): Pod {
  const metadata = { name, namespace: 'default', uid: `uid-${name}`, resourceVersion: '1', creationTimestamp: '' };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { ...metadata, annotations },
    spec: { containers: [container] },
    status: {},
  };
}

export function requestOf(pod: Pod, command: readonly string[]): ContainerRequest {
  const container = pod.spec.containers[0]!;
  const id = { podUid: pod.metadata.uid, container: container.name, attempt: 0 };
  return { id, pod, container, env: [], command, args: [] };
}

function processMachine(limits: { readonly starter?: 'shell' | 'setsid' }): Machine {
  const dataDir = mkdtempSync(join(tmpdir(), 'rondo-runtime-'));
  return {
    open: () => createProcessRuntime({ dataDir, clock, random, log, limits }),
    request: (podName, behaviour) => {
      const command = ['/bin/sh', '-c', shellScript(behaviour)];
      return requestOf(podOf(podName, { name: 'main', image: 'rondo.dev/host', command }), command);
    },
    close: () => rmSync(dataDir, { recursive: true, force: true }),
  };
}

async function probeExecutors(): Promise<readonly ('shim' | 'util-linux')[]> {
  const problem = await sandboxProblem();
  if (problem !== undefined) console.log(`SKIPPED: the sandbox runtime: ${problem}`);
  if (problem !== undefined) return [];
  if (buildShim()) return ['shim', 'util-linux'];
  console.log('SKIPPED: the sandbox runtime with its shim: this machine has no C compiler');
  return ['util-linux'];
}

/** Process 1 of a pid namespace dies of no signal that it does not handle: there, TERM needs a trap. */
function sandboxMachine(only: 'shim' | 'util-linux'): Machine {
  const dataDir = mkdtempSync(join(tmpdir(), 'rondo-sandbox-'));
  const before = traces();
  return {
    open: () => createSandboxRuntime({ dataDir, clock, random, log, rootfs: 'host', only }),
    request: (podName, behaviour) => {
      const trap = behaviour.ignoresTerm === true ? '' : "trap 'exit 143' TERM\n";
      const script = `${trap}${shellScript(behaviour)}`.replace('exec sleep 30', 'sleep 30 & wait "$!"');
      const command = ['/bin/sh', '-c', script];
      return requestOf(podOf(podName, { name: 'main', image: 'rondo.dev/host', command }), command);
    },
    close: () => {
      const left = traces().filter((trace) => trace.includes(dataDir) && !before.includes(trace));
      rmSync(dataDir, { recursive: true, force: true });
      if (left.length > 0) throw new Error(`left behind: ${left.join(', ')}`);
    },
  };
}

/** Mounts of this machine, and commands of its processes. */
function traces(): string[] {
  const commands = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .map((pid) => {
      try {
        return `process ${readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')}`;
      } catch {
        // It ended between.
        return '';
      }
    });
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
  return [...mounts.map((line) => `mount ${line}`), ...commands];
}

function shellScript(behaviour: Behaviour): string {
  const { exitCode = 0, durationMs, ignoresTerm = false, log: text = '', message } = behaviour;
  const lines: string[] = [];
  if (ignoresTerm) lines.push("trap '' TERM");
  if (message !== undefined) lines.push(`printf '${message}' >"$RONDO_TERMINATION_LOG"`);
  lines.push(`printf '${text.replaceAll('\n', String.raw`\n`)}'`);
  if (durationMs === undefined) lines.push('exec sleep 30');
  else if (durationMs > 0) lines.push(`sleep ${durationMs / 1000}`);
  return [...lines, `exit ${exitCode}`].join('\n');
}

function simulatedMachine(): Machine {
  const machine = createSimulatedMachine();
  return {
    open: () => createSimulatedRuntime({ clock, random, log, machine }),
    request: (podName, { exitCode = 0, durationMs, ignoresTerm = false, log: text = '', message = '' }) => {
      const annotations = {
        [exitCodeAnnotation]: String(exitCode),
        [durationAnnotation]: durationMs === undefined ? 'never' : String(durationMs),
        [ignoresTermAnnotation]: String(ignoresTerm),
        [logAnnotation]: text,
        [messageAnnotation]: message,
      };
      return requestOf(podOf(podName, { name: 'main', image: 'rondo.dev/host' }, annotations), []);
    },
    close: () => undefined,
  };
}
