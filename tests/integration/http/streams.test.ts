import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it, onTestFinished } from 'vitest';
import { badRequest, expired } from '../../../src/api/index.ts';
import type { Stored, StoredEvent } from '../../../src/apiserver/operations.ts';
import { FakeClock } from '../../../src/testing/index.ts';
import { scriptedOperations, scriptedWatch, storedObject } from './scripted-operations.ts';
import { connectHttp2, deferred, makeCertificates, open, startTestServer, type TestServer } from './test-server.ts';

const tableAccept = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json';
const partialAccept = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json';

function podAt(revision: number, padding = ''): Stored {
  const metadata = {
    name: `p${revision}`,
    uid: `u${revision}`,
    namespace: 'default',
    resourceVersion: String(revision),
    creationTimestamp: '2026-01-01T00:00:00Z',
  };
  return storedObject({ metadata, ...(padding === '' ? {} : { spec: { padding } }) });
}

function added(revision: number, padding = ''): StoredEvent {
  return { type: 'ADDED', stored: podAt(revision, padding) };
}

/** The lines of a watch as they come. */
async function watchLines(
  server: TestServer,
  query: string,
  accept = 'application/json',
): Promise<() => Promise<unknown>> {
  const stream = await open(server.listening, 'GET', `/api/v1/pods?watch=1${query}`, { headers: { accept } });
  expect(stream.statusCode).toBe(200);
  onTestFinished(() => void stream.destroy());
  const lines = createInterface({ input: stream })[Symbol.asyncIterator]();
  return async () => {
    const line = await lines.next();
    return line.done === true ? 'end' : (JSON.parse(line.value) as unknown);
  };
}

