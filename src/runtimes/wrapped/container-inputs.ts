import { execFileSync } from 'node:child_process';
import { closeSync, constants, existsSync, openSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Writable } from 'node:stream';
import type { Container } from '../../api/index.ts';
import { RuntimeError, type ContainerId } from '../runtime.ts';
import { defaultPath } from './environment.ts';
import { containerFiles, tokenOf, type Layout } from './layout.ts';

/** An input that is open, as the shell redirects it. */
export interface OpenInput {
  readonly file: string;
  /** `stdinOnce`: it ends with the first session that writes to it. Else it never ends. */
  readonly once: boolean;
}

/** What a container reads as its input; undefined: nothing. */
export function inputOf(layout: Layout, id: ContainerId, { stdin, stdinOnce }: Container): OpenInput | undefined {
  return stdin === true ? { file: containerFiles(layout, id).input, once: stdinOnce === true } : undefined;
}

/**
 * Inputs of containers: a FIFO each. One that never ends is held open by its container; one that is for a single session is
 * held open here, and ends with the session, or with the engine.
 */
export class ContainerInputs {
  readonly #layout: Layout;
  /** Descriptors by token. */
  readonly #held = new Map<string, number>();

  constructor(layout: Layout) {
    this.#layout = layout;
  }

  /** Before its container starts. @throws RuntimeError if it cannot be made */
  make(id: ContainerId): void {
    const { input } = containerFiles(this.#layout, id);
    try {
      if (!existsSync(input)) execFileSync('mkfifo', ['-m', '600', input], { env: { PATH: defaultPath } });
      // Read-write, which waits for nobody; and so the container's own opening does not wait either.
      this.#held.set(tokenOf(id), openSync(input, constants.O_RDWR | constants.O_NONBLOCK));
    } catch (error) {
      throw new RuntimeError('RunContainerError', `no input can be made: ${(error as Error).message}`, {
        cause: error,
      });
    }
  }

  /** @throws RuntimeError if the container has no input, or its only session is over */
  open(id: ContainerId): Writable {
    const { input } = containerFiles(this.#layout, id);
    const held = this.#held.get(tokenOf(id));
    this.#held.delete(tokenOf(id));
    try {
      const fd = held ?? openSync(input, constants.O_WRONLY | constants.O_NONBLOCK);
      return new Socket({ fd, readable: false, writable: true });
    } catch (error) {
      const message = `container ${id.container} reads no input (any more)`;
      throw new RuntimeError('ContainerInputClosed', message, { cause: error });
    }
  }

  /** The container has ended. */
  ended(id: ContainerId): void {
    const held = this.#held.get(tokenOf(id));
    if (held === undefined) return;
    this.#held.delete(tokenOf(id));
    closeSync(held);
  }

  stop(): void {
    for (const held of this.#held.values()) closeSync(held);
    this.#held.clear();
  }
}
