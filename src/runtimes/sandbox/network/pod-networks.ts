import { sleep, type Clock } from '../../../clock/index.ts';
import type { Logger } from '../../../log/index.ts';
import { RuntimeError } from '../../runtime.ts';
import { isAlive, type ProcessIdentity } from '../../wrapped/index.ts';
import type { NetworkCommands, PortOrder } from './network-commands.ts';
import { NetworkFiles, type Assignment } from './network-files.ts';
import { NetworkShell } from './network-shell.ts';
import { isQuiet } from './quiet.ts';
import {
  candidates,
  capacityOf,
  formatSubnet,
  gatewayOf,
  overlaps,
  podAddress,
  routedSubnets,
  uplinkMtu,
  type Candidate,
  type Subnet,
} from './subnet.ts';

export interface PodNetworksOptions {
  /** Belongs to this engine alone. */
  readonly directory: string;
  readonly commands: NetworkCommands;
  /** Undefined: any that this machine does not use. */
  readonly subnet?: Subnet | undefined;
  readonly clock: Clock;
  readonly log: Logger;
}

/** The network of one Pod. */
export interface PodNetwork {
  readonly address: string;
  /** File of its namespace. */
  readonly namespace: string;
  readonly holderPid: number;
}

interface Held {
  readonly address: string;
  readonly holder: ProcessIdentity;
  assignment: Assignment | undefined;
}

/** The bridge is there, or why there is none. */
export type NetworkState =
  | { readonly type: 'up'; readonly name: string; readonly subnet: Subnet; readonly gateway: string }
  | { readonly type: 'none'; readonly why: string };

/** So many networks wait for a next Pod; each costs the kernel about 0.4 MB. */
const maxFree = 32;
const killWaitMs = 2;
const killRounds = 1000;

/**
 * Networks of Pods: one address each, in namespaces that processes of their own hold (see shim/network.c), so that they
 * outlive the engine as containers do. To make one costs several milliseconds of the kernel's time, to give one away
 * again as much; so a namespace in which nothing is left is kept for the next Pod.
 */
export class PodNetworks {
  readonly #options: PodNetworksOptions;
  readonly #files: NetworkFiles;
  readonly #shell: NetworkShell;
  readonly #assigned = new Map<string, Held>();
  /** Oldest first, so that an address comes again as late as possible. */
  #free: Held[] = [];
  /** Addresses that exist or are being made. */
  readonly #taken = new Set<string>();
  readonly #dying = new Set<ProcessIdentity>();
  #next = 0;
  /** False once it was stopped: what is in the directory may be the next engine's. */
  #isOpen = true;
  #state: Promise<NetworkState> | undefined;
  #switchHolder: ProcessIdentity | undefined;

  constructor(options: PodNetworksOptions) {
    this.#options = options;
    this.#files = new NetworkFiles(options.directory);
    this.#shell = new NetworkShell({ life: this.#files.life, clock: options.clock, log: options.log });
  }

  /** Makes the bridge if there is none. Never rejects. */
  up(): Promise<NetworkState> {
    const isGone = this.#switchHolder !== undefined && !isAlive(this.#switchHolder);
    if (isGone) {
      this.#options.log.warn('the switch of the Pod network ended, making another', {});
      this.#state = undefined;
      this.#switchHolder = undefined;
    }
    this.#state ??= this.#bringUp();
    return this.#state;
  }

  /**
   * Gives a Pod its network, the same one however often it is asked.
   * @throws RuntimeError FailedCreatePodSandBox
   */
  async acquire(assignment: Assignment): Promise<PodNetwork> {
    const { podUid } = assignment;
    const known = this.of(podUid);
    if (known !== undefined) return known;
    const state = await this.up();
    if (state.type === 'none') throw failed(state.why);
    const held = this.#takeFree() ?? (await this.#make(state));
    // Before anything is started in it: an engine that dies now must not take it along.
    held.assignment = assignment;
    this.#files.assign(held.address, assignment);
    this.#assigned.set(podUid, held);
    return networkOf(held);
  }

  /** The network that a Pod has; undefined if it has none, or its holder was killed. */
  of(podUid: string): PodNetwork | undefined {
    const held = this.#assigned.get(podUid);
    if (held === undefined) return undefined;
    if (isAlive(held.holder)) return networkOf(held);
    this.#assigned.delete(podUid);
    // Its address stays taken: containers may still run in its namespace.
    this.#files.remove(held.address);
    return undefined;
  }

