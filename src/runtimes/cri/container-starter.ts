import type { Clock } from '../../clock/index.ts';
import type { Logger } from '../../log/index.ts';
import type { HeldImage } from '../image-service.ts';
import { containerIdKey, RuntimeError, type ContainerId, type ContainerRequest } from '../runtime.ts';
import { containerConfigOf } from './container-config.ts';
import { asRuntimeError, isUnderWay, onceFree, unlessGone, type ContainerRuntime } from './container-runtime.ts';
import { millisOf } from './exit-of.ts';
import { removeClaim, writeClaim, type Claim, type Files } from './files.ts';
import type { HeldContainer, HeldContainers } from './held-containers.ts';
import type { CriImages } from './cri-images.ts';
import { containerSelector, ownerLabel } from './labels.ts';
import { CriError } from './protocol/client.ts';
import type { containerStatus } from './protocol/containers.ts';
import type { Received } from './protocol/message.ts';
import { methods } from './protocol/methods.ts';
import type { ConfiguredSandbox } from './sandboxes.ts';

export interface ContainerStarterOptions {
  readonly runtime: ContainerRuntime;
  readonly files: Files;
  readonly owner: string;
  readonly held: HeldContainers;
  readonly images: CriImages;
  readonly machine: { readonly memoryBytes: number };
  readonly clock: Clock;
  readonly log: Logger;
}

interface Claimed {
  readonly id: ContainerId;
  readonly claim: Claim;
}

/**
 * Starts containers, each attempt at most once: it is claimed on disk between being made and being started, and the
 * runtime itself starts what it has made only once. What is claimed and not known to have started is asked for first.
 */
export class ContainerStarter {
  readonly #options: ContainerStarterOptions;
  /** Claimed, but whether they were started is not known yet. */
  readonly #open = new Map<string, Claimed>();

  constructor(options: ContainerStarterOptions) {
    this.#options = options;
  }

  /** A claim of an earlier engine that did not live to hear of the start. */
  adoptClaim(id: ContainerId, claim: Claim): void {
    this.#open.set(containerIdKey(id), { id, claim });
  }

