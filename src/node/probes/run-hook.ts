import type { LifecycleHandler } from '../../api/index.ts';
import { sleep, type Clock } from '../../clock/index.ts';
import { ask } from './ask.ts';
import { reachHttp } from './ask-http.ts';
import type { Answer, AskTarget } from './ask-target.ts';

/**
 * Runs a lifecycle hook to its end, or until the signal ends it. Never rejects. An HTTP hook succeeds with any answer;
 * `tcpSocket` is accepted by the API but does not work, as upstream.
 */
export async function runHook(
  handler: LifecycleHandler,
  target: AskTarget,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<Answer> {
  try {
    if (handler.sleep !== undefined) {
      await sleep(clock, handler.sleep.seconds * 1000, signal);
      return { result: 'success', output: '' };
    }
    if (handler.httpGet !== undefined) return await reachHttp(handler.httpGet, target, signal);
    if (handler.tcpSocket !== undefined) throw new Error('invalid handler: tcpSocket');
    return await ask(handler, target, signal);
  } catch (error) {
    return { result: 'failure', output: (error as Error).message };
  }
}
