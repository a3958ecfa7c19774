import { existsSync } from 'node:fs';
import type { Clock, Timer } from '../../clock/index.ts';
import type { Logger } from '../../log/index.ts';
import type { HeldContainer } from './containers.ts';
import { livingProcesses, readClaim } from './processes.ts';

export interface LivenessOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly claimFile: (container: HeldContainer) => string;
  readonly running: () => readonly HeldContainer[];
  /** Reports all exits that are on disk. */
  readonly readExits: () => Promise<void>;
  /** Its wrapper is dead and left no exit: nobody will ever know how it ended. */
  readonly onLost: (container: HeldContainer) => void;
}

/** Only a wrapper that was itself killed is found this way; all other exits are seen at once. */
const intervalMs = 5000;
/** A wrapper that could not write into its claim for so long (full disk) has not lived. */
const emptyClaimMs = 10_000;

/** Looks now and then whether the wrappers of running containers live. Costs nothing while none runs. */
export class Liveness {
  readonly #options: LivenessOptions;
  #timer: Timer | undefined;
  #stopped = false;

  constructor(options: LivenessOptions) {
    this.#options = options;
  }

  /** Begins to look, if it does not yet. */
  watch(): void {
    if (this.#timer !== undefined || this.#stopped) return;
    this.#timer = this.#options.clock.after(intervalMs, () => {
      this.#timer = undefined;
      this.check().catch((error: unknown) => this.#options.log.error('checking wrappers failed', { error }));
    });
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  async check(): Promise<void> {
    this.#stopped = false;
    const { running, readExits, onLost } = this.#options;
    const containers = running();
    const suspects = await this.#withoutWrapper(containers);
    if (suspects.length > 0) {
      // They may have ended between: after their death no exit is made any more, so what is on disk now is all.
      await readExits();
      for (const container of suspects) if (container.state.type === 'running') onLost(container);
    }
    if (running().length > 0) this.watch();
  }

  async #withoutWrapper(containers: readonly HeldContainer[]): Promise<HeldContainer[]> {
    for (const container of containers) this.#readClaim(container);
    const wrappers = containers.flatMap(({ claim }) => (claim === undefined ? [] : [claim.wrapper]));
    const alive = await livingProcesses(wrappers);
    return containers.filter((container) => {
      if (container.claim !== undefined) return !alive.has(container.claim.wrapper.pid);
      const ageMs = this.#options.clock.now() - container.state.startedAtMs;
      return ageMs > emptyClaimMs && existsSync(this.#options.claimFile(container));
    });
  }

  #readClaim(container: HeldContainer): void {
    container.claim ??= readClaim(this.#options.claimFile(container));
    if (container.claim !== undefined) container.startText = undefined;
  }
}
