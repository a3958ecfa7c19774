import type { Container, LifecycleHandler, Probe } from '../../api/index.ts';

/** One way to ask a container, of a probe or a lifecycle hook. */
export type Handler = LifecycleHandler & Pick<Probe, 'grpc'>;

/** Where a container answers. */
export interface AskTarget {
  readonly container: Container;
  /** The address of its Pod. */
  readonly address: string;
  /** Runs a command in the container; undefined where its runtime cannot. */
  readonly exec: ((command: readonly string[], signal: AbortSignal) => Promise<ExecResult>) | undefined;
}

export interface ExecResult {
  readonly exitCode: number;
  /** What it wrote to both streams, cut at `maxOutputBytes`. */
  readonly output: string;
}

export interface Answer {
  readonly result: 'success' | 'failure';
  /** For Events; the kubelet's words. */
  readonly output: string;
}

/** What is kept of a command's or a server's answer (kubelet: 10 KiB). */
export const maxOutputBytes = 10 * 1024;

/**
 * The number of a port that may be a name of one of the container's ports.
 * @throws Error for a name that the container does not have, or a number that is no port
 */
export function portNumber(port: number | string | undefined, container: Container): number {
  const number = typeof port === 'number' ? port : (namedPort(port, container) ?? Number(port));
  if (Number.isInteger(number) && number > 0 && number < 65_536) return number;
  throw new Error(`couldn't find port: ${JSON.stringify(port)} in container ${container.name}`);
}

function namedPort(name: string | undefined, container: Container): number | undefined {
  return container.ports?.find((port) => port.name === name)?.containerPort;
}
