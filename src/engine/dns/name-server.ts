import { createSocket, type Socket } from 'node:dgram';
import { createConnection, createServer, type Server, type Socket as TcpSocket } from 'node:net';
import * as dns from 'dns-packet';
import type { Clock } from '../../clock/index.ts';
import type { Logger } from '../../log/index.ts';
import { clusterDomain, type NameAnswer, type Question } from './cluster-names.ts';

export interface NameServerOptions {
  /** Where it listens, over UDP and TCP. */
  readonly address: string;
  /** Default: 53. */
  readonly port?: number;
  /** Who may ask. */
  readonly from: (address: string) => boolean;
  /** Undefined: the name is not ours, and others are asked. */
  readonly answer: (question: Question) => NameAnswer | undefined;
  /** Who else is asked, in this order; with a port if it is not 53 (`127.0.0.1:5353`). */
  readonly others: () => readonly string[];
  readonly clock: Clock;
  readonly log: Logger;
}

const dnsPort = 53;
const waitMs = 2000;
/** Nobody has many questions at once. */
const connectionMs = 10_000;
/** Without EDNS an answer over UDP has so many bytes at most. */
const plainUdpBytes = 512;
/** Questions that wait for others; more are dropped, and asked again by whoever asked. */
const maxPending = 1000;
const [serverFailure, noSuchName] = [2, 3];
const soa = {
  ...{ mname: `ns.dns.${clusterDomain}`, rname: `hostmaster.${clusterDomain}`, serial: 1 },
  ...{ refresh: 7200, retry: 1800, expire: 86_400, minimum: 5 },
};

/** Answers names of the cluster, and passes all other questions on as they are. */
export class NameServer {
  readonly #options: NameServerOptions;
  readonly #udp: Socket = createSocket('udp4');
  readonly #tcp: Server;
  readonly #open = new Set<Socket | TcpSocket>();
  #pending = 0;

  constructor(options: NameServerOptions) {
    this.#options = options;
    this.#tcp = createServer((socket) => this.#accept(socket));
  }

  /** The port that it listens on. @throws (rejects) what the system says, for instance EADDRINUSE */
  async open(): Promise<number> {
    const { address, port = dnsPort, log } = this.#options;
    await new Promise<void>((resolve, reject) => {
      this.#udp.once('error', reject);
      this.#udp.bind({ address, port, exclusive: true }, resolve);
    });
    const bound = this.#udp.address().port;
    await new Promise<void>((resolve, reject) => {
      this.#tcp.once('error', reject);
      this.#tcp.listen({ host: address, port: bound }, resolve);
    });
    this.#udp.on('error', (error) => log.warn('the name server cannot receive', { error }));
    this.#udp.on('message', (message, { address: from, port: fromPort }) => {
      if (!this.#options.from(from)) return;
      void this.#reply(message, askOverUdp).then((reply) => {
        if (reply !== undefined) this.#udp.send(withinUdp(reply, message), fromPort, from, () => undefined);
      });
    });
    return bound;
  }

  close(): void {
    this.#udp.close();
    this.#tcp.close();
    for (const socket of this.#open) {
      if ('destroy' in socket) socket.destroy();
      else socket.close();
    }
  }

  #accept(socket: TcpSocket): void {
    if (!this.#options.from(socket.remoteAddress ?? '')) return void socket.destroy();
    this.#keep(socket);
    const timer = this.#options.clock.after(connectionMs, () => socket.destroy());
    socket.on('close', () => timer.cancel());
    readMessages(socket, (message) => {
      void this.#reply(message, askOverTcp).then((reply) => {
        if (reply !== undefined && !socket.destroyed) socket.write(framed(reply));
      });
    });
  }

  #keep(socket: TcpSocket): void {
    this.#open.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#open.delete(socket));
  }

  /** Undefined: nothing is said to what is no question. */
  async #reply(message: Buffer, ask: Ask): Promise<Buffer | undefined> {
    const asked = decoded(message);
    const [question] = asked?.questions ?? [];
    if (asked === undefined || question === undefined || asked.type !== 'query') return undefined;
    const own = this.#options.answer({ name: question.name, type: question.type });
    if (own !== undefined) return answerTo(asked, own);
    if (this.#pending >= maxPending) return undefined;
    this.#pending++;
    try {
      for (const other of this.#options.others()) {
        const reply = await ask(message, other, this.#options.clock);
        if (reply !== undefined) return reply;
      }
    } finally {
      this.#pending--;
    }
    return dns.encode({ ...headOf(asked, serverFailure), questions: asked.questions ?? [] });
  }
}

