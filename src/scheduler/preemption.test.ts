import { describe, expect, it } from 'vitest';
import { resources, type Node, type Pod, type PodSpec } from '../api/index.ts';
import { aContainer, aNode, aPod, testContext } from '../testing/index.ts';
import { createScheduler } from './scheduler.ts';

const asking = (cpu: string, priority = 0): Partial<PodSpec> => ({
  containers: [aContainer({ resources: { requests: { cpu } } })],
  priority,
});

function setUp() {
  const context = testContext();
  const { client } = context;
  const createNode = (name: string) => client.create<Node>(resources.nodes, aNode(name));
  const createPod = (name: string, spec: Partial<PodSpec>) =>
    client.create<Pod>(resources.pods, aPod(name, { spec: { schedulerName: 'default-scheduler', ...spec } }));
  const pod = (name: string) => client.all(resources.pods).find((candidate) => candidate.metadata.name === name);
  const gone = () => client.callsOf('delete', resources.pods).length;
  return { ...context, client, scheduler: createScheduler(context), createNode, createPod, pod, gone };
}

describe('preemption', () => {
  it('takes the place of a less important Pod, which is told why', async () => {
    const { run, clock, scheduler, createNode, createPod, pod, events } = setUp();
    await createNode('node-1');
    await createPod('low', asking('3'));
    await run(scheduler);
    const high = await createPod('high', asking('2', 10));
    await clock.settle();
    expect(pod('low')).toBeUndefined();
    expect(pod('high')?.spec.nodeName).toBe('node-1');
    expect(events()).toContain(`Normal Preempted Preempted by pod ${high.metadata.uid} on node node-1`);
  });

  it('says on the Pod that goes what it goes for, and on the other where it will run', async () => {
    const { run, clock, scheduler, client, createNode, createPod, pod } = setUp();
    await createNode('node-1');
    // The finalizer keeps it where it is, as a grace period would.
    await client.create<Pod>(
      resources.pods,
      aPod('low', { metadata: { finalizers: ['test/stay'] }, spec: asking('3') }),
    );
    await run(scheduler);
    await createPod('high', asking('2', 10));
    await clock.advance(1500);
    expect(pod('low')?.status.conditions).toContainEqual({
      type: 'DisruptionTarget',
      status: 'True',
      reason: 'PreemptionByScheduler',
      message: 'default-scheduler: preempting to accommodate a higher priority pod',
      lastTransitionTime: '2026-01-01T00:00:00Z',
    });
    expect(pod('high')?.status.nominatedNodeName).toBe('node-1');
    expect(client.callsOf('delete', resources.pods).length).toBe(1);
  });

  it('keeps the room that is being made from less important Pods', async () => {
    const { run, clock, scheduler, client, createNode, createPod, pod } = setUp();
    await createNode('node-1');
    for (const [name, finalizers] of [
      ['first', ['test/stay']],
      ['second', []],
    ] as const)
      await client.create<Pod>(resources.pods, aPod(name, { metadata: { finalizers }, spec: asking('2') }));
    await run(scheduler);
    await createPod('high', asking('4', 10));
    await clock.settle();
    await createPod('low', asking('1'));
    await clock.settle();
    expect([pod('second'), pod('low')?.spec.nodeName]).toEqual([undefined, undefined]);
    const { namespace = '', name = '' } = pod('first')?.metadata ?? {};
    await client.patch(
      resources.pods,
      { namespace, name },
      { type: 'merge', body: { metadata: { finalizers: null } } },
    );
    await clock.settle();
    expect([pod('high')?.spec.nodeName, pod('low')?.spec.nodeName]).toEqual(['node-1', undefined]);
  });

  it('harms nobody for a Pod whose class says Never, or that it could not help', async () => {
    const { run, clock, scheduler, createNode, createPod, pod, gone } = setUp();
    await createNode('node-1');
    await createPod('low', asking('3'));
    await run(scheduler);
    await createPod('polite', { ...asking('2', 10), preemptionPolicy: 'Never' });
    await createPod('huge', asking('99', 10));
    await createPod('equal', asking('2'));
    await clock.advance(1500);
    expect(gone()).toBe(0);
    const why = (name: string) => pod(name)?.status.conditions?.[0]?.message;
    const lacks = '0/1 nodes are available: 1 Insufficient cpu. preemption:';
    expect(why('polite')).toBe(`${lacks} not eligible due to preemptionPolicy=Never.`);
    expect(why('huge')).toBe(`${lacks} 0/1 nodes are available: 1 Preemption is not helpful for scheduling.`);
    expect(why('equal')).toBe(`${lacks} 0/1 nodes are available: 1 No preemption victims found for incoming pod.`);
  });

  it('lets the more important of those that wait go first', async () => {
    const { run, clock, scheduler, createNode, createPod, pod } = setUp();
    await createPod('low', asking('3'));
    await createPod('never', { ...asking('3', 20), preemptionPolicy: 'Never' });
    await run(scheduler);
    await createNode('node-1');
    await clock.settle();
    expect([pod('low')?.spec.nodeName, pod('never')?.spec.nodeName]).toEqual([undefined, 'node-1']);
  });

  it('goes on after a restart where it was', async () => {
    const { run, clock, scheduler, client, createNode, createPod, pod, gone } = setUp();
    await createNode('node-1');
    const condition = { type: 'DisruptionTarget', status: 'True', reason: 'PreemptionByScheduler' };
    await client.create<Pod>(
      resources.pods,
      aPod('leaving', {
        metadata: { finalizers: ['test/stay'] },
        spec: { ...asking('2'), nodeName: 'node-1' },
        status: { conditions: [condition] },
      }),
    );
    await client.delete(resources.pods, { namespace: 'default', name: 'leaving' });
    await createPod('other', { ...asking('2'), nodeName: 'node-1' });
    await client.create<Pod>(
      resources.pods,
      aPod('high', { spec: asking('2', 10), status: { nominatedNodeName: 'node-1' } }),
    );
    await run(scheduler);
    await clock.settle();
    expect(gone()).toBe(1);
    expect(pod('other')).toBeDefined();
  });
});
