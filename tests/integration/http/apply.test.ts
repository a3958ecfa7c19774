// Server-side apply over HTTP. What an apply makes of fields and owners is tested in src/api/apply, against upstream's own.
import { beforeEach, describe, expect, it } from 'vitest';
import { resources } from '../../../src/api/index.ts';
import type { UserInfo } from '../../../src/apiserver/index.ts';
import { master, startRealApi, type RealApi } from './test-server.ts';

const ann: UserInfo = { name: 'ann', groups: [] };
const configMaps = '/api/v1/namespaces/default/configmaps';
const jobs = '/apis/batch/v1/namespaces/default/jobs';

type Answer = Awaited<ReturnType<RealApi['ask']>>;

let server: RealApi;
beforeEach(async () => {
  server = await startRealApi([ann]);
});

function patch(
  path: string,
  body: unknown,
  { type = 'apply-patch+yaml', token = undefined as string | undefined } = {},
) {
  return server.ask('PATCH', path, body, token, { 'content-type': `application/${type}` });
}

function apply(body: object, manager: string, query = '', path = `${configMaps}/c`): Promise<Answer> {
  return patch(`${path}?fieldManager=${manager}${query}`, body);
}

const configMap = (data: object, metadata: object = {}): object => ({
  ...{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'c', ...metadata }, data },
});

/** Manager, operation and the fields of data that it owns. */
function owners({ json }: Answer): string[] {
  const { managedFields = [] } = json['metadata'] as { managedFields?: Record<string, never>[] };
  return managedFields.map(({ manager, operation, subresource, fieldsV1 }) => {
    const fields = Object.keys((fieldsV1 as unknown as Record<string, object>)['f:data'] ?? {}).flatMap(
      (key) => key.split(':')[1] ?? [],
    );
    return [manager, operation, subresource, fields.join(',')].filter(Boolean).join(' ');
  });
}

