import { STATUS_CODES, type IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import { WebSocketServer, type WebSocket } from 'ws';
import type { AnswerHeaders, Exchange } from '../exchange.ts';

/** Messages above this size end the connection. kubectl sends 32 KiB at a time. */
const maxMessageBytes = 4 << 20;

const sockets = new WebSocketServer({
  noServer: true,
  clientTracking: false,
  maxPayload: maxMessageBytes,
  perMessageDeflate: false,
});
const chosen = new WeakMap<IncomingMessage, string>();
// Not by its own option: `ws` takes only names that are tokens, and `SPDY/3.1+portforward.k8s.io` is none.
sockets.on('headers', (headers, request) => {
  headers.push(`Sec-WebSocket-Protocol: ${chosen.get(request) ?? ''}`);
});

/** A request on an HTTP/1.1 connection that wants to go on as something else. Until then it is one like all others. */
export class UpgradeExchange implements Exchange {
  readonly method: string;
  readonly target: string;
  readonly #request: IncomingMessage;
  readonly #socket: Duplex;
  readonly #head: Buffer;
  #started = false;

  constructor(request: IncomingMessage, socket: Duplex, head: Buffer) {
    this.method = request.method ?? 'GET';
    this.target = request.url ?? '/';
    this.#request = request;
    this.#socket = socket;
    this.#head = head;
    socket.on('error', ignoreLostPeer);
  }

  get connection(): object {
    return this.#socket;
  }

  get started(): boolean {
    return this.#started;
  }

  get closed(): boolean {
    return this.#socket.destroyed || this.#socket.writableEnded;
  }

  /** What the connection is to become, in lower case: `websocket`, `spdy/3.1`. */
  get upgrade(): string {
    return (this.header('upgrade') ?? '').toLowerCase();
  }

  /** The protocols that the client offers to speak there, those it likes best first. */
  get protocols(): readonly string[] {
    const name = this.upgrade === 'websocket' ? 'sec-websocket-protocol' : 'x-stream-protocol-version';
    return (this.header(name) ?? '').split(',').map((protocol) => protocol.trim());
  }

  /** Goes on as a WebSocket that speaks this subprotocol. @throws (rejects) Error if the client does not keep to the rules */
  acceptWebSocket(protocol: string): Promise<WebSocket> {
    this.#started = true;
    chosen.set(this.#request, protocol);
    Reflect.deleteProperty(this.#request.headers, 'sec-websocket-protocol');
    return new Promise((resolve, reject) => {
      // What is wrong with a handshake is answered there.
      this.#socket.once('close', () => reject(new Error('the connection was closed before it became a WebSocket')));
      sockets.handleUpgrade(this.#request, this.#socket, this.#head, resolve);
    });
  }

  /** Goes on as SPDY/3.1 that speaks this protocol. */
  acceptSpdy(protocol: string): Duplex {
    this.#started = true;
    const fields = { connection: 'Upgrade', upgrade: 'SPDY/3.1', 'x-stream-protocol-version': protocol };
    this.#socket.write(headOf(101, fields));
    if (this.#head.length > 0) this.#socket.unshift(this.#head);
    return this.#socket;
  }

  header(name: string): string | undefined {
    const value = this.#request.headers[name];
    return typeof value === 'string' ? value : value?.join(', ');
  }

  headerNames(): readonly string[] {
    return Object.keys(this.#request.headers);
  }

  tlsSocket(): TLSSocket | undefined {
    return this.#socket instanceof TLSSocket ? this.#socket : undefined;
  }

  readBody(): Promise<Buffer> {
    return Promise.resolve(Buffer.alloc(0));
  }

  respond(status: number, headers: AnswerHeaders, body: Buffer | string = ''): void {
    if (this.closed) return;
    this.start(status, { ...headers, 'content-length': Buffer.byteLength(body) });
    this.#socket.end(body);
  }

  start(status: number, headers: AnswerHeaders): void {
    if (this.closed) return;
    this.#started = true;
    this.#socket.write(headOf(status, { ...headers, connection: 'close' }));
  }

  write(chunk: Buffer): boolean {
    return this.closed || this.#socket.write(chunk);
  }

  drained(): Promise<void> {
    return new Promise((resolve) => {
      if (this.closed || !this.#socket.writableNeedDrain) resolve();
      else this.#socket.once('drain', resolve).once('close', resolve);
    });
  }

  end(): void {
    if (!this.closed) this.#socket.end();
  }

  abort(): void {
    this.#socket.destroy();
  }

  onClose(call: () => void): void {
    if (this.#socket.destroyed) call();
    else this.#socket.once('close', call);
  }
}

function headOf(status: number, headers: AnswerHeaders): string {
  const fields = Object.entries(headers).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value]).map((one) => `${name}: ${one}\r\n`),
  );
  return `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${fields.join('')}\r\n`;
}

/** The peer has gone: `closed` says the same. */
function ignoreLostPeer(): void {}