  /** A Pod has a network. */
  get isInUse(): boolean {
    return this.#assigned.size > 0;
  }

  /** Something is about to run in a Pod's network that could change it: no other Pod may have it afterwards. */
  spoil(podUid: string): void {
    const held = this.#assigned.get(podUid);
    if (held?.assignment?.reusable !== true) return;
    held.assignment = { podUid, reusable: false };
    this.#files.assign(held.address, held.assignment);
  }

  /** Nothing of the Pod runs any more. Repeatable. */
  release(podUid: string): void {
    const held = this.#assigned.get(podUid);
    if (held === undefined) return;
    this.#assigned.delete(podUid);
    const isGood = held.assignment?.reusable === true && this.#free.length < maxFree && isQuiet(held.holder.pid);
    held.assignment = undefined;
    if (!isGood) return this.#discard(held);
    this.#files.assign(held.address, undefined);
    this.#free.push(held);
  }

  /** After a start: takes over the networks of Pods that are held, and removes what an engine left that was killed. */
  async adopt(isHeld: (podUid: string) => boolean): Promise<void> {
    for (const address of this.#files.addresses()) {
      const holder = this.#files.holderOf(this.#files.claimOf(address));
      const assignment = this.#files.assignmentOf(address);
      if (holder !== undefined && assignment !== undefined && isHeld(assignment.podUid)) {
        this.#taken.add(address);
        this.#assigned.set(assignment.podUid, { address, holder, assignment });
      } else if (holder === undefined) this.#files.remove(address);
      else this.#discard({ address, holder, assignment: undefined });
    }
    await this.#deaths();
    if (this.#assigned.size > 0) await this.up();
    else await this.#endSwitch();
  }

  /** Networks of Pods stay; the rest goes. */
  async stop(): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    for (const held of this.#free.splice(0)) this.#discard(held);
    await this.#deaths();
    await this.#state;
    if (this.#assigned.size === 0) await this.#endSwitch();
    this.#shell.stop();
    this.#state = undefined;
    this.#switchHolder = undefined;
    this.#assigned.clear();
    this.#taken.clear();
  }

  async #bringUp(): Promise<NetworkState> {
    this.#files.make();
    this.#shell.start();
    const kept = this.#files.kept();
    const running = this.#files.holderOf(this.#files.switchClaim);
    if (running !== undefined && this.#assigned.size > 0 && kept !== undefined) {
      this.#switchHolder = running;
      return stateOf(kept);
    }
    await this.#endSwitch();
    const state = await this.#makeSwitch(kept);
    const { log } = this.#options;
    if (state.type === 'none') log.warn('Pods have no network of their own', { why: state.why });
    else {
      log.info('Pod network', { interface: state.name, subnet: formatSubnet(state.subnet) });
      await this.#plugAgain(state);
    }
    return state;
  }

  async #makeSwitch(kept: Candidate | undefined): Promise<NetworkState> {
    const { subnet: wanted } = this.#options;
    const routed = routedSubnets();
    const mustKeep = this.#assigned.size > 0;
    for (const candidate of candidates(wanted, kept)) {
      const { name, subnet } = candidate;
      if (mustKeep && candidate !== kept) break;
      const conflict = routed.find((other) => overlaps(other, subnet));
      if (conflict !== undefined && wanted !== undefined)
        return { type: 'none', why: `${formatSubnet(wanted)} overlaps with the route to ${formatSubnet(conflict)}` };
      if (conflict !== undefined) continue;
      const { word, rest } = await this.#shell.ask('switch', this.#switchCommand(candidate));
      if (word === 'taken') continue;
      if (word !== 'up') return { type: 'none', why: rest };
      this.#switchHolder = this.#files.holderOf(this.#files.switchClaim);
      this.#files.keep(candidate);
      return stateOf({ name, subnet });
    }
    return { type: 'none', why: 'no free subnet was found' };
  }

