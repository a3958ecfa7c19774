import type { Clock, Timer } from '../../clock/index.ts';
import type { Logger } from '../../log/index.ts';
import { unlessGone, type ContainerRuntime } from './container-runtime.ts';
import type { HeldContainer, HeldContainers } from './held-containers.ts';
import { ownerLabel } from './labels.ts';
import { CriError } from './protocol/client.ts';
import type { containerStatus } from './protocol/containers.ts';
import type { Received } from './protocol/message.ts';
import { methods } from './protocol/methods.ts';

export interface ContainerWatchOptions {
  readonly runtime: ContainerRuntime;
  readonly owner: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly held: HeldContainers;
  /** Called before each look. @throws (rejects) Error if there is nobody to ask yet */
  readonly before: () => Promise<void>;
  /** A container that was thought to run does not; without a status the runtime does not know it. */
  readonly onEnded: (container: HeldContainer, status: Received<typeof containerStatus> | undefined) => void;
}

/** Looking costs some milliseconds of the runtime's time: a container that has run for long is looked at less often. */
const pollMs = { shortest: 20, longest: 1000, shareOfAge: 0.1 };
/** Where the runtime tells of exits by itself, looking only makes sure. */
const heardPollMs = 5000;
const retryMs = 500;
const lookTimeoutMs = 10_000;

/**
 * Sees containers end: by the events of runtimes that send them, else by asking which still run. A runtime that is
 * away is asked again until it is back.
 */
export class ContainerWatch {
  readonly #options: ContainerWatchOptions;
  readonly #stopped = new AbortController();
  #timer: Timer | undefined;
  #looking: Promise<void> | undefined;
  #lookAgain = false;
  #isAway = false;
  #listening: 'no' | 'yes' | 'never' = 'no';

  constructor(options: ContainerWatchOptions) {
    this.#options = options;
  }

  stop(): void {
    this.#stopped.abort();
    this.#timer?.cancel();
  }

  /** Looks now (again). Resolves when that is done, whatever came of it. */
  look(): Promise<void> {
    this.#timer?.cancel();
    if (this.#looking !== undefined) {
      this.#lookAgain = true;
      return this.#looking;
    }
    this.#looking = this.#lookAll().finally(() => (this.#looking = undefined));
    return this.#looking;
  }

  async #lookAll(): Promise<void> {
    let delayMs: number | undefined;
    do {
      this.#lookAgain = false;
      delayMs = await this.#lookOnce();
    } while (this.#lookAgain && !this.#stopped.signal.aborted);
    if (delayMs === undefined || this.#stopped.signal.aborted) return;
    this.#timer = this.#options.clock.after(delayMs, () => void this.look());
  }

  /** Gives the time until the next look; undefined: there is nothing to be seen. */
  async #lookOnce(): Promise<number | undefined> {
    const { held, before } = this.#options;
    if (held.running().length === 0) return undefined;
    try {
      await before();
      this.#listen();
      await this.#findEnded();
      this.#setAway(undefined);
    } catch (error) {
      if (!this.#stopped.signal.aborted) this.#setAway(error as Error);
      return retryMs;
    }
    return this.#delayMs();
  }

  async #findEnded(): Promise<void> {
    const { runtime, owner, held, onEnded } = this.#options;
    // Those that are started meanwhile may or may not be in the answer.
    const running = held.running();
    const filter = { state: { state: 'running' }, labelSelector: { [ownerLabel]: owner } } as const;
    const options = { timeoutMs: lookTimeoutMs, signal: this.#stopped.signal };
    const { containers } = await runtime.call(methods.listContainers, { filter }, options);
    const alive = new Set(containers.map(({ id }) => id));
    for (const container of running) {
      const { containerId } = container.claim;
      if (alive.has(containerId) || container.state.type !== 'running') continue;
      const answer = await unlessGone(runtime.call(methods.containerStatus, { containerId }, options));
      const status = answer?.status;
      if (status === undefined || status.state === 'exited') onEnded(container, status);
      // A runtime that lost sight of a container can still end it, and then knows that it ended.
      else if (status.state === 'unknown') await runtime.call(methods.stopContainer, { containerId, timeout: 0 });
    }
  }

  #delayMs(): number | undefined {
    const { held, clock } = this.#options;
    const running = held.running();
    if (running.length === 0) return undefined;
    if (this.#listening === 'yes') return heardPollMs;
    const youngest = Math.max(...running.map(({ state }) => state.startedAtMs));
    return Math.min(pollMs.longest, Math.max(pollMs.shortest, (clock.now() - youngest) * pollMs.shareOfAge));
  }

  #listen(): void {
    if (this.#listening !== 'no') return;
    this.#listening = 'yes';
    const { runtime, log } = this.#options;
    const onMessage = ({ type }: { readonly type: string }): void => {
      if (type === 'stopped') void this.look();
    };
    runtime.client.listen(methods.containerEvents, {}, { onMessage, signal: this.#stopped.signal }).then(
      () => (this.#listening = 'no'),
      (error: unknown) => {
        const isOld = error instanceof CriError && error.isUnimplemented;
        this.#listening = isOld ? 'never' : 'no';
        if (!isOld) log.debug('the events of the container runtime broke off', { error });
        void this.look();
      },
    );
  }

  #setAway(error: Error | undefined): void {
    const isAway = error !== undefined;
    if (this.#isAway === isAway) return;
    this.#isAway = isAway;
    const { log, runtime } = this.#options;
    if (isAway) log.warn('the container runtime does not answer', { socket: runtime.socket, error });
    else log.info('the container runtime answers', { socket: runtime.socket, version: runtime.version });
  }
}
