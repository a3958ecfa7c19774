import { describe, expect, it } from 'vitest';
import { scriptedOperations } from './scripted-operations.ts';
import { startTestServer } from './test-server.ts';

const operations = scriptedOperations({});
const aggregatedAccept =
  'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,' +
  'application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json';
const oldAccept = 'application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json';

describe('discovery', () => {
  it('gives everything at once to clients that know version 2', async () => {
    const server = await startTestServer({ operations });
    const headers = { accept: aggregatedAccept };
    const answer = await server.send('GET', '/apis?timeout=32s', { headers });
    expect(answer.headers['content-type']).toBe('application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList');
    expect(answer.headers['vary']).toBe('Accept');
    const responseKind = { group: 'batch', version: 'v1', kind: 'Job' };
    expect(answer.body).not.toContain('pods');
    expect(JSON.parse(answer.body)).toMatchObject({
      kind: 'APIGroupDiscoveryList',
      apiVersion: 'apidiscovery.k8s.io/v2',
      items: [
        {
          metadata: { name: 'batch' },
          versions: [
            {
              version: 'v1',
              freshness: 'Current',
              resources: [
                {
                  resource: 'jobs',
                  responseKind,
                  scope: 'Namespaced',
                  singularResource: 'job',
                  categories: ['all'],
                  subresources: [{ subresource: 'status', responseKind, verbs: ['get', 'patch', 'update'] }],
                },
              ],
            },
          ],
        },
      ],
    });
    const again = await server.send('GET', '/apis', {
      headers: { ...headers, 'if-none-match': String(answer.headers['etag']) },
    });
    expect([again.code, again.body]).toEqual([304, '']);
  });

  it('gives the old form to clients that only know version 2 beta 1', async () => {
    const server = await startTestServer({ operations });
    const answer = await server.send('GET', '/api', { headers: { accept: oldAccept } });
    expect(answer.headers['content-type']).toBe('application/json');
    expect(answer.json).toMatchObject({ kind: 'APIVersions', versions: ['v1'] });
  });

  it.each([
    ['/apis', { kind: 'APIGroupList', groups: [{ name: 'batch', preferredVersion: { groupVersion: 'batch/v1' } }] }],
    ['/apis/batch', { kind: 'APIGroup', name: 'batch', versions: [{ groupVersion: 'batch/v1', version: 'v1' }] }],
    ['/apis/batch/v1', { kind: 'APIResourceList', groupVersion: 'batch/v1' }],
    ['/api/v1/', { kind: 'APIResourceList', groupVersion: 'v1' }],
    ['/version', { major: '1', minor: '35', gitVersion: 'v1.35.0' }],
    [
      '/',
      {
        paths: ['/api', '/apis', '/healthz', '/livez', '/metrics', '/openapi/v2', '/openapi/v3', '/readyz', '/version'],
      },
    ],
  ])('serves %s', async (path, expected) => {
    const answer = await (await startTestServer({ operations })).send('GET', path);
    expect(answer.code).toBe(200);
    expect(answer.json).toMatchObject(expected);
  });

  it('lists subresources as rows of their own', async () => {
    const answer = await (await startTestServer({ operations })).send('GET', '/api/v1');
    const rows = answer.json['resources'] as { name: string; kind: string; verbs: string[] }[];
    expect(rows.map((row) => row.name)).toEqual([
      'namespaces',
      'namespaces/finalize',
      'namespaces/status',
      'pods',
      'pods/attach',
      'pods/binding',
      'pods/eviction',
      'pods/exec',
      'pods/log',
      'pods/portforward',
      'pods/status',
    ]);
    const verbs = Object.fromEntries(rows.map((row) => [row.name, row.verbs.join(' ')]));
    expect(verbs).toMatchObject({
      pods: 'create delete deletecollection get list patch update watch',
      namespaces: 'create delete get list patch update watch',
      'pods/exec': 'create get',
      'pods/log': 'get',
    });
    expect(rows.find((row) => row.name === 'pods/binding')).toMatchObject({ kind: 'Binding', verbs: ['create'] });
    const eviction = { kind: 'Eviction', group: 'policy', version: 'v1', verbs: ['create'] };
    expect(rows.find((row) => row.name === 'pods/eviction')).toMatchObject(eviction);
  });
});

