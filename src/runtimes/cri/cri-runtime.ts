import { resolve } from 'node:path';
import type { Duplex, Writable } from 'node:stream';
import type { Pod } from '../../api/index.ts';
import type { Clock, Random } from '../../clock/index.ts';
import type { Logger } from '../../log/index.ts';
import {
  containerIdKey,
  RuntimeError,
  type Admission,
  type Announcement,
  type ContainerId,
  type ContainerRequest,
  type ContainerState,
  type ContainerUsage,
  type EphemeralBytes,
  type ExecSession,
  type FinishedCommand,
  type ReadLogOptions,
  type RunningContainer,
  type Runtime,
  type VolumeContent,
} from '../runtime.ts';
import { applyFsGroup } from '../fs-group.ts';
import type { HeldImage } from '../image-service.ts';
import { LogKeeper } from '../log-keeper.ts';
import { diskUsage, isSafeName, machineCapabilities, writeVolumes } from '../wrapped/index.ts';
import { admitToCri } from './admission.ts';
import { Chores, type Chore } from './chores.ts';
import { asRuntimeError, ContainerRuntime, unlessGone } from './container-runtime.ts';
import { ContainerStarter } from './container-starter.ts';
import { ContainerWatch } from './container-watch.ts';
import { CriImages } from './cri-images.ts';
import { exitedState, exitOf } from './exit-of.ts';
import {
  attemptFiles,
  attemptsOf,
  heldPods,
  isOver,
  makePod,
  markOver,
  openFiles,
  podFiles,
  removePodFiles,
  writeExit,
  type AttemptRecord,
  type Files,
} from './files.ts';
import { HeldContainers, type HeldContainer } from './held-containers.ts';
import { forwardedPort } from './port-forward.ts';
import type { containerStatus } from './protocol/containers.ts';
import type { Received } from './protocol/message.ts';
import { methods } from './protocol/methods.ts';
import { readCriLog } from './read-log.ts';
import { remoteCommand } from './remote-command.ts';
import { Sandboxes, type ConfiguredSandbox } from './sandboxes.ts';
import { ephemeralBytesOf, usageOf } from './usage.ts';
import { StopOrders } from './stop-orders.ts';

export interface CriRuntimeOptions {
  /** Belongs to this runtime alone; made with mode 0700. */
  readonly dataDir: string;
  /** Path of the socket of containerd or CRI-O. */
  readonly socket: string;
  /** The socket is not spoken to before a Pod asks for it, and may be dead until then. */
  readonly onDemand?: boolean | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** Runs containers by containerd or CRI-O. `start` says so where there is none, unless it is on demand. */
export function createCriRuntime(options: CriRuntimeOptions): Runtime {
  return new CriRuntime({ ...options, dataDir: resolve(options.dataDir) });
}

/** A kubelet's default. */
const podLimit = 110;

/** What is there between `start` and `stop`. */
interface Parts {
  readonly files: Files;
  readonly sandboxes: Sandboxes;
  readonly starter: ContainerStarter;
  readonly watch: ContainerWatch;
  readonly stops: StopOrders;
  readonly chores: Chores;
}

class CriRuntime implements Runtime {
  readonly name = 'cri';
  readonly shortLifeMs = 50;
  readonly capabilities = { ...machineCapabilities(), pods: podLimit };

  readonly #options: CriRuntimeOptions;
  readonly #runtime: ContainerRuntime;
  readonly images: CriImages;
  readonly #held = new HeldContainers();
  readonly #logs: LogKeeper;
  readonly #starting = new Map<string, Promise<ContainerState>>();
  /** Aborted when a Pod is removed: nothing more of it is started. */
  readonly #gone = new Map<string, AbortController>();
  #running: Parts | undefined;
  #connecting: Promise<void> | undefined;
  #isConnected = false;
  #listener: (state: ContainerState) => void = () => undefined;

