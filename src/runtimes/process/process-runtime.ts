import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { resolve } from 'node:path';
import type { Pod } from '../../api/index.ts';
import type { Clock, Random } from '../../clock/index.ts';
import type { Logger } from '../../log/index.ts';
import { shapeLog } from '../log-lines.ts';
import {
  containerIdKey,
  RuntimeError,
  type Admission,
  type ContainerId,
  type ContainerRequest,
  type ContainerState,
  type ExitedContainer,
  type ReadLogOptions,
  type Runtime,
  type VolumeContent,
} from '../runtime.ts';
import { admitPod, type Abilities } from './admission.ts';
import { machineCapabilities } from './capabilities.ts';
import { Containers, type HeldContainer } from './containers.ts';
import { ExitWatch } from './exit-watch.ts';
import {
  containerFiles,
  exitFileName,
  isSafeId,
  isSafeName,
  layoutOf,
  parseToken,
  podFiles,
  tokenOf,
  type ExitKind,
  type ExitRecord,
  type Layout,
} from './layout.ts';
import { Liveness } from './liveness.ts';
import { planStart } from './plan-start.ts';
import { currentBootId, probeShell } from './probe.ts';
import { probeAbilities } from './probe-abilities.ts';
import { readClaim } from './processes.ts';
import { readLogFile } from './read-log.ts';
import { Spawner } from './spawner.ts';
import { Terminator } from './terminator.ts';
import { writeVolumes } from './volumes.ts';
import type { Shell } from './wrapper.ts';

export interface ProcessRuntimeOptions {
  /** Belongs to this runtime alone; made with mode 0700. */
  readonly dataDir: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** For tests: the ways of a poorer machine. */
  readonly limits?: { readonly shell?: 'setsid'; readonly mounts?: Abilities['mounts'] };
}

/**
 * Runs containers as plain processes on the host's own files: no images, no isolation, nothing needed but a shell.
 * Each runs under a small shell wrapper that outlives the engine and records the exit (wrapper.ts).
 */
export function createProcessRuntime(options: ProcessRuntimeOptions): Runtime {
  return new ProcessRuntime(options);
}

/** What is known after `start`. */
interface Started {
  readonly shell: Shell;
  readonly abilities: Abilities;
  readonly spawner: Spawner;
}

class ProcessRuntime implements Runtime {
  readonly name = 'process';
  readonly version = 'rondo-process://0.1.0';
  readonly capabilities = machineCapabilities();
  readonly shortLifeMs = 5;

  readonly #options: ProcessRuntimeOptions;
  readonly #layout: Layout;
  readonly #containers: Containers;
  readonly #exits: ExitWatch;
  readonly #liveness: Liveness;
  readonly #terminator: Terminator;
  readonly #home = homedir();
  #started: Started | undefined;
  #listener: (state: ExitedContainer) => void = () => undefined;

