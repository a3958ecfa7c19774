import { describe, expect, it } from 'vitest';
import { failure, resources, type Node, type Pod, type PodSpec } from '../api/index.ts';
import { aContainer, aNode, aPod, testContext } from '../testing/index.ts';
import { createScheduler } from './scheduler.ts';

const asking = (cpu: string): Partial<PodSpec> => ({
  containers: [aContainer({ resources: { requests: { cpu } } })],
});

function setUp() {
  const context = testContext();
  const { client, clock } = context;
  const scheduler = createScheduler(context);
  const createNode = (name: string, overrides: Parameters<typeof aNode>[1] = {}) =>
    client.create<Node>(resources.nodes, aNode(name, overrides));
  const createPod = (name: string, spec: Partial<PodSpec> = {}) =>
    client.create<Pod>(resources.pods, aPod(name, { spec }));
  const finish = (name: string) =>
    client.patch(
      resources.pods,
      { namespace: 'default', name },
      { type: 'merge', body: { status: { phase: 'Succeeded' } } },
    );
  const pod = (name: string) => client.all(resources.pods).find((candidate) => candidate.metadata.name === name);
  const nodeOf = (name: string) => pod(name)?.spec.nodeName;
  const bound = () =>
    client
      .all(resources.pods)
      .filter((candidate) => candidate.spec.nodeName !== undefined && candidate.status.phase === 'Pending')
      .map((candidate) => candidate.metadata.name);
  return { ...context, clock, client, scheduler, createNode, createPod, finish, pod, nodeOf, bound };
}

