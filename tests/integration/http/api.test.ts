import { describe, expect, it } from 'vitest';
import { createApiServer } from '../../../src/apiserver/create-api-server.ts';
import { noPods } from '../../../src/apiserver/no-pods.ts';
import { systemClock, systemRandom } from '../../../src/clock/index.ts';
import { silentLogger } from '../../../src/log/index.ts';
import { createMemoryStore } from '../../../src/store/index.ts';
import { startTestServer, type TestServer } from './test-server.ts';

const jobs = '/apis/batch/v1/namespaces/default/jobs';

/** The real API server on a store in memory. */
async function startApi(): Promise<TestServer> {
  const store = createMemoryStore({ clock: systemClock });
  const common = { clock: systemClock, random: systemRandom, log: silentLogger };
  const api = createApiServer({ store, podStreams: noPods, ...common });
  await api.start();
  return startTestServer({ operations: api.operations });
}

function jobNamed(name: string, spec: object = {}): object {
  const template = { spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'rondo.dev/host' }] } };
  return { apiVersion: 'batch/v1', kind: 'Job', metadata: { name }, spec: { template, ...spec } };
}

function post(
  server: TestServer,
  path: string,
  body: unknown,
  type = 'application/json',
): ReturnType<TestServer['send']> {
  const text = typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body);
  return server.send('POST', path, { body: text, headers: { 'content-type': type } });
}