describe('a watch', () => {
  it('sends its head at once and then every event as a line with the stored bytes', async () => {
    const { watch, begun } = scriptedWatch();
    const next = await watchLines(await startTestServer({ operations: scriptedOperations({ watch }) }), '');
    const sink = await begun;
    sink.onEvents([added(1), { type: 'MODIFIED', stored: podAt(2) }, { type: 'DELETED', stored: podAt(3) }]);
    expect(await next()).toEqual({ type: 'ADDED', object: podAt(1).object });
    expect(await next()).toEqual({ type: 'MODIFIED', object: podAt(2).object });
    expect(await next()).toEqual({ type: 'DELETED', object: podAt(3).object });
    sink.onEvents([{ type: 'BOOKMARK', resourceVersion: '9', initialEventsEnd: true }]);
    expect(await next()).toEqual({
      type: 'BOOKMARK',
      object: {
        kind: 'Pod',
        apiVersion: 'v1',
        metadata: {
          resourceVersion: '9',
          creationTimestamp: null,
          annotations: { 'k8s.io/initial-events-end': 'true' },
        },
      },
    });
    sink.onEnd(expired('too old resource version: 1 (5)'));
    expect(await next()).toMatchObject({ type: 'ERROR', object: { kind: 'Status', code: 410, reason: 'Expired' } });
    expect(await next()).toBe('end');
  });

  it('sends tables, with the columns only in the first', async () => {
    const { watch, begun } = scriptedWatch();
    const server = await startTestServer({ operations: scriptedOperations({ watch }) });
    const next = await watchLines(server, '', tableAccept);
    const sink = await begun;
    sink.onEvents([added(1), added(2), { type: 'BOOKMARK', resourceVersion: '3', initialEventsEnd: false }]);
    const columns = [{ name: 'Name', type: 'string', format: 'name', description: 'The name.', priority: 0 }];
    const table = { kind: 'Table', apiVersion: 'meta.k8s.io/v1' };
    const object = { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: podAt(1).object.metadata };
    expect(await next()).toEqual({
      type: 'ADDED',
      object: {
        ...table,
        metadata: { resourceVersion: '1' },
        columnDefinitions: columns,
        rows: [{ cells: ['p1'], object }],
      },
    });
    expect(await next()).toMatchObject({ object: { columnDefinitions: null, rows: [{ cells: ['p2'] }] } });
    expect(await next()).toMatchObject({
      type: 'BOOKMARK',
      object: { ...table, metadata: { resourceVersion: '3' }, rows: [] },
    });
  });

  it('sends only metadata when that is asked for', async () => {
    const { watch, begun } = scriptedWatch();
    const server = await startTestServer({ operations: scriptedOperations({ watch }) });
    const next = await watchLines(server, '', partialAccept);
    (await begun).onEvents([added(1, 'x')]);
    const { metadata } = podAt(1).object;
    const object = { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata };
    expect(await next()).toEqual({ type: 'ADDED', object });
  });

  it('is closed when the client goes away', async () => {
    const { watch, closed } = scriptedWatch();
    const server = await startTestServer({ operations: scriptedOperations({ watch }) });
    const stream = await open(server.listening, 'GET', '/api/v1/pods?watch=true');
    stream.destroy();
    await closed;
  });

  it('ends after timeoutSeconds', async () => {
    const clock = new FakeClock();
    const { watch, begun } = scriptedWatch();
    const server = await startTestServer({ operations: scriptedOperations({ watch }), clock });
    const next = await watchLines(server, '&timeoutSeconds=300');
    await begun;
    await clock.advance(300_000);
    expect(await next()).toBe('end');
  });

  it.each([
    ['watch=0 is a list', '/api/v1/pods?watch=0'],
    ['watch=false is a list', '/api/v1/pods?watch=false'],
  ])('%s', async (_name, path) => {
    const list = (): Promise<never> => Promise.reject(badRequest('this is the list'));
    const server = await startTestServer({ operations: scriptedOperations({ list }) });
    expect((await server.send('GET', path)).json['message']).toBe('this is the list');
  });

  it('refuses bad queries with a Status, not in the stream', async () => {
    const watch = (): never => {
      throw badRequest('field label not supported: x');
    };
    const server = await startTestServer({ operations: scriptedOperations({ watch }) });
    expect((await server.send('GET', '/api/v1/pods?watch=true&fieldSelector=x%3D1')).code).toBe(400);
  });

  it('cuts off a client that does not read, and no other', async () => {
    const certificates = await makeCertificates();
    const { ca, adminCert: cert, adminKey: key } = certificates;
    const tls = { cert: certificates.serverCert, key: certificates.serverKey, clientCa: ca };
    const sinks: Parameters<ReturnType<typeof scriptedOperations>['watch']>[2][] = [];
    const slowClosed = deferred<number>();
    const watch: ReturnType<typeof scriptedOperations>['watch'] = (_request, _query, sink) => {
      const index = sinks.push(sink) - 1;
      sink.onCurrent?.();
      return { close: () => slowClosed.resolve(index) };
    };
    const server = await startTestServer({ operations: scriptedOperations({ watch }), listen: { tls } });
    const session = connectHttp2(server.listening, { ca, cert, key });
    const slow = session.request({ ':path': '/api/v1/pods?watch=true' });
    slow.on('error', () => undefined);
    await new Promise((resolve) => slow.once('response', resolve));
    slow.pause();
    const good = session.request({ ':path': '/api/v1/pods?watch=true' });
    await new Promise((resolve) => good.once('response', resolve));
    let received = 0;
    good.on('data', (chunk: Buffer) => (received += chunk.length));
    const batch = Array.from({ length: 16 }, (_, index) => added(index + 1, 'x'.repeat(64 * 1024)));
    let sent = 0;
    const isCut = slowClosed.promise.then(() => true);
    const turn = (): Promise<boolean> => new Promise((resolve) => setImmediate(() => resolve(false)));
    while (!(await Promise.race([isCut, turn()])) && sent < 200) {
      for (const sink of sinks) sink.onEvents(batch);
      sent += 1;
      // The good client reads everything before the next megabyte comes.
      while (received < sent * 64 * 1024 * 16) await turn();
    }
    expect(await slowClosed.promise).toBe(0);
    expect(sent).toBeGreaterThan(16);
    expect(sent).toBeLessThan(40);
    expect(good.destroyed).toBe(false);
  });

  it('sends far more than it may be behind, at its own pace, to a client that asks for all there is', async () => {
    const clock = new FakeClock();
    const script = scriptedWatch();
    const server = await startTestServer({ operations: scriptedOperations({ watch: script.watch }), clock });
    const stream = await open(server.listening, 'GET', '/api/v1/pods?watch=1');
    const sink = await script.begun;
    // The first event has gone out before the many others come.
    sink.onEvents([added(1)]);
    await once(stream, 'readable');
    const batch = Array.from({ length: 16 }, (_, index) => added(index + 2, 'x'.repeat(64 * 1024)));
    for (let sent = 0; sent < 40; sent++) sink.onEvents(batch);
    sink.onCurrent?.();
    sink.onEnd();
    let received = 0;
    for await (const chunk of stream) received += (chunk as Buffer).length;
    expect(received).toBeGreaterThan(40 * 16 * 64 * 1024);
  });
});

