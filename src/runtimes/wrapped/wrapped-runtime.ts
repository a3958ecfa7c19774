import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { connect } from 'node:net';
import { resolve } from 'node:path';
import type { Duplex, Writable } from 'node:stream';
import type { Pod } from '../../api/index.ts';
import type { Clock } from '../../clock/index.ts';
import type { Logger } from '../../log/index.ts';
import type { HeldImage, RuntimeImages } from '../image-service.ts';
import {
  RuntimeError,
  type Admission,
  type Announcement,
  type Capabilities,
  type ContainerId,
  type ContainerRequest,
  type ContainerState,
  type ContainerUsage,
  type EphemeralBytes,
  type ExecSession,
  type ExitedContainer,
  type ReadLogOptions,
  type Runtime,
  type VolumeContent,
} from '../runtime.ts';
import { ContainerInputs } from './container-inputs.ts';
import { ContainerLogs } from './container-logs.ts';
import { ephemeralBytesOf, usageOf } from './container-usage.ts';
import { Containers, type HeldContainer } from './containers.ts';
import { findTerminal } from './compiled-starter.ts';
import { keepOnly, makeDirectory, removeContainerFiles, removeDirectory } from './directories.ts';
import { execBeside, execOnTerminal } from './exec.ts';
import { ExitWatch } from './exit-watch.ts';
import {
  containerFiles,
  exitFileName,
  isSafeId,
  isSafeName,
  layoutOf,
  parseToken,
  podFiles,
  type ExitRecord,
  type Layout,
  recordOf,
} from './layout.ts';
import { Liveness } from './liveness.ts';
import { currentBootId, probeShell } from './probe.ts';
import { initProcess, readClaim } from './processes.ts';
import { Spawner } from './spawner.ts';
import type { RunningContainers, RuntimeStyle, StartPlan } from './style.ts';
import { Terminator } from './terminator.ts';
import { diskUsage, writeVolumes } from './volumes.ts';
import type { Starter } from './wrapper.ts';

export interface WrappedRuntimeOptions {
  /** Belongs to this runtime alone; made with mode 0700. */
  readonly dataDir: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly style: RuntimeStyle;
}

/**
 * Runs each container under a small wrapper that outlives the engine, claims the attempt and records the exit. What a
 * container sees, and what surrounds it, is the style's matter.
 */
export class WrappedRuntime implements Runtime {
  readonly name: string;
  readonly version: string;
  readonly capabilities: Capabilities;
  readonly images: RuntimeImages | undefined;
  readonly shortLifeMs = 5;

