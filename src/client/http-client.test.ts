import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createSecureServer, type Http2SecureServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import * as x509 from '@peculiar/x509';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ApiError, isExpired, isNotFound, resources, type ConfigMap, type Job } from '../api/index.ts';
import { systemClock } from '../clock/index.ts';
import { aJob, FakeClock, seededRandom } from '../testing/index.ts';
import type { Client, WatchEvent } from './client.ts';
import { createHttpClient } from './http-client.ts';

interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: unknown;
}

type Answer = (response: Pick<ServerResponse, 'statusCode' | 'write' | 'end'>) => void;

const json =
  (value: unknown, code = 200): Answer =>
  (response) => {
    response.statusCode = code;
    response.end(JSON.stringify(value));
  };

const map = (name: string, resourceVersion: string): unknown => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: 'default', uid: name, resourceVersion },
});

let authority: { readonly cert: string; readonly key: string };
beforeAll(async () => {
  authority = await selfSigned();
});

async function selfSigned(): Promise<typeof authority> {
  x509.cryptoProvider.set(webcrypto);
  const keys = await webcrypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify']);
  const cert = await x509.X509CertificateGenerator.createSelfSigned({
    name: 'CN=test',
    keys,
    signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
    extensions: [new x509.SubjectAlternativeNameExtension([{ type: 'ip', value: '127.0.0.1' }])],
  });
  const key = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey));
  return { cert: cert.toString('pem'), key: x509.PemConverter.encode(key, 'PRIVATE KEY') };
}

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

/** A scripted server behind either protocol. */
async function setUp(protocol: 'http' | 'https', clock = systemClock) {
  const seen: Seen[] = [];
  const script: { answer: Answer } = { answer: json({}) };
  const handle = (request: IncomingMessage, response: ServerResponse): void => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const text = Buffer.concat(chunks).toString();
      const { method = '', url = '', headers } = request;
      seen.push({ method, url, headers, body: text === '' ? undefined : JSON.parse(text) });
      script.answer(response);
    });
  };
  const server: Server | Http2SecureServer =
    protocol === 'http'
      ? createServer(handle)
      : createSecureServer({ cert: authority.cert, key: authority.key }, handle as never);
  const sockets = new Set<{ destroy(): unknown }>();
  server.on(protocol === 'http' ? 'connection' : 'secureConnection', (socket: { destroy(): unknown }) => {
    sockets.add(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
    sockets.clear();
  };
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      cut();
    });
  closers.push(close);
  const { port } = server.address() as AddressInfo;
  const options = { server: `${protocol}://127.0.0.1:${port}`, token: 'secret', clock, random: seededRandom(1) };
  const client = createHttpClient(protocol === 'http' ? options : { ...options, ca: authority.cert });
  return { client, seen, script, cut, close, address: options.server };
}

/** Collects a watch until it ends or `count` events are there. */
function collect(client: Client, count = Infinity) {
  const batches: (readonly WatchEvent<ConfigMap>[])[] = [];
  const end = new Promise<Error | undefined>((resolve) => {
    const watch = client.watch(
      resources.configMaps,
      { namespace: 'default', resourceVersion: '5' },
      {
        onEvents: (events) => {
          batches.push(events);
          if (batches.flat().length >= count) watch.close();
        },
        onEnd: resolve,
      },
    );
  });
  return { batches, end };
}