describe('a list', () => {
  const items = Array.from({ length: 3 }, (_, index) => podAt(index + 1));

  it('puts stored bytes together', async () => {
    const list = (): Promise<unknown> =>
      Promise.resolve({ items, resourceVersion: '8', continue: 'next', remainingItemCount: 2 });
    const operations = scriptedOperations({ list: list as ReturnType<typeof scriptedOperations>['list'] });
    const answer = await (await startTestServer({ operations })).send('GET', '/api/v1/pods?limit=3');
    expect(answer.json).toEqual({
      kind: 'PodList',
      apiVersion: 'v1',
      metadata: { resourceVersion: '8', continue: 'next', remainingItemCount: 2 },
      items: items.map((item) => item.object),
    });
  });

  it.each([
    ['Metadata', { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: items[0]?.object.metadata }],
    ['Object', items[0]?.object],
    ['None', undefined],
  ])('gives table rows with includeObject=%s', async (include, object) => {
    const list = (): ReturnType<ReturnType<typeof scriptedOperations>['list']> =>
      Promise.resolve({ items, resourceVersion: '8' });
    const server = await startTestServer({ operations: scriptedOperations({ list }) });
    const headers = { accept: tableAccept };
    const answer = await server.send('GET', `/api/v1/pods?includeObject=${include}`, { headers });
    const rows = answer.json['rows'] as { cells: unknown[]; object?: unknown }[];
    expect(rows.map((row) => row.cells)).toEqual([['p1'], ['p2'], ['p3']]);
    expect(rows[0]?.object).toEqual(object);
    expect((await server.send('GET', '/api/v1/pods?includeObject=All', { headers })).code).toBe(400);
  });

  it.each([
    ['many small objects', 3000, 'x'.repeat(500)],
    ['one large object', 1, 'x'.repeat(200 * 1024)],
  ])('is compressed when it is large: %s', async (_name, count, padding) => {
    const large = Array.from({ length: count }, (_, index) => podAt(index + 1, padding));
    const list = (): ReturnType<ReturnType<typeof scriptedOperations>['list']> =>
      Promise.resolve({ items: large, resourceVersion: '8' });
    const server = await startTestServer({ operations: scriptedOperations({ list }) });
    const plain = await server.send('GET', '/api/v1/pods');
    expect(plain.headers['content-encoding']).toBeUndefined();
    expect((plain.json['items'] as unknown[]).length).toBe(count);
    const response = await open(server.listening, 'GET', '/api/v1/pods', { headers: { 'accept-encoding': 'gzip' } });
    expect(response.headers['content-encoding']).toBe('gzip');
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk as Buffer);
    expect(gunzipSync(Buffer.concat(chunks)).toString()).toBe(plain.body);
  });
});

describe('negotiation', () => {
  it.each([
    ['application/json', 200],
    ['*/*', 200],
    ['application/vnd.kubernetes.protobuf,application/json', 200],
    ['application/vnd.kubernetes.protobuf, */*', 200],
    ['application/vnd.kubernetes.protobuf', 406],
    ['text/html', 406],
    ['application/json;as=Unknown;g=meta.k8s.io;v=v1', 406],
  ])('accepting %s gives %d', async (accept, code) => {
    const get = (): Promise<Stored> => Promise.resolve(podAt(1));
    const server = await startTestServer({ operations: scriptedOperations({ get }) });
    const answer = await server.send('GET', '/api/v1/namespaces/default/pods/p1', { headers: { accept } });
    expect(answer.code).toBe(code);
  });
});
