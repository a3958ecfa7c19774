import type { Duplex } from 'node:stream';
import type { Container, Pod } from '../../../api/index.ts';
import type { Clock } from '../../../clock/index.ts';
import type { Logger } from '../../../log/index.ts';
import { RuntimeError, type Announcement } from '../../runtime.ts';
import { boundingSet } from '../capabilities.ts';
import { dialThrough } from './dial.ts';
import type { NetworkCommands } from './network-commands.ts';
import { PodNetworks } from './pod-networks.ts';
import { candidates, contains, gatewayOf, parseSubnet, type Subnet } from './subnet.ts';

/** `host`: Pods share the host's network. `auto`: a network of their own where it can be had, on any free subnet. */
export type PodNetworkChoice = 'host' | 'auto' | Subnet;

const [shortestPrefix, longestPrefix] = [8, 29];

/** `host`, `auto` or a network like `10.5.0.0/16`; undefined for anything else. */
export function parsePodNetwork(text: string): PodNetworkChoice | undefined {
  if (text === 'host' || text === 'auto') return text;
  const subnet = parseSubnet(text);
  return subnet !== undefined && subnet.prefix >= shortestPrefix && subnet.prefix <= longestPrefix ? subnet : undefined;
}

/** The network that Pods have is there. */
export interface PodNetworkUp {
  /** The host's address in it. */
  readonly gateway: string;
  readonly contains: (address: string) => boolean;
}

/** What Pods are served there. */
export interface PodNetworkServices {
  /** Who knows the names of the cluster, and passes on questions for others; undefined: nobody. */
  readonly nameServer: string | undefined;
}

/** The host's address in the network that Pods will most probably have; undefined: they will have the host's. */
export function likelyGateway(choice: PodNetworkChoice = 'auto'): string | undefined {
  if (choice === 'host') return undefined;
  const [first] = candidates(choice === 'auto' ? undefined : choice, undefined);
  return first && gatewayOf(first.subnet);
}

export interface SandboxNetworkOptions {
  /** Called before the first Pod is in a network, and waited for. Must not reject. */
  readonly onUp?: ((network: PodNetworkUp) => Promise<PodNetworkServices>) | undefined;
  readonly choice: PodNetworkChoice;
  readonly directory: string;
  /** Undefined: the programs are missing. */
  readonly commands: NetworkCommands | undefined;
  readonly hostAddress: string;
  readonly clock: Clock;
  readonly log: Logger;
}

const withoutTools = 'neither the shim nor ip (iproute2) is there';

/** Which network a Pod has: its own, or the host's because it asks for that, or because there is no other. */
export class SandboxNetwork {
  readonly #options: SandboxNetworkOptions;
  readonly #networks: PodNetworks | undefined;
  /** Pods that share the host's network although they did not ask for it. */
  readonly #onHost = new Set<string>();
  #announced: { readonly gateway: string; readonly done: Promise<void> } | undefined;
  #nameServer: string | undefined;

  constructor(options: SandboxNetworkOptions) {
    const { choice, commands, directory, clock, log } = options;
    this.#options = options;
    if (choice === 'host' || commands === undefined) return;
    this.#networks = new PodNetworks({
      directory,
      commands,
      subnet: choice === 'auto' ? undefined : choice,
      clock,
      log,
    });
  }

  /** Gives a Pod its network. @throws RuntimeError FailedCreatePodSandBox */
  async give(pod: Pod): Promise<readonly Announcement[]> {
    const { uid } = pod.metadata;
    if (pod.spec.hostNetwork === true) return [];
    const why = await this.#whyNone();
    if (why === undefined) {
      await this.#announce();
      await this.#networks?.acquire({ podUid: uid, reusable: leavesNoTrace(pod) });
      return [];
    }
    this.#onHost.add(uid);
    return [{ reason: 'HostNetworkUsed', message: `The Pod shares the host's network and ports: ${why}` }];
  }

  addressOf(podUid: string): string | undefined {
    return this.#networks?.of(podUid)?.address ?? (this.#onHost.has(podUid) ? this.#options.hostAddress : undefined);
  }

  /**
   * The file of the network namespace that a container starts in; undefined: the host's.
   * @throws RuntimeError if it is gone: the Pod must be prepared again
   */
  enter({ metadata: { uid }, spec }: Pod, container: Container): string | undefined {
    if (spec.hostNetwork === true || this.#onHost.has(uid)) return undefined;
    const network = this.#networks?.of(uid);
    if (network === undefined) throw new RuntimeError('RunContainerError', 'the Pod has no network (any more)');
    // An ephemeral container comes later than the Pod.
    if (changesNetworks(container)) this.#networks?.spoil(uid);
    return network.namespace;
  }

  dial(podUid: string, port: number): Duplex | undefined {
    const network = this.#networks?.of(podUid);
    const { commands } = this.#options;
    return network === undefined || commands === undefined
      ? undefined
      : dialThrough(commands.dial(network.holderPid, port));
  }

  take(podUid: string): void {
    this.#onHost.delete(podUid);
    this.#networks?.release(podUid);
  }

  async adopt(isHeld: (podUid: string) => boolean): Promise<void> {
    await this.#networks?.adopt(isHeld);
    if (this.#networks?.isInUse === true) await this.#announce();
  }

  async #announce(): Promise<void> {
    const state = await this.#networks?.up();
    if (state?.type !== 'up') return;
    const { gateway, subnet } = state;
    if (this.#announced?.gateway !== gateway) {
      const network = { gateway, contains: (address: string) => contains(subnet, address) };
      this.#announced = { gateway, done: this.#serve(network) };
    }
    await this.#announced.done;
  }

  async #serve(network: PodNetworkUp): Promise<void> {
    this.#nameServer = (await this.#options.onUp?.(network))?.nameServer;
  }

  /** Who a Pod asks for names by its dnsPolicy; undefined: whom the host asks. */
  nameServerOf({ metadata, spec }: Pod): string | undefined {
    const onHost = spec.hostNetwork === true || this.#onHost.has(metadata.uid);
    const policy = spec.dnsPolicy ?? 'ClusterFirst';
    const asksCluster = policy === 'ClusterFirstWithHostNet' || (policy === 'ClusterFirst' && !onHost);
    return asksCluster ? this.#nameServer : undefined;
  }

  async stop(): Promise<void> {
    await this.#networks?.stop();
  }

  /** Whoever asks for a certain subnet wants that or nothing. */
  async #whyNone(): Promise<string | undefined> {
    const { choice } = this.#options;
    if (choice === 'host') return 'Rondo was started with --pod-network host';
    if (this.#networks === undefined) return withoutTools;
    const state = await this.#networks.up();
    return state.type === 'none' && choice === 'auto' ? state.why : undefined;
  }
}

/** Whether the containers of a Pod cannot change their network: then another Pod can have it after them. */
function leavesNoTrace({ spec }: Pod): boolean {
  const containers = [...(spec.initContainers ?? []), ...spec.containers];
  const sharesProcesses = spec.hostPID === true || spec.shareProcessNamespace === true;
  return !sharesProcesses && !containers.some(changesNetworks);
}

function changesNetworks({ securityContext }: Container): boolean {
  if (securityContext?.privileged === true || securityContext?.procMount === 'Unmasked') return true;
  const { add = [], drop = [] } = securityContext?.capabilities ?? {};
  return boundingSet(add, drop).some((name) => ['net_admin', 'sys_admin', 'bpf', 'sys_ptrace'].includes(name));
}