describe.each(['http', 'https'] as const)('HTTP client over %s', (protocol) => {
  it('sends each call as Kubernetes wants it', async () => {
    const { client, seen } = await setUp(protocol);
    const ref = { namespace: 'default', name: 'a' };
    const job = { ...aJob('a'), apiVersion: 'batch/v1', kind: 'Job' } as unknown as Job;
    await client.get(resources.jobs, ref);
    await client.create(resources.jobs, aJob('a'), { dryRun: true, fieldManager: 'me' });
    await client.updateStatus(resources.jobs, job);
    await client.patch(resources.jobs, ref, { type: 'merge', body: { a: 1 } }, { subresource: 'status' });
    await client.delete(resources.nodes, { name: 'n' }, { propagationPolicy: 'Orphan', preconditions: { uid: 'u' } });
    await client.deleteCollection(resources.pods, { namespace: 'x', labelSelector: 'a=b', gracePeriodSeconds: 0 });
    await client.bind(ref, 'node-1');
    const calls = seen.map(({ method, url }) => `${method} ${url}`);
    expect(calls).toEqual([
      'GET /apis/batch/v1/namespaces/default/jobs/a',
      'POST /apis/batch/v1/namespaces/default/jobs?dryRun=All&fieldManager=me',
      'PUT /apis/batch/v1/namespaces/default/jobs/a/status',
      'PATCH /apis/batch/v1/namespaces/default/jobs/a/status',
      'DELETE /api/v1/nodes/n',
      'DELETE /api/v1/namespaces/x/pods?labelSelector=a%3Db',
      'POST /api/v1/namespaces/default/pods/a/binding',
    ]);
    expect(seen[0]?.headers).toMatchObject({ authorization: 'Bearer secret', accept: 'application/json' });
    expect(seen[1]?.body).toMatchObject({ apiVersion: 'batch/v1', kind: 'Job', metadata: { name: 'a' } });
    expect(seen[3]?.headers['content-type']).toBe('application/merge-patch+json');
    expect(seen[4]?.body).toEqual({
      apiVersion: 'v1',
      kind: 'DeleteOptions',
      propagationPolicy: 'Orphan',
      preconditions: { uid: 'u' },
    });
    expect(seen[5]?.body).toEqual({ apiVersion: 'v1', kind: 'DeleteOptions', gracePeriodSeconds: 0 });
    expect(seen[6]?.body).toMatchObject({ kind: 'Binding', target: { kind: 'Node', name: 'node-1' } });
  });

  it('gives lists with typed, frozen items', async () => {
    const { client, seen, script } = await setUp(protocol);
    script.answer = json({
      items: [{ metadata: { name: 'a' } }],
      metadata: { resourceVersion: '7', continue: 'more' },
    });
    const list = await client.list(resources.jobs, { namespace: 'x', limit: 5, fieldSelector: 'metadata.name=a' });
    expect(list).toEqual({
      items: [{ apiVersion: 'batch/v1', kind: 'Job', metadata: { name: 'a' } }],
      resourceVersion: '7',
      continue: 'more',
    });
    expect(Object.isFrozen(list.items[0]?.metadata)).toBe(true);
    expect(seen[0]?.url).toBe('/apis/batch/v1/namespaces/x/jobs?limit=5&fieldSelector=metadata.name%3Da');
    script.answer = json({ items: null, metadata: { resourceVersion: '8', continue: '' } });
    expect(await client.list(resources.jobs)).toEqual({ items: [], resourceVersion: '8' });
  });

  it('rejects with the Status of the server, or one made from the code', async () => {
    const { client, script } = await setUp(protocol);
    const ref = { name: 'a' };
    script.answer = json({ kind: 'Status', status: 'Failure', reason: 'NotFound', message: 'gone', code: 404 }, 404);
    await expect(client.get(resources.nodes, ref)).rejects.toSatisfy(isNotFound);
    script.answer = (response) => {
      response.statusCode = 503;
      response.end('upstream down');
    };
    const error: unknown = await client.get(resources.nodes, ref).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(ApiError);
    expect([(error as ApiError).code, (error as ApiError).reason, (error as ApiError).message]).toEqual([
      503,
      'ServiceUnavailable',
      'upstream down',
    ]);
    script.answer = (response) => response.end('{');
    await expect(client.get(resources.nodes, ref)).rejects.toThrow('did not answer with JSON');
  });

  it('rejects with an ApiError when nobody answers, and works again when somebody does', async () => {
    const { client, script, cut, close } = await setUp(protocol);
    await client.get(resources.nodes, { name: 'a' });
    script.answer = cut;
    await expect(client.get(resources.nodes, { name: 'a' })).rejects.toBeInstanceOf(ApiError);
    script.answer = json({ kind: 'Node' });
    expect(await client.get(resources.nodes, { name: 'a' })).toEqual({ kind: 'Node' });
    await close();
    await expect(client.get(resources.nodes, { name: 'a' })).rejects.toThrow('cannot reach');
  });

  it('gives up a request that is not answered in time', async () => {
    const clock = new FakeClock();
    const { client, seen, script } = await setUp(protocol, clock);
    const asked = new Promise<void>((resolve) => (script.answer = () => resolve()));
    const answer = expect(client.get(resources.nodes, { name: 'a' })).rejects.toThrow('no answer from');
    await asked;
    await clock.advance(65_000);
    await answer;
    expect([seen.length, clock.pendingTimers]).toEqual([1, 0]);
  });

  it('watches: lines cut anywhere, one batch per chunk, bookmarks, and the end', async () => {
    const { client, seen, script } = await setUp(protocol);
    const lines = Buffer.from(
      [
        { type: 'ADDED', object: map('ä', '6') },
        { type: 'MODIFIED', object: map('b', '7') },
        { type: 'BOOKMARK', object: { metadata: { resourceVersion: '8' } } },
        { type: 'DELETED', object: map('ä', '9') },
      ]
        .map((event) => `${JSON.stringify(event)}\n`)
        .join(''),
    );
    script.answer = (response) => {
      const cuts = [0, 80, 95, lines.length - 10, lines.length];
      const send = (index: number): void => {
        if (index + 1 === cuts.length) response.end();
        else {
          response.write(lines.subarray(cuts[index], cuts[index + 1]));
          setImmediate(send, index + 1);
        }
      };
      send(0);
    };
    const { batches, end } = collect(client);
    expect(await end).toBeUndefined();
    const told = batches
      .flat()
      .map((event) =>
        event.type === 'BOOKMARK' ? event.resourceVersion : `${event.type} ${event.object.metadata.name}`,
      );
    expect(told).toEqual(['ADDED ä', 'MODIFIED b', '8', 'DELETED ä']);
    expect(seen[0]?.url).toMatch(
      /^\/api\/v1\/namespaces\/default\/configmaps\?resourceVersion=5&watch=true&allowWatchBookmarks=true&timeoutSeconds=\d+$/,
    );
  });

  it('ends a watch with the error that the server sends in it, or instead of it', async () => {
    const { client, script } = await setUp(protocol);
    const status = { kind: 'Status', status: 'Failure', reason: 'Expired', message: 'too old', code: 410 };
    script.answer = (response) => response.write(`${JSON.stringify({ type: 'ERROR', object: status })}\n`);
    expect(isExpired(await collect(client).end)).toBe(true);
    script.answer = json(status, 410);
    expect(isExpired(await collect(client).end)).toBe(true);
    script.answer = (response) => response.write('{"type":"ADDED"\n');
    expect((await collect(client).end)?.message).toContain('Internal error occurred');
  });

  it('ends a watch without an error when it is closed, and delivers nothing after', async () => {
    const { client, script } = await setUp(protocol);
    script.answer = (response) => {
      for (const version of ['6', '7', '8']) {
        const event = { type: 'ADDED', object: map(`map-${version}`, version) };
        setImmediate(() => response.write(`${JSON.stringify(event)}\n`));
      }
    };
    const { batches, end } = collect(client, 1);
    expect(await end).toBeUndefined();
    const count = batches.flat().length;
    script.answer = json({});
    await client.get(resources.nodes, { name: 'a' });
    expect(batches.flat().length).toBe(count);
  });

  it('ends a watch that is silent for longer than the server would let it be', async () => {
    const clock = new FakeClock();
    const { client, script } = await setUp(protocol, clock);
    const asked = new Promise<void>((resolve) => {
      script.answer = (response) => {
        response.write('\n');
        resolve();
      };
    });
    const { end } = collect(client);
    await asked;
    while (clock.pendingTimers === 0) await systemClock.yield();
    await clock.advance(660_000);
    expect(await end).toBeUndefined();
    expect(clock.pendingTimers).toBe(0);
  });

  it('streams logs until their end, and stops when it is told to', async () => {
    const { client, seen, script } = await setUp(protocol);
    script.answer = (response) => {
      response.write('one\n');
      setImmediate(() => response.end('two\n'));
    };
    const ref = { namespace: 'default', name: 'a' };
    let text = '';
    for await (const chunk of client.podLog(ref, { container: 'main', tailLines: 10 })) text += Buffer.from(chunk);
    expect(text).toBe('one\ntwo\n');
    expect(seen[0]?.url).toBe('/api/v1/namespaces/default/pods/a/log?container=main&tailLines=10');
    script.answer = (response) => response.write('endless\n');
    const abort = new AbortController();
    const chunks: string[] = [];
    for await (const chunk of client.podLog(ref, { follow: true }, abort.signal)) {
      chunks.push(Buffer.from(chunk).toString());
      abort.abort();
    }
    expect(chunks).toEqual(['endless\n']);
  });
});

describe('HTTP client over https', () => {
  it('refuses a server that no authority vouches for', async () => {
    const { address } = await setUp('https');
    const stranger = createHttpClient({ server: address, clock: systemClock, random: seededRandom(1) });
    await expect(stranger.get(resources.nodes, { name: 'a' })).rejects.toThrow('cannot reach');
  });
});