describe('paths and methods that are not served', () => {
  it.each([
    ['GET', '/nothing', 404, undefined],
    ['GET', '/apis/unknown/v1/things', 404, undefined],
    ['GET', '/apis/batch/v2/jobs', 404, undefined],
    ['GET', '/apis/batch/v1/things', 404, 'the server could not find the requested resource'],
    ['POST', '/api/v1/namespaces/default/things', 404, 'the server could not find the requested resource'],
    ['GET', '/api/v1/namespaces/default/namespaces', 404, 'the server could not find the requested resource'],
    ['GET', '/api/v1/pods/p', 404, 'the server could not find the requested resource'],
    ['GET', '/api/v1/namespaces/default/pods/p/proxy', 404, 'the server could not find the requested resource'],
    ['GET', '/apis/batch/v1/namespaces/default/jobs/j/scale', 404, 'the server could not find the requested resource'],
    ['PUT', '/api/v1/namespaces/default/pods', 405, 'the server does not allow this method on the requested resource'],
    ['POST', '/api/v1/pods', 405, 'the server does not allow this method on the requested resource'],
    ['DELETE', '/api/v1/namespaces', 405, 'the server does not allow this method on the requested resource'],
    ['DELETE', '/api/v1/pods', 405, 'the server does not allow this method on the requested resource'],
    ['POST', '/api/v1/namespaces/d/pods/p/log', 405, 'the server does not allow this method on the requested resource'],
    ['OPTIONS', '/api/v1/pods', 405, 'the server does not allow this method on the requested resource'],
    ['DELETE', '/version', 405, 'the server does not allow this method on the requested resource'],
    ['GET', '/api/v1/namespaces/%ZZ/pods', 400, 'invalid URL escape in "%ZZ"'],
  ])('%s %s gives %d', async (method, path, code, message) => {
    const answer = await (await startTestServer({ operations })).send(method, path);
    expect(answer.code).toBe(code);
    if (message === undefined) expect(answer.body).toBe('404 page not found\n');
    else expect(answer.json).toMatchObject({ kind: 'Status', code, message });
  });

  it('answers HEAD without a body', async () => {
    const answer = await (await startTestServer({ operations })).send('HEAD', '/version');
    expect([answer.code, answer.body]).toEqual([200, '']);
  });
});

describe('OpenAPI', () => {
  it('gives old clients the smallest document in protobuf', async () => {
    const server = await startTestServer({ operations });
    const accept = 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf';
    const answer = await server.send('GET', '/openapi/v2', { headers: { accept } });
    expect(answer.headers['content-type']).toBe('application/com.github.proto-openapi.spec.v2.v1.0+protobuf');
    expect(answer.headers['content-length']).toBe('18');
    expect((await server.send('GET', '/openapi/v2')).json).toMatchObject({ swagger: '2.0' });
  });

  it('describes each kind under a URL that can be kept for ever', async () => {
    const server = await startTestServer({ operations });
    const index = (await server.send('GET', '/openapi/v3')).json as {
      paths: Record<string, { serverRelativeURL: string }>;
    };
    expect(Object.keys(index.paths)).toEqual(['api/v1', 'apis/batch/v1']);
    const answer = await server.send('GET', index.paths['apis/batch/v1']?.serverRelativeURL ?? '');
    expect(answer.headers['cache-control']).toBe('public, immutable');
    expect(answer.json).toMatchObject({
      paths: {
        '/apis/batch/v1/namespaces/{namespace}/jobs/{name}': {
          patch: { 'x-kubernetes-group-version-kind': { group: 'batch', version: 'v1', kind: 'Job' } },
        },
      },
      components: {
        schemas: {
          'io.k8s.api.batch.v1.Job': {
            'x-kubernetes-group-version-kind': [{ group: 'batch', version: 'v1', kind: 'Job' }],
            properties: { spec: { allOf: [{ $ref: '#/components/schemas/io.k8s.api.batch.v1.JobSpec' }] } },
          },
          'io.k8s.api.core.v1.PodSpec': {
            required: ['containers'],
            properties: {
              containers: { type: 'array', 'x-kubernetes-patch-merge-key': 'name' },
              nodeSelector: { type: 'object', additionalProperties: { type: 'string' } },
            },
          },
        },
      },
    });
  });

  it('has a schema for everything it refers to', async () => {
    const server = await startTestServer({ operations });
    for (const path of ['/openapi/v3/api/v1', '/openapi/v3/apis/batch/v1']) {
      const { body, json } = await server.send('GET', path);
      const { schemas } = json['components'] as { schemas: object };
      const references = [...body.matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g)].map(
        (match) => match[1] ?? '',
      );
      expect(references.length).toBeGreaterThan(50);
      for (const reference of references) expect(schemas).toHaveProperty([reference]);
    }
  });
});

describe('metrics and health', () => {
  it('counts requests', async () => {
    const server = await startTestServer({ operations });
    await server.send('GET', '/api/v1/namespaces/default/pods/p');
    const { body } = await server.send('GET', '/metrics');
    expect(body).toContain('apiserver_request_total{verb="get",resource="pods",code="500"} 1');
    expect(body).toContain('apiserver_request_duration_seconds_count{verb="get",resource="pods"} 1');
    expect(body).toContain('rondo_objects_scanned_total 0');
  });

  it.each([
    ['/healthz', 'ok'],
    ['/readyz?verbose', '[+]ping ok\nreadyz check passed\n'],
    [
      '/livez?verbose&exclude=ping&exclude=x',
      '[+]ping excluded: ok\nwarn: some health checks cannot be excluded: no matches for "x"\nlivez check passed\n',
    ],
    ['/livez/ping', 'ok'],
  ])('%s says %s', async (path, text) => {
    const answer = await (await startTestServer({ operations })).send('GET', path);
    expect([answer.code, answer.body]).toEqual([200, text]);
  });
});