describe('server-side apply', () => {
  it('creates, changes, and takes away what is not applied any more', async () => {
    const created = await apply(configMap({ a: '1', b: '2' }), 'm');
    expect([created.code, owners(created)]).toEqual([201, ['m Apply a,b']]);
    const changed = await apply(configMap({ a: '1', c: '3' }), 'm');
    expect([changed.code, changed.json['data'], owners(changed)]).toEqual([200, { a: '1', c: '3' }, ['m Apply a,c']]);
    const read = await server.ask('GET', `${configMaps}/c`);
    expect(read.body).toBe(changed.body);
  });

  it('writes nothing when nothing changes', async () => {
    const { json } = await apply(configMap({ a: '1' }), 'm');
    const again = await apply(configMap({ a: '1' }), 'm');
    expect([again.code, again.json]).toEqual([200, json]);
  });

  it('takes YAML, and says what is in it twice', async () => {
    const { url } = server;
    const send = (text: string, query: string): Promise<Response> =>
      fetch(`${url}${configMaps}/y?fieldManager=m${query}`, {
        method: 'PATCH',
        headers: { authorization: 'Bearer ann', 'content-type': 'application/apply-patch+yaml' },
        body: text,
      });
    await server.api.clientFor(master).create(resources.clusterRoles, {
      metadata: { name: 'all' },
      rules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }],
    });
    await server.api.clientFor(master).create(resources.clusterRoleBindings, {
      metadata: { name: 'all' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'all' },
      subjects: [{ kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name: 'ann' }],
    });
    const text = 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: y\ndata:\n  a: "1"\n  a: "2"\n';
    const strict = await send(text, '&fieldValidation=Strict');
    expect(strict.status).toBe(400);
    expect(((await strict.json()) as { message: string }).message).toMatch(/error strict decoding YAML: .*data\.a/);
    const warned = await send(text, '');
    expect([warned.status, warned.headers.get('warning')]).toEqual([201, expect.stringContaining('data.a')]);
  });

  it('conflicts with what others own, all of it in one answer, unless forced', async () => {
    await apply(configMap({ a: '1', b: '1' }), 'one');
    await patch(`${configMaps}/c?fieldManager=two`, { data: { b: '2' } }, { type: 'merge-patch+json' });
    const refused = await apply(configMap({ a: '3', b: '3' }), 'three');
    expect(refused.code).toBe(409);
    expect(refused.json).toMatchObject({
      reason: 'Conflict',
      message: expect.stringMatching(/^Apply failed with 2 conf/),
    });
    const { causes } = refused.json['details'] as { causes: object[] };
    expect(causes).toEqual([
      { reason: 'FieldManagerConflict', message: 'conflict with "one"', field: '.data.a' },
      {
        reason: 'FieldManagerConflict',
        message: 'conflict with "two" using v1',
        field: '.data.b',
      },
    ]);
    const forced = await apply(configMap({ a: '3', b: '3' }), 'three', '&force=true');
    expect([forced.code, forced.json['data'], owners(forced)]).toEqual([200, { a: '3', b: '3' }, ['three Apply a,b']]);
  });

  it('keeps account of every other write from then on, also of the status', async () => {
    const job = {
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: { name: 'j' },
      spec: { suspend: true, template: { spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'i' }] } } },
    };
    await apply(job, 'm', '', `${jobs}/j`);
    const status = { status: { active: 1 } };
    await patch(`${jobs}/j/status?fieldManager=s`, status, { type: 'merge-patch+json' });
    const scaled = await patch(`${jobs}/j?fieldManager=p`, { spec: { suspend: false } }, { type: 'merge-patch+json' });
    expect(owners(scaled)).toEqual(['m Apply', 'p Update', 's Update status']);
    const taken = await apply({ ...job, spec: { ...job.spec, suspend: false } }, 'm', '', `${jobs}/j`);
    expect(taken.code, taken.body).toBe(200);
    const reported = await patch(`${jobs}/j/status?fieldManager=t&force=true`, { ...job, status: { active: 2 } });
    expect([reported.code, reported.json['status']]).toEqual([200, expect.objectContaining({ active: 2 })]);
    expect(reported.json['spec']).toEqual(taken.json['spec']);
    expect(owners(reported)).toContain('t Apply status');
  });

  it('finds fields of untold origin in what nobody applied before', async () => {
    await server.ask('POST', configMaps, configMap({ a: '1', b: '1' }));
    expect(owners(await server.ask('GET', `${configMaps}/c`))).toEqual([]);
    const refused = await apply(configMap({ a: '2' }), 'm');
    expect([refused.code, refused.json['message']]).toEqual([
      409,
      'Apply failed with 1 conflict: conflict with "before-first-apply" using v1: .data.a',
    ]);
    const shared = await apply(configMap({ a: '1' }), 'm');
    expect(owners(shared)).toEqual(['m Apply a', 'before-first-apply Update a,b']);
  });

  it('lets writers see to the entries themselves', async () => {
    const { json } = await apply(configMap({ a: '1' }), 'm');
    const metadata = json['metadata'] as { managedFields: [object] };
    const renamed = { ...metadata, managedFields: [{ ...metadata.managedFields[0], manager: 'n' }] };
    const replaced = await server.ask('PUT', `${configMaps}/c`, { ...json, metadata: renamed });
    expect(owners(replaced)).toEqual(['n Apply a']);
    const left = await server.ask('PUT', `${configMaps}/c`, configMap({ a: '1' }));
    expect(owners(left)).toEqual(['n Apply a']);
    const reset = await patch(`${configMaps}/c`, { metadata: { managedFields: [{}] } }, { type: 'merge-patch+json' });
    expect([reset.code, owners(reset)]).toEqual([200, []]);
  });

  it('answers a dry run and keeps nothing of it', async () => {
    const dry = await apply(configMap({ a: '1' }), 'm', '&dryRun=All');
    expect([dry.code, owners(dry)]).toEqual([201, ['m Apply a']]);
    expect((await server.ask('GET', `${configMaps}/c`)).code).toBe(404);
  });

  it.each([
    ['fieldManager', '', configMap({}), 422, 'fieldManager: Required value: is required for apply patch'],
    ['another name', '?fieldManager=m', configMap({}, { name: 'd' }), 400, 'does not match the name on the URL'],
    [
      'a resourceVersion',
      '?fieldManager=m',
      configMap({}, { resourceVersion: '1' }),
      400,
      'resourceVersion should not be set',
    ],
    [
      'managedFields',
      '?fieldManager=m',
      configMap({}, { managedFields: [] }),
      400,
      'metadata.managedFields must be nil',
    ],
    [
      'another kind',
      '?fieldManager=m',
      { ...configMap({}), kind: 'Secret' },
      400,
      'invalid object type: /v1, Kind=Secret',
    ],
    ['an unknown field', '?fieldManager=m', { ...configMap({}), date: {} }, 500, '.date: field not declared in schema'],
    ['a list', '?fieldManager=m', [], 400, 'error decoding YAML'],
  ])('is refused for %s', async (_what, query, body, code, text) => {
    const answer = await patch(`${configMaps}/c${query}`, body);
    expect([answer.code, answer.json['message']]).toEqual([code, expect.stringContaining(text)]);
    expect((await server.ask('GET', `${configMaps}/c`)).code).toBe(404);
  });

  it('is what force is for, and nothing else', async () => {
    await apply(configMap({}), 'm');
    const answer = await patch(`${configMaps}/c?force=true`, { data: {} }, { type: 'merge-patch+json' });
    expect([answer.code, answer.json['message']]).toEqual([
      422,
      expect.stringContaining('force: Forbidden: may not be specified for non-apply patch'),
    ]);
    const stale = await apply(configMap({ a: '1' }, { resourceVersion: '1' }), 'm');
    expect([stale.code, stale.json['reason']]).toEqual([409, 'Conflict']);
    expect((await apply(configMap({}), 'm', '', `${configMaps}/c/status`)).code).toBe(404);
  });

  it('creates only for those who may create, and so does a replacement', async () => {
    const client = server.api.clientFor(master);
    const verbs = ['get', 'update', 'patch'];
    await client.create(resources.roles, {
      metadata: { name: 'r', namespace: 'default' },
      rules: [{ verbs, apiGroups: ['', 'coordination.k8s.io'], resources: ['configmaps', 'leases'] }],
    });
    await client.create(resources.roleBindings, {
      metadata: { name: 'r', namespace: 'default' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'r' },
      subjects: [{ kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name: 'ann' }],
    });
    const path = `${configMaps}/c?fieldManager=m`;
    const refused = await patch(path, configMap({ a: '1' }), { token: 'ann' });
    expect([refused.code, refused.json['message']]).toEqual([
      403,
      'configmaps "c" is forbidden: User "ann" cannot create resource "configmaps" in API group "" in the namespace "default"',
    ]);
    const lease = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name: 'l' }, spec: {} };
    const leases = '/apis/coordination.k8s.io/v1/namespaces/default/leases';
    expect((await server.ask('PUT', `${leases}/l`, lease, 'ann')).code).toBe(403);
    expect((await server.ask('GET', `${leases}/l`)).code).toBe(404);
    await apply(configMap({ a: '1' }), 'm');
    expect((await patch(path, configMap({ a: '2' }), { token: 'ann' })).code).toBe(200);
  });

  it('gives all of several appliers their part, however they meet', async () => {
    const keys = Array.from({ length: 20 }, (_, at) => `k${at}`);
    const answers = await Promise.all(keys.map((key) => apply(configMap({ [key]: 'v' }), `m-${key}`)));
    expect(answers.filter(({ code }) => code === 201)).toHaveLength(1);
    expect(answers.filter(({ code }) => code !== 200 && code !== 201).map(({ body }) => body)).toEqual([]);
    const { json } = await server.ask('GET', `${configMaps}/c`);
    expect(Object.keys(json['data'] as object).toSorted()).toEqual(keys.toSorted());
  });
});