  /** Finds out what became of such claims, and removes what was made but never claimed. @throws (rejects) CriError */
  async adopt(): Promise<void> {
    const { runtime, owner, held } = this.#options;
    for (const claimed of [...this.#open.values()]) await this.#settle(claimed);
    const filter = { state: { state: 'created' }, labelSelector: { [ownerLabel]: owner } } as const;
    const { containers } = await runtime.call(methods.listContainers, { filter });
    const claimed = new Set([...this.#open.values(), ...held.running()].map(({ claim }) => claim.containerId));
    for (const { id } of containers)
      if (!claimed.has(id)) await unlessGone(runtime.call(methods.removeContainer, { containerId: id }));
  }

  forgetPod(podUid: string): void {
    for (const [key, { id }] of this.#open) if (id.podUid === podUid) this.#open.delete(key);
  }

  /** @throws (rejects) RuntimeError */
  async start(request: ContainerRequest, sandbox: ConfiguredSandbox, signal: AbortSignal): Promise<HeldContainer> {
    const { id } = request;
    const known = this.#open.get(containerIdKey(id));
    try {
      const settled = known === undefined ? undefined : await this.#settle(known);
      if (settled !== undefined) return settled;
    } catch (error) {
      throw asRuntimeError('RunContainerError', error);
    }
    const claim = known?.claim ?? (await this.#create(request, sandbox, signal));
    return this.#startClaimed({ id, claim });
  }

  async #create(request: ContainerRequest, sandbox: ConfiguredSandbox, signal: AbortSignal): Promise<Claim> {
    const { runtime, files, images } = this.#options;
    const { id, container } = request;
    const image = await this.#imageFor(request);
    const config = containerConfigOf(request, {
      ...this.#options,
      image: { id: image.id, user: await images.userOf(image) },
      address: sandbox.address,
      targetId: this.#targetId(request),
    });
    const call = { podSandboxId: sandbox.id, config, sandboxConfig: sandbox.config };
    const { containerId } = await runtime
      .call(methods.createContainer, call)
      .catch(async (error: unknown) => {
        // An answer that was lost leaves a container that nobody knows, and that has the name.
        if (!(await this.#removeUnclaimed(id)) && !isUnderWay(error)) throw error;
        return onceFree(this.#options.clock, async () => {
          await this.#removeUnclaimed(id);
          return runtime.call(methods.createContainer, call);
        });
      })
      .catch((error: unknown) => {
        throw asRuntimeError('CreateContainerError', error);
      });
    if (signal.aborted) throw new RuntimeError('CreateContainerError', 'the Pod was removed');
    const claim: Claim = {
      containerId,
      runtimeId: `${runtime.name}://${containerId}`,
      fallbackToLogs: container.terminationMessagePolicy === 'FallbackToLogsOnError',
      image,
    };
    writeClaim(files, id, claim);
    return claim;
  }

  /** Found by who asks for the start, and else here. */
  async #imageFor({ container: { image = '' }, image: found }: ContainerRequest): Promise<HeldImage> {
    const known = found ?? (await this.#options.images.find({ image }));
    if (known !== undefined) return known;
    throw new RuntimeError('ErrImagePull', `the image ${JSON.stringify(image)} is not here`);
  }

  #targetId({ target }: ContainerRequest): string | undefined {
    if (target === undefined) return undefined;
    const container = this.#options.held.get(target);
    if (container !== undefined) return container.claim.containerId;
    throw new RuntimeError('CreateContainerConfigError', `unable to find target container ${target.container}`);
  }

  /** False if there was none. */
  async #removeUnclaimed(id: ContainerId): Promise<boolean> {
    const { runtime, owner } = this.#options;
    const filter = { state: { state: 'created' }, labelSelector: containerSelector(id, owner) } as const;
    const { containers } = await runtime.call(methods.listContainers, { filter });
    const same = containers.filter(({ metadata }) => metadata?.attempt === id.attempt);
    for (const container of same)
      await unlessGone(runtime.call(methods.removeContainer, { containerId: container.id }));
    return same.length > 0;
  }

  async #startClaimed(claimed: Claimed): Promise<HeldContainer> {
    const { runtime, files, clock } = this.#options;
    const { id, claim } = claimed;
    const { containerId } = claim;
    this.#open.set(containerIdKey(id), claimed);
    const problem = await onceFree(clock, () => runtime.call(methods.startContainer, { containerId })).then(
      () => undefined,
      (error: unknown) => error,
    );
    try {
      const settled = await this.#settle(claimed);
      if (settled !== undefined) return settled;
      if (problem instanceof CriError && !problem.isLost && !isUnderWay(problem)) {
        // It said no, and has not started it: the next try makes another one.
        await unlessGone(runtime.call(methods.removeContainer, { containerId }));
        this.#open.delete(containerIdKey(id));
        removeClaim(files, id);
      }
    } catch (error) {
      throw asRuntimeError('RunContainerError', problem ?? error);
    }
    throw asRuntimeError('RunContainerError', problem ?? new Error('the container runtime did not start it'));
  }

  /** Holds the container if it was started; undefined if it was not. @throws (rejects) CriError */
  async #settle({ id, claim }: Claimed): Promise<HeldContainer | undefined> {
    const { runtime, files, held, clock } = this.#options;
    const answer = await unlessGone(runtime.call(methods.containerStatus, { containerId: claim.containerId }));
    const status = answer?.status;
    if (status?.state === 'created') return undefined;
    const nowMs = Math.floor(clock.now());
    const startedAtMs = status === undefined ? nowMs : startOf(status, nowMs);
    const started: Claim = { ...claim, startedAtMs };
    writeClaim(files, id, started);
    this.#open.delete(containerIdKey(id));
    // If it has ended already (or is gone), that is seen like all other ends: after the caller has heard of the start.
    return held.add(started, { type: 'running', id, runtimeId: claim.runtimeId, startedAtMs });
  }
}

/** One that could not be executed has no start. */
function startOf(status: Received<typeof containerStatus>, nowMs: number): number {
  const nanoseconds = status.startedAt > 0 ? status.startedAt : status.createdAt;
  return nanoseconds > 0 ? millisOf(nanoseconds) : nowMs;
}
