// The client side of HTTP/2 by hand, as much as a load generator needs: Node's own costs more per request than the
// server that is to be measured, and shares the machine with it.
import { connect, type TLSSocket } from 'node:tls';

/** Sends one POST; resolves with the whole body of the answer. */
export type Post = (body: Buffer) => Promise<string>;

const frame = { data: 0x0, headers: 0x1, reset: 0x3, settings: 0x4, ping: 0x6, goAway: 0x7, windowUpdate: 0x8 };
const endStream = 0x1;
const endHeaders = 0x4;
const acknowledged = 0x1;
const headBytes = 9;
/** As large as the protocol allows: the server never waits for this client. */
const windowBytes = 2 ** 31 - 1;
const initialWindowBytes = 65_535;
const initialWindowSizeSetting = 0x4;
const preface = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';

interface Waiting {
  text: string;
  readonly resolve: (body: string) => void;
  readonly reject: (error: Error) => void;
}

/** Opens one connection over TLS, for any number of requests at a time. The server must allow them in its windows. */
export async function openRawHttp2(
  port: number,
  headers: readonly (readonly [name: string, value: string])[],
): Promise<Post> {
  const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ALPNProtocols: ['h2'] });
  await new Promise<void>((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject));
  socket.setNoDelay(true);
  return new RawHttp2(socket, headers).post;
}

class RawHttp2 {
  readonly #socket: TLSSocket;
  readonly #headers: Buffer;
  readonly #waiting = new Map<number, Waiting>();
  #received: Buffer = Buffer.alloc(0);
  #nextStream = 1;

  constructor(socket: TLSSocket, headers: readonly (readonly [string, string])[]) {
    this.#socket = socket;
    this.#headers = Buffer.concat(headers.map(([name, value]) => literal(name, value)));
    socket.on('data', (chunk: Buffer) => this.#take(chunk));
    socket.on('error', (error: Error) => this.#fail(error));
    socket.on('close', () => this.#fail(new Error('the server closed the connection')));
    const setting = Buffer.alloc(6);
    setting.writeUInt16BE(initialWindowSizeSetting, 0);
    setting.writeUInt32BE(windowBytes, 2);
    socket.write(
      Buffer.concat([
        Buffer.from(preface),
        frameOf(frame.settings, 0, 0, setting),
        frameOf(frame.windowUpdate, 0, 0, uint32(windowBytes - initialWindowBytes)),
      ]),
    );
  }

  readonly post: Post = (body) => {
    const stream = this.#nextStream;
    this.#nextStream += 2;
    const bytes = [
      frameOf(frame.headers, endHeaders, stream, this.#headers),
      frameOf(frame.data, endStream, stream, body),
    ];
    return new Promise((resolve, reject) => {
      this.#waiting.set(stream, { text: '', resolve, reject });
      this.#socket.write(Buffer.concat(bytes));
    });
  };

  #take(chunk: Buffer): void {
    const bytes = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk]);
    let at = 0;
    while (bytes.length - at >= headBytes) {
      const end = at + headBytes + bytes.readUIntBE(at, 3);
      if (bytes.length < end) break;
      const [type, flags, stream] = [bytes[at + 3] ?? 0, bytes[at + 4] ?? 0, bytes.readUInt32BE(at + 5)];
      this.#onFrame({ type, flags, stream, payload: bytes.subarray(at + headBytes, end) });
      at = end;
    }
    this.#received = bytes.subarray(at);
  }

  #onFrame(got: { type: number; flags: number; stream: number; payload: Buffer }): void {
    const { type, flags, stream, payload } = got;
    const acknowledges = (flags & acknowledged) !== 0;
    if (type === frame.settings && !acknowledges) this.#reply(frame.settings, Buffer.alloc(0));
    else if (type === frame.ping && !acknowledges) this.#reply(frame.ping, payload);
    else if (type === frame.goAway) this.#fail(new Error('the server said GOAWAY'));
    const waiting = this.#waiting.get(stream);
    if (waiting === undefined) return;
    if (type === frame.reset) waiting.reject(new Error(`the server reset stream ${stream}`));
    else if (type === frame.data) waiting.text += payload.toString('latin1');
    else if (type !== frame.headers) return;
    if (type !== frame.reset && (flags & endStream) === 0) return;
    this.#waiting.delete(stream);
    waiting.resolve(waiting.text);
  }

  #reply(type: number, payload: Buffer): void {
    this.#socket.write(frameOf(type, acknowledged, 0, payload));
  }

  #fail(error: Error): void {
    for (const waiting of this.#waiting.values()) waiting.reject(error);
    this.#waiting.clear();
  }
}

/** A header field without an index and without compression (RFC 7541, 6.2.2). */
function literal(name: string, value: string): Buffer {
  return Buffer.concat([Buffer.from([0]), text(name), text(value)]);
}

function text(value: string): Buffer {
  if (value.length > 126) throw new RangeError('longer than one byte can say');
  return Buffer.concat([Buffer.from([value.length]), Buffer.from(value, 'latin1')]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function frameOf(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(headBytes);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}
