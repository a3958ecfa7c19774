import type { Pod } from '../../api/index.ts';
import { sleep } from '../../clock/index.ts';
import { answerText, commonHeaders } from './answer.ts';
import type { Call, Services } from './call.ts';
import { checkLogExists, chooseContainer, podLogOptionsOf } from './pod-log-options.ts';

/** How long the head of the answer waits for the first output, so that an early failure can still be a Status. */
const firstChunkMs = 50;

/** Answers with the log of one container, as it comes. */
export async function serveLog(call: Call, pod: Pod, services: Services): Promise<void> {
  const options = podLogOptionsOf(call.query, pod.metadata.name);
  const container = chooseContainer(pod, options.container);
  if ((pod.spec?.nodeName ?? '') === '') {
    // As upstream: a Pod without a node has an empty log, not an error.
    answerText(call, 200, '');
    return;
  }
  checkLogExists(pod, container, options.previous === true);
  const abort = new AbortController();
  const stop = (): void => abort.abort();
  const forget = services.streams.add(stop);
  call.exchange.onClose(stop);
  try {
    await sendLog(call, services.podStreams.log(pod, { ...options, container }, abort.signal), services);
  } finally {
    forget();
  }
}

async function sendLog(call: Call, log: AsyncIterable<Uint8Array>, services: Services): Promise<void> {
  const { exchange } = call;
  const chunks = log[Symbol.asyncIterator]();
  let next = chunks.next();
  await settledWithin(next, services);
  call.code = 200;
  exchange.start(200, commonHeaders(call, 'text/plain'));
  try {
    for (let chunk = await next; chunk.done !== true; chunk = await next) {
      if (exchange.closed) return;
      const { buffer, byteOffset, byteLength } = chunk.value;
      if (!exchange.write(Buffer.from(buffer, byteOffset, byteLength))) await exchange.drained();
      next = chunks.next();
    }
    exchange.end();
  } finally {
    await chunks.return?.();
  }
}

/** Waits until the promise settles or the time is up. Rejects if the promise did. */
async function settledWithin(promise: Promise<unknown>, { clock }: Services): Promise<void> {
  const abort = new AbortController();
  const settled = promise.finally(() => abort.abort());
  await Promise.race([settled, sleep(clock, firstChunkMs, abort.signal)]);
  if (!abort.signal.aborted) settled.catch(() => undefined);
  else await settled;
}
