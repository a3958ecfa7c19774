import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import type { Duplex } from 'node:stream';
import { resolve } from 'node:path';
import type { Clock, Random } from '../../clock/index.ts';
import type { Logger } from '../../log/index.ts';
import type { HeldImage, ImageConfig, ImageService } from '../image-service.ts';
import { RuntimeError, type ContainerId, type Runtime } from '../runtime.ts';
import {
  layoutOf,
  machineCapabilities,
  podFiles,
  privilegesOf,
  signalMarked,
  tokenOf,
  WrappedRuntime,
  type ExecPlan,
  type PodFiles,
  type RuntimeStyle,
  type StartPlan,
} from '../wrapped/index.ts';
import { admitToSandbox, runsOnHost } from './admission.ts';
import { Cgroups, limitsOf } from './cgroups.ts';
import type { Executor } from './container-spec.ts';
import { applyFsGroup } from '../fs-group.ts';
import { mountMemory, unmountMemory } from './memory-files.ts';
import { SandboxImages } from './sandbox-images.ts';
import { endPause, ensurePause, needsPause } from './pause.ts';
import { hostAddress } from './network/subnet.ts';
import { SandboxNetwork, type PodNetworkChoice, type SandboxNetworkOptions } from './network/sandbox-network.ts';
import { planContainer, type PlanContext, type RootSource } from './plan-container.ts';
import { chooseExecutor, sandboxProblem } from './probe-sandbox.ts';

export interface SandboxRuntimeOptions {
  /** Belongs to this runtime alone; made with mode 0700. */
  readonly dataDir: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** `host`: all containers on this machine's own files, whatever image they name. */
  readonly rootfs: 'host' | 'image';
  /** Without it only the host's own files can be had. */
  readonly images?: ImageService | undefined;
  /** How many processes a container may have at once; unlimited without it. */
  readonly podPidsLimit?: number | undefined;
  /** Default: `auto`. */
  readonly podNetwork?: PodNetworkChoice | undefined;
  /** Called when Pods get a network of their own, and waited for. Must not reject. */
  readonly onPodNetwork?: SandboxNetworkOptions['onUp'];
  /** For tests: the ways of a poorer machine. */
  readonly only?: 'shim' | 'util-linux' | undefined;
}

/** Runs containers in sandboxes. Needs Linux and root; `start` says so where it cannot. */
export function createSandboxRuntime(options: SandboxRuntimeOptions): Runtime {
  const dataDir = resolve(options.dataDir);
  const { clock, log } = options;
  return new WrappedRuntime({ dataDir, clock, log, style: new SandboxStyle({ ...options, dataDir }) });
}

const hostConfig: ImageConfig = { entrypoint: [], cmd: [], env: [], user: '', workingDir: '' };
const hostRoot: RootSource = { layers: ['/'], config: hostConfig, isHost: true };

class SandboxStyle implements RuntimeStyle {
  readonly name = 'sandbox';
  readonly capabilities;
  readonly reach = 'group';

  readonly #options: SandboxRuntimeOptions;
  readonly #layout;
  readonly #cgroups: Cgroups;
  readonly #base: string;
  #executor: Executor | undefined;
  readonly images: SandboxImages | undefined;
  /** By token; what was asked for once. */
  readonly #imageOf = new Map<string, HeldImage>();
  #network: SandboxNetwork | undefined;