describe('the life of an object over HTTP', () => {
  it('is created, read, replaced, patched in three ways, listed and deleted', async () => {
    const server = await startApi();
    const created = await post(server, jobs, jobNamed('a'));
    expect(created.code, created.body).toBe(201);
    expect(created.json).toMatchObject({ kind: 'Job', metadata: { name: 'a', namespace: 'default', generation: 1 } });
    const read = await server.send('GET', `${jobs}/a`);
    expect(read.body).toBe(created.body);
    const replaced = await server.send('PUT', `${jobs}/a`, {
      body: JSON.stringify({ ...read.json, spec: { ...(read.json['spec'] as object), suspend: true } }),
    });
    expect(replaced.code, replaced.body).toBe(200);
    expect(replaced.json).toMatchObject({ spec: { suspend: true }, metadata: { generation: 2 } });
    for (const [type, body] of [
      ['application/strategic-merge-patch+json', { metadata: { labels: { x: '1' } } }],
      ['application/merge-patch+json', { metadata: { labels: { y: '2' } } }],
      ['application/json-patch+json', [{ op: 'add', path: '/metadata/labels/z', value: '3' }]],
    ] as const) {
      const patched = await server.send('PATCH', `${jobs}/a`, {
        body: JSON.stringify(body),
        headers: { 'content-type': type },
      });
      expect(patched.code, patched.body).toBe(200);
    }
    const list = await server.send('GET', '/apis/batch/v1/jobs?labelSelector=x%3D1,y%3D2,z%3D3');
    expect(list.json).toMatchObject({ kind: 'JobList', items: [{ metadata: { name: 'a' } }] });
    const deleted = await server.send('DELETE', `${jobs}/a?propagationPolicy=Background`);
    expect(deleted.json).toMatchObject({ status: 'Success', details: { name: 'a', group: 'batch', kind: 'jobs' } });
    const gone = await server.send('GET', `${jobs}/a`);
    expect(gone.json).toMatchObject({ code: 404, message: 'jobs.batch "a" not found' });
  });

  it('changes status through its own path only', async () => {
    const server = await startApi();
    const { json } = await post(server, jobs, jobNamed('a'));
    const body = JSON.stringify({ ...json, status: { ...(json['status'] as object), active: 1 } });
    const main = await server.send('PUT', `${jobs}/a`, { body });
    expect(main.json['status']).not.toHaveProperty('active');
    const status = await server.send('PUT', `${jobs}/a/status`, { body });
    expect(status.code, status.body).toBe(200);
    expect(status.json).toMatchObject({ status: { active: 1 } });
  });

  it('stores nothing on a dry run, wherever it is asked for', async () => {
    const server = await startApi();
    expect((await post(server, `${jobs}?dryRun=All`, jobNamed('a'))).code).toBe(201);
    expect((await server.send('GET', `${jobs}/a`)).code).toBe(404);
    await post(server, jobs, jobNamed('a'));
    const options = { kind: 'DeleteOptions', apiVersion: 'v1', dryRun: ['All'], propagationPolicy: 'Background' };
    const deleted = await server.send('DELETE', `${jobs}/a`, { body: JSON.stringify(options) });
    expect(deleted.code, deleted.body).toBe(200);
    expect((await server.send('GET', `${jobs}/a`)).code).toBe(200);
  });

  it('warns when a Job is deleted without a policy', async () => {
    const server = await startApi();
    await post(server, jobs, jobNamed('a'));
    const deleted = await server.send('DELETE', `${jobs}/a`);
    expect(deleted.headers['warning']).toContain('299 - "child pods are preserved by default when jobs are deleted');
  });

  it('takes YAML, and bodies that leave out apiVersion and kind', async () => {
    const server = await startApi();
    const yaml = 'metadata:\n  name: settings\ndata:\n  colour: blue\n';
    const created = await post(
      server,
      '/api/v1/namespaces/default/configmaps',
      yaml,
      'application/yaml; charset=utf-8',
    );
    expect(created.code, created.body).toBe(201);
    expect(created.json).toMatchObject({ apiVersion: 'v1', kind: 'ConfigMap', data: { colour: 'blue' } });
  });

  it('binds a Pod to a node', async () => {
    const server = await startApi();
    const pods = '/api/v1/namespaces/default/pods';
    const spec = { containers: [{ name: 'c', image: 'i' }] };
    await post(server, '/api/v1/namespaces/default/serviceaccounts', { metadata: { name: 'default' } });
    await post(server, pods, { metadata: { name: 'p' }, spec });
    const unnamed = await post(server, `${pods}/p/binding`, { metadata: { name: 'p' }, target: { kind: 'Node' } });
    expect(unnamed.code).toBe(422);
    const bound = await post(server, `${pods}/p/binding`, {
      metadata: { name: 'p' },
      target: { kind: 'Node', name: 'n' },
    });
    expect(bound.code, bound.body).toBe(201);
    expect(bound.json).toMatchObject({ kind: 'Status', status: 'Success' });
    expect((await server.send('GET', `${pods}/p`)).json).toMatchObject({ spec: { nodeName: 'n' } });
    expect((await post(server, `${pods}/p/binding`, { target: { name: 'm' } })).code).toBe(409);
  });

  it('finalizes a namespace', async () => {
    const server = await startApi();
    await post(server, '/api/v1/namespaces', { metadata: { name: 'gone' } });
    const { json } = await server.send('DELETE', '/api/v1/namespaces/gone');
    expect(json).toMatchObject({ kind: 'Namespace', status: { phase: 'Terminating' } });
    const body = JSON.stringify({ metadata: json['metadata'], spec: { finalizers: [] } });
    const finalized = await server.send('PUT', '/api/v1/namespaces/gone/finalize', { body });
    expect(finalized.code, finalized.body).toBe(200);
    expect((await server.send('GET', '/api/v1/namespaces/gone')).code).toBe(404);
  });

  it('deletes a collection by label', async () => {
    const server = await startApi();
    for (const name of ['a', 'b'])
      await post(server, jobs, { ...jobNamed(name), metadata: { name, labels: { of: name } } });
    const answer = await server.send('DELETE', `${jobs}?labelSelector=of%3Da&propagationPolicy=Background`);
    expect(answer.json).toMatchObject({ kind: 'JobList', items: [{ metadata: { name: 'a' } }] });
    const left = (await server.send('GET', jobs)).json['items'] as { metadata: { name: string } }[];
    expect(left.map((job) => job.metadata.name)).toEqual(['b']);
  });
});

