import { beforeEach, describe, expect, it } from 'vitest';
import { failureOf, startBench } from '../../../tests/contract/client-kinds.ts';
import { resources, type ClusterRole, type PolicyRule, type RoleRef, type Subject } from '../../api/index.ts';
import type { Client } from '../../client/index.ts';
import { RbacAuthorizer, RoleIndex } from '../authorization/index.ts';
import { createInProcessClient } from '../in-process-client.ts';
import type { Admission } from '../kind.ts';
import { noPods } from '../no-pods.ts';
import { allKinds } from '../resources/index.ts';
import { rbacEscalation } from './rbac-escalation.ts';
import { storedObjects } from './stored-reader.ts';

const apiGroup = 'rbac.authorization.k8s.io';
const to: Subject[] = [{ kind: 'User', apiGroup, name: 'ann' }];
const readPods: PolicyRule = { verbs: ['get', 'list'], apiGroups: [''], resources: ['pods'] };
const writeRoles: PolicyRule = { verbs: ['*'], apiGroups: [apiGroup], resources: ['roles', 'rolebindings'] };

/** `root` may do everything; `ann` holds what the role `anns` says. */
let root: Client;
let ann: Client;

beforeEach(() => {
  const admission: Admission[] = [];
  const { operations, store } = startBench({ kinds: allKinds, admission });
  const index = new RoleIndex({ store, objectOf: storedObjects(store).objectOf });
  admission.push(rbacEscalation(new RbacAuthorizer(index), index));
  root = createInProcessClient(operations, { name: 'root', groups: ['system:masters'] }, noPods);
  ann = createInProcessClient(operations, { name: 'ann', groups: ['devs', 'system:authenticated'] }, noPods);
});

async function annHolds(...rules: readonly PolicyRule[]): Promise<void> {
  await root.create(resources.clusterRoles, { metadata: { name: 'anns' }, rules });
  const roleRef = { apiGroup, kind: 'ClusterRole', name: 'anns' };
  await root.create(resources.clusterRoleBindings, { metadata: { name: 'anns' }, roleRef, subjects: to });
}

const annWrites = (rules: readonly PolicyRule[], parts: Partial<ClusterRole> = {}): Promise<unknown> =>
  ann.create(resources.clusterRoles, { rules, ...parts, metadata: { name: 'new' } });

const annBinds = (roleRef: Partial<RoleRef>, namespace = 'n'): Promise<unknown> =>
  ann.create(resources.roleBindings, {
    metadata: { name: 'b', namespace },
    roleRef: { apiGroup, kind: 'ClusterRole', name: '', ...roleRef },
    subjects: to,
  });

