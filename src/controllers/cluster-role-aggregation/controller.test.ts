import { describe, expect, it } from 'vitest';
import { resources, type ClusterRole, type Draft, type PolicyRule } from '../../api/index.ts';
import { testContext } from '../../testing/index.ts';
import { createClusterRoleAggregationController } from './controller.ts';

const get = (resource: string): PolicyRule => ({ verbs: ['get'], apiGroups: [''], resources: [resource] });

function role(name: string, rules: readonly PolicyRule[], parts: object = {}): Draft<ClusterRole> {
  const labels = { part: 'yes' };
  return { metadata: { name, labels, ...parts }, rules };
}

function gatherer(
  name: string,
  labels: Record<string, string> = {},
  matchLabels = { part: 'yes' },
): Draft<ClusterRole> {
  return { metadata: { name, labels }, rules: [], aggregationRule: { clusterRoleSelectors: [{ matchLabels }] } };
}

function setUp() {
  const context = testContext();
  const { client } = context;
  const rulesOf = (name: string): readonly (readonly string[] | undefined)[] =>
    (client.all(resources.clusterRoles).find(({ metadata }) => metadata.name === name)?.rules ?? []).map(
      (rule) => rule.resources,
    );
  return { ...context, controller: createClusterRoleAggregationController(context), rulesOf };
}

describe('the aggregation of ClusterRoles', () => {
  it('gathers the rules of those that are chosen, by name, each once', async () => {
    const { client, run, controller, rulesOf } = setUp();
    await client.create(resources.clusterRoles, role('b', [get('jobs'), get('pods')]));
    await client.create(resources.clusterRoles, role('a', [get('pods')]));
    await client.create(resources.clusterRoles, role('other', [get('secrets')], { labels: {} }));
    await client.create(resources.clusterRoles, gatherer('all'));
    await run(controller);
    expect(rulesOf('all')).toEqual([['pods'], ['jobs']]);
  });

  it('follows what is added, changed and taken away, also through roles that gather themselves', async () => {
    const { client, run, clock, controller, rulesOf } = setUp();
    await client.create(resources.clusterRoles, gatherer('outer', {}, { part: 'inner' } as { part: string }));
    await client.create(resources.clusterRoles, gatherer('inner', { part: 'inner' }));
    await run(controller);
    const made = await client.create(resources.clusterRoles, role('a', [get('pods')]));
    await clock.settle();
    expect(rulesOf('outer')).toEqual([['pods']]);
    await client.update(resources.clusterRoles, { ...made, rules: [get('jobs')] });
    await clock.settle();
    expect(rulesOf('outer')).toEqual([['jobs']]);
    await client.delete(resources.clusterRoles, { name: 'a' });
    await clock.settle();
    expect(rulesOf('outer')).toEqual([]);
  });

  it('writes nothing when nothing has changed, and never to roles that gather nothing', async () => {
    const { client, run, clock, controller } = setUp();
    await client.create(resources.clusterRoles, role('a', [get('pods')]));
    await client.create(resources.clusterRoles, gatherer('all'));
    await run(controller);
    await client.patch(
      resources.clusterRoles,
      { name: 'a' },
      { type: 'merge', body: { metadata: { labels: { x: 'y' } } } },
    );
    await clock.settle();
    expect(client.callsOf('update').map(({ key }) => key)).toEqual(['all']);
  });
});