  constructor(options: CriRuntimeOptions) {
    this.#options = options;
    this.#runtime = new ContainerRuntime(options.socket, options.clock);
    const growing = (): string[] => this.#held.running().map(({ id }) => this.#logOf(id));
    this.#logs = new LogKeeper({ clock: options.clock, log: options.log, growing });
    const connect = (): Promise<void> => this.#connect();
    this.images = new CriImages({ runtime: this.#runtime, clock: options.clock, connect });
  }

  get version(): string {
    return this.#runtime.version;
  }

  async start(): Promise<void> {
    const { dataDir, random, onDemand = false } = this.#options;
    const { files, owner } = openFiles(dataDir, () => random.uuid());
    const parts = this.#makeParts(files, owner);
    this.#running = parts;
    for (const uid of heldPods(files)) {
      this.#held.addPod(uid);
      for (const record of attemptsOf(files, uid)) this.#adopt(record, parts);
    }
    this.#logs.start();
    if (!onDemand) await this.#connect();
    for (const state of this.#held.all()) if (state.type === 'exited') this.#listener(state);
    // What ended while the engine was away is known when this is over, if the runtime answers.
    await parts.watch.look();
  }

  stop(): Promise<void> {
    this.#logs.stop();
    this.#running?.watch.stop();
    this.#running?.stops.close();
    this.#running?.chores.close();
    for (const gone of this.#gone.values()) gone.abort();
    this.#runtime.client.close();
    this.#running = undefined;
    return Promise.resolve();
  }

  admit(pod: Pod): Admission {
    return admitToCri(pod);
  }

  async preparePod(pod: Pod, volumes: readonly VolumeContent[]): Promise<readonly Announcement[]> {
    const { files } = this.#parts();
    const { uid } = pod.metadata;
    if (!isSafeName(uid)) throw new RuntimeError('CreateContainerConfigError', 'metadata.uid: not a file name');
    makePod(files, uid);
    this.#held.addPod(uid);
    const directory = podFiles(files, uid).volumes;
    await writeVolumes(directory, volumes);
    if (!this.#held.hasPod(uid)) throw new RuntimeError('CreateContainerConfigError', 'the Pod was removed');
    const group = pod.spec.securityContext?.fsGroup;
    if (group !== undefined) await applyFsGroup(directory, volumes, group);
    // Volumes are also brought up to date while containers run.
    if (!this.#held.ofPod(uid).some(({ state }) => state.type === 'running')) await this.#sandboxOf(pod);
    return [];
  }

  startContainer(request: ContainerRequest): Promise<ContainerState> {
    const { id } = request;
    const known = this.#held.get(id);
    if (known !== undefined) return Promise.resolve(known.state);
    const key = containerIdKey(id);
    const starting = this.#starting.get(key) ?? this.#start(request).finally(() => this.#starting.delete(key));
    this.#starting.set(key, starting);
    return starting;
  }

  stopContainer(id: ContainerId, gracePeriodMs: number): Promise<void> {
    const container = this.#held.get(id);
    if (container !== undefined) this.#parts().stops.stop(container, gracePeriodMs);
    return Promise.resolve();
  }

  containerState(id: ContainerId): ContainerState | undefined {
    return this.#held.get(id)?.state;
  }

  containers(): readonly ContainerState[] {
    return this.#held.all();
  }

  onExit(listener: (state: ContainerState) => void): void {
    this.#listener = listener;
  }

  exec(id: ContainerId, command: readonly string[], { terminal } = { terminal: false }): ExecSession {
    const containerId = this.#runningId(id);
    const wanted = { stdin: true, terminal };
    const request = { containerId, cmd: command, tty: terminal, stdin: true, stdout: true, stderr: !terminal };
    return remoteCommand(async () => (await this.#runtime.call(methods.exec, request)).url, wanted);
  }

  /** What it writes is read from its log. */
  openInput(id: ContainerId): Writable {
    const request = { containerId: this.#runningId(id), stdin: true, stdout: true, stderr: true };
    const url = async (): Promise<string> => (await this.#runtime.call(methods.attach, request)).url;
    const session = remoteCommand(url, { stdin: true, terminal: false });
    session.stdout.resume();
    session.stderr.resume();
    return session.stdin;
  }

  /** containerd ends the command when the call is given up. */
  async execToEnd(id: ContainerId, command: readonly string[], signal: AbortSignal): Promise<FinishedCommand> {
    const request = { containerId: this.#runningId(id), cmd: command };
    try {
      const { exitCode, stdout, stderr } = await this.#runtime.call(methods.execSync, request, { signal });
      return { exitCode, output: Buffer.concat([stdout, stderr]).toString() };
    } catch (error) {
      throw asRuntimeError('ExecError', error);
    }
  }

  /** Of a network of its own. */
  podAddress(podUid: string): string | undefined {
    return this.#parts().sandboxes.known(podUid)?.address;
  }

  dial(podUid: string, port: number): Duplex {
    const sandbox = this.#parts().sandboxes.known(podUid);
    if (sandbox === undefined) throw new RuntimeError('NotFound', 'the Pod has no sandbox');
    const request = { podSandboxId: sandbox.id, port: [port] };
    return forwardedPort(port, async () => (await this.#runtime.call(methods.portForward, request)).url);
  }

  volumeBytes(podUid: string, volume: string): Promise<number> {
    if (!isSafeName(podUid) || !isSafeName(volume)) return Promise.resolve(0);
    return diskUsage(`${podFiles(this.#parts().files, podUid).volumes}/${volume}`);
  }

  ephemeralBytes(podUid: string): Promise<EphemeralBytes> {
    return ephemeralBytesOf(this.#runtime, this.#held.ofPod(podUid), (id) => this.#logOf(id));
  }

  usage(): Promise<ReadonlyMap<string, ContainerUsage>> {
    return usageOf(this.#runtime, this.#held.running());
  }

  imageOf(id: ContainerId): HeldImage | undefined {
    return this.#held.get(id)?.claim.image;
  }

  readLog(id: ContainerId, options: ReadLogOptions): AsyncIterable<Uint8Array> {
    const container = this.#held.get(id);
    if (container === undefined) throw new RuntimeError('NotFound', `no container ${containerIdKey(id)}`);
    const file = this.#logOf(id);
    const log = {
      file,
      beginning: () => this.#logs.beginningOf(file),
      ended: () => container.state.type === 'exited' || this.#held.get(id) === undefined,
      whenEnded: (call: () => void) => {
        container.whenEnded.add(call);
        return () => container.whenEnded.delete(call);
      },
    };
    return readCriLog(log, options);
  }

  /** Beside whoever asks: giving a network back takes a container runtime some tenths of a second. */
  endPod(podUid: string): Promise<void> {
    const { files, chores } = this.#parts();
    if (this.#held.hasPod(podUid)) {
      markOver(files, podUid);
      void chores.add(podUid, 'finish');
    }
    return Promise.resolve();
  }

  async removePod(podUid: string): Promise<void> {
    const { starter, chores } = this.#parts();
    if (!this.#held.hasPod(podUid)) return;
    for (const { id } of this.#held.ofPod(podUid)) this.#logs.forget(this.#logOf(id));
    this.#gone.get(podUid)?.abort();
    const starting = [...this.#starting].filter(([key]) => key.startsWith(`${podUid}/`));
    await Promise.allSettled(starting.map(([, start]) => start));
    this.#held.removePod(podUid);
    this.#gone.delete(podUid);
    starter.forgetPod(podUid);
    await chores.add(podUid, 'remove');
  }

  podUids(): readonly string[] {
    return this.#held.podUids();
  }

  #parts(): Parts {
    if (this.#running !== undefined) return this.#running;
    throw new RuntimeError('RunContainerError', 'the cri runtime is not running');
  }

  #makeParts(files: Files, owner: string): Parts {
    const { clock, log } = this.#options;
    const shared = { runtime: this.#runtime, files, owner, clock, log, held: this.#held };
    const watch = new ContainerWatch({
      ...shared,
      before: () => this.#connect(),
      onEnded: (container, status) => this.#observeEnd(container, status),
    });
    return {
      files,
      watch,
      sandboxes: new Sandboxes(shared),
      starter: new ContainerStarter({ ...shared, images: this.images, machine: this.capabilities }),
      stops: new StopOrders({ ...shared, onStopped: () => void watch.look() }),
      chores: new Chores({ ...shared, carryOut: (uid, chore) => this.#carryOut(uid, chore) }),
    };
  }

  #adopt({ id, claim, exit }: AttemptRecord, { starter }: Parts): void {
    if (exit !== undefined) this.#held.add(claim ?? unknownClaim, exitedState(id, exit));
    else if (claim?.startedAtMs === undefined && claim !== undefined) starter.adoptClaim(id, claim);
    else if (claim?.startedAtMs !== undefined) {
      const { runtimeId, startedAtMs } = claim;
      this.#held.add(claim, { type: 'running', id, runtimeId, startedAtMs });
    }
  }

  /** Finds out once who is there, and what of ours. @throws (rejects) Error if there is nobody */
  #connect(): Promise<void> {
    if (this.#isConnected) return Promise.resolve();
    this.#connecting ??= this.#greet().finally(() => (this.#connecting = undefined));
    return this.#connecting;
  }

  async #greet(): Promise<void> {
    const { sandboxes, starter, chores, files } = this.#parts();
    await this.#runtime.greet();
    const unneeded = await sandboxes.adopt((uid) => this.#held.hasPod(uid) && !isOver(files, uid));
    await starter.adopt();
    this.#isConnected = true;
    for (const uid of unneeded) void chores.add(uid, 'finish');
    this.#options.log.info('cri runtime', { socket: this.#runtime.socket, version: this.version });
  }

  async #sandboxOf(pod: Pod): Promise<ConfiguredSandbox> {
    const { sandboxes } = this.#parts();
    const { uid } = pod.metadata;
    const gone = this.#gone.get(uid) ?? new AbortController();
    this.#gone.set(uid, gone);
    try {
      await this.#connect();
    } catch (error) {
      throw asRuntimeError('FailedCreatePodSandBox', error);
    }
    const strict = pod.spec.securityContext?.supplementalGroupsPolicy === 'Strict';
    if (strict && !this.#runtime.features.supplementalGroupsPolicy)
      throw new RuntimeError(
        'CreateContainerConfigError',
        `spec.securityContext.supplementalGroupsPolicy: ${this.version} cannot enforce Strict`,
      );
    return sandboxes.ensure(pod, gone.signal);
  }

  async #start(request: ContainerRequest): Promise<ContainerState> {
    const { starter, files, watch } = this.#parts();
    const { id, pod } = request;
    if (!isSafeName(id.podUid) || !isSafeName(id.container))
      throw new RuntimeError('CreateContainerConfigError', 'pod uid or container name: not a file name');
    makePod(files, id.podUid);
    this.#held.addPod(id.podUid);
    const sandbox = await this.#sandboxOf(pod);
    const gone = this.#gone.get(id.podUid)?.signal;
    if (gone === undefined || gone.aborted) throw new RuntimeError('RunContainerError', 'the Pod was removed');
    const { state } = await starter.start(request, sandbox, gone);
    this.#removeOlder(id);
    this.#logs.watch();
    void watch.look();
    return state;
  }

  /** Of each container the runtime keeps this attempt and the one before; their exits and logs are ours. */
  #removeOlder({ podUid, container, attempt }: ContainerId): void {
    const older = this.#held.get({ podUid, container, attempt: attempt - 2 });
    if (older?.state.type !== 'exited') return;
    const { containerId } = older.claim;
    unlessGone(this.#runtime.call(methods.removeContainer, { containerId })).catch((error: unknown) => {
      this.#options.log.warn('a container that has ended could not be removed', { container: containerId, error });
    });
  }

  #runningId(id: ContainerId): string {
    const container = this.#held.get(id);
    if (container?.state.type === 'running') return container.claim.containerId;
    throw new RuntimeError('ContainerNotRunning', `container ${id.container} is not running`);
  }

  #observeEnd(container: HeldContainer, status: Received<typeof containerStatus> | undefined): void {
    const { id, claim, state } = container;
    if (state.type !== 'running') return;
    const { files } = this.#parts();
    if (status === undefined)
      this.#options.log.warn('container lost: its runtime does not know it', { container: containerIdKey(id) });
    const running: HeldContainer & { readonly state: RunningContainer } = { ...container, claim, state };
    const exit = exitOf(files, running, { status, nowMs: Math.floor(this.#options.clock.now()) });
    writeExit(files, id, exit);
    const exited = exitedState(id, exit);
    if (!this.#held.end(container, exited)) return;
    void this.#logs.check(this.#logOf(id));
    this.#listener(exited);
  }

  #logOf(id: ContainerId): string {
    return attemptFiles(this.#parts().files, id).log;
  }

  async #carryOut(podUid: string, chore: Chore): Promise<void> {
    const { sandboxes, files } = this.#parts();
    await this.#connect();
    await sandboxes.remove(podUid);
    if (chore === 'remove') await removePodFiles(files, podUid);
  }
}

const unknownClaim = { containerId: '', runtimeId: '', fallbackToLogs: false };
