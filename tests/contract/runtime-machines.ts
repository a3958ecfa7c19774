import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock as clock, systemRandom as random } from '../../src/clock/index.ts';
import { silentLogger as log } from '../../src/log/index.ts';
import type { ContainerRequest, Runtime } from '../../src/runtimes/index.ts';
import { Containerd, containerdProblem } from '../../src/runtimes/cri/containerd.fixture.ts';
import { createCriRuntime } from '../../src/runtimes/cri/index.ts';
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
import { criPod, podOf, requestOf, shellStarted } from './real-runtimes.ts';

/** What a container of the suite does, said so that every runtime can be asked for it. */
export interface Behaviour {
  readonly exitCode?: number;
  /** Without it: runs until it is stopped. */
  readonly durationMs?: number;
  readonly ignoresTerm?: boolean;
  readonly log?: string;
  readonly message?: string;
}

/** A kind of machine, and what has to be there before the first of it. */
export interface MachineKind {
  readonly name: string;
  readonly create: () => Machine;
  readonly setUp?: () => Promise<void>;
  readonly tearDown?: () => Promise<void>;
  /** How many containers at once are many there; default 40. */
  readonly crowd?: number;
}

/** A place where runtimes run: opening it again is a restart of the engine on the same machine. */
export interface Machine {
  open(): Runtime;
  request(podName: string, behaviour: Behaviour): ContainerRequest;
  /** Removes everything, after all runtimes were stopped. */
  close(): void;
}

/** The executors of the sandbox that this machine can run; why the others are missing is printed. */
export const sandboxExecutors: readonly ('shim' | 'util-linux')[] = await probeExecutors();

export const machines: readonly MachineKind[] = [
  // With the compiled starter, where there is one.
  { name: 'process', create: () => processMachine({}) },
  { name: shellStarted, create: () => processMachine({ starter: 'shell' }) },
  { name: 'process started by a shell without job control', create: () => processMachine({ starter: 'setsid' }) },
  ...sandboxExecutors.map((only) => ({ name: `sandbox with ${only}`, create: () => sandboxMachine(only) })),
  ...criMachines(),
  { name: 'simulated', create: simulatedMachine },
];

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
function trapping(behaviour: Behaviour): string {
  const trap = behaviour.ignoresTerm === true ? '' : "trap 'exit 143' TERM\n";
  return `${trap}${shellScript(behaviour)}`.replace('exec sleep 30', 'sleep 30 & wait "$!"');
}

function sandboxMachine(only: 'shim' | 'util-linux'): Machine {
  const dataDir = mkdtempSync(join(tmpdir(), 'rondo-sandbox-'));
  return {
    open: () => createSandboxRuntime({ dataDir, clock, random, log, rootfs: 'host', only }),
    request: (podName, behaviour) => {
      const command = ['/bin/sh', '-c', trapping(behaviour)];
      return requestOf(podOf(podName, { name: 'main', image: 'rondo.dev/host', command }), command);
    },
    close: () => {
      const left = leftBehind(dataDir);
      rmSync(dataDir, { recursive: true, force: true });
      if (left.length > 0) throw new Error(`left behind: ${left.join(', ')}`);
    },
  };
}

/** On a containerd of the suite's own, with the host's network: a CNI configuration is no part of the contract. */
function criMachines(): readonly MachineKind[] {
  const problem = containerdProblem();
  if (problem !== undefined) console.log(`SKIPPED: the cri runtime: ${problem}`);
  if (problem !== undefined) return [];
  let containerd: Containerd | undefined;
  return [
    {
      name: 'cri with containerd',
      crowd: 8,
      setUp: async () => {
        containerd = await Containerd.start();
      },
      tearDown: async () => containerd?.close(),
      create: () => {
        if (containerd === undefined) throw new Error('there is no containerd yet');
        return criMachine(containerd);
      },
    },
  ];
}

function criMachine({ socket }: Containerd): Machine {
  const dataDir = mkdtempSync(join(tmpdir(), 'rondo-cri-'));
  return {
    open: () => createCriRuntime({ dataDir, socket, clock, random, log }),
    request: criRequest,
    close: () => rmSync(dataDir, { recursive: true, force: true }),
  };
}

function criRequest(podName: string, behaviour: Behaviour): ContainerRequest {
  const script = trapping(behaviour).replace('"$RONDO_TERMINATION_LOG"', '/dev/termination-log');
  const command = ['/bin/sh', '-c', script];
  return requestOf(criPod(podOf(podName, { name: 'main', command })), command);
}

/** What is left on this machine of a runtime with this directory. */
export function leftBehind(dataDir: string): string[] {
  return traces().filter((trace) => trace.includes(dataDir));
}

/** Mounts and network interfaces of this machine, and commands of its processes. */
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
  const interfaces = readdirSync('/sys/class/net').map((name) => {
    const file = `/sys/class/net/${name}/ifalias`;
    return `interface ${name} ${existsSync(file) ? readFileSync(file, 'utf8') : ''}`;
  });
  return [...mounts.map((line) => `mount ${line}`), ...interfaces, ...commands];
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
