import { Duplex } from 'node:stream';
import { HeaderReader, HeaderWriter } from './headers.ts';

const version = 0x8003;
const type = { synStream: 1, synReply: 2, reset: 3, ping: 6, goAway: 7 };
const finished = 0x01;
const headBytes = 8;
const streamIdMask = 0x7fff_ffff;
/** kubectl sends 32 KiB at a time. */
const maxFrameBytes = 4 << 20;
const longestWrite = 1 << 20;
const refused = 3;
const cancel = 5;

/** One stream of a connection: what the peer writes can be read, and the other way round. */
export class SpdyStream extends Duplex {
  readonly id: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly #send: SendFrame;
  #wanted: (() => void) | undefined;

  constructor(id: number, headers: ReadonlyMap<string, string>, send: SendFrame) {
    super();
    this.id = id;
    this.headers = headers;
    this.#send = send;
  }

  /** Data from the peer. The promise, if there is one, resolves when more can be taken. */
  deliver(data: Buffer): Promise<void> | undefined {
    if (data.length === 0 || this.destroyed || this.readableEnded || this.push(data)) return undefined;
    return new Promise((resolve) => {
      this.#wanted = resolve;
      this.once('close', resolve);
    });
  }

  deliverEnd(): void {
    if (!this.destroyed) this.push(null);
  }

  override _read(): void {
    this.#wanted?.();
    this.#wanted = undefined;
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    // What is larger is sent in parts: lengths have 24 bits, and peers have limits of their own.
    const parts = Math.max(1, Math.ceil(chunk.length / longestWrite));
    for (let part = 0; part < parts; part++) {
      const piece = chunk.subarray(part * longestWrite, (part + 1) * longestWrite);
      this.#send(dataFrame(this.id, 0, piece), part === parts - 1 ? done : ignore);
    }
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#send(dataFrame(this.id, finished, Buffer.alloc(0)), done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    if (this.writableFinished && this.readableEnded) return done(error);
    this.#send(controlFrame(type.reset, 0, [this.id, cancel]), () => done(error));
  }
}

type SendFrame = (frame: Buffer, done: (error?: Error | null) => void) => void;

/**
 * SPDY/3.1 as Kubernetes speaks it (moby/spdystream): clients open all streams, send only the headers that name them,
 * and know no flow control, so that a stream that is not read holds up the whole connection.
 */
export class SpdyConnection {
  /** Resolves when the connection is over, for whatever reason. */
  readonly closed: Promise<void>;
  readonly #socket: Duplex;
  readonly #onStream: ((stream: SpdyStream) => void) | undefined;
  readonly #streams = new Map<number, SpdyStream>();
  readonly #headers = new HeaderReader();
  readonly #headerWriter = new HeaderWriter();
  #nextId = 1;

  /** `onStream` is called for every stream that the peer opens, after it was accepted; clients have none. */
  constructor(socket: Duplex, onStream?: (stream: SpdyStream) => void) {
    this.#socket = socket;
    this.#onStream = onStream;
    // Reading tells of it too, but writing may go on after the last read.
    socket.on('error', ignore);
    this.closed = this.#run();
  }

