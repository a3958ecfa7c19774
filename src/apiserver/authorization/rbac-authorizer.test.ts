import { describe, expect, it } from 'vitest';
import { startBench } from '../../../tests/contract/client-kinds.ts';
import { resources, type PolicyRule, type RoleRef, type Subject } from '../../api/index.ts';
import { storedObjects } from '../admission/stored-reader.ts';
import type { Client } from '../../client/index.ts';
import { createInProcessClient } from '../in-process-client.ts';
import type { UserInfo } from '../kind.ts';
import { noPods } from '../no-pods.ts';
import { allKinds } from '../resources/index.ts';
import type { Store } from '../../store/index.ts';
import type { Attributes, RequestedResource } from './attributes.ts';
import { RbacAuthorizer } from './rbac-authorizer.ts';
import { RoleIndex } from './role-index.ts';

interface World {
  readonly client: Client;
  readonly store: Store;
  readonly authorizer: RbacAuthorizer;
  /** What decisions looked at. */
  readonly seen: { grants: number };
}

const apiGroup = 'rbac.authorization.k8s.io';
const ann: UserInfo = { name: 'ann', groups: ['devs', 'system:authenticated'] };
const robot: UserInfo = { name: 'system:serviceaccount:n:robot', groups: ['system:serviceaccounts'] };

function start(): World {
  const { operations, store } = startBench({ kinds: allKinds });
  const client = createInProcessClient(operations, { name: 'root', groups: ['system:masters'] }, noPods);
  const index = new RoleIndex({ store, objectOf: storedObjects(store).objectOf });
  const seen = { grants: 0 };
  const authorizer = new RbacAuthorizer({
    rulesOf: (role, namespace) => index.rulesOf(role, namespace),
    *grantsOf(user, namespace) {
      for (const grant of index.grantsOf(user, namespace)) {
        seen.grants++;
        yield grant;
      }
    },
  });
  return { client, store, authorizer, seen };
}

const subject = {
  user: (name: string): Subject => ({ kind: 'User', apiGroup, name }),
  group: (name: string): Subject => ({ kind: 'Group', apiGroup, name }),
  account: (name: string, namespace?: string): Subject => ({ kind: 'ServiceAccount', name, namespace }),
};

async function bind(
  { client }: World,
  parts: { name?: string; namespace?: string; role?: Partial<RoleRef>; rules?: readonly PolicyRule[]; to: Subject[] },
): Promise<void> {
  const { name = 'b', namespace, role = {}, rules, to: subjects } = parts;
  const roleRef = { apiGroup, kind: 'ClusterRole', name: `role-of-${name}`, ...role };
  if (rules !== undefined) {
    const draft = { metadata: { name: roleRef.name }, rules };
    if (roleRef.kind === 'ClusterRole') await client.create(resources.clusterRoles, draft);
    else await client.create(resources.roles, { ...draft, metadata: { ...draft.metadata, namespace } });
  }
  if (namespace === undefined)
    await client.create(resources.clusterRoleBindings, { metadata: { name }, roleRef, subjects });
  else await client.create(resources.roleBindings, { metadata: { name, namespace }, roleRef, subjects });
}

/** `get pods/log in n named x`, `list jobs.batch`, `get /path`. */
function asked(text: string): Attributes {
  const [, verb = '', what = '', namespace, name] = /^(\S+) (\S+?)(?: in (\S+))?(?: named (\S+))?$/.exec(text) ?? [];
  if (what.startsWith('/')) return { verb, path: what };
  const [combined = '', ...group] = what.split('.');
  const [resource = '', subresource] = combined.split('/');
  const of: RequestedResource = { group: group.join('.'), resource, subresource, namespace, name };
  return { verb, path: '', resource: of };
}

const readPods: PolicyRule = { verbs: ['get', 'list'], apiGroups: [''], resources: ['pods', 'pods/log'] };

