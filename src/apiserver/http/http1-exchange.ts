import type { IncomingMessage, ServerResponse } from 'node:http';
import { TLSSocket } from 'node:tls';
import { readWholeBody } from './body.ts';
import type { AnswerHeaders, Exchange } from './exchange.ts';

/** A request on an HTTP/1.1 connection. */
export class Http1Exchange implements Exchange {
  readonly method: string;
  readonly target: string;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;

  constructor(request: IncomingMessage, response: ServerResponse) {
    this.method = request.method ?? 'GET';
    this.target = request.url ?? '/';
    this.#request = request;
    this.#response = response;
    response.on('error', ignoreLostPeer);
  }

  get connection(): object {
    return this.#request.socket;
  }

  get started(): boolean {
    return this.#response.headersSent;
  }

  get closed(): boolean {
    return this.#response.destroyed || this.#response.writableEnded;
  }

  header(name: string): string | undefined {
    const value = this.#request.headers[name];
    return typeof value === 'string' ? value : value?.join(', ');
  }

  headerNames(): readonly string[] {
    return Object.keys(this.#request.headers);
  }

  tlsSocket(): TLSSocket | undefined {
    const socket = this.#request.socket;
    return socket instanceof TLSSocket ? socket : undefined;
  }

  readBody(limitBytes: number): Promise<Buffer> {
    return readWholeBody(this.#request, limitBytes, this.#request.headers['content-length']);
  }

  respond(status: number, headers: AnswerHeaders, body?: Buffer | string): void {
    if (this.closed) return;
    headers['content-length'] = body === undefined ? 0 : Buffer.byteLength(body);
    this.#response.writeHead(status, headers);
    this.#response.end(body);
  }

  start(status: number, headers: AnswerHeaders): void {
    if (this.closed) return;
    this.#response.writeHead(status, headers);
    this.#response.flushHeaders();
  }

  write(chunk: Buffer): boolean {
    return this.closed || this.#response.write(chunk);
  }

  drained(): Promise<void> {
    return new Promise((resolve) => {
      const response = this.#response;
      if (this.closed || !response.writableNeedDrain) return resolve();
      const settle = (): void => {
        response.off('drain', settle);
        response.off('close', settle);
        resolve();
      };
      response.on('drain', settle);
      response.on('close', settle);
    });
  }

  end(): void {
    if (!this.closed) this.#response.end();
  }

  abort(): void {
    this.#request.socket.destroy();
  }

  onClose(call: () => void): void {
    if (this.#response.destroyed || this.#response.closed) call();
    else this.#response.once('close', call);
  }
}

/** A write to a peer that has gone: `closed` says the same, in a place where it is expected. */
function ignoreLostPeer(): void {}
