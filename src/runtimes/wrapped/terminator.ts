import { existsSync } from 'node:fs';
import { sleep, type Clock, type Timer } from '../../clock/index.ts';
import type { HeldContainer } from './containers.ts';
import { livingProcesses, readClaim, signalGroup, signalMarked } from './processes.ts';

export interface TerminatorOptions {
  readonly clock: Clock;
  readonly claimFile: (container: HeldContainer) => string;
  /** `marked`: also processes that left the group are looked for. `group`: a pid namespace ends them. */
  readonly reach: 'marked' | 'group';
  /** What asks a container to end. */
  readonly stopSignal: (container: HeldContainer) => NodeJS.Signals;
}

/** A container that was just started may have no process yet: asked again after this time. */
const retryMs = 10;
const retryLimit = 1000;
/** Searching all processes costs milliseconds: Pods that were removed shortly after one another share a search. */
const sweepIntervalMs = 500;

interface Stopping {
  killAtMs: number;
  timer: Timer | undefined;
}

/** Ends processes of containers: the group by its leader, and those that left it by the mark in their environment. */
export class Terminator {
  readonly #options: TerminatorOptions;
  readonly #stopping = new Map<string, Stopping>();
  readonly #toSweep = new Set<string>();
  #sweep: Timer | undefined;

  constructor(options: TerminatorOptions) {
    this.#options = options;
  }

  /** TERM now and KILL later; a second call can only make it earlier. */
  stopContainer(container: HeldContainer, gracePeriodMs: number): void {
    if (container.state.type === 'exited') return;
    const { clock } = this.#options;
    const killAtMs = clock.monotonic() + Math.max(0, gracePeriodMs);
    const known = this.#stopping.get(container.token);
    if (known !== undefined && known.killAtMs <= killAtMs) return;
    known?.timer?.cancel();
    const stopping: Stopping = { killAtMs, timer: undefined };
    this.#stopping.set(container.token, stopping);
    if (gracePeriodMs <= 0) {
      this.#signal(container, 'SIGKILL', retryLimit);
      return;
    }
    if (known === undefined) this.#signal(container, this.#options.stopSignal(container), retryLimit);
    stopping.timer = clock.after(gracePeriodMs, () => this.#signal(container, 'SIGKILL', retryLimit));
  }

  /** It has ended. */
  forget(container: HeldContainer): void {
    this.#stopping.get(container.token)?.timer?.cancel();
    this.#stopping.delete(container.token);
  }

  /** The wrapper is dead: what it left is found by its mark alone. */
  killOrphans(container: HeldContainer): void {
    this.forget(container);
    signalMarked([`${container.token}\0`], 'SIGKILL', undefined);
  }

  /** Kills what runs of the Pod and waits until its wrappers have gone, at most two seconds. */
  async killPod(podUid: string, containers: readonly HeldContainer[]): Promise<void> {
    let running = containers.filter(({ state }) => state.type === 'running');
    for (let round = 0; running.length > 0 && round < 200; round++) {
      for (const container of running) this.#signalNow(container, 'SIGKILL');
      const left: HeldContainer[] = [];
      for (const container of running) if (await this.#mayRun(container, round)) left.push(container);
      running = left;
      if (running.length > 0) await sleep(this.#options.clock, retryMs);
    }
    for (const container of containers) this.forget(container);
    this.#sweepLater(podUid);
  }

  stop(): void {
    for (const { timer } of this.#stopping.values()) timer?.cancel();
    this.#stopping.clear();
    this.#sweep?.cancel();
    this.#sweep = undefined;
    if (this.#toSweep.size > 0) this.#sweepNow();
  }

  async #mayRun(container: HeldContainer, round: number): Promise<boolean> {
    const claim = (container.claim ??= readClaim(this.#options.claimFile(container)));
    // Not claimed: its wrapper is about to, or finds the Pod's directory gone and gives up.
    if (claim === undefined) return round < 10;
    return (await livingProcesses([claim.wrapper])).size > 0;
  }

  #signal(container: HeldContainer, signal: NodeJS.Signals, retries: number): void {
    if (container.state.type === 'exited' || !this.#stopping.has(container.token)) return;
    if (this.#signalNow(container, signal) || retries === 0) return;
    this.#options.clock.after(retryMs, () => this.#signal(container, signal, retries - 1));
  }

  /** False if the container has no process yet. */
  #signalNow(container: HeldContainer, signal: NodeJS.Signals): boolean {
    const file = this.#options.claimFile(container);
    if (container.claim?.containerPid === undefined) container.claim = readClaim(file);
    const { claim } = container;
    if (claim?.containerPid === undefined) return false;
    signalGroup(claim, signal);
    if (this.#options.reach === 'marked' && existsSync('/proc/self/environ'))
      signalMarked([`${container.token}\0`], signal, claim.containerPid);
    return true;
  }

  #sweepLater(podUid: string): void {
    if (this.#options.reach === 'group') return;
    this.#toSweep.add(podUid);
    this.#sweep ??= this.#options.clock.after(sweepIntervalMs, () => {
      this.#sweep = undefined;
      this.#sweepNow();
    });
  }

  #sweepNow(): void {
    const prefixes = [...this.#toSweep].map((uid) => `${uid}_`);
    this.#toSweep.clear();
    signalMarked(prefixes, 'SIGKILL', undefined);
  }
}
