import { createServer as createPlainServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createSecureServer, type Http2SecureServer, type Http2Session, type IncomingHttpHeaders } from 'node:http2';
import type { ServerHttp2Stream } from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Logger } from '../../log/index.ts';
import type { ListenOptions, Listening } from '../api-server.ts';
import { createAuthenticator, type Credentials } from './authenticate.ts';
import type { Exchange } from './exchange.ts';
import type { HttpHandler } from './handler.ts';
import { Http1Exchange } from './http1-exchange.ts';
import { Http2Exchange } from './http2-exchange.ts';
import { UpgradeExchange } from './streams/upgrade-exchange.ts';

/** Longer than Go clients keep idle connections (90 s), so that they close first and never race with our close. */
const keepAliveMs = 120_000;
/** Time to send a whole request. Answers (watches, logs) may take as long as they like. */
const requestTimeoutMs = 60_000;
const maxConcurrentStreams = 1000;
const windowBytes = 1 << 20;
/**
 * What may wait on one HTTP/2 connection. Clients put all their watches on one, and each may have a megabyte under way;
 * beyond the limit Node refuses further requests (its default is 10).
 */
const maxSessionMegabytes = 512;

/** How long requests under way may take when the listener closes. */
const closeGraceMs = 2_000;

export interface HttpListening extends Listening {
  /**
   * Takes no more connections, ends the handler's watches and logs, lets other requests finish for up to two seconds,
   * then ends what connections there are.
   */
  close(): Promise<void>;
}

/** Serves `handler` on one port: TLS with HTTP/2 and HTTP/1.1, or plain HTTP/1.1 when no TLS is given. */
export async function listen(
  handler: HttpHandler,
  options: ListenOptions & Pick<Credentials, 'verifier'>,
  log: Logger,
): Promise<HttpListening> {
  const authenticate = createAuthenticator(options);
  const underWay = new Set<Exchange>();
  let onIdle: (() => void) | undefined;
  const serve = (exchange: Exchange): void => {
    underWay.add(exchange);
    exchange.onClose(() => {
      underWay.delete(exchange);
      if (underWay.size === 0) onIdle?.();
    });
    handler.handle(exchange, authenticate);
  };
  const server = options.tls === undefined ? plainServer(serve) : secureServer(serve, options.tls, log);
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    serve(new UpgradeExchange(request, socket, head));
  });
  const { from } = options;
  if (from !== undefined)
    server.prependListener('connection', (socket: Socket) => {
      if (!from(socket.remoteAddress ?? '')) socket.destroy();
    });
  const endConnections = trackConnections(server);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, () => {
      server.off('error', reject);
      resolve();
    });
  });
  server.on('error', (error) => log.error('the API listener failed', { error }));
  const { port } = server.address() as AddressInfo;
  const host = options.host.includes(':') ? `[${options.host}]` : options.host;
  return {
    url: `${options.tls === undefined ? 'http' : 'https'}://${host}:${port}`,
    port,
    close: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      handler.close();
      if (underWay.size > 0) {
        await new Promise<void>((resolve) => {
          const timer = handler.clock.after(closeGraceMs, resolve);
          onIdle = () => {
            timer.cancel();
            resolve();
          };
        });
      }
      endConnections();
      await closed;
    },
  };
}

function plainServer(serve: (exchange: Exchange) => void): Server {
  return createPlainServer(
    { keepAliveTimeout: keepAliveMs, requestTimeout: requestTimeoutMs, noDelay: true, keepAlive: true },
    (request, response) => serve(new Http1Exchange(request, response)),
  );
}

function secureServer(
  serve: (exchange: Exchange) => void,
  tls: NonNullable<ListenOptions['tls']>,
  log: Logger,
): Http2SecureServer {
  const server = createSecureServer({
    allowHTTP1: true,
    cert: tls.cert,
    key: tls.key,
    ca: tls.clientCa,
    minVersion: 'TLSv1.2',
    requestCert: true,
    // Whoever comes without a good certificate may still have a token: the authenticator decides.
    rejectUnauthorized: false,
    settings: { maxConcurrentStreams, initialWindowSize: windowBytes },
    maxSessionMemory: maxSessionMegabytes,
  });
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    serve(new Http1Exchange(request, response));
  });
  // The line above also put Node's compatibility layer on every HTTP/2 stream; streams are served raw instead.
  server.removeAllListeners('stream');
  server.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
    serve(new Http2Exchange(stream, headers));
  });
  Object.assign(server, { keepAliveTimeout: keepAliveMs, requestTimeout: requestTimeoutMs });
  server.on('secureConnection', (socket) => socket.setNoDelay(true).setKeepAlive(true, keepAliveMs));
  server.on('tlsClientError', (error) => log.debug('TLS handshake failed', { error }));
  server.on('sessionError', (error) => log.debug('HTTP/2 connection failed', { error }));
  return server;
}

/** Remembers what is open. Returns a function that ends it all: HTTP/2 sessions and sockets. */
function trackConnections(server: Server | Http2SecureServer): () => void {
  const sockets = new Set<Socket>();
  const sessions = new Set<Http2Session>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.on('session', (session: Http2Session) => {
    session.setLocalWindowSize(4 * windowBytes);
    sessions.add(session);
    session.once('close', () => sessions.delete(session));
  });
  return () => {
    for (const session of sessions) session.destroy();
    for (const socket of sockets) socket.destroy();
  };
}
