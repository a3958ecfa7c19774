import type { Readable } from 'node:stream';
import { failure } from '../api/index.ts';
import type { Clock } from '../clock/index.ts';
import { errorFromBody, networkError, timeoutError } from './http-errors.ts';
import type { HttpRequest, Transport } from './transport.ts';

/** The API server ends ordinary requests after a minute by itself. */
const timeoutMs = 65_000;
const maxErrorBytes = 1_000_000;

export interface Call {
  readonly method: string;
  readonly path: string;
  /** Sent as JSON. */
  readonly body?: unknown;
  readonly contentType?: string;
}

/** Requests with credentials, time-outs and API errors. */
export class HttpCaller {
  readonly #transport: Transport;
  readonly #server: string;
  readonly #pathPrefix: string;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #clock: Clock;

  constructor(options: { transport: Transport; server: URL; token: string | undefined; clock: Clock }) {
    this.#transport = options.transport;
    this.#server = options.server.origin;
    this.#pathPrefix = options.server.pathname.replace(/\/+$/, '');
    this.#clock = options.clock;
    const authorization = options.token === undefined ? {} : { authorization: `Bearer ${options.token}` };
    this.#headers = { 'user-agent': 'rondo', ...authorization };
  }

  /** @throws (rejects) ApiError */
  async json(call: Call): Promise<unknown> {
    const abort = new AbortController();
    let timedOut = false;
    const timer = this.#clock.after(timeoutMs, () => {
      timedOut = true;
      abort.abort();
    });
    try {
      const { status, body } = await this.#transport.send(this.#request(call, 'application/json'), abort.signal);
      const text = await readText(body);
      if (status >= 400) throw errorFromBody(status, text);
      return parse(text);
    } catch (error) {
      throw timedOut ? timeoutError(this.#server, timeoutMs) : networkError(this.#server, error);
    } finally {
      timer.cancel();
    }
  }

  /**
   * The body as it comes. Only the wait for the headers has a limit.
   * @throws (rejects) ApiError
   */
  async stream(call: Call, accept: string, signal: AbortSignal): Promise<Readable> {
    const abort = new AbortController();
    const forward = (): void => abort.abort();
    signal.addEventListener('abort', forward, { once: true });
    if (signal.aborted) forward();
    const timer = this.#clock.after(timeoutMs, forward);
    try {
      const { status, body } = await this.#transport.send(this.#request(call, accept), abort.signal);
      if (status >= 400) throw errorFromBody(status, await readText(body, maxErrorBytes));
      body.once('close', () => signal.removeEventListener('abort', forward));
      return body;
    } catch (error) {
      signal.removeEventListener('abort', forward);
      throw networkError(this.#server, error);
    } finally {
      timer.cancel();
    }
  }

  /** For errors of a stream after its beginning. */
  broken(error: unknown): Error {
    return networkError(this.#server, error);
  }

  #request({ method, path, body, contentType = 'application/json' }: Call, accept: string): HttpRequest {
    return {
      method,
      path: this.#pathPrefix + path,
      headers: { ...this.#headers, accept, ...(body === undefined ? {} : { 'content-type': contentType }) },
      body: body === undefined ? undefined : JSON.stringify(body),
    };
  }
}

async function readText(body: Readable, limitBytes = Infinity): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > limitBytes) break;
  }
  return Buffer.concat(chunks).toString();
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw failure({ code: 500, reason: 'InternalError', message: 'the server did not answer with JSON', cause });
  }
}
