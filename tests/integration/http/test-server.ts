import { mkdtempSync, rmSync } from 'node:fs';
import { request as plainRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { connect, type ClientHttp2Session } from 'node:http2';
import { request as secureRequest } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { onTestFinished } from 'vitest';
import type { ApiServer, ApiServerOptions, Listening, ListenOptions } from '../../../src/apiserver/api-server.ts';
import { createApiServer } from '../../../src/apiserver/create-api-server.ts';
import { noPods } from '../../../src/apiserver/no-pods.ts';
import {
  createHttpHandler,
  listen,
  type HttpHandlerOptions,
  type HttpListening,
} from '../../../src/apiserver/http/index.ts';
import type { UserInfo } from '../../../src/apiserver/kind.ts';
import type { Operations, PodStreams } from '../../../src/apiserver/operations.ts';
import { systemClock, systemRandom, type Clock } from '../../../src/clock/index.ts';
import { ensureCertificates, type Certificates } from '../../../src/engine/certificates.ts';
import { silentLogger, type Logger } from '../../../src/log/index.ts';
import { createMemoryStore } from '../../../src/store/index.ts';

export const master: UserInfo = { name: 'admin', groups: ['system:masters'] };
export const masterToken = 'of-the-master';

export interface TestServer {
  readonly listening: HttpListening;
  send(method: string, path: string, options?: SendOptions): Promise<Answer>;
}

export interface SendOptions {
  readonly headers?: Record<string, string>;
  readonly body?: string | Uint8Array;
  readonly tls?: { readonly ca: string; readonly cert?: string; readonly key?: string; readonly session?: Buffer };
}

export interface Answer {
  readonly code: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly json: Record<string, unknown>;
}

interface ServerOptions {
  readonly operations: Operations;
  readonly podStreams?: PodStreams;
  readonly listen?: Partial<ListenOptions>;
  readonly clock?: Clock;
  readonly log?: Logger;
  readonly handler?: Partial<HttpHandlerOptions>;
}

/** A server on a free port that ends with the test. Without TLS, requests are made as the master unless told otherwise. */
export async function startTestServer(options: ServerOptions): Promise<TestServer> {
  const { clock = systemClock, log = silentLogger, podStreams = noPods } = options;
  const common = { podStreams, clock, random: systemRandom, log };
  const handler = createHttpHandler({ operations: options.operations, ...common, ...options.handler });
  const tokens = new Map([[masterToken, master]]);
  const listening = await listen(handler, { host: '127.0.0.1', port: 0, tokens, ...options.listen }, log);
  onTestFinished(() => listening.close());
  return { listening, send: (method, path, sent) => send(listening, method, path, sent) };
}

export interface RealApi {
  readonly api: ApiServer;
  readonly url: string;
  /** Without a token: as the master. */
  readonly ask: (
    method: string,
    path: string,
    body?: unknown,
    token?: string,
    headers?: Record<string, string>,
  ) => Promise<Answer>;
}

/** The real API server on a store in memory, on a free port, until the test ends. Users' tokens are their names. */
export async function startRealApi(
  users: readonly UserInfo[] = [],
  more: Partial<ApiServerOptions> = {},
): Promise<RealApi> {
  const store = createMemoryStore({ clock: systemClock });
  const common = { clock: systemClock, random: systemRandom, log: silentLogger };
  const api = createApiServer({ store, podStreams: noPods, ...common, ...more });
  await api.start();
  const tokens = new Map([[masterToken, master], ...users.map((user) => [user.name, user] as const)]);
  const listening = await api.listen({ host: '127.0.0.1', port: 0, tokens });
  onTestFinished(() => api.stop());
  return {
    api,
    url: listening.url,
    ask: (method, path, body, token = masterToken, more = {}) => {
      const headers = { authorization: `Bearer ${token}`, ...more };
      return send(listening, method, path, { headers, ...(body !== undefined && { body: JSON.stringify(body) }) });
    },
  };
}

async function send(listening: Listening, method: string, path: string, options: SendOptions = {}): Promise<Answer> {
  const response = await open(listening, method, path, options);
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  const bytes = Buffer.concat(chunks);
  const body = (response.headers['content-encoding'] === 'gzip' ? gunzipSync(bytes) : bytes).toString();
  const isJson = /^application\/(?:jwk-set\+)?json/.test(response.headers['content-type'] ?? '') && body !== '';
  const json = isJson ? (JSON.parse(body) as Record<string, unknown>) : {};
  return { code: response.statusCode ?? 0, headers: response.headers, body, json };
}

/** Sends a request over HTTP/1.1 and gives back the answer as soon as its head is there. */
export function open(
  listening: Listening,
  method: string,
  path: string,
  options: SendOptions = {},
): Promise<IncomingMessage> {
  const headers = {
    ...(options.tls === undefined ? { authorization: `Bearer ${masterToken}` } : {}),
    // Node adds no length to the body of a DELETE.
    ...(options.body === undefined ? {} : { 'content-length': String(Buffer.byteLength(options.body)) }),
    ...options.headers,
  };
  const request = options.tls === undefined ? plainRequest : secureRequest;
  return new Promise((resolve, reject) => {
    const outgoing = request(listening.url + path, { method, headers, agent: false, ...options.tls }, resolve);
    outgoing.on('error', reject);
    outgoing.end(options.body);
  });
}

/** One request on an HTTP/2 connection. */
export async function sendHttp2(
  session: ClientHttp2Session,
  headers: Record<string, string>,
  body?: string | Uint8Array,
): Promise<{ code: number; headers: IncomingHttpHeaders; body: string }> {
  const stream = session.request(headers, { endStream: body === undefined });
  if (body !== undefined) stream.end(body);
  const head = new Promise<IncomingHttpHeaders>((resolve, reject) => {
    stream.on('response', resolve);
    stream.on('error', reject);
  });
  const answered = await head;
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return { code: Number(answered[':status']), headers: answered, body: Buffer.concat(chunks).toString() };
}

/** An HTTP/2 connection that ends with the test. */
export function connectHttp2(
  listening: HttpListening,
  tls: { readonly ca: string; readonly cert?: string; readonly key?: string },
): ClientHttp2Session {
  const session = connect(listening.url, tls);
  session.on('error', () => undefined);
  onTestFinished(() => session.destroy());
  return session;
}

/** A CA, a server's and an administrator's certificate, in a directory that is gone when the test is. */
export async function makeCertificates(): Promise<Certificates> {
  const directory = mkdtempSync(join(tmpdir(), 'rondo-http-'));
  try {
    return await ensureCertificates({ directory, hosts: [], nowMs: systemClock.now(), random: systemRandom });
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** Something to wait for. */
export function deferred<T>(): { readonly promise: Promise<T>; readonly resolve: (value: T) => void } {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>((settle) => (resolve = settle));
  return { promise, resolve };
}