  readonly #options: WrappedRuntimeOptions;
  readonly #style: RuntimeStyle;
  readonly #layout: Layout;
  readonly #containers: Containers;
  readonly #exits: ExitWatch;
  readonly #liveness: Liveness;
  readonly #logs: ContainerLogs;
  readonly #inputs: ContainerInputs;
  readonly #terminator: Terminator;
  readonly #runningContainers: RunningContainers = {
    ofPod: (uid) =>
      this.#containers
        .ofPod(uid)
        .filter(({ state }) => state.type === 'running')
        .map(({ state }) => state.id),
    processOf: (id) => this.#processOf(id),
  };
  /** After `start`. */
  #spawner: Spawner | undefined;
  #listener: (state: ExitedContainer) => void = () => undefined;

  constructor(options: WrappedRuntimeOptions) {
    const { clock, log, style } = options;
    this.#style = style;
    this.name = style.name;
    this.version = `rondo-${style.name}://0.1.0`;
    this.capabilities = style.capabilities;
    this.images = style.images;
    this.#options = options;
    // The spawner and the containers work in other directories, where a relative path would mean another place.
    this.#layout = layoutOf(resolve(options.dataDir));
    this.#containers = new Containers(this.#layout, style.name);
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
    this.#logs = new ContainerLogs({ layout: this.#layout, containers: this.#containers, clock, log });
    this.#inputs = new ContainerInputs(this.#layout);
    this.#terminator = new Terminator({
      clock,
      claimFile,
      reach: style.reach,
      stopSignal: (container) => style.stopSignal(container.state.id),
    });
  }

  async start(): Promise<void> {
    if (this.#spawner !== undefined) return;
    const { clock, log } = this.#options;
    const { root, claims, exits, pods, logs, volumes, sandboxes } = this.#layout;
    for (const directory of [root, claims, exits, pods, logs, volumes, sandboxes])
      mkdirSync(directory, { recursive: true, mode: 0o700 });
    const [shell, bootId, abilities] = await Promise.all([
      probeShell(this.#style.shell),
      currentBootId(),
      this.#style.probe(this.#layout, { clock, log }),
    ]);
    const path = this.#style.starterPath?.();
    const starter: Starter = path === undefined ? { type: 'shell', shell } : { type: 'compiled', path };
    const spawner = new Spawner({ starter, cwd: this.#layout.root, clock, log, onRestart: () => this.#startAgain() });
    spawner.start();
    this.#spawner = spawner;
    log.info(`${this.name} runtime`, { starter: path ?? shell.path, groups: shell.group.type, ...abilities });
    await this.#adopt(bootId);
  }

  async stop(): Promise<void> {
    this.#spawner?.stop();
    this.#spawner = undefined;
    this.#exits.stop();
    this.#liveness.stop();
    this.#logs.stop();
    this.#inputs.stop();
    this.#terminator.stop();
    await this.#style.stop?.();
  }

  admit(pod: Pod): Admission {
    this.#running();
    return this.#style.admit(pod);
  }

  identityOf(pod: Pod): ReturnType<NonNullable<Runtime['identityOf']>> {
    return this.#style.identityOf?.(pod) ?? 'mounted';
  }

  async preparePod(pod: Pod, volumes: readonly VolumeContent[]): Promise<readonly Announcement[]> {
    const uid = pod.metadata.uid;
    if (!isSafeName(uid)) throw new RuntimeError('CreateContainerConfigError', 'metadata.uid: not a file name');
    this.#makePod(uid);
    const files = podFiles(this.#layout, uid);
    await writeVolumes(files.volumes, volumes);
    const announcements = await this.#style.preparePod(pod, files, volumes);
    // Removed meanwhile: what was made since then is nobody's.
    if (!this.#containers.hasPod(uid)) await this.#style.removePod(uid, [], files);
    return announcements;
  }

  podAddress(podUid: string): string | undefined {
    return this.#style.podAddress === undefined ? this.capabilities.hostAddress : this.#style.podAddress(podUid);
  }

  async endPod(podUid: string): Promise<void> {
    if (isSafeName(podUid)) await this.#style.endPod?.(podUid, podFiles(this.#layout, podUid));
  }

  // Not `async`, so that a container is known in the same turn in which it was asked for.
  startContainer(request: ContainerRequest): Promise<ContainerState> {
    try {
      const known = this.#containers.get(request.id);
      if (known !== undefined) return Promise.resolve(known.state);
      return this.#start(request);
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

  exec(id: ContainerId, command: readonly string[], { terminal } = { terminal: false }): ExecSession {
    const pid = this.#processOf(id);
    if (pid === undefined) throw new RuntimeError('ContainerNotRunning', `container ${id.container} is not running`);
    const plan = this.#style.exec(id, pid, command);
    if (!terminal) return execBeside(pid, plan);
    const program = findTerminal();
    if (program !== undefined) return execOnTerminal(pid, plan, program);
    throw new RuntimeError('ExecError', 'terminals need a C compiler at the build of Rondo: leave out -t (--tty)');
  }

  openInput(id: ContainerId): Writable {
    if (this.#processOf(id) === undefined)
      throw new RuntimeError('ContainerNotRunning', `container ${id.container} is not running`);
    return this.#inputs.open(id);
  }

  volumeBytes(podUid: string, volume: string): Promise<number> {
    if (!isSafeName(podUid) || !isSafeName(volume)) return Promise.resolve(0);
    return diskUsage(`${podFiles(this.#layout, podUid).volumes}/${volume}`);
  }

  async ephemeralBytes(podUid: string): Promise<EphemeralBytes> {
    if (!isSafeName(podUid)) return { containers: new Map(), sharedBytes: 0 };
    return ephemeralBytesOf(podUid, this.#containers.ofPod(podUid), { layout: this.#layout, logs: this.#logs });
  }

  usage(): Promise<ReadonlyMap<string, ContainerUsage>> {
    return Promise.resolve(usageOf(this.#layout, this.#containers.running()));
  }

  imageOf(id: ContainerId): HeldImage | undefined {
    return this.#style.imageOf?.(id);
  }

  dial(podUid: string, port: number): Duplex {
    return this.#style.dial?.(podUid, port) ?? connect({ host: '127.0.0.1', port });
  }

  readLog(id: ContainerId, options: ReadLogOptions): AsyncIterable<Uint8Array> {
    return this.#logs.read(id, options);
  }

  async removePod(podUid: string): Promise<void> {
    if (!isSafeName(podUid)) return;
    const containers = this.#containers.ofPod(podUid);
    const files = podFiles(this.#layout, podUid);
    this.#containers.removePod(podUid);
    await this.#terminator.killPod(podUid, containers);
    const ids = containers.map(({ state }) => state.id);
    await this.#style.removePod(podUid, ids, files);
    // A start that is still under way finds no directory and gives up.
    for (const directory of [files.directory, files.volumes, files.sandbox]) await removeDirectory(directory);
    for (const container of containers) {
      if (container.state.type === 'exited') rmSync(this.#exitFile(recordOf(container.state)), { force: true });
      removeContainerFiles(this.#layout, container.state.id);
      this.#logs.removed(container.state.id);
    }
  }

  podUids(): readonly string[] {
    return this.#containers.podUids();
  }

  #processOf(id: ContainerId): number | undefined {
    const container = this.#containers.get(id);
    if (container?.state.type !== 'running') return undefined;
    const claim = readClaim(`${this.#layout.claims}/${container.token}`);
    return claim === undefined ? undefined : initProcess(claim);
  }

  #running(): Spawner {
    if (this.#spawner === undefined)
      throw new RuntimeError('RunContainerError', `the ${this.name} runtime is not running`);
    return this.#spawner;
  }

  #makePod(uid: string): void {
    if (this.#containers.hasPod(uid)) return;
    makeDirectory(podFiles(this.#layout, uid).directory);
    this.#containers.addPod(uid);
  }

  #start(request: ContainerRequest): Promise<ContainerState> {
    this.#running();
    const { id } = request;
    if (!isSafeId(id))
      throw new RuntimeError('CreateContainerConfigError', 'pod uid or container name: not a file name');
    this.#makePod(id.podUid);
    const startedAtMs = Math.floor(this.#options.clock.now());
    const plan = this.#style.plan(request, startedAtMs, this.#runningContainers);
    if (request.container.stdin === true && plan.type === 'start') this.#inputs.make(id);
    return Promise.resolve(this.#carryOut(plan, id));
  }

  #carryOut(plan: StartPlan, id: ContainerId): ContainerState {
    const spawner = this.#running();
    const { startedAtMs } = plan;
    if (plan.fallbackToLogs) writeFileSync(containerFiles(this.#layout, id).fallback, '', { mode: 0o600 });
    if (plan.type === 'fail') return this.#failStart(id, startedAtMs, plan.message);
    const container = this.#containers.addRunning(id, startedAtMs, plan.text);
    spawner.run(plan.text);
    this.#liveness.watch();
    this.#logs.began();
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

  #observe(seen: ExitRecord, fileTimeMs: number): void {
    const record = this.#explained(seen);
    const exit = this.#containers.recordExit(record, fileTimeMs);
    if (exit !== undefined) {
      this.#terminator.forget(exit.container);
      this.#style.release(exit.state.id);
      this.#spawner?.reapSoon();
      this.#logs.ended(exit.state.id);
      this.#inputs.ended(exit.state.id);
      this.#listener(exit.state);
    } else if (!this.#containers.hasPod(parseToken(record.token)?.podUid ?? '')) {
      // Its Pod was removed while it ended.
      rmSync(this.#exitFile(record), { force: true });
    }
  }

  /** What only the style can tell (memory ran out) is kept in the record before anybody hears of it. */
  #explained(record: ExitRecord): ExitRecord {
    const id = parseToken(record.token);
    const known = id === undefined ? undefined : this.#containers.get(id);
    if (record.kind !== 'ended' || known?.state.type === 'exited') return record;
    const kind = this.#style.kindOf(record);
    if (kind === 'ended') return record;
    const explained = { ...record, kind };
    renameSync(this.#exitFile(record), this.#exitFile(explained));
    return explained;
  }

  /** A new spawner: what was written to the old one and not claimed by a wrapper did not happen, or loses the claim. */
  #startAgain(): void {
    for (const { startText } of this.#containers.running()) {
      if (startText !== undefined) this.#spawner?.run(startText);
    }
  }

  async #adopt(bootId: string): Promise<void> {
    for (const uid of readdirSync(this.#layout.pods)) this.#containers.addPod(uid);
    await this.#exits.start();
    for (const token of readdirSync(this.#layout.claims)) this.#adoptClaim(token);
    await this.#style.adopt((uid) => this.#containers.hasPod(uid));
    const { volumes, sandboxes } = this.#layout;
    // An engine that was killed while it removed a Pod left these.
    for (const parent of [volumes, sandboxes]) await keepOnly(parent, (uid) => this.#containers.hasPod(uid));
    const sameBoot = !existsSync(this.#layout.bootId) || readFileSync(this.#layout.bootId, 'utf8') === bootId;
    this.#logs.start();
    if (sameBoot) await this.#liveness.check();
    else for (const container of this.#containers.running()) this.#lose(container);
    writeFileSync(this.#layout.bootId, bootId, { mode: 0o600 });
  }

  #adoptClaim(token: string): void {
    const id = parseToken(token);
    const file = `${this.#layout.claims}/${token}`;
    if (id === undefined) rmSync(file, { force: true });
    else if (!this.#containers.hasPod(id.podUid)) removeContainerFiles(this.#layout, id);
    else if (this.#containers.get(id) === undefined) {
      const claimedAtMs = lstatSync(file, { throwIfNoEntry: false })?.mtimeMs ?? this.#options.clock.now();
      this.#containers.addRunning(id, readClaim(file)?.startedAtMs ?? Math.floor(claimedAtMs), undefined);
    }
  }
}