describe('what one rule permits', () => {
  it.each<[string, PolicyRule, string, boolean]>([
    ['its verbs', readPods, 'get pods in n', true],
    ['its verbs only', readPods, 'delete pods in n', false],
    ['its resources only', readPods, 'get secrets in n', false],
    ['its groups only', readPods, 'get pods.x.dev in n', false],
    ['subresources by name', readPods, 'get pods/log in n', true],
    ['subresources by name only', readPods, 'get pods/exec in n', false],
    ['everything', { verbs: ['*'], apiGroups: ['*'], resources: ['*'] }, 'delete things/scale.x.dev', true],
    [
      'a subresource of all',
      { verbs: ['get'], apiGroups: ['*'], resources: ['*/scale'] },
      'get jobs/scale.batch',
      true,
    ],
    [
      'a subresource of all, not them',
      { verbs: ['get'], apiGroups: ['*'], resources: ['*/scale'] },
      'get jobs.batch',
      false,
    ],
    ['some names', { ...readPods, resourceNames: ['a', 'b'] }, 'get pods in n named b', true],
    ['no other names', { ...readPods, resourceNames: ['a'] }, 'get pods in n named b', false],
    ['no list of all for some names', { ...readPods, resourceNames: ['a'] }, 'list pods in n', false],
    ['paths', { verbs: ['get'], nonResourceURLs: ['/metrics'] }, 'get /metrics', true],
    ['no paths below', { verbs: ['get'], nonResourceURLs: ['/metrics'] }, 'get /metrics/x', false],
    ['paths with a star', { verbs: ['get'], nonResourceURLs: ['/a/*'] }, 'get /a/b/c', true],
    ['all paths', { verbs: ['get'], nonResourceURLs: ['*'] }, 'get /a', true],
    ['no paths by resources', { verbs: ['*'], apiGroups: ['*'], resources: ['*'] }, 'get /metrics', false],
    ['no resources by paths', { verbs: ['*'], nonResourceURLs: ['*'] }, 'get pods in n', false],
  ])('%s', async (_, rule, question, allowed) => {
    const world = start();
    await bind(world, { rules: [rule], to: [subject.user('ann')] });
    expect(world.authorizer.decide(ann, asked(question)).allowed).toBe(allowed);
  });
});

describe('whom a binding concerns', () => {
  it.each<[string, Subject, UserInfo, boolean]>([
    ['a user', subject.user('ann'), ann, true],
    ['another user', subject.user('bob'), ann, false],
    ['a group', subject.group('devs'), ann, true],
    ['a group that is named as a user', subject.user('devs'), ann, false],
    ['an account of the namespace', subject.account('robot'), robot, true],
    ['an account of another namespace', subject.account('robot', 'm'), robot, false],
    ['an account by its user name', subject.user('system:serviceaccount:n:robot'), robot, true],
  ])('%s: %j', async (_, to, user, allowed) => {
    const world = start();
    await bind(world, { namespace: 'n', rules: [readPods], to: [to] });
    expect(world.authorizer.decide(user, asked('get pods in n')).allowed).toBe(allowed);
  });

  it('masters need none, and the rest may read health and version', () => {
    const { authorizer } = start();
    expect(authorizer.decide({ name: 'x', groups: ['system:masters'] }, asked('delete secrets in n')).allowed).toBe(
      true,
    );
    expect(authorizer.decide(ann, asked('get /livez/ping')).allowed).toBe(true);
    expect(authorizer.decide(ann, asked('get /metrics')).allowed).toBe(false);
  });
});

describe('where a binding counts', () => {
  it('a RoleBinding in its namespace, with a Role of that namespace or a ClusterRole', async () => {
    const world = start();
    await bind(world, { namespace: 'n', role: { kind: 'Role' }, rules: [readPods], to: [subject.user('ann')] });
    const allowed = (question: string): boolean => world.authorizer.decide(ann, asked(question)).allowed;
    expect(['get pods in n', 'get pods in m', 'get pods'].map(allowed)).toEqual([true, false, false]);
  });

  it('a ClusterRoleBinding everywhere', async () => {
    const world = start();
    await bind(world, { rules: [readPods], to: [subject.user('ann')] });
    const allowed = (question: string): boolean => world.authorizer.decide(ann, asked(question)).allowed;
    expect(['get pods in n', 'get pods'].map(allowed)).toEqual([true, true]);
  });
});

