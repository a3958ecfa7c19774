import { connect } from 'node:net';
import type { TCPSocketAction } from '../../api/index.ts';
import { portNumber, type Answer, type AskTarget } from './ask-target.ts';

/** A connection that opens is a success; nothing is sent. */
export function askTcp(action: TCPSocketAction, target: AskTarget, signal: AbortSignal): Promise<Answer> {
  const host = action.host ?? target.address;
  const port = portNumber(action.port, target.container);
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const finish = (answer: Answer): void => {
      signal.removeEventListener('abort', onAbort);
      socket.destroy();
      resolve(answer);
    };
    const onAbort = (): void => finish({ result: 'failure', output: `dial tcp ${host}:${port}: i/o timeout` });
    signal.addEventListener('abort', onAbort, { once: true });
    socket.once('connect', () => finish({ result: 'success', output: '' }));
    socket.once('error', (error) =>
      finish({ result: 'failure', output: `dial tcp ${host}:${port}: ${connectProblem(error)}` }),
    );
  });
}

const problems: Record<string, string> = {
  ECONNREFUSED: 'connect: connection refused',
  ECONNRESET: 'read: connection reset by peer',
  EHOSTUNREACH: 'connect: no route to host',
  ENETUNREACH: 'connect: network is unreachable',
  ETIMEDOUT: 'i/o timeout',
};

/** What a Go client says of a connection that failed. */
export function connectProblem(error: Error): string {
  return problems[(error as NodeJS.ErrnoException).code ?? ''] ?? error.message;
}
