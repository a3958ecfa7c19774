import { describe, expect, it } from 'vitest';
import { resources, type PolicyRule } from '../../../src/api/index.ts';
import type { UserInfo } from '../../../src/apiserver/index.ts';
import { master, startRealApi, type RealApi } from './test-server.ts';

const apiGroup = 'rbac.authorization.k8s.io';
const ann: UserInfo = { name: 'ann', groups: ['devs'] };
const nobody: UserInfo = { name: 'nobody', groups: [] };
const start = (): Promise<RealApi> => startRealApi([ann, nobody]);

async function allow({ api }: RealApi, rules: readonly PolicyRule[], namespace?: string, name = 'anns'): Promise<void> {
  const client = api.clientFor(master);
  await client.create(resources.clusterRoles, { metadata: { name }, rules });
  const roleRef = { apiGroup, kind: 'ClusterRole', name };
  const subjects = [{ kind: 'User', apiGroup, name: 'ann' }];
  if (namespace === undefined)
    await client.create(resources.clusterRoleBindings, { metadata: { name }, roleRef, subjects });
  else await client.create(resources.roleBindings, { metadata: { name, namespace }, roleRef, subjects });
}

const rule = (verbs: string[], ...of: string[]): PolicyRule => ({ verbs, apiGroups: ['*'], resources: of });

describe('what roles permit over HTTP', () => {
  it('is refused before anything is looked at, with upstream’s words', async () => {
    const { ask } = await start();
    for (const [method, path, message] of [
      [
        'GET',
        '/api/v1/namespaces/default/pods/p/log',
        'pods "p" is forbidden: User "ann" cannot get resource "pods/log" in API group "" in the namespace "default"',
      ],
      [
        'GET',
        '/apis/batch/v1/jobs',
        'jobs.batch is forbidden: User "ann" cannot list resource "jobs" in API group "batch" at the cluster scope',
      ],
      [
        'GET',
        '/api/v1/nodes?watch=1',
        'nodes is forbidden: User "ann" cannot watch resource "nodes" in API group "" at the cluster scope',
      ],
      [
        'DELETE',
        '/apis/batch/v1/namespaces/n/jobs',
        'jobs.batch is forbidden: User "ann" cannot deletecollection resource "jobs" in API group "batch" in the namespace "n"',
      ],
      [
        'GET',
        '/api/v1/namespaces/n',
        'namespaces "n" is forbidden: User "ann" cannot get resource "namespaces" in API group "" in the namespace "n"',
      ],
      [
        'GET',
        '/apis/x.dev/v1/things',
        'things.x.dev is forbidden: User "ann" cannot list resource "things" in API group "x.dev" at the cluster scope',
      ],
      ['GET', '/metrics', 'forbidden: User "ann" cannot get path "/metrics"'],
      ['POST', '/a&b', 'forbidden: User "ann" cannot post path "/a&amp;b"'],
    ] as const) {
      const { code, json } = await ask(method, path, undefined, 'ann');
      expect({ code, message: json['message'] }, `${method} ${path}`).toEqual({ code: 403, message });
    }
  });

  it('tells whose role is missing', async () => {
    const server = await start();
    await allow(server, [rule(['get'], 'pods')]);
    await server.api.clientFor(master).delete(resources.clusterRoles, { name: 'anns' });
    const { json } = await server.ask('GET', '/api/v1/pods', undefined, 'ann');
    expect(json['message']).toBe(
      'pods is forbidden: User "ann" cannot list resource "pods" in API group "" at the cluster scope: RBAC: clusterrole.rbac.authorization.k8s.io "anns" not found',
    );
  });

  it('lets everybody look around and ask about themselves', async () => {
    const { ask } = await start();
    for (const path of ['/api', '/apis/batch/v1', '/openapi/v3', '/version', '/livez/ping'])
      expect((await ask('GET', path, undefined, 'nobody')).code, path).toBe(200);
    const review = await ask('POST', '/apis/authentication.k8s.io/v1/selfsubjectreviews', {}, 'nobody');
    expect(review.json).toMatchObject({
      status: { userInfo: { username: 'nobody', groups: ['system:authenticated'] } },
    });
  });

  it('counts lists and watches of one name as of that name, and nothing else', async () => {
    const server = await start();
    await allow(server, [{ ...rule(['*'], 'configmaps'), resourceNames: ['a'] }], 'default');
    const path = '/api/v1/namespaces/default/configmaps';
    const code = async (method: string, query: string, body?: object): Promise<number> =>
      (await server.ask(method, `${path}${query}`, body, 'ann')).code;
    expect(await code('GET', '?fieldSelector=metadata.name%3Da')).toBe(200);
    expect(await code('GET', '?fieldSelector=metadata.name%3D%3Da,metadata.namespace%3Ddefault')).toBe(200);
    expect(await code('GET', '?fieldSelector=metadata.name%3Db')).toBe(403);
    expect(await code('GET', '?fieldSelector=metadata.name%21%3Da')).toBe(403);
    expect(await code('GET', '')).toBe(403);
    expect(await code('POST', '?fieldSelector=metadata.name%3Da', { metadata: { name: 'b' } })).toBe(403);
    expect(await code('DELETE', '?fieldSelector=metadata.name%3Da')).toBe(403);
  });

  it('lets whoever may do things in a namespace see it', async () => {
    const server = await start();
    await allow(server, [rule(['get'], 'namespaces')], 'default');
    expect((await server.ask('GET', '/api/v1/namespaces/default', undefined, 'ann')).code).toBe(200);
    expect((await server.ask('GET', '/api/v1/namespaces/kube-system', undefined, 'ann')).code).toBe(403);
  });

  it('does not let anybody give away more than they have', async () => {
    const server = await start();
    await allow(server, [{ ...rule(['*'], '*'), apiGroups: [apiGroup] }]);
    const role = { rules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }] };
    const path = '/apis/rbac.authorization.k8s.io/v1/clusterroles';
    const mine = await server.ask('PATCH', `${path}/anns`, role, 'ann', {
      'content-type': 'application/merge-patch+json',
    });
    // `*` on the verbs of the group holds `escalate`.
    expect(mine.code).toBe(200);
    const client = server.api.clientFor(master);
    const some = ['get', 'create', 'update', 'patch'];
    await client.patch(
      resources.clusterRoles,
      { name: 'anns' },
      {
        type: 'merge',
        body: { rules: [{ verbs: some, apiGroups: [apiGroup], resources: ['*'] }] },
      },
    );
    for (const method of ['POST', 'PUT', 'PATCH']) {
      const url = method === 'POST' ? path : `${path}/${method === 'PUT' ? 'made-by-put' : 'anns'}`;
      const body = { ...role, metadata: { name: method === 'PUT' ? 'made-by-put' : 'other' } };
      const sent = method === 'PATCH' ? role : body;
      const headers = method === 'PATCH' ? { 'content-type': 'application/merge-patch+json' } : {};
      const { code, json } = await server.ask(method, url, sent, 'ann', headers);
      expect({ code, message: String(json['message']).split('\n').at(-1) }, method).toEqual({
        code: 403,
        message: '{APIGroups:["*"], Resources:["*"], Verbs:["*"]}',
      });
    }
  });
});

