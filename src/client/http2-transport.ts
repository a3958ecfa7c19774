import { connect, constants, type ClientHttp2Session, type ClientHttp2Stream } from 'node:http2';
import type { HttpRequest, HttpResponse, Transport, TransportOptions } from './transport.ts';

/**
 * HTTP/2 over TLS: one session for everything, made anew when it ends. The session keeps the process alive only while
 * something is asked for.
 */
export function createHttp2Transport(options: TransportOptions): Transport {
  return new Http2Transport(options);
}

class Http2Transport implements Transport {
  readonly #options: TransportOptions;
  #session: ClientHttp2Session | undefined;
  #active = 0;

  constructor(options: TransportOptions) {
    this.#options = options;
  }

  send(request: HttpRequest, signal: AbortSignal): Promise<HttpResponse> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) {
        reject(new Error('the request was aborted'));
        return;
      }
      const session = this.#connected();
      const { server } = this.#options;
      const stream = session.request(
        {
          ...request.headers,
          [constants.HTTP2_HEADER_METHOD]: request.method,
          [constants.HTTP2_HEADER_PATH]: request.path,
          [constants.HTTP2_HEADER_AUTHORITY]: server.host,
        },
        { endStream: request.body === undefined },
      );
      this.#track(session, stream);
      const abort = (): void => stream.close(constants.NGHTTP2_CANCEL);
      signal.addEventListener('abort', abort, { once: true });
      stream.on('response', (headers) => {
        resolve({ status: Number(headers[constants.HTTP2_HEADER_STATUS] ?? 500), body: stream });
      });
      stream.on('error', reject);
      stream.on('close', () => {
        signal.removeEventListener('abort', abort);
        reject(new Error('the connection was closed before the answer'));
      });
      if (request.body !== undefined) stream.end(request.body);
    });
  }

  #track(session: ClientHttp2Session, stream: ClientHttp2Stream): void {
    if (this.#active++ === 0) session.ref();
    stream.on('close', () => {
      if (--this.#active === 0 && !session.destroyed) session.unref();
    });
  }

  #connected(): ClientHttp2Session {
    const usable = this.#session !== undefined && !this.#session.closed && !this.#session.destroyed;
    if (usable && this.#session !== undefined) return this.#session;
    const { server, ca, clientCert, clientKey } = this.#options;
    const session = connect(server.origin, {
      ...(ca === undefined ? {} : { ca }),
      ...(clientCert === undefined ? {} : { cert: clientCert }),
      ...(clientKey === undefined ? {} : { key: clientKey }),
      // Many watches share the session; the default of 64 KiB would make them wait for one another.
      settings: { initialWindowSize: 2 ** 20 },
    });
    session.on('connect', () => session.setLocalWindowSize(2 ** 24));
    const forget = (): void => {
      if (this.#session === session) this.#session = undefined;
    };
    // Every stream of the session reports the error by itself.
    session.on('error', forget);
    session.on('close', forget);
    // The server goes away in an orderly manner: streams under way end by themselves, new ones need a new session.
    session.on('goaway', forget);
    this.#session = session;
    return session;
  }
}
