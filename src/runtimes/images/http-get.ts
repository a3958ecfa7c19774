import { sleep, type Clock } from '../../clock/index.ts';

/** An answer whose body has not been read: `body` or `text` must be called, or `drop`. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** @throws (rejects) ConnectionError when the connection breaks, Error when hardly anything comes any more */
  body(): AsyncGenerator<Uint8Array>;
  /** The beginning of the body. */
  text(maxBytes: number): Promise<string>;
  drop(): Promise<void>;
}

export interface GetContext {
  readonly clock: Clock;
  /** Ends all that is under way. */
  readonly signal: AbortSignal;
}

/** There was no connection, or it broke. */
export class ConnectionError extends Error {}

/** How long a server may take until it begins to answer. */
const answerTimeoutMs = 30_000;
const maxRedirects = 5;
/** A body must bring so much in so long a time, or it counts as standing still. */
const [leastBytes, leastBytesInMs] = [60 << 10, 60_000];
/** What passes by itself: too many requests, and servers that are being restarted or overrun. */
const passing = [429, 500, 502, 503, 504];
const retryDelaysMs = [1000, 2000, 4000];
/** A server that asks for more patience is left to the next pull. */
const maxRetryAfterMs = 30_000;

/**
 * Asks until there is an answer that does not pass by itself, or patience is at an end. Follows redirects; `authorization`
 * goes to the first server only.
 * @throws (rejects) ConnectionError; Error if there is no answer in time, or one that is not followed
 */
export async function httpGet(
  url: string,
  headers: Readonly<Record<string, string>>,
  context: GetContext,
): Promise<Answer> {
  for (let attempt = 0; ; attempt++) {
    const answer = await getOnce(url, headers, context);
    const delayMs = retryDelaysMs[attempt];
    if (!passing.includes(answer.status) || delayMs === undefined) return answer;
    const askedMs = retryAfterMs(answer.headers, context.clock.now()) ?? 0;
    if (askedMs > maxRetryAfterMs) return answer;
    await answer.drop();
    await sleep(context.clock, Math.max(delayMs, askedMs), context.signal);
    context.signal.throwIfAborted();
  }
}

/** What `Retry-After` asks for: seconds, or a date (RFC 9110). */
function retryAfterMs(headers: Headers, nowMs: number): number | undefined {
  const text = headers.get('retry-after')?.trim() ?? '';
  if (/^\d+$/.test(text)) return Number(text) * 1000;
  const atMs = Date.parse(text);
  return Number.isNaN(atMs) ? undefined : Math.max(0, atMs - nowMs);
}

async function getOnce(
  url: string,
  { authorization, ...headers }: Readonly<Record<string, string>>,
  { clock, signal }: GetContext,
): Promise<Answer> {
  const ending = new AbortController();
  const either = AbortSignal.any([ending.signal, signal]);
  const timer = clock.after(answerTimeoutMs, () => ending.abort(new Error('no answer in time')));
  try {
    let at = new URL(url);
    let secret = authorization === undefined ? {} : { authorization };
    for (let hops = 0; hops <= maxRedirects; hops++) {
      // Compression on the way would change the bytes that the digest is of.
      const sent = { 'accept-encoding': 'identity', ...headers, ...secret };
      const response = await fetch(at, { headers: sent, signal: either, redirect: 'manual' });
      const next = redirectOf(at, response);
      if (next === undefined) return new FetchAnswer(response, ending, clock);
      await response.body?.cancel();
      if (next.origin !== at.origin) secret = {};
      at = next;
    }
    throw new Error('too many redirects');
  } catch (error) {
    signal.throwIfAborted();
    const { cause } = error as Error;
    const message = `failed to do request: GET ${url}: ${((cause ?? error) as Error).message}`;
    throw new (error instanceof TypeError ? ConnectionError : Error)(message, { cause: error });
  } finally {
    timer.cancel();
  }
}

class FetchAnswer implements Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly #response: Response;
  readonly #ending: AbortController;
  readonly #clock: Clock;

  constructor(response: Response, ending: AbortController, clock: Clock) {
    this.status = response.status;
    this.headers = response.headers;
    this.#response = response;
    this.#ending = ending;
    this.#clock = clock;
  }

  async *body(): AsyncGenerator<Uint8Array> {
    if (this.#response.body === null) return;
    const clock = this.#clock;
    const reader = (this.#response.body as ReadableStream<Uint8Array>).getReader();
    let [waitedMs, bytes] = [0, 0];
    try {
      for (;;) {
        const beganMs = clock.monotonic();
        const timer = clock.after(leastBytesInMs - waitedMs, () => this.#ending.abort(tooSlow(bytes)));
        const { done, value } = await reader.read().finally(() => timer.cancel());
        if (done) break;
        // Only its own time counts, not that of whoever takes what it brings.
        waitedMs += clock.monotonic() - beganMs;
        bytes += value.length;
        if (bytes >= leastBytes) [waitedMs, bytes] = [0, 0];
        yield value;
      }
    } catch (error) {
      // What fetch makes of a connection that ends too early.
      if (!(error instanceof TypeError)) throw error;
      const why = error.cause instanceof Error ? error.cause.message : error.message;
      throw new ConnectionError(`the connection broke: ${why}`, { cause: error });
    } finally {
      await reader.cancel().catch(() => undefined);
    }
  }

  async text(maxBytes: number): Promise<string> {
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    for await (const chunk of this.body()) {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes >= maxBytes) break;
    }
    return Buffer.concat(chunks).subarray(0, maxBytes).toString();
  }

  async drop(): Promise<void> {
    await this.#response.body?.cancel();
  }
}

function tooSlow(bytes: number): Error {
  return new Error(`the server has sent ${bytes} bytes in ${leastBytesInMs / 1000} seconds: it is given up`);
}

const redirects = [301, 302, 303, 307, 308];

/**
 * Where an answer leads on to; undefined: it is the answer.
 * @throws Error for a way out of TLS: a manifest that is asked for by its tag has no digest to check
 */
export function redirectOf(from: URL, response: Pick<Response, 'status' | 'headers'>): URL | undefined {
  const location = response.headers.get('location');
  if (!redirects.includes(response.status) || location === null) return undefined;
  const to = new URL(location, from);
  if (!['http:', 'https:'].includes(to.protocol) || (from.protocol === 'https:' && to.protocol !== 'https:'))
    throw new Error(`a redirect from ${from.origin} to ${to.protocol}//${to.host} is not followed`);
  return to;
}