describe('access reviews', () => {
  const root = '/apis/authorization.k8s.io/v1';
  const pods = { verb: 'get', resource: 'pods', namespace: 'default' };

  it('answer as a request would be', async () => {
    const server = await start();
    await allow(server, [rule(['get'], 'pods')], 'default');
    const mayI = async (spec: object, token = 'ann'): Promise<unknown> =>
      (await server.ask('POST', `${root}/selfsubjectaccessreviews`, { spec }, token)).json['status'];
    expect(await mayI({ resourceAttributes: pods })).toEqual({
      allowed: true,
      reason: 'RBAC: allowed by RoleBinding "anns/default" of ClusterRole "anns" to User "ann"',
    });
    expect(await mayI({ resourceAttributes: { ...pods, namespace: 'other' } })).toEqual({ allowed: false });
    expect(await mayI({ resourceAttributes: { ...pods, subresource: 'exec' } })).toEqual({ allowed: false });
    expect(await mayI({ nonResourceAttributes: { verb: 'get', path: '/metrics' } })).toEqual({ allowed: false });
    expect(await mayI({ nonResourceAttributes: { verb: 'get', path: '/api' } })).toMatchObject({ allowed: true });
    expect(await mayI({ resourceAttributes: { verb: 'delete', resource: 'nodes' } }, 'of-the-master')).toEqual({
      allowed: true,
    });
  });

  it('about others need a permission, cluster-wide or in the namespace', async () => {
    const server = await start();
    const spec = { user: 'bob', groups: ['devs'], resourceAttributes: pods };
    const others = `${root}/subjectaccessreviews`;
    const local = `${root}/namespaces/default/localsubjectaccessreviews`;
    for (const path of [others, local]) expect((await server.ask('POST', path, { spec }, 'ann')).code).toBe(403);
    await allow(server, [rule(['create'], 'localsubjectaccessreviews')], 'default');
    expect((await server.ask('POST', local, { spec }, 'ann')).json).toMatchObject({
      metadata: { namespace: 'default' },
      status: { allowed: false },
    });
    expect((await server.ask('POST', others, { spec }, 'ann')).code).toBe(403);
    await server.api.clientFor(master).patch(
      resources.roleBindings,
      { namespace: 'default', name: 'anns' },
      {
        type: 'merge',
        body: { subjects: [{ kind: 'Group', apiGroup, name: 'devs' }] },
      },
    );
    const asked = await server.ask('POST', others, {
      spec: {
        ...spec,
        resourceAttributes: {
          ...pods,
          verb: 'create',
          resource: 'localsubjectaccessreviews',
          group: 'authorization.k8s.io',
        },
      },
    });
    expect(asked.json['status']).toMatchObject({ allowed: true });
  });

  it.each<[string, string, object, string]>([
    [
      'nothing',
      'selfsubjectaccessreviews',
      {},
      'SelfSubjectAccessReview.authorization.k8s.io "" is invalid: spec.resourceAttributes: Invalid value: null: exactly one of nonResourceAttributes or resourceAttributes must be specified',
    ],
    [
      'two things',
      'selfsubjectaccessreviews',
      { resourceAttributes: {}, nonResourceAttributes: {} },
      'SelfSubjectAccessReview.authorization.k8s.io "" is invalid: spec.nonResourceAttributes: Invalid value: {}: cannot be specified in combination with resourceAttributes',
    ],
    [
      'nobody',
      'subjectaccessreviews',
      { resourceAttributes: {} },
      'SubjectAccessReview.authorization.k8s.io "" is invalid: spec.user: Invalid value: "": at least one of user or group must be specified',
    ],
    [
      'another namespace',
      'namespaces/default/localsubjectaccessreviews',
      { user: 'x', resourceAttributes: { namespace: 'other' } },
      'LocalSubjectAccessReview.authorization.k8s.io "" is invalid: spec.resourceAttributes.namespace: Invalid value: "other": must match metadata.namespace',
    ],
    [
      'a path of a namespace',
      'namespaces/default/localsubjectaccessreviews',
      { user: 'x', nonResourceAttributes: {} },
      'LocalSubjectAccessReview.authorization.k8s.io "" is invalid: spec.nonResourceAttributes: Invalid value: {}: disallowed on this kind of request',
    ],
    [
      'an empty selector',
      'selfsubjectaccessreviews',
      { resourceAttributes: { fieldSelector: {} } },
      'SelfSubjectAccessReview.authorization.k8s.io "" is invalid: spec.resourceAttributes.fieldSelector.requirements: Required value: when spec.resourceAttributes.fieldSelector is specified, requirements or rawSelector is required',
    ],
  ])('about %s are refused', async (_, path, spec, message) => {
    const { ask } = await start();
    const { code, json } = await ask('POST', `${root}/${path}`, { spec });
    expect({ code, message: json['message'] }).toEqual({ code: 422, message });
  });

  it('have no names', async () => {
    const { ask } = await start();
    const body = { metadata: { name: 'x' }, spec: { resourceAttributes: pods } };
    const { json } = await ask('POST', `${root}/selfsubjectaccessreviews`, body);
    expect(json['message']).toContain('metadata: Invalid value: {"name":"x"}: must be empty');
  });

  it('list what one may do in a namespace', async () => {
    const server = await start();
    await allow(server, [{ ...rule(['get'], 'pods'), resourceNames: ['p'] }], 'default');
    const { json } = await server.ask(
      'POST',
      `${root}/selfsubjectrulesreviews`,
      { spec: { namespace: 'default' } },
      'ann',
    );
    const { resourceRules, ...rest } = json['status'] as { resourceRules: object[] };
    expect(resourceRules).toContainEqual({
      verbs: ['get'],
      apiGroups: ['*'],
      resources: ['pods'],
      resourceNames: ['p'],
    });
    expect(rest).toMatchObject({ incomplete: false, nonResourceRules: expect.any(Array) as object });
    const nowhere = await server.ask('POST', `${root}/selfsubjectrulesreviews`, { spec: {} }, 'ann');
    expect(nowhere.json).toMatchObject({ code: 400, message: 'no namespace on request' });
  });
});