  constructor(options: SandboxRuntimeOptions) {
    const { dataDir, clock, log, images } = options;
    this.#options = options;
    this.capabilities = machineCapabilities(options.podNetwork === 'host' ? undefined : hostAddress());
    if (images !== undefined)
      this.images = new SandboxImages(images, (container) => !runsOnHost(container, this.#options));
    this.#layout = layoutOf(dataDir);
    this.#cgroups = new Cgroups({ owner: dataDir, clock, log });
    // Every container mounts over it, in its own mount namespace.
    this.#base = `${dataDir}/root`;
  }

  async probe(): Promise<Record<string, unknown>> {
    const problem = await sandboxProblem();
    if (problem !== undefined) throw new Error(`the sandbox runtime cannot run here: ${problem}`);
    mkdirSync(this.#base, { recursive: true, mode: 0o700 });
    this.#cgroups.probe();
    this.#executor = await chooseExecutor(this.#options.dataDir, this.#options.only);
    const { clock, log, podNetwork: choice = 'auto', dataDir, onPodNetwork: onUp } = this.#options;
    const commands = this.#executor.network;
    const address = this.capabilities.hostAddress;
    this.#network = new SandboxNetwork({
      ...{ choice, directory: `${dataDir}/networks`, commands, hostAddress: address, clock, log, onUp },
    });
    return { executor: this.#executor.name, cgroups: this.#cgroups.version };
  }

  admit(pod: Parameters<RuntimeStyle['admit']>[0]): ReturnType<RuntimeStyle['admit']> {
    return admitToSandbox(pod, {
      executor: this.#running().name,
      missingLimits: (limits) => this.#cgroups.missing(limits),
      rootfs: this.#options.rootfs,
    });
  }

  async preparePod(
    ...[pod, files, volumes]: Parameters<RuntimeStyle['preparePod']>
  ): ReturnType<RuntimeStyle['preparePod']> {
    await mountMemory(pod, files, this.capabilities.memoryBytes);
    const group = pod.spec.securityContext?.fsGroup;
    if (group !== undefined) await applyFsGroup(files.volumes, volumes, group);
    if (pod.spec.hostPID === true || pod.spec.shareProcessNamespace === true) this.#markPod(pod.metadata.uid, files);
    const { clock } = this.#options;
    if (needsPause(pod)) await ensurePause(pod, { directory: files.sandbox, executor: this.#running(), clock });
    return this.#networks().give(pod);
  }

  podAddress(podUid: string): string | undefined {
    return this.#networks().addressOf(podUid);
  }

  async endPod(podUid: string, files: Parameters<RuntimeStyle['removePod']>[2]): Promise<void> {
    // In this turn: an engine that dies when others know that the Pod is over must not leave it a network.
    this.#networks().take(podUid);
    await endPause(files.sandbox, this.#options.clock);
    await unmountMemory(files);
  }

  dial(podUid: string, port: number): Duplex | undefined {
    return this.#networks().dial(podUid, port);
  }

  async stop(): Promise<void> {
    await this.#network?.stop();
  }

  plan(...[request, startedAtMs, running]: Parameters<RuntimeStyle['plan']>): StartPlan {
    const { id, container, image } = request;
    if (runsOnHost(container, this.#options)) return this.#planOn(hostRoot, { request, startedAtMs, running });
    if (image === undefined || this.images === undefined)
      throw new RuntimeError(
        'ErrImagePull',
        `image ${JSON.stringify(container.image ?? '')} cannot be had: this Rondo has no image service; use the image ` +
          'rondo.dev/host or start Rondo with --rootfs host to run on this machine’s own files',
      );
    const root = this.images.rootOf(image);
    if (root === undefined)
      throw new RuntimeError('CreateContainerError', `image ${image.ref} was removed after it had been found`);
    this.#keepImage(id, image);
    return this.#planOn(root, { request, startedAtMs, running });
  }

  exec(id: ContainerId, pid: number, command: readonly string[]): ExecPlan {
    const cgroups = this.#cgroups.procsOf(tokenOf(id));
    return this.#running().exec({ pid, privileges: privilegesOf(pid), cgroups, command });
  }

  stopSignal(id: ContainerId): NodeJS.Signals {
    const file = this.#stopSignalFile(id);
    const name = existsSync(file) ? readFileSync(file, 'utf8') : 'SIGTERM';
    return name in constants.signals ? (name as NodeJS.Signals) : 'SIGTERM';
  }

  imageOf(id: ContainerId): HeldImage | undefined {
    const known = this.#imageOf.get(tokenOf(id));
    if (known !== undefined) return known;
    const file = this.#imageFile(id);
    if (!existsSync(file)) return undefined;
    const [ref = '', imageId = ''] = readFileSync(file, 'utf8').split('\n');
    this.#imageOf.set(tokenOf(id), { id: imageId, ref });
    return { id: imageId, ref };
  }

  kindOf(record: Parameters<RuntimeStyle['kindOf']>[0]): ReturnType<RuntimeStyle['kindOf']> {
    const killed = record.kind === 'ended' && record.exitCode === 137;
    return killed && this.#cgroups.ranOutOfMemory(record.token) ? 'oomKilled' : record.kind;
  }

  release(id: ContainerId): void {
    const token = tokenOf(id);
    this.#cgroups.remove(token);
    // Where no pid namespace ended what it left, its mark finds it.
    if (existsSync(this.#markedFile(id.podUid))) signalMarked([`${token}\0`], 'SIGKILL', undefined);
  }

  async removePod(...[podUid, ids, files]: Parameters<RuntimeStyle['removePod']>): Promise<void> {
    for (const id of ids) {
      this.release(id);
      this.#imageOf.delete(tokenOf(id));
    }
    await this.endPod(podUid, files);
  }

  async adopt(isHeld: (podUid: string) => boolean): Promise<void> {
    for (const uid of readdirSync(this.#layout.sandboxes)) {
      if (isHeld(uid)) continue;
      const files = podFiles(this.#layout, uid);
      await endPause(files.sandbox, this.#options.clock);
      await unmountMemory(files);
    }
    await this.#networks().adopt(isHeld);
    this.#cgroups.removeOthers((token) => isHeld(token.split('_')[0]!));
  }

  #planOn(root: RootSource, start: Pick<PlanContext, 'request' | 'startedAtMs' | 'running'>): StartPlan {
    const { request, startedAtMs } = start;
    const { id, container } = request;
    const network = this.#networks().enter(request.pod, container);
    const nameServer = this.#networks().nameServerOf(request.pod);
    const spec = planContainer({ ...start, layout: this.#layout, root, base: this.#base, network, nameServer });
    if (request.target !== undefined) this.#markPod(id.podUid, podFiles(this.#layout, id.podUid));
    const stopSignal = container.lifecycle?.stopSignal ?? root.config.stopSignal ?? 'SIGTERM';
    if (stopSignal !== 'SIGTERM') {
      mkdirSync(podFiles(this.#layout, id.podUid).sandbox, { recursive: true, mode: 0o700 });
      writeFileSync(this.#stopSignalFile(id), stopSignal);
    }
    const cgroups = this.#cgroups.make(tokenOf(id), limitsOf(container, this.#options.podPidsLimit));
    const text = this.#running().startText({ ...spec, cgroups });
    const fallbackToLogs = container.terminationMessagePolicy === 'FallbackToLogsOnError';
    return { type: 'start', fallbackToLogs, startedAtMs, text };
  }

  #networks(): SandboxNetwork {
    if (this.#network === undefined) throw new Error('the sandbox runtime was not probed');
    return this.#network;
  }

  #keepImage(id: ContainerId, image: HeldImage): void {
    mkdirSync(podFiles(this.#layout, id.podUid).sandbox, { recursive: true, mode: 0o700 });
    writeFileSync(this.#imageFile(id), `${image.ref}\n${image.id}`);
    this.#imageOf.set(tokenOf(id), { id: image.id, ref: image.ref });
  }

  #imageFile(id: ContainerId): string {
    return `${podFiles(this.#layout, id.podUid).sandbox}/${id.container}_${id.attempt}.image`;
  }

  #stopSignalFile(id: ContainerId): string {
    return `${podFiles(this.#layout, id.podUid).sandbox}/${id.container}_${id.attempt}.stop`;
  }

  #markPod(podUid: string, files: Pick<PodFiles, 'sandbox'>): void {
    mkdirSync(files.sandbox, { recursive: true, mode: 0o700 });
    writeFileSync(this.#markedFile(podUid), '');
  }

  /** Exists where processes of the Pod are not all ended by a pid namespace of their container. */
  #markedFile(podUid: string): string {
    return `${podFiles(this.#layout, podUid).sandbox}/marked`;
  }

  #running(): Executor {
    if (this.#executor === undefined) throw new Error('the sandbox runtime was not probed');
    return this.#executor;
  }
}
