import type { Clock, Timer } from '../../clock/index.ts';
import type { Logger } from '../../log/index.ts';
import { callTimeoutMs, unlessGone, type ContainerRuntime } from './container-runtime.ts';
import type { HeldContainer } from './held-containers.ts';
import { methods } from './protocol/methods.ts';

interface Order {
  readonly deadlineMs: number;
  readonly timer: Timer;
}

export interface StopOrdersOptions {
  readonly runtime: ContainerRuntime;
  readonly clock: Clock;
  readonly log: Logger;
  /** The runtime says that it has done it. */
  readonly onStopped: () => void;
}

const retryMs = 500;

/** Orders to stop containers, which stand until they have ended, whatever becomes of the runtime meanwhile. */
export class StopOrders {
  readonly #options: StopOrdersOptions;
  readonly #orders = new Map<HeldContainer, Order>();
  readonly #stopped = new AbortController();

  constructor(options: StopOrdersOptions) {
    this.#options = options;
  }

  /** A second order can only make the end come earlier. */
  stop(container: HeldContainer, graceMs: number): void {
    if (container.state.type !== 'running') return;
    const { clock } = this.#options;
    const deadlineMs = clock.monotonic() + graceMs;
    const standing = this.#orders.get(container);
    if (standing !== undefined && standing.deadlineMs <= deadlineMs) return;
    standing?.timer.cancel();
    if (standing === undefined) container.whenEnded.add(() => this.#forget(container));
    // The runtime counts in whole seconds.
    const timer = clock.after(graceMs, () => this.#send(container, 0));
    this.#orders.set(container, { deadlineMs, timer });
    if (graceMs > 0) this.#send(container, Math.ceil(graceMs / 1000));
  }

  /** Lets go of all orders; containers go on. */
  close(): void {
    this.#stopped.abort();
    for (const { timer } of this.#orders.values()) timer.cancel();
    this.#orders.clear();
  }

  #forget(container: HeldContainer): void {
    this.#orders.get(container)?.timer.cancel();
    this.#orders.delete(container);
  }

  /** TERM, and KILL after so many seconds; at once without any. */
  #send(container: HeldContainer, timeout: number): void {
    const { runtime, onStopped, log, clock } = this.#options;
    const { containerId } = container.claim;
    const options = { timeoutMs: timeout * 1000 + callTimeoutMs, signal: this.#stopped.signal };
    unlessGone(runtime.call(methods.stopContainer, { containerId, timeout }, options)).then(
      onStopped,
      (error: unknown) => {
        const order = this.#orders.get(container);
        if (order === undefined || this.#stopped.signal.aborted) return;
        log.debug('a container could not be stopped yet', { container: containerId, error });
        order.timer.cancel();
        const again = (): void => {
          const leftMs = order.deadlineMs - clock.monotonic();
          this.#orders.delete(container);
          this.stop(container, Math.max(0, leftMs));
        };
        this.#orders.set(container, { ...order, timer: clock.after(retryMs, again) });
      },
    );
  }
}