  /** Opens a stream as a client. It may be written to at once; a peer that refuses it closes it. */
  open(headers: Readonly<Record<string, string>>): SpdyStream {
    const id = this.#nextId;
    this.#nextId += 2;
    const stream = this.#add(id, new Map(Object.entries(headers)));
    // The third number is priority and slot, of two bytes only: neither means anything here.
    const rest = Buffer.concat([Buffer.alloc(2), this.#headerWriter.next(headers)]);
    this.#send(controlFrame(type.synStream, 0, [id, 0], rest), ignore);
    return stream;
  }

  /** Sends what was written, then ends the connection. */
  end(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  async #run(): Promise<void> {
    try {
      let rest: Buffer = Buffer.alloc(0);
      for await (const chunk of this.#socket as AsyncIterable<Buffer>) {
        rest = await this.#takeFrames(rest.length === 0 ? chunk : Buffer.concat([rest, chunk]));
      }
    } catch {
      // The peer is gone, or speaks something else: either way there is nobody to talk to.
    }
    this.#socket.destroy();
    this.#headers.close();
    for (const stream of this.#streams.values()) stream.destroy();
  }

  /** Returns what is left of the bytes. */
  async #takeFrames(bytes: Buffer): Promise<Buffer> {
    let at = 0;
    while (bytes.length - at >= headBytes) {
      const length = bytes.readUIntBE(at + 5, 3);
      if (length > maxFrameBytes) throw new RangeError('a frame is too large');
      const end = at + headBytes + length;
      if (bytes.length < end) break;
      const frame = { first: bytes.readUInt32BE(at), flags: bytes[at + 4] ?? 0, body: bytes.subarray(at + 8, end) };
      at = end;
      await this.#onFrame(frame);
    }
    return bytes.subarray(at);
  }

  async #onFrame({ first, flags, body }: { first: number; flags: number; body: Buffer }): Promise<void> {
    const isLast = (flags & finished) !== 0;
    if (first >>> 16 < 0x8000) {
      const stream = this.#streams.get(first);
      await stream?.deliver(body);
      if (isLast) stream?.deliverEnd();
      return;
    }
    if (first >>> 16 !== version) throw new RangeError('not SPDY/3.1');
    const kind = first & 0xffff;
    if (kind === type.synStream) await this.#accept(body, isLast);
    else if (kind === type.synReply && isLast) this.#streams.get(body.readUInt32BE(0) & streamIdMask)?.deliverEnd();
    else if (kind === type.reset) this.#streams.get(body.readUInt32BE(0) & streamIdMask)?.destroy();
    else if (kind === type.ping) this.#send(controlFrame(type.ping, 0, [body.readUInt32BE(0)]), ignore);
    else if (kind === type.goAway && this.#streams.size === 0) this.end();
  }

  async #accept(body: Buffer, isLast: boolean): Promise<void> {
    const id = body.readUInt32BE(0) & streamIdMask;
    const headers = await this.#headers.read(body.subarray(10));
    if (this.#onStream === undefined) return this.#send(controlFrame(type.reset, 0, [id, refused]), ignore);
    const stream = this.#add(id, headers);
    this.#send(controlFrame(type.synReply, 0, [id], this.#headerWriter.next()), ignore);
    if (isLast) stream.deliverEnd();
    this.#onStream(stream);
  }

  #add(id: number, headers: ReadonlyMap<string, string>): SpdyStream {
    const stream = new SpdyStream(id, headers, (frame, done) => this.#send(frame, done));
    this.#streams.set(id, stream);
    stream.once('close', () => this.#streams.delete(id));
    // A reset, or the end of the connection: whoever uses the stream sees it close.
    stream.on('error', ignore);
    return stream;
  }

  #send(frame: Buffer, done: (error?: Error | null) => void): void {
    // Nobody is there to be told any more; the streams close with the connection.
    if (this.#socket.destroyed || this.#socket.writableEnded) done();
    else this.#socket.write(frame, () => done());
  }
}

function controlFrame(kind: number, flags: number, numbers: readonly number[], rest: Buffer = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(headBytes + 4 * numbers.length);
  head.writeUInt16BE(version, 0);
  head.writeUInt16BE(kind, 2);
  head[4] = flags;
  head.writeUIntBE(4 * numbers.length + rest.length, 5, 3);
  numbers.forEach((number, index) => head.writeUInt32BE(number, headBytes + 4 * index));
  return Buffer.concat([head, rest]);
}

function dataFrame(id: number, flags: number, data: Buffer): Buffer {
  const head = Buffer.alloc(headBytes);
  head.writeUInt32BE(id, 0);
  head[4] = flags;
  head.writeUIntBE(data.length, 5, 3);
  return Buffer.concat([head, data]);
}

function ignore(): void {}