describe('bad input', () => {
  const tooLarge = 3 * 1024 * 1024 + 1;
  const typo = jobNamed('a', { backofLimit: 1 });
  const twice = '{"metadata":{"name":"a"},"data":{"k":"1","k":"2"}}';
  const wrongType = jobNamed('a', { parallelism: 'two' });
  const maps = '/api/v1/namespaces/default/configmaps';
  const pbType = 'application/vnd.kubernetes.protobuf';

  it.each([
    ['malformed JSON', jobs, '{"metadata":', undefined, 400, 'json parse error'],
    ['no body at all', jobs, '', undefined, 400, 'json parse error'],
    ['a list instead of an object', jobs, '[]', undefined, 400, 'cannot unmarshal array'],
    ['malformed YAML', jobs, 'a: [', 'application/yaml', 400, 'yaml'],
    ['two YAML documents', jobs, 'a: 1\n---\nb: 2\n', 'application/yaml', 400, 'expected one document, found 2'],
    ['malformed protobuf', jobs, 'k8s\0\x0a\xff', pbType, 400, ''],
    ['protobuf without its magic', jobs, 'hello', pbType, 400, ''],
    [
      'an unknown content type',
      jobs,
      'x',
      'text/plain',
      415,
      'the body of the request was in an unknown format - accepted media types include: application/json, application/yaml, application/vnd.kubernetes.protobuf',
    ],
    ['a body over 3 MiB', jobs, ' '.repeat(tooLarge), undefined, 413, 'Request entity too large: limit is 3145728'],
    ['another kind', jobs, { kind: 'CronJob' }, undefined, 400, 'CronJob in version "v1" cannot be handled as a Job'],
    [
      'another version',
      jobs,
      { apiVersion: 'batch/v2' },
      undefined,
      400,
      'the API version in the data (batch/v2) does not match the expected API version (batch/v1)',
    ],
    [
      'another namespace',
      jobs,
      { metadata: { name: 'a', namespace: 'other' } },
      undefined,
      400,
      'the namespace of the provided object does not match the namespace sent on the request',
    ],
    ['a wrong type', jobs, wrongType, undefined, 400, 'Job in version "v1" cannot be handled as a Job: '],
    [
      'an unknown field, strictly',
      `${jobs}?fieldValidation=Strict`,
      typo,
      undefined,
      400,
      'Job in version "v1" cannot be handled as a Job: strict decoding error: unknown field "spec.backofLimit"',
    ],
    [
      'a duplicate field, strictly',
      `${maps}?fieldValidation=Strict`,
      twice,
      undefined,
      400,
      'strict decoding error: duplicate field "data.k"',
    ],
    [
      'an unknown fieldValidation',
      `${jobs}?fieldValidation=Never`,
      jobNamed('a'),
      undefined,
      422,
      'fieldValidation: Unsupported value: "Never"',
    ],
    [
      'an unknown dryRun',
      `${jobs}?dryRun=Some`,
      jobNamed('a'),
      undefined,
      422,
      'dryRun: Unsupported value: "Some": supported values: "All"',
    ],
    [
      'an unprintable fieldManager',
      `${jobs}?fieldManager=a%07b`,
      jobNamed('a'),
      undefined,
      422,
      'should only contain printable characters',
    ],
  ])('%s is refused and nothing is stored', async (_name, path, body, type, code, text) => {
    const server = await startApi();
    const answer = await post(server, path, body, type);
    expect(answer.code, answer.body).toBe(code);
    expect(answer.json).toMatchObject({ kind: 'Status', status: 'Failure', code });
    expect(answer.json['message']).toContain(text);
    expect((await server.send('GET', jobs)).json['items']).toEqual([]);
  });

  it.each([
    ['warned of by default', '', ['299 - "unknown field \\"spec.backofLimit\\""']],
    ['warned of', '?fieldValidation=Warn', ['299 - "unknown field \\"spec.backofLimit\\""']],
    ['ignored', '?fieldValidation=Ignore', undefined],
  ])('unknown fields are %s', async (_name, query, warnings) => {
    const answer = await post(await startApi(), jobs + query, typo);
    expect(answer.code, answer.body).toBe(201);
    expect(answer.headers['warning']).toBe(warnings?.join(', '));
    expect(answer.body).not.toContain('backofLimit');
  });

  it('names duplicate fields in a warning', async () => {
    const answer = await post(await startApi(), maps, twice);
    expect(answer.headers['warning']).toBe('299 - "duplicate field \\"data.k\\""');
    expect(answer.json).toMatchObject({ data: { k: '2' } });
  });

  it.each([
    ['a stale resourceVersion', { resourceVersion: '1' }, 409, 'the object has been modified'],
    ['another name', { name: 'b' }, 400, 'the name of the object (b) does not match the name on the URL (a)'],
    [
      'no name',
      { name: undefined },
      400,
      'the name of the object (a based on URL) was undeterminable: name must be provided',
    ],
    ['another namespace', { namespace: 'other' }, 400, 'the namespace of the provided object does not match'],
    ['another uid', { uid: 'x' }, 409, 'the UID in the precondition (x) does not match the UID in record'],
  ])('a replacement with %s is refused', async (_name, change, code, text) => {
    const server = await startApi();
    const { json } = await post(server, jobs, jobNamed('a'));
    const metadata = { ...(json['metadata'] as object), ...change };
    const answer = await server.send('PUT', `${jobs}/a`, { body: JSON.stringify({ ...json, metadata }) });
    expect(answer.code, answer.body).toBe(code);
    expect(answer.json['message']).toContain(text);
  });

  it.each([
    [
      'application/json',
      '{}',
      415,
      'accepted media types include: application/json-patch+json, application/merge-patch+json, application/strategic-merge-patch+json, application/apply-patch+yaml',
    ],
    ['application/merge-patch+json', '{', 400, 'error decoding patch'],
    ['application/merge-patch+json', '[]', 400, 'a merge patch must be an object'],
    ['application/json-patch+json', '{}', 400, 'a JSON patch must be a list of operations'],
    ['application/json-patch+json', '[{"op":"test","path":"/metadata/name","value":"b"}]', 422, ''],
    ['application/json-patch+json', '[{"op":"remove","path":"/spec/nothing"}]', 422, ''],
    [
      'application/merge-patch+json',
      '{"spec":{"backofLimit":1}}',
      422,
      'strict decoding error: unknown field "spec.backofLimit"',
    ],
    [
      'application/merge-patch+json',
      '{"metadata":{"labels":{"a":"1","a":"2"}},"speck":1}',
      422,
      'strict decoding error: duplicate field "metadata.labels.a", unknown field "speck"',
    ],
    [
      'application/merge-patch+json',
      '{"spec":{"parallelism":"many"}}',
      422,
      'json: cannot unmarshal string into Go struct field JobSpec.spec.parallelism of type int32',
    ],
    [
      'application/json-patch+json',
      '[{"op":"add","path":"/metadata/labels","value":7}]',
      422,
      'json: cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type map[string]string',
    ],
    [
      'application/strategic-merge-patch+json',
      '{"spec":{"parallelism":"many","completions":null}}',
      422,
      ' "" is invalid: patch: Invalid value: "map[spec:map[completions:<nil> parallelism:many]]": unrecognized type: int32',
    ],
    [
      'application/strategic-merge-patch+json',
      '{"spec":{"colour":["red",1]}}',
      422,
      ' "" is invalid: patch: Invalid value: "map[spec:map[colour:[red 1]]]": strict decoding error: unknown field "spec.colour"',
    ],
  ])('a patch of type %s with %s is refused', async (type, body, code, text) => {
    const server = await startApi();
    const created = await post(server, jobs, jobNamed('a'));
    const answer = await server.send('PATCH', `${jobs}/a?fieldValidation=Strict`, {
      body,
      headers: { 'content-type': type },
    });
    expect(answer.code, answer.body).toBe(code);
    expect(answer.json['message']).toContain(text);
    expect((await server.send('GET', `${jobs}/a`)).body).toBe(created.body);
  });

  it.each([
    ['?dryRun=Some', '', 422],
    ['?propagationPolicy=Maybe', '', 422],
    ['?propagationPolicy=Orphan&orphanDependents=true', '', 422],
    ['?gracePeriodSeconds=soon', '', 400],
    ['', '{"kind":"Job"}', 400],
    ['', '{"gracePeriodSeconds":"soon"}', 400],
    ['', '{"preconditions":{"uid":"x"}}', 409],
  ])('a deletion with %s %s is refused', async (query, body, code) => {
    const server = await startApi();
    await post(server, jobs, jobNamed('a'));
    const answer = await server.send('DELETE', `${jobs}/a${query}`, { body });
    expect(answer.code, answer.body).toBe(code);
    expect((await server.send('GET', `${jobs}/a`)).code).toBe(200);
  });

  it.each([
    ['?limit=many', 400, 'strconv.ParseInt: parsing "many": invalid syntax'],
    ['?labelSelector=a%3D%3D%3Db', 400, ''],
    ['?fieldSelector=spec.unknown%3D1', 400, 'field label not supported: spec.unknown'],
    ['?resourceVersionMatch=Exact', 422, ''],
    ['?sendInitialEvents=true', 422, 'sendInitialEvents is forbidden for list'],
    ['?continue=garbage', 400, ''],
    ['?watch=true&resourceVersion=x', 400, ''],
  ])('a list with %s is refused', async (query, code, text) => {
    const answer = await (await startApi()).send('GET', jobs + query);
    expect(answer.code, answer.body).toBe(code);
    expect(answer.json['message']).toContain(text);
  });
});