describe('writing a role', () => {
  it('is possible with what one holds', async () => {
    await annHolds({ ...readPods, resources: ['*'] }, { verbs: ['get'], nonResourceURLs: ['/a/*'] });
    await annWrites([readPods, { verbs: ['get'], nonResourceURLs: ['/a/b', '/a/*'] }]);
    expect((await root.get(resources.clusterRoles, { name: 'new' })).rules).toHaveLength(2);
  });

  it('is refused with what one lacks, in words that say what', async () => {
    await annHolds(readPods);
    const wanted = [
      { verbs: ['get', 'delete', 'list'], apiGroups: [''], resources: ['pods', 'secrets'] },
      { verbs: ['get'], apiGroups: ['batch'], resources: ['jobs'], resourceNames: ['j'] },
      { verbs: ['get'], nonResourceURLs: ['/metrics'] },
    ];
    expect((await failureOf(annWrites(wanted)))?.status).toMatchObject({
      code: 403,
      reason: 'Forbidden',
      message:
        'clusterroles.rbac.authorization.k8s.io "new" is forbidden: user "ann" (groups=["devs" "system:authenticated"]) ' +
        'is attempting to grant RBAC permissions not currently held:\n' +
        '{APIGroups:[""], Resources:["pods"], Verbs:["delete"]}\n' +
        '{APIGroups:[""], Resources:["secrets"], Verbs:["get" "delete" "list"]}\n' +
        '{APIGroups:["batch"], Resources:["jobs"], ResourceNames:["j"], Verbs:["get"]}\n' +
        '{NonResourceURLs:["/metrics"], Verbs:["get"]}',
    });
  });

  it.each<[string, PolicyRule, PolicyRule]>([
    ['all names of one', { ...readPods, resourceNames: ['a'] }, readPods],
    ['all resources of one', readPods, { ...readPods, resources: ['*'] }],
    ['all verbs of one', readPods, { ...readPods, verbs: ['*'] }],
    ['a subresource of the resource', readPods, { ...readPods, resources: ['pods/exec'] }],
    ['all paths of some', { verbs: ['get'], nonResourceURLs: ['/a/*'] }, { verbs: ['get'], nonResourceURLs: ['*'] }],
  ])('does not make %s', async (_, held, wanted) => {
    await annHolds(held);
    expect((await failureOf(annWrites([wanted])))?.code).toBe(403);
  });

  it('makes a subresource of one resource out of that of all', async () => {
    await annHolds({ verbs: ['get'], apiGroups: ['*'], resources: ['*/log'] });
    await annWrites([{ verbs: ['get'], apiGroups: [''], resources: ['pods/log'] }]);
  });

  it('is possible with anything for whoever may escalate it', async () => {
    await annHolds({ verbs: ['escalate'], apiGroups: [apiGroup], resources: ['clusterroles'] });
    await annWrites([{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }]);
  });

  it('is judged again when it changes, but not for what the garbage collector does', async () => {
    await annHolds(readPods);
    const role = await root.create(resources.clusterRoles, {
      metadata: { name: 'r', finalizers: ['x.dev/y'] },
      rules: [{ ...readPods, verbs: ['delete'] }],
    });
    const patch = (body: object): Promise<unknown> =>
      ann.patch(resources.clusterRoles, { name: 'r' }, { type: 'merge', body: body as Record<string, unknown> });
    expect((await failureOf(patch({ metadata: { labels: { a: 'b' } } })))?.code).toBe(403);
    await patch({ metadata: { finalizers: null } });
    await ann.update(resources.clusterRoles, {
      ...(await root.get(resources.clusterRoles, { name: 'r' })),
      rules: [readPods],
    });
    expect(role.rules).toHaveLength(1);
  });

  it('that gathers others is for administrators', async () => {
    const aggregationRule = { clusterRoleSelectors: [{ matchLabels: { a: 'b' } }] };
    await annHolds(readPods);
    expect((await failureOf(annWrites([readPods], { aggregationRule })))?.message).toBe(
      'clusterroles.rbac.authorization.k8s.io "new" is forbidden: must have cluster-admin privileges to use an aggregationRule',
    );
    await root.patch(
      resources.clusterRoles,
      { name: 'anns' },
      {
        type: 'merge',
        body: {
          rules: [
            { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
            { verbs: ['*'], nonResourceURLs: ['*'] },
          ],
        },
      },
    );
    await annWrites([readPods], { aggregationRule });
  });
});

describe('binding a role', () => {
  const secrets: PolicyRule = { verbs: ['get'], apiGroups: [''], resources: ['secrets'] };
  beforeEach(async () => {
    await root.create(resources.clusterRoles, { metadata: { name: 'pods' }, rules: [readPods] });
    await root.create(resources.clusterRoles, { metadata: { name: 'secrets' }, rules: [secrets] });
  });

  it('is possible if one holds what it says', async () => {
    await annHolds(readPods, writeRoles);
    await annBinds({ name: 'pods' });
    expect((await failureOf(annBinds({ name: 'secrets' }, 'm')))?.message).toBe(
      'rolebindings.rbac.authorization.k8s.io "b" is forbidden: user "ann" (groups=["devs" "system:authenticated"]) ' +
        'is attempting to grant RBAC permissions not currently held:\n{APIGroups:[""], Resources:["secrets"], Verbs:["get"]}',
    );
  });

  it('is possible in the namespace in which one holds it, and nowhere else', async () => {
    const roleRef = { apiGroup, kind: 'ClusterRole', name: 'secrets' };
    await root.create(resources.roleBindings, { metadata: { name: 'anns', namespace: 'n' }, roleRef, subjects: to });
    await annBinds({ name: 'secrets' });
    expect((await failureOf(annBinds({ name: 'secrets' }, 'm')))?.code).toBe(403);
    const everywhere = ann.create(resources.clusterRoleBindings, { metadata: { name: 'b' }, roleRef, subjects: to });
    expect((await failureOf(everywhere))?.code).toBe(403);
  });

  it('is possible with any role that one may bind, by name', async () => {
    const bind = { verbs: ['bind'], apiGroups: [apiGroup], resources: ['clusterroles'], resourceNames: ['secrets'] };
    await annHolds(bind);
    await annBinds({ name: 'secrets' });
    expect((await failureOf(annBinds({ name: 'pods' }, 'm')))?.code).toBe(403);
  });

  it('that does not exist is refused, unless one may bind it', async () => {
    await annHolds(readPods);
    const error = await failureOf(annBinds({ kind: 'Role', name: 'none' }));
    expect(error?.status).toMatchObject({
      code: 404,
      message: 'role.rbac.authorization.k8s.io "none" not found',
    });
    await root.patch(
      resources.clusterRoles,
      { name: 'anns' },
      { type: 'merge', body: { rules: [{ verbs: ['bind'], apiGroups: [apiGroup], resources: ['roles'] }] } },
    );
    await annBinds({ kind: 'Role', name: 'none' });
  });

  it('leaves it to the validation to say that it is no role', async () => {
    expect((await failureOf(annBinds({ kind: 'Thing', name: 'x' })))?.code).toBe(422);
  });
});