describe('impersonation', () => {
  const whoami = '/apis/authentication.k8s.io/v1/selfsubjectreviews';

  it('makes a request another user’s, with groups, uid and extra', async () => {
    const { ask } = await start();
    const headers = {
      'impersonate-user': 'bob',
      'impersonate-group': 'ops, devs',
      'impersonate-uid': 'u-7',
      'impersonate-extra-scopes': 'a, b',
      'impersonate-extra-acme.com%2fproject': 'x',
    };
    const { json } = await ask('POST', whoami, {}, undefined, headers);
    expect(json['status']).toEqual({
      userInfo: {
        username: 'bob',
        uid: 'u-7',
        groups: ['ops', 'devs', 'system:authenticated'],
        extra: { scopes: ['a', 'b'], 'acme.com/project': ['x'] },
      },
    });
  });

  it.each([
    ['system:serviceaccount:n:robot', ['system:serviceaccounts', 'system:serviceaccounts:n', 'system:authenticated']],
    ['system:anonymous', ['system:unauthenticated']],
  ])('gives %s the groups that it always has', async (user, groups) => {
    const { ask } = await start();
    const headers = { 'impersonate-user': user };
    const { json } = await ask('POST', '/apis/authorization.k8s.io/v1/selfsubjectrulesreviews', {}, undefined, headers);
    // Nobody without credentials may ask who they are.
    expect(json['code']).toBe(user === 'system:anonymous' ? 403 : 400);
    if (user !== 'system:anonymous')
      expect((await ask('POST', whoami, {}, undefined, headers)).json['status']).toMatchObject({
        userInfo: { groups },
      });
  });

  it('needs the permission for each part', async () => {
    const server = await start();
    const { ask } = server;
    const attempt = async (headers: Record<string, string>): Promise<unknown> => {
      const { code, json } = await ask('POST', whoami, {}, 'ann', headers);
      return code === 201 ? 'done' : json['message'];
    };
    const asBob = { 'impersonate-user': 'bob' };
    expect(await attempt(asBob)).toBe(
      'users "bob" is forbidden: User "ann" cannot impersonate resource "users" in API group "" at the cluster scope',
    );
    await allow(server, [rule(['impersonate'], 'users')]);
    expect(await attempt(asBob)).toBe('done');
    expect(await attempt({ ...asBob, 'impersonate-group': 'ops' })).toBe(
      'groups "ops" is forbidden: User "ann" cannot impersonate resource "groups" in API group "" at the cluster scope',
    );
    expect(await attempt({ ...asBob, 'impersonate-uid': 'u' })).toBe(
      'uids.authentication.k8s.io "u" is forbidden: User "ann" cannot impersonate resource "uids" in API group "authentication.k8s.io" at the cluster scope',
    );
    expect(await attempt({ ...asBob, 'impersonate-extra-scopes': 'a' })).toBe(
      'userextras.authentication.k8s.io "a" is forbidden: User "ann" cannot impersonate resource "userextras/scopes" in API group "authentication.k8s.io" at the cluster scope',
    );
    expect(await attempt({ 'impersonate-user': 'system:serviceaccount:default:x' })).toBe(
      'serviceaccounts "x" is forbidden: User "ann" cannot impersonate resource "serviceaccounts" in API group "" in the namespace "default"',
    );
    expect(await attempt({ 'impersonate-group': 'ops' })).toContain('without impersonating a user');
    expect(await attempt({ 'impersonate-extra-scopes': 'ops' })).toContain('without impersonating a user');
  });
});

describe('somebody without credentials', () => {
  it('gets version and health, and nothing else by any door', async () => {
    const { ask } = await start();
    const asNobody = async (method: string, path: string): Promise<number> =>
      (await ask(method, path, undefined, undefined, { authorization: '' })).code;
    for (const path of ['/version', '/healthz', '/livez', '/readyz', '/livez/ping', '/readyz?verbose'])
      expect(await asNobody('GET', path), path).toBe(200);
    const closed = [
      ...['/', '/api', '/apis', '/api/v1', '/apis/batch/v1', '/openapi/v2', '/openapi/v3', '/metrics'],
      ...['/.well-known/openid-configuration', '/openid/v1/jwks', '/version/x', '/rondo/v1', '/nothing'],
      ...['/api/v1/secrets', '/api/v1/pods?watch=1', '/api/v1/namespaces/default/pods/p/log'],
    ];
    for (const path of closed) expect(await asNobody('GET', path), path).toBe(401);
    for (const path of ['/api/v1/namespaces', '/apis/authentication.k8s.io/v1/selfsubjectreviews'])
      expect(await asNobody('POST', path), path).toBe(401);
    expect(await asNobody('POST', '/version')).toBe(403);
  });
});
