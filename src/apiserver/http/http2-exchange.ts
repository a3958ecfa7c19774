import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import type { TLSSocket } from 'node:tls';
import { readWholeBody } from './body.ts';
import type { AnswerHeaders, Exchange } from './exchange.ts';

/** A request on a stream of an HTTP/2 connection. */
export class Http2Exchange implements Exchange {
  readonly method: string;
  readonly target: string;
  readonly connection: object;
  readonly #stream: ServerHttp2Stream;
  readonly #headers: IncomingHttpHeaders;

  constructor(stream: ServerHttp2Stream, headers: IncomingHttpHeaders) {
    this.method = String(headers[':method'] ?? 'GET');
    this.target = String(headers[':path'] ?? '/');
    this.#stream = stream;
    this.#headers = headers;
    this.connection = stream.session ?? stream;
    stream.on('error', ignoreLostPeer);
  }

  get started(): boolean {
    return this.#stream.headersSent;
  }

  get closed(): boolean {
    const { destroyed, closed, writableEnded, headersSent } = this.#stream;
    // Node takes the stream of a HEAD for ended before anything was answered.
    return destroyed || closed || (writableEnded && headersSent);
  }

  header(name: string): string | undefined {
    const value = this.#headers[name];
    return typeof value === 'string' ? value : value?.join(', ');
  }

  headerNames(): readonly string[] {
    return Object.keys(this.#headers);
  }

  tlsSocket(): TLSSocket | undefined {
    // The session hands out a proxy of its socket: what is read of it (certificate, authorized) passes through.
    const session = this.#stream.session;
    return session?.encrypted === true ? (session.socket as TLSSocket) : undefined;
  }

  readBody(limitBytes: number): Promise<Buffer> {
    return readWholeBody(this.#stream, limitBytes, this.#headers['content-length']);
  }

  respond(status: number, headers: AnswerHeaders, body?: Buffer | string): void {
    if (this.closed) return;
    headers['content-length'] = body === undefined ? 0 : Buffer.byteLength(body);
    headers[':status'] = status;
    if (body === undefined || this.method === 'HEAD') {
      this.#stream.respond(headers, { endStream: true });
    } else {
      this.#stream.respond(headers);
      this.#stream.end(body);
    }
    // A body that nobody asked for would hold up the connection's flow-control window.
    if (!this.#stream.readableEnded) this.#stream.resume();
  }

  start(status: number, headers: AnswerHeaders): void {
    if (this.closed) return;
    headers[':status'] = status;
    this.#stream.respond(headers);
    if (!this.#stream.readableEnded) this.#stream.resume();
  }

  write(chunk: Buffer): boolean {
    return this.closed || this.#stream.write(chunk);
  }

  drained(): Promise<void> {
    return new Promise((resolve) => {
      const stream = this.#stream;
      if (this.closed || !stream.writableNeedDrain) return resolve();
      const settle = (): void => {
        stream.off('drain', settle);
        stream.off('close', settle);
        resolve();
      };
      stream.on('drain', settle);
      stream.on('close', settle);
    });
  }

  end(): void {
    if (!this.closed) this.#stream.end();
  }

  abort(): void {
    this.#stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM);
  }

  onClose(call: () => void): void {
    if (this.#stream.destroyed) call();
    else this.#stream.once('close', call);
  }
}

/** A write to a peer that has gone: `closed` says the same, in a place where it is expected. */
function ignoreLostPeer(): void {}