  #switchCommand({ name, subnet }: Candidate): string {
    const { commands, directory } = this.#options;
    return commands.makeSwitch({
      claim: this.#files.switchClaim,
      life: this.#files.life,
      name,
      address: gatewayOf(subnet),
      prefix: subnet.prefix,
      mtu: uplinkMtu(),
      alias: `Pods of Rondo in ${directory}`.replaceAll(/[^\w /.-]/g, '_').slice(0, 200),
    });
  }

  /** The Pods of a switch that was killed. */
  async #plugAgain(state: NetworkState & { readonly type: 'up' }): Promise<void> {
    for (const { address, holder } of this.#assigned.values()) {
      const { commands, log } = this.#options;
      const order = { ...this.#portOrder(address, state), holderPid: holder.pid };
      const { word, rest } = await this.#shell.ask(address, commands.plug(order));
      if (word !== 'plugged') log.error('a Pod lost its network', { address, why: rest });
    }
    for (const held of this.#free.splice(0)) this.#discard(held);
  }

  async #make(state: NetworkState & { readonly type: 'up' }): Promise<Held> {
    const { commands } = this.#options;
    const address = this.#freeAddress(state.subnet);
    this.#taken.add(address);
    const claim = this.#files.claimOf(address);
    const order = { ...this.#portOrder(address, state), claim, life: this.#files.life };
    const { word, rest } = await this.#shell.ask(address, commands.hold(order));
    const holder = this.#files.holderOf(claim);
    if (word === 'made' && holder !== undefined) return { address, holder, assignment: undefined };
    if (holder === undefined) this.#forget({ address });
    else this.#discard({ address, holder, assignment: undefined });
    throw failed(word === 'made' ? 'its holder was killed' : rest);
  }

  #portOrder(address: string, { subnet, gateway }: NetworkState & { readonly type: 'up' }): PortOrder {
    const switchPid = this.#switchHolder?.pid ?? 0;
    return { switchPid, address, prefix: subnet.prefix, gateway, mtu: uplinkMtu() };
  }

  #freeAddress(subnet: Subnet): string {
    const capacity = capacityOf(subnet);
    for (let tried = 0; tried < capacity; tried++) {
      const address = podAddress(subnet, this.#next++ % capacity);
      if (!this.#taken.has(address)) return address;
    }
    throw failed(`all ${capacity} addresses of ${formatSubnet(subnet)} are in use`);
  }

  #takeFree(): Held | undefined {
    for (let held = this.#free.shift(); held !== undefined; held = this.#free.shift()) {
      if (isAlive(held.holder)) return held;
      this.#forget(held);
    }
    return undefined;
  }

  #discard(held: Held): void {
    for (const holder of this.#dying) if (!isAlive(holder)) this.#dying.delete(holder);
    kill(held.holder, 'SIGKILL');
    this.#dying.add(held.holder);
    this.#forget(held);
    this.#shell.reap();
  }

  #forget({ address }: Pick<Held, 'address'>): void {
    this.#files.remove(address);
    this.#taken.delete(address);
  }

  async #endSwitch(): Promise<void> {
    const holder = this.#files.holderOf(this.#files.switchClaim);
    for (let round = 0; holder !== undefined && isAlive(holder) && round < killRounds; round++) {
      // It takes its interface along if it is asked; told to end at a bad moment it may not hear it.
      kill(holder, round < killRounds / 2 ? 'SIGTERM' : 'SIGKILL');
      this.#shell.reap();
      await sleep(this.#options.clock, killWaitMs);
    }
    this.#switchHolder = undefined;
    this.#files.removeSwitch();
  }

  /** Until those have gone that were killed. */
  async #deaths(): Promise<void> {
    for (let round = 0; this.#dying.size > 0 && round < killRounds; round++) {
      for (const holder of this.#dying) if (!isAlive(holder)) this.#dying.delete(holder);
      if (this.#dying.size > 0) await sleep(this.#options.clock, killWaitMs);
    }
    this.#dying.clear();
  }
}

function stateOf({ name, subnet }: Candidate): NetworkState & { readonly type: 'up' } {
  return { type: 'up', name, subnet, gateway: gatewayOf(subnet) };
}

function networkOf({ address, holder }: Held): PodNetwork {
  return { address, holderPid: holder.pid, namespace: `/proc/${holder.pid}/ns/net` };
}

function failed(why: string): RuntimeError {
  return new RuntimeError('FailedCreatePodSandBox', `the Pod's network cannot be made: ${why}`);
}

function kill({ pid }: ProcessIdentity, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has gone already.
  }
}
