import type { Clock } from '../../clock/index.ts';
import { RuntimeError } from '../runtime.ts';
import { CriClient, CriError, type CallOptions } from './protocol/client.ts';
import { methods, type Method } from './protocol/methods.ts';

/** A kubelet's: longer than any of these calls takes that will ever end. */
export const callTimeoutMs = 120_000;
/** Sandboxes wait for their network. */
export const sandboxTimeoutMs = 240_000;

/** containerd or CRI-O, as it was when somebody last spoke with it. */
export class ContainerRuntime {
  readonly client: CriClient;
  readonly socket: string;
  #version: { readonly name: string; readonly version: string } | undefined;
  #features: { readonly supplementalGroupsPolicy: boolean } | undefined;

  constructor(socket: string, clock: Clock) {
    this.socket = socket;
    this.client = new CriClient(socket, clock);
  }

  /** `containerd`, as container ids in statuses begin; `cri` as long as nobody knows. */
  get name(): string {
    return this.#version?.name ?? 'cri';
  }

  /** `containerd://1.6.20`, as Nodes show it. */
  get version(): string {
    return this.#version === undefined ? 'cri://unknown' : `${this.#version.name}://${this.#version.version}`;
  }

  get features(): { readonly supplementalGroupsPolicy: boolean } {
    return this.#features ?? { supplementalGroupsPolicy: false };
  }

  /** Finds out who answers there. @throws (rejects) Error that says what is wrong */
  async greet(): Promise<void> {
    try {
      const { runtimeName, runtimeVersion } = await this.call(methods.version, {}, { timeoutMs: 10_000 });
      const { features } = await this.call(methods.status, {}, { timeoutMs: 10_000 });
      this.#version = { name: runtimeName, version: runtimeVersion };
      this.#features = features;
    } catch (error) {
      if (!(error instanceof CriError)) throw error;
      const text = error.isUnimplemented ? 'it does not speak CRI v1 (runtime.v1.RuntimeService)' : error.message;
      throw new Error(`no container runtime at ${this.socket}: ${text}`, { cause: error });
    }
  }

  /** @throws (rejects) CriError */
  call<Request, Response>(
    method: Method<Request, Response>,
    request: Request,
    options: CallOptions = { timeoutMs: callTimeoutMs },
  ): Promise<Response> {
    return this.client.call(method, request, options);
  }
}

/** Why nobody can be spoken with at this socket; undefined if somebody answers. */
export async function criProblem(socket: string, clock: Clock): Promise<string | undefined> {
  const runtime = new ContainerRuntime(socket, clock);
  try {
    await runtime.greet();
    return undefined;
  } catch (error) {
    return (error as Error).message;
  } finally {
    runtime.client.close();
  }
}

/** Undefined for what was not there any more. */
export async function unlessGone<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof CriError && error.isNotFound) return undefined;
    throw error;
  }
}

/** How often what a killed engine had asked for is looked at, and for how long. */
const underWayPollMs = 50;
const maxUnderWayMs = 60_000;

/**
 * Calls again while the runtime is still busy with the same thing for an engine that was killed meanwhile. containerd says
 * so in words only: the protocol has no state for it.
 */
export async function onceFree<T>(clock: Clock, call: () => Promise<T>): Promise<T> {
  for (let waitedMs = 0; ; waitedMs += underWayPollMs) {
    try {
      return await call();
    } catch (error) {
      if (!isUnderWay(error) || waitedMs >= maxUnderWayMs) throw error;
      await new Promise<void>((resolve) => clock.after(underWayPollMs, resolve));
    }
  }
}

export function isUnderWay(error: unknown): boolean {
  return error instanceof CriError && /already in starting state|is reserved for/.test(error.message);
}

/** What the runtime said, as the reason for which a container waits. */
export function asRuntimeError(reason: string, error: unknown, prefix = ''): RuntimeError {
  if (error instanceof RuntimeError) return error;
  return new RuntimeError(reason, `${prefix}${(error as Error).message}`, { cause: error });
}