describe('scheduler', () => {
  it('binds Pods that are there at the start and those that come later, and says so', async () => {
    const { run, clock, scheduler, createNode, createPod, nodeOf, events } = setUp();
    await createNode('node-1');
    await createPod('early');
    await run(scheduler);
    await createPod('late');
    await clock.settle();
    expect([nodeOf('early'), nodeOf('late')]).toEqual(['node-1', 'node-1']);
    expect(events()).toEqual([
      'Normal Scheduled Successfully assigned default/early to node-1',
      'Normal Scheduled Successfully assigned default/late to node-1',
    ]);
  });

  it('counts Pods that run already before it places those that wait', async () => {
    const { run, scheduler, createNode, createPod, bound } = setUp();
    await createNode('node-1');
    await createPod('a-waits', asking('2'));
    await createPod('b-waits', asking('2'));
    await createPod('runs', { ...asking('2'), nodeName: 'node-1' });
    await run(scheduler);
    expect(bound()).toEqual(['a-waits', 'runs']);
  });

  it('never puts more on a node than it offers, even before it sees its own bindings', async () => {
    const { run, clock, scheduler, createNode, createPod, bound } = setUp();
    await createNode('node-1', { status: { allocatable: { cpu: '3500m', memory: '8Gi', pods: '110' } } });
    await run(scheduler);
    await Promise.all(['a', 'b', 'c', 'd', 'e'].map((name) => createPod(name, asking('1'))));
    await clock.settle();
    expect(bound()).toEqual(['a', 'b', 'c']);
  });

  it('spreads Pods over the nodes', async () => {
    const { run, scheduler, createNode, createPod, nodeOf } = setUp();
    for (const name of ['node-1', 'node-2']) await createNode(name);
    for (const name of ['a', 'b', 'c', 'd']) await createPod(name, asking('1'));
    await run(scheduler);
    const nodes = ['a', 'b', 'c', 'd'].map(nodeOf).toSorted((a, b) => String(a).localeCompare(String(b)));
    expect(nodes).toEqual(['node-1', 'node-1', 'node-2', 'node-2']);
  });

  it('says why a Pod waits, once, and binds it when room is freed', async () => {
    const { run, clock, scheduler, client, createNode, createPod, finish, pod, nodeOf, events } = setUp();
    await createNode('node-1');
    await createPod('big', asking('3'));
    await run(scheduler);
    await createPod('next', asking('2'));
    await clock.advance(1500);
    const message =
      '0/1 nodes are available: 1 Insufficient cpu. preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod.';
    expect(pod('next')?.status.conditions).toMatchObject([
      {
        type: 'PodScheduled',
        status: 'False',
        reason: 'Unschedulable',
        message,
        lastTransitionTime: '2026-01-01T00:00:01Z',
      },
    ]);
    expect(events()).toContain(`Warning FailedScheduling ${message}`);
    await clock.advance(600_000);
    expect(client.callsOf('patch', resources.pods).length).toBe(1);
    await finish('big');
    await clock.settle();
    expect(nodeOf('next')).toBe('node-1');
  });

  it('does not report Pods that wait only for a moment', async () => {
    const { run, clock, scheduler, client, createNode, createPod, finish, nodeOf } = setUp();
    await createNode('node-1', { status: { allocatable: { cpu: '4', memory: '8Gi', pods: '1' } } });
    await createPod('a');
    await run(scheduler);
    await createPod('b');
    await clock.advance(500);
    await finish('a');
    await clock.advance(10_000);
    expect(nodeOf('b')).toBe('node-1');
    expect(client.callsOf('patch', resources.pods).length).toBe(1);
  });

  it('waits for a node that fits, and takes it when it comes or changes', async () => {
    const { run, clock, scheduler, client, createNode, createPod, pod, nodeOf } = setUp();
    await createPod('picky', { nodeSelector: { disk: 'ssd' } });
    await run(scheduler);
    await clock.advance(1000);
    expect(pod('picky')?.status.conditions?.[0]?.message).toBe('no nodes available to schedule pods');
    await createNode('node-1');
    await clock.advance(1000);
    expect(pod('picky')?.status.conditions?.[0]?.message).toBe(
      "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector. preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.",
    );
    await client.patch(
      resources.nodes,
      { name: 'node-1' },
      { type: 'merge', body: { metadata: { labels: { disk: 'ssd' } } } },
    );
    await clock.settle();
    expect(nodeOf('picky')).toBe('node-1');
  });

  it('leaves Pods alone that are gated, deleted, finished or for another scheduler', async () => {
    const { run, clock, scheduler, client, createNode, createPod, nodeOf } = setUp();
    await createNode('node-1');
    await run(scheduler);
    await createPod('gated', { schedulingGates: [{ name: 'wait' }] });
    await createPod('foreign', { schedulerName: 'other' });
    await client.create(resources.pods, aPod('finished', { status: { phase: 'Failed' } }));
    await client.create(resources.pods, aPod('held', { metadata: { finalizers: ['x/y'] } }));
    await client.delete(resources.pods, { namespace: 'default', name: 'held' });
    await clock.settle();
    expect(client.callsOf('bind')).toEqual([]);
    const ungate = { type: 'merge', body: { spec: { schedulingGates: null } } } as const;
    await client.patch(resources.pods, { namespace: 'default', name: 'gated' }, ungate);
    await clock.settle();
    expect(nodeOf('gated')).toBe('node-1');
  });

  it('serves those who wait in the order of their arrival, and lets a small Pod pass a big one', async () => {
    const { run, clock, scheduler, createNode, createPod, finish, bound } = setUp();
    await createNode('node-1');
    await createPod('runs-1', asking('2'));
    await createPod('runs-2', asking('2'));
    await run(scheduler);
    await createPod('big-1', asking('4'));
    await createPod('small-1', asking('1'));
    await createPod('big-2', asking('4'));
    await createPod('small-2', asking('1'));
    await createPod('small-3', asking('1'));
    await clock.settle();
    await finish('runs-1');
    await clock.settle();
    expect(bound()).toEqual(['runs-2', 'small-1', 'small-2']);
    await Promise.all(['runs-2', 'small-1', 'small-2'].map(finish));
    await clock.settle();
    expect(bound()).toEqual(['big-1']);
  });

  it('gives the room back when a binding fails, and tries again', async () => {
    const { run, clock, scheduler, client, createNode, createPod, nodeOf, lines } = setUp();
    await createNode('node-1', { status: { allocatable: { cpu: '4', memory: '8Gi', pods: '1' } } });
    await run(scheduler);
    client.onCall = ({ verb, key }) => {
      if (verb === 'bind' && key === 'default/a') throw failure({ code: 500, reason: 'InternalError', message: 'no' });
    };
    await createPod('a');
    await createPod('b');
    await clock.settle();
    expect([nodeOf('a'), nodeOf('b')]).toEqual([undefined, 'node-1']);
    client.onCall = () => undefined;
    await client.delete(resources.pods, { namespace: 'default', name: 'b' });
    await clock.advance(2000);
    expect(nodeOf('a')).toBe('node-1');
    expect(lines).toHaveLength(1);
  });

  it('forgets Pods that are deleted while they wait, and their room when they ran', async () => {
    const { run, clock, scheduler, client, createNode, createPod, bound } = setUp();
    await createNode('node-1', { status: { allocatable: { cpu: '4', memory: '8Gi', pods: '1' } } });
    await createPod('a');
    await run(scheduler);
    for (const name of ['b', 'c']) await createPod(name);
    await clock.settle();
    await client.delete(resources.pods, { namespace: 'default', name: 'b' });
    await client.delete(resources.pods, { namespace: 'default', name: 'a' });
    await clock.advance(2000);
    expect(bound()).toEqual(['c']);
    expect(clock.pendingTimers).toBe(1);
  });

  it('does work in proportion to what finishes, with thousands waiting', async () => {
    const { run, clock, scheduler, client, createNode, createPod, finish, bound } = setUp();
    await createNode('node-1', { status: { allocatable: { cpu: '100', memory: '8Gi', pods: '1000' } } });
    for (let index = 0; index < 5000; index++) await createPod(`pod-${String(index).padStart(4, '0')}`, asking('1'));
    await run(scheduler);
    expect(client.callsOf('bind').length).toBe(100);
    const startMs = performance.now();
    for (let index = 0; index < 1000; index++) {
      await finish(`pod-${String(index).padStart(4, '0')}`);
      await clock.settle();
    }
    expect(client.callsOf('bind').length).toBe(1100);
    expect(bound()).toEqual(Array.from({ length: 100 }, (_, index) => `pod-${1000 + index}`));
    // Trying all that wait each time would be four million tries.
    expect(performance.now() - startMs).toBeLessThan(5000);
    await scheduler.stop();
  });
});
