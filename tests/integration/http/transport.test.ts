import { connect as connectTls } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { badRequest } from '../../../src/api/index.ts';
import { StoreClosedError, StoreFullError } from '../../../src/store/index.ts';
import { scriptedOperations, storedObject } from './scripted-operations.ts';
import { connectHttp2, makeCertificates, master, open, sendHttp2, startTestServer } from './test-server.ts';

const pod = storedObject({
  metadata: {
    name: 'p',
    namespace: 'default',
    uid: 'u',
    resourceVersion: '7',
    creationTimestamp: '2026-01-01T00:00:00Z',
  },
});
const podPath = '/api/v1/namespaces/default/pods/p';
const operations = scriptedOperations({ get: () => Promise.resolve(pod) });

describe('the TLS port', () => {
  it('serves HTTP/2 and HTTP/1.1 to the owner of a client certificate', async () => {
    const certificates = await makeCertificates();
    const { ca, adminCert: cert, adminKey: key } = certificates;
    const tls = { cert: certificates.serverCert, key: certificates.serverKey, clientCa: ca };
    const server = await startTestServer({ operations, listen: { tls } });
    const one = await server.send('GET', podPath, { tls: { ca, cert, key } });
    expect(one.code).toBe(200);
    expect(one.json).toEqual(pod.object);
    const two = await sendHttp2(connectHttp2(server.listening, { ca, cert, key }), { ':path': podPath });
    expect(two.code).toBe(200);
    expect(two.headers['content-type']).toBe('application/json');
    expect(two.body).toBe(pod.bytes.toString());
  });

  it.each([
    ['TLSv1.1', 'TLSv1', undefined],
    ['TLSv1.2', 'TLSv1.2', 'TLSv1.2'],
    ['TLSv1.3', 'TLSv1.2', 'TLSv1.3'],
  ] as const)(
    'speaks TLS 1.2 or later: with a client that knows %s at most',
    async (maxVersion, minVersion, spoken) => {
      const certificates = await makeCertificates();
      const { ca } = certificates;
      const tls = { cert: certificates.serverCert, key: certificates.serverKey, clientCa: ca };
      const server = await startTestServer({ operations, listen: { tls } });
      const { port } = server.listening;
      // The client's own library would refuse old versions before it asks.
      const old = { ciphers: 'DEFAULT:@SECLEVEL=0' };
      const outcome = new Promise((resolve) => {
        const socket = connectTls({ host: '127.0.0.1', port, ca, minVersion, maxVersion, ...old }, () => {
          resolve(socket.getProtocol());
          socket.destroy();
        });
        socket.on('error', (error) => resolve((error as NodeJS.ErrnoException).code));
      });
      expect(await outcome).toBe(spoken ?? 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION');
    },
  );

  it('lets in only those whom the listener is for', async () => {
    const certificates = await makeCertificates();
    const { ca, adminCert: cert, adminKey: key } = certificates;
    const tls = { cert: certificates.serverCert, key: certificates.serverKey, clientCa: ca };
    const seen: string[] = [];
    let open = true;
    const from = (address: string): boolean => seen.push(address) > 0 && open;
    const server = await startTestServer({ operations, listen: { tls, from } });
    expect((await server.send('GET', podPath, { tls: { ca, cert, key } })).code).toBe(200);
    open = false;
    await expect(server.send('GET', podPath, { tls: { ca, cert, key } })).rejects.toThrow();
    expect(seen).toEqual(['127.0.0.1', '127.0.0.1']);
  });

  it('answers HEAD over HTTP/2, where it is served and where it is not', async () => {
    const certificates = await makeCertificates();
    const { ca, adminCert: cert, adminKey: key } = certificates;
    const tls = { cert: certificates.serverCert, key: certificates.serverKey, clientCa: ca };
    const server = await startTestServer({ operations, listen: { tls } });
    const session = connectHttp2(server.listening, { ca, cert, key });
    for (const [path, code] of [
      ['/healthz', 200],
      [podPath, 405],
    ] as const) {
      const answer = await sendHttp2(session, { ':method': 'HEAD', ':path': path });
      expect([answer.code, answer.body]).toEqual([code, '']);
      expect(Number(answer.headers['content-length'])).toBeGreaterThan(0);
    }
  });

  it('does not take certificates of another authority, whether the TLS session is new or resumed', async () => {
    const certificates = await makeCertificates();
    const foreign = await makeCertificates();
    const { ca } = certificates;
    const tls = { cert: certificates.serverCert, key: certificates.serverKey, clientCa: ca };
    const server = await startTestServer({ operations, listen: { tls, anonymous: master } });
    const session = await tlsSessionOf(server.listening.url, { ca, cert: foreign.adminCert, key: foreign.adminKey });
    const client = { ca, cert: foreign.adminCert, key: foreign.adminKey };
    expect((await server.send('GET', podPath, { tls: client })).code).toBe(401);
    const resumed = { ...client, session };
    expect((await server.send('GET', podPath, { tls: resumed })).code).toBe(401);
  });

  it('does not take a resumed session without a certificate for an authenticated one', async () => {
    const certificates = await makeCertificates();
    const { ca } = certificates;
    const tls = { cert: certificates.serverCert, key: certificates.serverKey, clientCa: ca };
    const server = await startTestServer({ operations, listen: { tls } });
    const session = await tlsSessionOf(server.listening.url, { ca });
    const resumed = { ca, session };
    expect((await server.send('GET', podPath, { tls: resumed })).code).toBe(401);
  });

  it('keeps an HTTP/2 connection alive after a body that is too large', async () => {
    const certificates = await makeCertificates();
    const { ca, adminCert: cert, adminKey: key } = certificates;
    const tls = { cert: certificates.serverCert, key: certificates.serverKey, clientCa: ca };
    const server = await startTestServer({ operations, listen: { tls } });
    const session = connectHttp2(server.listening, { ca, cert, key });
    const path = '/apis/batch/v1/namespaces/default/jobs';
    const large = await sendHttp2(session, { ':path': path, ':method': 'POST' }, Buffer.alloc(5 << 20, ' '));
    expect(large.code).toBe(413);
    expect((await sendHttp2(session, { ':path': podPath })).code).toBe(200);
  });

  it('answers a client whose other requests on the same connection have much to read still', async () => {
    const certificates = await makeCertificates();
    const { ca, adminCert: cert, adminKey: key } = certificates;
    const tls = { cert: certificates.serverCert, key: certificates.serverKey, clientCa: ca };
    const { metadata } = pod.object;
    const large = storedObject({ metadata: { ...metadata, annotations: { text: 'x'.repeat(1 << 20) } } });
    const server = await startTestServer({
      operations: scriptedOperations({ get: () => Promise.resolve(large) }),
      listen: { tls },
    });
    const session = connectHttp2(server.listening, { ca, cert, key });
    // Heads come outside of flow control; of the bodies nothing is read.
    const headOf = (path: string): Promise<unknown> =>
      new Promise((resolve) => {
        const stream = session.request({ ':path': path });
        stream.on('response', (headers) => resolve(headers[':status']));
        stream.on('error', resolve);
      });
    const codes = await Promise.all(Array.from({ length: 40 }, () => headOf(podPath)));
    expect(new Set([...codes, await headOf('/version')])).toEqual(new Set([200]));
  });
});

describe('credentials', () => {
  it.each([
    ['no credentials', '', podPath, 401],
    ['a wrong token', 'Bearer wrong', podPath, 401],
    ['a wrong token, even for an open path', 'Bearer wrong', '/version', 401],
    ['another scheme', 'Basic YTpi', podPath, 401],
    ['no credentials for the version', '', '/version', 200],
    ['no credentials for health', '', '/readyz?verbose', 200],
    ['no credentials for one check', '', '/livez/ping', 200],
    ['no credentials for discovery', '', '/apis', 401],
  ])('%s', async (_name, authorization, path, code) => {
    const server = await startTestServer({ operations });
    const answer = await server.send('GET', path, { headers: { authorization } });
    expect(answer.code).toBe(code);
    if (code === 401) expect(answer.json).toMatchObject({ reason: 'Unauthorized', message: 'Unauthorized' });
  });

  it('lets users without rights read discovery and nothing else, with the text of RBAC', async () => {
    const tokens = new Map([['t', { name: 'bob', groups: [] }]]);
    const server = await startTestServer({ operations, listen: { tokens } });
    const headers = { authorization: 'Bearer t' };
    expect((await server.send('GET', '/apis/batch/v1', { headers })).code).toBe(200);
    const refused = await server.send('GET', '/apis/batch/v1/namespaces/default/jobs/x', { headers });
    expect(refused.code).toBe(403);
    expect(refused.json).toMatchObject({
      message:
        'jobs.batch "x" is forbidden: User "bob" cannot get resource "jobs" in API group "batch" in the namespace "default"',
      details: { name: 'x', group: 'batch', kind: 'jobs' },
    });
    expect((await server.send('GET', '/metrics', { headers })).json['message']).toBe(
      'forbidden: User "bob" cannot get path "/metrics"',
    );
  });

  it('acts as the user that is impersonated', async () => {
    const server = await startTestServer({ operations });
    const asBob = await server.send('GET', podPath, { headers: { 'impersonate-user': 'bob' } });
    expect(asBob.json['message']).toContain('User "bob" cannot get resource "pods"');
    const headers = { 'impersonate-user': 'bob', 'impersonate-group': 'system:masters' };
    expect((await server.send('GET', podPath, { headers })).code).toBe(200);
    expect((await server.send('GET', podPath, { headers: { 'impersonate-group': 'g' } })).code).toBe(400);
  });
});

describe('errors of the operations', () => {
  it.each([
    ['an error of the API', badRequest('no'), 400, 'BadRequest'],
    ['a full disk', new StoreFullError('/data'), 507, 'InsufficientStorage'],
    ['a stopping store', new StoreClosedError('closed'), 503, 'ServiceUnavailable'],
    ['a bug', new TypeError('x is not a function'), 500, 'InternalError'],
  ])('%s becomes a Status', async (_name, error, code, reason) => {
    const server = await startTestServer({ operations: scriptedOperations({ get: () => Promise.reject(error) }) });
    const answer = await server.send('GET', podPath);
    expect(answer.code).toBe(code);
    expect(answer.json).toMatchObject({ kind: 'Status', apiVersion: 'v1', status: 'Failure', reason, code });
    expect(answer.headers['audit-id']).toMatch(/^[0-9a-f-]{36}$/);
    if (code === 503) expect(answer.headers['retry-after']).toBe('1');
  });

  it('sends warnings as headers that any client can read', async () => {
    const get = (): Promise<never> => Promise.reject(badRequest('x'));
    const list: ReturnType<typeof scriptedOperations>['list'] = (request) => {
      request.warn?.('a "quoted" \\ warning\nin two lines, größer');
      return Promise.resolve({ items: [], resourceVersion: '5' });
    };
    const server = await startTestServer({ operations: scriptedOperations({ get, list }) });
    const answer = await server.send('GET', '/api/v1/pods');
    const warning = Buffer.from(String(answer.headers['warning']), 'latin1').toString();
    expect(warning).toBe('299 - "a \\"quoted\\" \\\\ warning in two lines, größer"');
  });
});

describe('closing', () => {
  it('ends watches cleanly and lets the port go', async () => {
    const watch = { watch: () => ({ close: () => undefined }) };
    const server = await startTestServer({ operations: scriptedOperations(watch) });
    const stream = await open(server.listening, 'GET', '/api/v1/pods?watch=true');
    await server.listening.close();
    const chunks: unknown[] = [];
    for await (const chunk of stream) chunks.push(chunk);
    expect(chunks).toEqual([]);
    expect(stream.complete).toBe(true);
    await expect(server.send('GET', '/version')).rejects.toThrow('ECONNREFUSED');
  });
});

/** The ticket of a TLS session that can be resumed. */
async function tlsSessionOf(url: string, options: Record<string, string>): Promise<Buffer> {
  const { connect } = await import('node:tls');
  const socket = connect({
    port: Number(new URL(url).port),
    host: '127.0.0.1',
    ALPNProtocols: ['http/1.1'],
    ...options,
  });
  const session = await new Promise<Buffer>((resolve, reject) => {
    socket.once('session', resolve);
    socket.once('error', reject);
  });
  socket.destroy();
  return session;
}
