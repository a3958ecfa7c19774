import { createWebSocketStream } from 'ws';
import type { Duplex } from 'node:stream';
import { badRequest, failure, isPodFinished, type Pod } from '../../../api/index.ts';
import type { Call, Services } from '../call.ts';
import { refOfTarget, type NamedTarget } from '../target.ts';
import { SpdyConnection, type SpdyStream } from '../../../spdy/index.ts';
import { UpgradeExchange } from './upgrade-exchange.ts';

const spdyProtocol = 'portforward.k8s.io';
/** The same frames inside the messages of a WebSocket: kubectl 1.31 and newer. */
const tunnelProtocol = `SPDY/3.1+${spdyProtocol}`;

/** Carries connections to ports of a Pod (`pods/portforward`). */
export async function servePortForward(call: Call, target: NamedTarget, services: Services): Promise<void> {
  const request = { kind: target.kind, namespace: target.namespace, user: call.user };
  const pod = (await services.operations.get(request, refOfTarget(target))).object as Pod;
  const open = upgradeOf(call);
  if (isPodFinished(pod) || pod.status.phase !== 'Running') {
    const message = `unable to upgrade connection: pod ${pod.metadata.name} is not running (${pod.status.phase})`;
    throw failure({ code: 500, reason: 'InternalError', message });
  }
  call.code = 101;
  const forwarder = new Forwarder(await open(), (port) => services.podStreams.portForward(pod, port));
  const forget = services.streams.add(() => forwarder.connection.destroy());
  await forwarder.connection.closed;
  forget();
}

function upgradeOf({ exchange }: Call): () => Promise<Duplex> {
  if (!(exchange instanceof UpgradeExchange)) throw badRequest('Upgrade request required');
  const { upgrade, protocols } = exchange;
  if (upgrade === 'spdy/3.1' && protocols.includes(spdyProtocol)) {
    return () => Promise.resolve(exchange.acceptSpdy(spdyProtocol));
  }
  if (upgrade === 'websocket' && protocols.includes(tunnelProtocol)) {
    return async () => createWebSocketStream(await exchange.acceptWebSocket(tunnelProtocol));
  }
  throw badRequest(
    `of the upgrades offered (${upgrade}: ${protocols.join(', ')}) none is known: ` +
      `there are WebSockets with ${tunnelProtocol}, and SPDY/3.1 with ${spdyProtocol}`,
  );
}

interface Pair {
  data?: SpdyStream;
  error?: SpdyStream;
}

/** Each forwarded connection is two streams with one `requestid`: one for its bytes, one for what went wrong. */
class Forwarder {
  readonly connection: SpdyConnection;
  readonly #dial: (port: number) => Duplex;
  readonly #pairs = new Map<string, Pair>();

  constructor(socket: Duplex, dial: (port: number) => Duplex) {
    this.#dial = dial;
    this.connection = new SpdyConnection(socket, (stream) => this.#take(stream));
  }

  #take(stream: SpdyStream): void {
    const [kind, id = ''] = [stream.headers.get('streamtype'), stream.headers.get('requestid')];
    if (kind !== 'data' && kind !== 'error') return void stream.destroy();
    const pair = this.#pairs.get(id) ?? {};
    pair[kind] = stream;
    this.#pairs.set(id, pair);
    stream.once('close', () => this.#pairs.delete(id));
    if (pair.data !== undefined && pair.error !== undefined) this.#connect(pair.data, pair.error);
  }

  #connect(data: SpdyStream, error: SpdyStream): void {
    const port = Number(data.headers.get('port'));
    // Clients send nothing on it.
    error.resume();
    if (!Number.isInteger(port) || port < 1 || port > 65_535) return refuse(data, error, `${port} is no port`);
    let peer: Duplex;
    try {
      peer = this.#dial(port);
    } catch (cause) {
      return refuse(data, error, (cause as Error).message);
    }
    peer.once('error', (cause) => refuse(data, error, `error forwarding port ${port}: ${cause.message}`));
    data.pipe(peer).pipe(data);
    peer.once('close', () => {
      if (!data.writableEnded) data.end();
      if (!error.writableEnded) error.end();
    });
    data.once('close', () => peer.destroy());
  }
}

function refuse(data: SpdyStream, error: SpdyStream, message: string): void {
  if (!error.writableEnded) error.end(message);
  if (!data.writableEnded) data.end();
  data.resume();
}
