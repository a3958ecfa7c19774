import { describe, expect, it } from 'vitest';
import { failure, isConditionTrue, resources } from '../../api/index.ts';
import { aJob, aNamespace, aPod, testContext } from '../../testing/index.ts';
import { createNamespaceController } from './controller.ts';

function setUp() {
  const context = testContext();
  const { client } = context;
  const controller = createNamespaceController(context);
  const namespaces = () => client.all(resources.namespaces).map(({ metadata }) => metadata.name);
  const message = (type: string) =>
    client.all(resources.namespaces)[0]?.status.conditions?.find((condition) => condition.type === type)?.message;
  return { ...context, controller, namespaces, message };
}

const inside = { namespace: 'a' };

describe('namespace', () => {
  it('deletes everything in a namespace that is deleted, then the namespace, and nothing else', async () => {
    const { run, clock, client, controller, namespaces } = setUp();
    for (const name of ['a', 'b']) {
      await client.create(resources.namespaces, aNamespace(name));
      await client.create(resources.jobs, aJob('job', { metadata: { namespace: name } }));
      await client.create(resources.configMaps, { metadata: { namespace: name, name: 'map' } });
    }
    await run(controller);
    await client.delete(resources.namespaces, { name: 'a' });
    await clock.advance(1000);
    expect(namespaces()).toEqual(['b']);
    expect(
      [...client.all(resources.jobs), ...client.all(resources.configMaps)].map((o) => o.metadata.namespace),
    ).toEqual(['b', 'b']);
    expect(client.callsOf('deleteCollection')[0]?.detail).toMatchObject({ propagationPolicy: 'Background' });
  });

  it('goes on where it was after a restart', async () => {
    const { run, client, controller, namespaces } = setUp();
    await client.create(resources.namespaces, aNamespace('a'));
    await client.delete(resources.namespaces, { name: 'a' });
    await run(controller);
    expect(namespaces()).toEqual([]);
  });

  it('waits for what has finalizers, and says what it waits for', async () => {
    const { run, clock, client, controller, namespaces, message } = setUp();
    await client.create(resources.namespaces, aNamespace('a'));
    const held = { metadata: { ...inside, finalizers: ['batch.kubernetes.io/job-tracking'] } };
    await client.create(resources.pods, aPod('pod-1', held));
    await client.create(resources.pods, aPod('pod-2', held));
    await run(controller);
    await client.delete(resources.namespaces, { name: 'a' });
    await clock.advance(10_000);
    expect(message('NamespaceContentRemaining')).toBe('Some resources are remaining: pods. has 2 resource instances');
    expect(message('NamespaceFinalizersRemaining')).toBe(
      'Some content in the namespace has finalizers remaining: batch.kubernetes.io/job-tracking in 2 resource instances',
    );
    // The same state is written once, not every half second.
    expect(client.callsOf('patch').length).toBe(1);
    const release = { type: 'merge', body: { metadata: { finalizers: [] } } } as const;
    for (const name of ['pod-1', 'pod-2']) await client.patch(resources.pods, { ...inside, name }, release);
    await clock.advance(1000);
    expect([namespaces(), clock.pendingTimers]).toEqual([[], 0]);
  });

  it('tells about failures, empties the other kinds, and tries again', async () => {
    const { run, clock, client, controller, namespaces } = setUp();
    await client.create(resources.namespaces, aNamespace('a'));
    await client.create(resources.pods, aPod('pod', { metadata: inside }));
    await client.create(resources.jobs, aJob('job', { metadata: inside }));
    await run(controller);
    client.onCall = ({ verb, resource }) => {
      if (verb === 'deleteCollection' && resource === 'pods') {
        throw failure({ code: 403, reason: 'Forbidden', message: 'not allowed' });
      }
    };
    await client.delete(resources.namespaces, { name: 'a' });
    await clock.advance(600);
    const conditions = client.all(resources.namespaces)[0]?.status.conditions;
    expect(isConditionTrue(conditions, 'NamespaceDeletionContentFailure')).toBe(true);
    expect(client.all(resources.jobs)).toEqual([]);
    client.onCall = () => undefined;
    await clock.advance(1000);
    expect(namespaces()).toEqual([]);
  });
});