  constructor(options: ProcessRuntimeOptions) {
    const { clock, log } = options;
    this.#options = options;
    // The spawner and the containers work in other directories, where a relative path would mean another place.
    this.#layout = layoutOf(resolve(options.dataDir));
    this.#containers = new Containers(this.#layout);
    this.#exits = new ExitWatch({
      directory: this.#layout.exits,
      clock,
      log,
      onRecord: (record, fileTimeMs) => this.#observe(record, fileTimeMs),
    });
    const claimFile = (container: HeldContainer): string => `${this.#layout.claims}/${container.token}`;
    this.#liveness = new Liveness({
      clock,
      log,
      claimFile,
      running: () => this.#containers.running(),
      readExits: () => this.#exits.readAll(),
      onLost: (container) => this.#lose(container),
    });
    this.#terminator = new Terminator({ clock, claimFile });
  }

  async start(): Promise<void> {
    if (this.#started !== undefined) return;
    const { clock, log, limits } = this.#options;
    const { root, claims, exits, pods, logs, volumes, sandboxes } = this.#layout;
    for (const directory of [root, claims, exits, pods, logs, volumes, sandboxes])
      mkdirSync(directory, { recursive: true, mode: 0o700 });
    const [shell, bootId, abilities] = await Promise.all([
      probeShell(limits?.shell),
      currentBootId(),
      probeAbilities(this.#layout.root, limits?.mounts),
    ]);
    const spawner = new Spawner({ shell, cwd: this.#layout.root, clock, log, onRestart: () => this.#startAgain() });
    spawner.start();
    this.#started = { shell, abilities, spawner };
    log.info('process runtime', { shell: shell.path, groups: shell.group.type, mounts: abilities.mounts });
    await this.#adopt(bootId);
  }

  stop(): Promise<void> {
    this.#started?.spawner.stop();
    this.#started = undefined;
    this.#exits.stop();
    this.#liveness.stop();
    this.#terminator.stop();
    return Promise.resolve();
  }

  admit(pod: Pod): Admission {
    return admitPod(pod, this.#running().abilities);
  }

  async preparePod(pod: Pod, volumes: readonly VolumeContent[]): Promise<void> {
    const uid = pod.metadata.uid;
    if (!isSafeName(uid)) throw new RuntimeError('CreateContainerConfigError', 'metadata.uid: not a file name');
    this.#makePod(uid);
    await writeVolumes(podFiles(this.#layout, uid).volumes, volumes);
  }

  // Not `async`, so that a container is known in the same turn in which it was asked for.
  startContainer(request: ContainerRequest): Promise<ContainerState> {
    try {
      return Promise.resolve(this.#start(request));
    } catch (error) {
      return Promise.reject(error as Error);
    }
  }

  stopContainer(id: ContainerId, gracePeriodMs: number): Promise<void> {
    const container = this.#containers.get(id);
    if (container !== undefined) this.#terminator.stopContainer(container, gracePeriodMs);
    return Promise.resolve();
  }

  containerState(id: ContainerId): ContainerState | undefined {
    return this.#containers.get(id)?.state;
  }

  containers(): readonly ContainerState[] {
    return this.#containers.all();
  }

  onExit(listener: (state: ExitedContainer) => void): void {
    this.#listener = listener;
  }

  readLog(id: ContainerId, options: ReadLogOptions): AsyncIterable<Uint8Array> {
    const container = this.#containers.get(id);
    if (container === undefined) throw new RuntimeError('NotFound', `no container ${containerIdKey(id)}`);
    const source = {
      file: containerFiles(this.#layout, id).log,
      clock: this.#options.clock,
      ended: () => container.state.type === 'exited' || this.#containers.get(id) === undefined,
      whenEnded: (call: () => void) => {
        (container.whenEnded ??= new Set()).add(call);
        return () => container.whenEnded?.delete(call);
      },
    };
    return shapeLog(readLogFile(source, options), options);
  }

  async removePod(podUid: string): Promise<void> {
    if (!isSafeName(podUid)) return;
    const containers = this.#containers.ofPod(podUid);
    const files = podFiles(this.#layout, podUid);
    this.#containers.removePod(podUid);
    await this.#terminator.killPod(podUid, containers);
    // A start that is still under way finds no directory and gives up.
    for (const directory of [files.directory, files.volumes, files.sandbox]) await removeDirectory(directory);
    for (const container of containers) {
      if (container.state.type === 'exited') rmSync(this.#exitFile(recordOf(container.state)), { force: true });
      this.#removeFiles(container.state.id);
    }
  }

  podUids(): readonly string[] {
    return this.#containers.podUids();
  }

  #running(): Started {
    if (this.#started === undefined) throw new RuntimeError('RunContainerError', 'the process runtime is not running');
    return this.#started;
  }

  #makePod(uid: string): void {
    if (this.#containers.hasPod(uid)) return;
    makeDirectory(podFiles(this.#layout, uid).directory);
    this.#containers.addPod(uid);
  }

  #removeFiles(id: ContainerId): void {
    const { log, message, error, fallback, claim } = containerFiles(this.#layout, id);
    for (const file of [log, message, error, fallback, claim]) rmSync(file, { force: true });
  }

  #start(request: ContainerRequest): ContainerState {
    const { spawner, abilities } = this.#running();
    const { id } = request;
    const known = this.#containers.get(id);
    if (known !== undefined) return known.state;
    if (!isSafeId(id))
      throw new RuntimeError('CreateContainerConfigError', 'pod uid or container name: not a file name');
    this.#makePod(id.podUid);
    const startedAtMs = Math.floor(this.#options.clock.now());
    const plan = planStart({ request, layout: this.#layout, abilities, home: this.#home, startedAtMs });
    if (plan.fallbackToLogs) writeFileSync(containerFiles(this.#layout, id).fallback, '', { mode: 0o600 });
    if (plan.type === 'fail') return this.#failStart(id, startedAtMs, plan.message);
    const container = this.#containers.addRunning(id, startedAtMs, plan.text);
    spawner.run(plan.text);
    this.#liveness.watch();
    return container.state;
  }

  /** The command cannot be executed: the same records as of one that ran, so that it stays so after a restart. */
  #failStart(id: ContainerId, startedAtMs: number, message: string): ContainerState {
    const files = containerFiles(this.#layout, id);
    const container = this.#containers.addRunning(id, startedAtMs, undefined);
    writeFileSync(files.error, message, { mode: 0o600 });
    writeFileSync(files.claim, `${startedAtMs} -\n`, { mode: 0o600 });
    // The exit is seen through the watch, like all others: after the caller has heard of the start.
    this.#writeExit({ token: container.token, startedAtMs, exitCode: 128, kind: 'startError' });
    return container.state;
  }

  #lose(container: HeldContainer): void {
    this.#options.log.warn('container lost: its wrapper ended without a record', { container: container.token });
    this.#terminator.killOrphans(container);
    const { startedAtMs } = container.state;
    const record: ExitRecord = { token: container.token, startedAtMs, exitCode: 137, kind: 'unknown' };
    this.#writeExit(record);
    this.#observe(record, Math.floor(this.#options.clock.now()));
  }

  #writeExit(record: ExitRecord): void {
    writeFileSync(this.#exitFile(record), '', { mode: 0o600 });
  }

  #exitFile(record: ExitRecord): string {
    return `${this.#layout.exits}/${exitFileName(record)}`;
  }

  #observe(record: ExitRecord, fileTimeMs: number): void {
    const exit = this.#containers.recordExit(record, fileTimeMs);
    if (exit !== undefined) {
      this.#terminator.forget(exit.container);
      this.#started?.spawner.reapSoon();
      this.#listener(exit.state);
    } else if (!this.#containers.hasPod(parseToken(record.token)?.podUid ?? '')) {
      // Its Pod was removed while it ended.
      rmSync(this.#exitFile(record), { force: true });
    }
  }

  /** A new spawner: what was written to the old one and not claimed by a wrapper did not happen, or loses the claim. */
  #startAgain(): void {
    for (const { startText } of this.#containers.running()) {
      if (startText !== undefined) this.#started?.spawner.run(startText);
    }
  }

  async #adopt(bootId: string): Promise<void> {
    for (const uid of readdirSync(this.#layout.pods)) this.#containers.addPod(uid);
    await this.#exits.start();
    for (const token of readdirSync(this.#layout.claims)) this.#adoptClaim(token);
    await this.#removeLeftovers();
    const sameBoot = !existsSync(this.#layout.bootId) || readFileSync(this.#layout.bootId, 'utf8') === bootId;
    if (sameBoot) await this.#liveness.check();
    else for (const container of this.#containers.running()) this.#lose(container);
    writeFileSync(this.#layout.bootId, bootId, { mode: 0o600 });
  }

  /** An engine that was killed while it removed a Pod left these. */
  async #removeLeftovers(): Promise<void> {
    for (const parent of [this.#layout.volumes, this.#layout.sandboxes]) {
      for (const uid of readdirSync(parent)) {
        if (!this.#containers.hasPod(uid)) await removeDirectory(`${parent}/${uid}`);
      }
    }
  }

  #adoptClaim(token: string): void {
    const id = parseToken(token);
    const file = `${this.#layout.claims}/${token}`;
    if (id === undefined) rmSync(file, { force: true });
    else if (!this.#containers.hasPod(id.podUid)) this.#removeFiles(id);
    else if (this.#containers.get(id) === undefined) {
      const claimedAtMs = lstatSync(file, { throwIfNoEntry: false })?.mtimeMs ?? this.#options.clock.now();
      this.#containers.addRunning(id, readClaim(file)?.startedAtMs ?? Math.floor(claimedAtMs), undefined);
    }
  }
}

/** Not recursive, which would cost more system calls; another engine may have made it. */
function makeDirectory(path: string): void {
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

async function removeDirectory(path: string): Promise<void> {
  // Most Pods have one of three: asking is cheaper than walking.
  if (existsSync(path)) await rm(path, { recursive: true, force: true, maxRetries: 3 });
}

function recordOf(state: ExitedContainer): ExitRecord {
  const kinds: Partial<Record<string, ExitKind>> = { StartError: 'startError', ContainerStatusUnknown: 'unknown' };
  const { startedAtMs, exitCode } = state;
  return { token: tokenOf(state.id), startedAtMs, exitCode, kind: kinds[state.reason] ?? 'ended' };
}
