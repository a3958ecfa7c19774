import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect } from 'vitest';
import { buildShim } from '../../../tools/build.mjs';
import type { Container, Pod, PodSpec } from '../../api/index.ts';
import { systemClock as clock, systemRandom as random } from '../../clock/index.ts';
import { silentLogger as log } from '../../log/index.ts';
import type {
  ContainerId,
  ContainerRequest,
  EnvEntry,
  ExecSession,
  ExitedContainer,
  Runtime,
  VolumeContent,
} from '../runtime.ts';
import { sandboxProblem } from './probe-sandbox.ts';
import { createSandboxRuntime, type SandboxRuntimeOptions } from './sandbox-runtime.ts';

/** What a test wants to run. */
export interface Asked {
  readonly command: readonly string[];
  readonly env?: readonly EnvEntry[];
  readonly container?: Partial<Container>;
  readonly spec?: Partial<PodSpec>;
  readonly volumes?: readonly VolumeContent[];
}

/** The executors that this machine has; says which it has not. */
export async function executorsHere(): Promise<readonly ('shim' | 'util-linux')[]> {
  const problem = await sandboxProblem();
  if (problem !== undefined) console.log(`SKIPPED: the sandbox runtime: ${problem}`);
  if (problem !== undefined) return [];
  if (buildShim()) return ['shim', 'util-linux'];
  console.log('SKIPPED: the shim of the sandbox runtime: no C compiler');
  return ['util-linux'];
}

export const sh = (script: string): readonly string[] => ['/bin/sh', '-c', script];

export const configMap = (name: string, files: Record<string, string>): VolumeContent => ({
  name,
  type: 'configMap',
  files: new Map(Object.entries(files).map(([path, text]) => [path, { content: Buffer.from(text), mode: 0o644 }])),
});
export const emptyDir = (name: string): VolumeContent => ({ name, type: 'emptyDir', files: new Map() });

/** Until this holds: for what the kernel does a moment later. */
export async function until(holds: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!holds()) {
    if (performance.now() > deadline) throw new Error(`never came: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

let boxes = 0;

/** A sandbox runtime of a test, with the traces that it must not leave. */
export class Box {
  readonly dataDir = join(mkdtempSync(join(tmpdir(), 'rondo-sandbox-')), 'data');
  readonly #mark = `box-${process.pid}-${boxes++}`;
  readonly #exits = new Map<string, ExitedContainer>();
  readonly #waiting = new Map<string, (exit: ExitedContainer) => void>();
  #runtime: Runtime | undefined;
  #pods = 0;

  get runtime(): Runtime {
    if (this.#runtime === undefined) throw new Error('the box is not open');
    return this.#runtime;
  }

  /** Also after `runtime.stop()`, as an engine that comes back. */
  async open(options: Partial<SandboxRuntimeOptions>): Promise<void> {
    this.#runtime = createSandboxRuntime({ dataDir: this.dataDir, clock, random, log, rootfs: 'image', ...options });
    this.#runtime.onExit((state) => {
      if (state.type !== 'exited') return;
      const key = `${state.id.podUid}/${state.id.container}`;
      this.#exits.set(key, state);
      this.#waiting.get(key)?.(state);
    });
    await this.#runtime.start();
  }

  /** Removes all Pods and checks that nothing of them is left. */
  async close(): Promise<void> {
    const { runtime, dataDir } = this;
    await Promise.all(runtime.podUids().map((uid) => runtime.removePod(uid)));
    await until(() => this.#cgroups().length === 0, 'the end of all cgroups');
    await until(() => this.processes().length === 0, 'the end of all processes');
    await runtime.stop();
    expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain(dataDir);
    for (const name of ['claims', 'exits', 'logs', 'pods', 'volumes', 'sandboxes'])
      expect(readdirSync(join(dataDir, name)), name).toEqual([]);
    rmSync(dirname(dataDir), { recursive: true, force: true });
  }

  pod(asked: Asked): Pod {
    const name = `${this.#mark}-${this.#pods++}`;
    const container: Container = { name: 'main', image: 'rondo.dev/host', command: asked.command, ...asked.container };
    const metadata = { name, namespace: 'default', uid: `uid-${name}`, resourceVersion: '1', creationTimestamp: '' };
    return { apiVersion: 'v1', kind: 'Pod', metadata, spec: { containers: [container], ...asked.spec }, status: {} };
  }

  async startIn(pod: Pod, container: Container, more: Partial<ContainerRequest> = {}): Promise<ContainerId> {
    const id: ContainerId = { podUid: pod.metadata.uid, container: container.name, attempt: 0 };
    const { command = [], args = [] } = container;
    await this.runtime.startContainer({ id, pod, container, env: [], command, args, ...more });
    return id;
  }

  async start(asked: Asked): Promise<ContainerId> {
    const pod = this.pod(asked);
    expect(this.runtime.admit(pod)).toMatchObject({ type: 'accept' });
    await this.runtime.preparePod(pod, asked.volumes ?? []);
    return this.startIn(pod, pod.spec.containers[0]!, asked.env === undefined ? {} : { env: asked.env });
  }

  async run(asked: Asked): Promise<{ exit: ExitedContainer; log: string; id: ContainerId }> {
    const id = await this.start(asked);
    const exit = await this.exitOf(id);
    return { exit, log: await this.log(id), id };
  }

  async exitOf(id: ContainerId): Promise<ExitedContainer> {
    const key = `${id.podUid}/${id.container}`;
    return this.#exits.get(key) ?? new Promise((resolve) => this.#waiting.set(key, resolve));
  }

  async log(id: ContainerId): Promise<string> {
    const chunks: Uint8Array[] = [];
    for await (const chunk of this.runtime.readLog(id, { follow: false, timestamps: false })) chunks.push(chunk);
    return Buffer.concat(chunks).toString();
  }

  /** The log, once this is in it. */
  async written(id: ContainerId, text: string): Promise<string> {
    let seen = '';
    for await (const chunk of this.runtime.readLog(id, { follow: true, timestamps: false })) {
      seen += Buffer.from(chunk).toString();
      if (seen.includes(text)) return seen;
    }
    throw new Error(`the log ended without ${text}: ${seen}`);
  }

  /** What a command says that runs beside the main process. */
  async say(id: ContainerId, command: readonly string[]): Promise<string> {
    const session: ExecSession = this.runtime.exec!(id, command);
    let said = '';
    session.stdout.on('data', (text: Buffer) => (said += text.toString()));
    session.stderr.on('data', (text: Buffer) => (said += text.toString()));
    session.stdin.end();
    await session.exitCode;
    return said;
  }

  /** Processes of this box's containers, by the mark in their environment or arguments. */
  processes(): string[] {
    return readdirSync('/proc').filter((pid) => {
      if (!/^\d+$/.test(pid)) return false;
      try {
        if (/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))) return false;
        const text = readFileSync(`/proc/${pid}/environ`, 'utf8') + readFileSync(`/proc/${pid}/cmdline`, 'utf8');
        return text.includes(`uid-${this.#mark}-`);
      } catch {
        // It ended between.
        return false;
      }
    });
  }

  #cgroups(): string[] {
    return ['memory', 'cpu', 'pids', '.']
      .map((name) => join('/sys/fs/cgroup', name))
      .filter((path) => existsSync(path))
      .flatMap((path) => readdirSync(path).filter((name) => name.includes(`uid-${this.#mark}-`)));
  }
}