function decoded(message: Buffer): dns.DecodedPacket | undefined {
  try {
    return dns.decode(message);
  } catch {
    // Whatever it is, it is no question.
    return undefined;
  }
}

function headOf(asked: dns.DecodedPacket, code: number): { type: 'response'; id: number; flags: number } {
  const recursion = ((asked.flags ?? 0) & dns.RECURSION_DESIRED) | dns.RECURSION_AVAILABLE;
  return { type: 'response', id: asked.id ?? 0, flags: recursion | code };
}

function answerTo(asked: dns.DecodedPacket, { exists, records }: NameAnswer): Buffer {
  const head = headOf(asked, exists ? 0 : noSuchName);
  return dns.encode({
    ...head,
    flags: head.flags | dns.AUTHORITATIVE_ANSWER,
    questions: asked.questions ?? [],
    answers: records.map((record) => ({ ...record, class: 'IN' })) as dns.Answer[],
    // Tells how long it may be kept that there is nothing.
    authorities: records.length > 0 ? [] : [{ type: 'SOA', name: clusterDomain, ttl: soa.minimum, data: soa }],
  });
}

/** What does not fit is left out, and asked for again over TCP. */
function withinUdp(reply: Buffer, question: Buffer): Buffer {
  const asked = decoded(question);
  const edns = asked?.additionals?.find((record) => record.type === 'OPT');
  const limit = Math.max(plainUdpBytes, edns?.type === 'OPT' ? edns.udpPayloadSize : 0);
  if (reply.length <= limit) return reply;
  const whole = decoded(reply);
  const head = { type: 'response' as const, id: whole?.id ?? 0, flags: (whole?.flags ?? 0) | dns.TRUNCATED_RESPONSE };
  return dns.encode({ ...head, questions: whole?.questions ?? [] });
}

/** Resolves with undefined when nobody answers in time. */
type Ask = (message: Buffer, other: string, clock: Clock) => Promise<Buffer | undefined>;

const askOverUdp: Ask = (message, other, clock) => {
  const { host, port } = placeOf(other);
  return new Promise((resolve) => {
    const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
    let isOver = false;
    const end = (reply: Buffer | undefined): void => {
      if (isOver) return;
      isOver = true;
      timer.cancel();
      socket.close();
      resolve(reply);
    };
    const timer = clock.after(waitMs, () => end(undefined));
    socket.on('error', () => end(undefined));
    // Connected, so that answers of others do not come in, and nobody there is told at once.
    socket.connect(port, host, () => socket.send(message));
    socket.on('message', (reply) => {
      if (reply.length >= 12 && reply.readUInt16BE(0) === message.readUInt16BE(0)) end(reply);
    });
  });
};

const askOverTcp: Ask = (message, other, clock) =>
  new Promise((resolve) => {
    const socket = createConnection(placeOf(other));
    const end = (reply: Buffer | undefined): void => {
      timer.cancel();
      socket.destroy();
      resolve(reply);
    };
    const timer = clock.after(waitMs, () => end(undefined));
    socket.on('error', () => end(undefined));
    socket.on('end', () => end(undefined));
    readMessages(socket, end);
    socket.write(framed(message));
  });

function placeOf(other: string): { readonly host: string; readonly port: number } {
  const match = /^([\d.]+):(\d+)$/.exec(other);
  return match === null ? { host: other, port: dnsPort } : { host: match[1]!, port: Number(match[2]) };
}

/** Over TCP two bytes before each message tell its length. */
function framed(message: Buffer): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(message.length);
  return Buffer.concat([length, message]);
}

function readMessages(socket: TcpSocket, onMessage: (message: Buffer) => void): void {
  let rest: Buffer = Buffer.alloc(0);
  socket.on('data', (bytes: Buffer) => {
    rest = Buffer.concat([rest, bytes]);
    while (rest.length >= 2 && rest.length >= 2 + rest.readUInt16BE(0)) {
      const end = 2 + rest.readUInt16BE(0);
      onMessage(rest.subarray(2, end));
      rest = rest.subarray(end);
    }
  });
}
