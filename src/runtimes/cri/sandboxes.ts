import type { Pod } from '../../api/index.ts';
import type { Clock } from '../../clock/index.ts';
import type { Logger } from '../../log/index.ts';
import { RuntimeError } from '../runtime.ts';
import { asRuntimeError, onceFree, sandboxTimeoutMs, unlessGone, type ContainerRuntime } from './container-runtime.ts';
import { podFiles, type Files } from './files.ts';
import { ownerLabel, podSelector, podUidOf } from './labels.ts';
import { methods } from './protocol/methods.ts';
import { sandboxConfigOf, type SandboxConfig } from './sandbox-config.ts';

/** The sandbox that the containers of a Pod are in. */
export interface Sandbox {
  readonly id: string;
  /** Of the Pod's own network; undefined on the host's. */
  readonly address: string | undefined;
}

/** One that was made for this Pod, as it was told to the runtime. */
export interface ConfiguredSandbox extends Sandbox {
  readonly config: SandboxConfig;
}

export interface SandboxesOptions {
  readonly runtime: ContainerRuntime;
  readonly files: Files;
  readonly owner: string;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Sandboxes of Pods: each Pod has at most one that is ready. */
export class Sandboxes {
  readonly #options: SandboxesOptions;
  /** As they were last seen. */
  readonly #known = new Map<string, Sandbox>();
  readonly #pending = new Map<string, Promise<ConfiguredSandbox>>();

  constructor(options: SandboxesOptions) {
    this.#options = options;
  }

  known(podUid: string): Sandbox | undefined {
    return this.#known.get(podUid);
  }

  /**
   * The Pod's sandbox, made if there is none that is ready.
   * @throws (rejects) RuntimeError FailedCreatePodSandBox
   */
  ensure(pod: Pod, signal: AbortSignal): Promise<ConfiguredSandbox> {
    const { uid } = pod.metadata;
    const pending =
      this.#pending.get(uid) ??
      onceFree(this.#options.clock, () => this.#find(pod, signal))
        .catch((error: unknown) => {
          throw asRuntimeError('FailedCreatePodSandBox', error, 'Failed to create pod sandbox: ');
        })
        .finally(() => this.#pending.delete(uid));
    this.#pending.set(uid, pending);
    return pending;
  }

  /** Stops and removes all that the Pod ever had. Repeatable. @throws (rejects) CriError */
  async remove(podUid: string): Promise<void> {
    const { runtime, owner } = this.#options;
    // One that is being made would come after the list.
    await this.#pending.get(podUid)?.catch(() => undefined);
    this.#known.delete(podUid);
    const filter = { labelSelector: podSelector(podUid, owner) };
    const { items } = await runtime.call(methods.listPodSandbox, { filter });
    for (const { id } of items) await this.#end(id);
  }

  /** Learns what earlier engines made; gives the Pods whose sandboxes nobody needs any more. @throws (rejects) CriError */
  async adopt(isNeeded: (podUid: string) => boolean): Promise<readonly string[]> {
    const { runtime, owner, log } = this.#options;
    const { items } = await runtime.call(methods.listPodSandbox, { filter: {} });
    const own = items.filter(({ labels }) => labels[ownerLabel] === owner);
    for (const { id, labels, state } of own)
      if (state === 'ready' && isNeeded(podUidOf(labels))) await this.#look(podUidOf(labels), id);
    const strangers = items.filter(({ labels }) => labels[ownerLabel] === undefined && podUidOf(labels) !== '').length;
    const message = 'the container runtime runs pods of a kubelet, which ends those that it does not know';
    if (strangers > 0) log.warn(message, { socket: runtime.socket, pods: strangers });
    return own.map(({ labels }) => podUidOf(labels)).filter((uid) => !isNeeded(uid));
  }

  async #find(pod: Pod, signal: AbortSignal): Promise<ConfiguredSandbox> {
    const { runtime, owner, files } = this.#options;
    const { uid } = pod.metadata;
    const filter = { labelSelector: podSelector(uid, owner) };
    const { items } = await runtime.call(methods.listPodSandbox, { filter });
    const newest = items.toSorted((a, b) => (b.metadata?.attempt ?? 0) - (a.metadata?.attempt ?? 0));
    const ready = newest.find(({ state }) => state === 'ready');
    const logDirectory = podFiles(files, uid).logs;
    if (ready !== undefined) {
      const found = await this.#look(uid, ready.id);
      const config = sandboxConfigOf(pod, { owner, logDirectory, attempt: ready.metadata?.attempt ?? 0 });
      if (found !== undefined) return { ...found, config };
    }
    // What is left in a sandbox that is not ready ends, so that nothing of it runs beside the next one.
    for (const { id } of newest) await unlessGone(runtime.call(methods.stopPodSandbox, { podSandboxId: id }));
    await this.#checkNetwork(pod);
    const attempt = (newest[0]?.metadata?.attempt ?? -1) + 1;
    const config = sandboxConfigOf(pod, { owner, logDirectory, attempt });
    const options = { timeoutMs: sandboxTimeoutMs, signal };
    const { podSandboxId } = await runtime.call(methods.runPodSandbox, { config }, options);
    const made = await this.#look(uid, podSandboxId);
    if (made === undefined) throw new Error('the sandbox ended at once');
    return { ...made, config };
  }

  async #look(podUid: string, podSandboxId: string): Promise<Sandbox | undefined> {
    const answer = await unlessGone(this.#options.runtime.call(methods.podSandboxStatus, { podSandboxId }));
    if (answer?.status?.state !== 'ready') return undefined;
    // On a host network there is none.
    const ip = answer.status.network?.ip ?? '';
    const sandbox = { id: podSandboxId, address: ip === '' ? undefined : ip };
    this.#known.set(podUid, sandbox);
    return sandbox;
  }

  /** The runtime would say the same, but not the way out. */
  async #checkNetwork(pod: Pod): Promise<void> {
    if (pod.spec.hostNetwork === true) return;
    const { status } = await this.#options.runtime.call(methods.status, {});
    const network = status?.conditions.find(({ type }) => type === 'NetworkReady');
    if (network === undefined || network.status) return;
    const { reason, message } = network;
    const text = `container runtime network not ready: NetworkReady=false reason:${reason} message:${message}`;
    throw new RuntimeError(
      'FailedCreatePodSandBox',
      `network is not ready: ${text}; give it a CNI configuration, or the Pod hostNetwork: true`,
    );
  }

  async #end(podSandboxId: string): Promise<void> {
    const { runtime } = this.#options;
    const options = { timeoutMs: sandboxTimeoutMs };
    await unlessGone(runtime.call(methods.stopPodSandbox, { podSandboxId }, options));
    await unlessGone(runtime.call(methods.removePodSandbox, { podSandboxId }, options));
  }
}
