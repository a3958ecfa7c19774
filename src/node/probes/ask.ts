import { askGrpc } from './ask-grpc.ts';
import { askHttp } from './ask-http.ts';
import type { Answer, AskTarget, Handler } from './ask-target.ts';
import { askTcp } from './ask-tcp.ts';

/**
 * Asks a container once in the way that the handler says. Never rejects: what goes wrong is a failure with the reason in
 * `output`. The signal ends it early.
 */
export async function ask(handler: Handler, target: AskTarget, signal: AbortSignal): Promise<Answer> {
  try {
    return await askAs(handler, target, signal);
  } catch (error) {
    return { result: 'failure', output: (error as Error).message };
  }
}

function askAs(handler: Handler, target: AskTarget, signal: AbortSignal): Promise<Answer> {
  if (handler.exec !== undefined) return askExec(handler.exec.command ?? [], target, signal);
  if (handler.httpGet !== undefined) return askHttp(handler.httpGet, target, signal);
  if (handler.tcpSocket !== undefined) return askTcp(handler.tcpSocket, target, signal);
  if (handler.grpc !== undefined) return askGrpc(handler.grpc, target, signal);
  throw new Error('missing probe handler');
}

async function askExec(command: readonly string[], target: AskTarget, signal: AbortSignal): Promise<Answer> {
  if (target.exec === undefined) throw new Error('the runtime of this Pod cannot run commands in containers');
  const { exitCode, output } = await target.exec(command, signal);
  return { result: exitCode === 0 ? 'success' : 'failure', output };
}
