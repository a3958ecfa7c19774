import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { resources, type ClusterRole, type PolicyRule } from '../../src/api/index.ts';
import { createMemoryStore } from '../../src/store/index.ts';
import { FakeClock, startTestEngine, type TestEngine } from '../../src/testing/index.ts';

const apiGroup = 'rbac.authorization.k8s.io';
let engine: TestEngine;
beforeEach(async () => {
  engine = await startTestEngine();
});
afterEach(() => engine.stop());

async function holders(verb: string, group: string, resource: string): Promise<string[]> {
  const roles = await Promise.all(
    ['view', 'edit', 'admin', 'cluster-admin'].map((name) => engine.client.get(resources.clusterRoles, { name })),
  );
  return roles.filter(({ rules }) => rules.some((rule) => permits(rule, verb, group, resource))).map(nameOf);
}

const nameOf = ({ metadata }: ClusterRole): string => metadata.name;

function permits({ verbs, apiGroups = [], resources: of = [] }: PolicyRule, ...asked: readonly string[]): boolean {
  return [verbs, apiGroups, of].every((list, at) => list.includes('*') || list.includes(asked[at] ?? ''));
}

describe('the roles of every cluster', () => {
  it.each([
    ['get', '', 'pods', ['view', 'edit', 'admin', 'cluster-admin']],
    ['watch', 'batch', 'jobs/status', ['view', 'edit', 'admin', 'cluster-admin']],
    ['get', '', 'secrets', ['edit', 'admin', 'cluster-admin']],
    ['create', '', 'pods/exec', ['edit', 'admin', 'cluster-admin']],
    ['delete', 'batch', 'cronjobs', ['edit', 'admin', 'cluster-admin']],
    ['create', '', 'serviceaccounts/token', ['edit', 'admin', 'cluster-admin']],
    ['update', apiGroup, 'rolebindings', ['admin', 'cluster-admin']],
    ['update', '', 'resourcequotas', ['cluster-admin']],
    ['list', '', 'nodes', ['cluster-admin']],
    ['list', 'rondo.dev', 'tickrecords', ['view', 'edit', 'admin', 'cluster-admin']],
  ])('%s %s/%s is for %j', async (verb, group, resource, expected) => {
    expect(await holders(verb, group, resource)).toEqual(expected);
  });

  it('take in the rules of roles that somebody adds', async () => {
    const labels = { 'rbac.authorization.k8s.io/aggregate-to-view': 'true' };
    const rules = [{ verbs: ['get'], apiGroups: ['x.dev'], resources: ['things'] }];
    await engine.client.create(resources.clusterRoles, { metadata: { name: 'things', labels }, rules });
    await engine.clock.settle();
    expect(await holders('get', 'x.dev', 'things')).toEqual(['view', 'edit', 'admin', 'cluster-admin']);
  });
});

describe('an engine that starts again', () => {
  it('gives the roles what they lack, keeps what was added, and leaves alone what is said to stay', async () => {
    const clock = new FakeClock();
    const store = Object.assign(createMemoryStore({ clock }), { close: () => Promise.resolve() });
    const first = await startTestEngine({ clock, store });
    const own = { verbs: ['get'], apiGroups: ['x.dev'], resources: ['things'] };
    const setRules = (name: string, metadata: object = {}): Promise<unknown> =>
      first.client.patch(resources.clusterRoles, { name }, { type: 'merge', body: { metadata, rules: [own] } });
    await setRules('system:basic-user');
    await setRules('system:discovery', {
      annotations: { 'rbac.authorization.kubernetes.io/autoupdate': 'false' },
    });
    await first.client.delete(resources.clusterRoleBindings, { name: 'cluster-admin' });
    const monitoring = { name: 'system:monitoring' };
    await first.client.patch(resources.clusterRoleBindings, monitoring, { type: 'merge', body: { subjects: null } });
    const before = store.revision;
    await first.stop();
    const second = await startTestEngine({ clock, store });
    const { rules } = await second.client.get(resources.clusterRoles, { name: 'system:basic-user' });
    expect(rules[0]).toEqual(own);
    expect(rules.some((rule) => permits(rule, 'create', 'authentication.k8s.io', 'selfsubjectreviews'))).toBe(true);
    expect((await second.client.get(resources.clusterRoles, { name: 'system:discovery' })).rules).toEqual([own]);
    expect((await second.client.get(resources.clusterRoleBindings, monitoring)).subjects).toHaveLength(1);
    await second.client.get(resources.clusterRoleBindings, { name: 'cluster-admin' });
    const written = store.revision - before;
    await second.stop();
    const third = await startTestEngine({ clock, store });
    // Beside the three repairs, a start writes the same each time.
    expect(store.revision - before - written).toBe(written - 3);
    await third.stop();
  });
});
