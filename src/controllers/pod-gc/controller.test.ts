import { describe, expect, it } from 'vitest';
import { failure, resources, type Pod } from '../../api/index.ts';
import { aNode, aPod, testContext } from '../../testing/index.ts';
import { createPodGcController } from './controller.ts';
import { excessPods } from './plan.ts';

function setUp(terminatedThreshold?: number) {
  const context = testContext();
  const { client, clock } = context;
  const controller = createPodGcController(context, terminatedThreshold === undefined ? {} : { terminatedThreshold });
  const create = (name: string, overrides: Parameters<typeof aPod>[1] = {}): Promise<Pod> =>
    client.create(resources.pods, aPod(name, overrides));
  const remaining = (): string[] => client.all(resources.pods).map(({ metadata }) => metadata.name);
  const finish = async (...names: string[]): Promise<void> => {
    for (const name of names) {
      await clock.advance(1000);
      await create(name, { spec: { nodeName: 'n' }, status: { phase: 'Succeeded' } });
    }
  };
  return { ...context, controller, create, remaining, finish };
}

const held = { finalizers: ['batch.kubernetes.io/job-tracking'] };

describe('pod garbage collection', () => {
  it('ends a deleted Pod that never got a node, so that its Job can count it', async () => {
    const { run, clock, client, controller, create } = setUp();
    await run(controller);
    await create('p', { metadata: held });
    await client.delete(resources.pods, { namespace: 'default', name: 'p' });
    await clock.settle();
    const [pod] = client.all(resources.pods);
    expect(pod?.status).toEqual({ phase: 'Failed' });
    expect(client.callsOf('delete').at(-1)?.detail).toMatchObject({ gracePeriodSeconds: 0 });
    await clock.advance(600_000);
    expect(client.callsOf('patch')).toHaveLength(1);
  });

  it('leaves deleted Pods that have a node to the node', async () => {
    const { run, clock, client, controller, create } = setUp();
    await client.create(resources.nodes, aNode('n'));
    await run(controller);
    await create('p', { metadata: held, spec: { nodeName: 'n' }, status: { phase: 'Running' } });
    await client.delete(resources.pods, { namespace: 'default', name: 'p' });
    await clock.advance(3_600_000);
    expect(client.callsOf('patch')).toEqual([]);
  });

  it('removes the Pods of a node that has been gone for 40 seconds, and says why', async () => {
    const { run, clock, client, controller, create, remaining } = setUp();
    await client.create(resources.nodes, aNode('n'));
    await client.create(resources.nodes, aNode('other'));
    await create('held', { metadata: held, spec: { nodeName: 'n' }, status: { phase: 'Running' } });
    await create('done', { spec: { nodeName: 'n' }, status: { phase: 'Succeeded' } });
    await create('elsewhere', { spec: { nodeName: 'other' }, status: { phase: 'Running' } });
    await run(controller);
    await client.delete(resources.nodes, { name: 'n' });
    await clock.advance(39_000);
    expect(remaining()).toEqual(['held', 'done', 'elsewhere']);
    await clock.advance(2000);
    expect(remaining()).toEqual(['held', 'elsewhere']);
    expect(client.all(resources.pods)[0]?.status).toMatchObject({
      phase: 'Failed',
      conditions: [{ type: 'DisruptionTarget', status: 'True', reason: 'DeletionByPodGC' }],
    });
    expect(clock.pendingTimers).toBe(0);
  });

  it('spares Pods whose node comes back in time, and counts anew when it goes again', async () => {
    const { run, clock, client, controller, create, remaining } = setUp();
    await client.create(resources.nodes, aNode('n'));
    await create('p', { spec: { nodeName: 'n' }, status: { phase: 'Running' } });
    await run(controller);
    await client.delete(resources.nodes, { name: 'n' });
    await clock.advance(30_000);
    await client.create(resources.nodes, aNode('n'));
    await clock.advance(5000);
    await client.delete(resources.nodes, { name: 'n' });
    await clock.advance(39_000);
    expect(remaining()).toEqual(['p']);
    await clock.advance(2000);
    expect(remaining()).toEqual([]);
  });

  it('also removes a Pod that is bound to a node which never was', async () => {
    const { run, clock, controller, create, remaining } = setUp();
    await run(controller);
    await create('p', { spec: { nodeName: 'nowhere' } });
    await clock.advance(41_000);
    expect(remaining()).toEqual([]);
  });

  it('keeps as many finished Pods as it may, and lets the oldest go', async () => {
    const { run, clock, client, controller, remaining, finish } = setUp(2);
    await client.create(resources.nodes, aNode('n'));
    await run(controller);
    await finish('a', 'b', 'c', 'd');
    expect(remaining()).toEqual(['a', 'b', 'c', 'd']);
    await clock.advance(20_000);
    expect(remaining()).toEqual(['c', 'd']);
    expect(clock.pendingTimers).toBe(0);
  });

  it('tries again when a deletion fails', async () => {
    const { run, clock, client, controller, remaining, finish } = setUp(1);
    await client.create(resources.nodes, aNode('n'));
    await run(controller);
    client.onCall = ({ verb }) => {
      if (verb === 'delete') throw failure({ code: 503, reason: 'ServiceUnavailable', message: 'no' });
    };
    await finish('a', 'b');
    await clock.advance(19_500);
    client.onCall = () => undefined;
    expect(remaining()).toEqual(['a', 'b']);
    await clock.advance(2000);
    expect(remaining()).toEqual(['b']);
  });
});

it('counts evicted Pods as the first that may go', () => {
  const pod = (name: string, creationTimestamp: string, reason?: string): Pod =>
    ({ ...aPod(name), metadata: { name, creationTimestamp }, status: { phase: 'Failed', reason } }) as unknown as Pod;
  const pods = [pod('new', '2026-01-02T00:00:00Z', 'Evicted'), pod('old', '2026-01-01T00:00:00Z')];
  expect(excessPods(pods, 1).map(({ metadata }) => metadata.name)).toEqual(['new']);
  expect(excessPods(pods, 2)).toEqual([]);
});