describe('the reason of a decision', () => {
  it('names the binding', async () => {
    const world = start();
    await bind(world, { name: 'one', rules: [readPods], to: [subject.user('bob'), subject.group('devs')] });
    expect(world.authorizer.decide(ann, asked('get pods in n'))).toEqual({
      allowed: true,
      reason: 'RBAC: allowed by ClusterRoleBinding "one" of ClusterRole "role-of-one" to Group "devs"',
    });
    await bind(world, {
      name: 'two',
      namespace: 'n',
      role: { kind: 'Role' },
      rules: [readPods],
      to: [subject.account('robot')],
    });
    expect(world.authorizer.decide(robot, asked('get pods in n')).reason).toBe(
      'RBAC: allowed by RoleBinding "two/n" of Role "role-of-two" to ServiceAccount "robot/n"',
    );
  });

  it('tells which role is missing', async () => {
    const world = start();
    await bind(world, { name: 'one', role: { name: 'gone' }, to: [subject.user('ann')] });
    expect(world.authorizer.decide(ann, asked('get pods in n'))).toEqual({
      allowed: false,
      reason: 'RBAC: clusterrole.rbac.authorization.k8s.io "gone" not found',
    });
    await bind(world, { name: 'two', namespace: 'n', role: { kind: 'Role', name: 'r' }, to: [subject.user('ann')] });
    expect(world.authorizer.decide(ann, asked('get pods in n')).reason).toBe(
      'RBAC: [clusterrole.rbac.authorization.k8s.io "gone" not found, role.rbac.authorization.k8s.io "r" not found]',
    );
    expect(world.authorizer.decide(robot, asked('get pods in n'))).toEqual({ allowed: false });
  });
});

describe('decisions over time', () => {
  it('follow every change at once', async () => {
    const world = start();
    const allowed = (): boolean => world.authorizer.decide(ann, asked('get pods in n')).allowed;
    expect(allowed()).toBe(false);
    await bind(world, { name: 'b', namespace: 'n', rules: [readPods], to: [subject.user('bob')] });
    expect(allowed()).toBe(false);
    const ref = { namespace: 'n', name: 'b' };
    const patch = { type: 'merge', body: { subjects: [subject.user('ann')] } } as const;
    await world.client.patch(resources.roleBindings, ref, patch);
    expect(allowed()).toBe(true);
    expect(world.authorizer.decide({ name: 'bob', groups: [] }, asked('get pods in n')).allowed).toBe(false);
    await world.client.patch(resources.clusterRoles, { name: 'role-of-b' }, { type: 'merge', body: { rules: [] } });
    expect(allowed()).toBe(false);
    await world.client.patch(
      resources.clusterRoles,
      { name: 'role-of-b' },
      { type: 'merge', body: { rules: [readPods] } },
    );
    expect(allowed()).toBe(true);
    await world.client.delete(resources.roleBindings, ref);
    expect(allowed()).toBe(false);
  });

  it('cost no look at the store, and as much beside a thousand bindings as beside one', async () => {
    const world = start();
    const seen = (): number => {
      const before = world.seen.grants;
      world.authorizer.decide(ann, asked('delete pods in n'));
      return world.seen.grants - before;
    };
    await bind(world, { name: 'mine', rules: [readPods], to: [subject.user('ann')] });
    expect(seen()).toBe(1);
    for (let i = 0; i < 1000; i++) {
      await bind(world, { name: `b${i}`, namespace: 'n', role: { name: 'view' }, to: [subject.user(`user-${i}`)] });
    }
    const { ...counters } = world.store.counters;
    expect(seen()).toBe(1);
    expect(world.store.counters).toEqual(counters);
  });
});
