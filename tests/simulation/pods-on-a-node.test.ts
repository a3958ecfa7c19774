import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { resources, type Event, type Node, type Pod, type PodSpec } from '../../src/api/index.ts';
import { aContainer, aPod, startTestEngine, type TestEngine } from '../../src/testing/index.ts';

let engine: TestEngine;
let node: Node;
beforeEach(async () => {
  engine = await startTestEngine();
  node = (await engine.client.list<Node>(resources.nodes, {})).items[0]!;
});
afterEach(() => engine.stop());

/** A Pod that names its node itself, so that no scheduler looks at it. */
async function place(name: string, requests: Record<string, string>): Promise<Pod['status']> {
  const containers = [aContainer({ resources: { requests } })];
  const annotations = { 'rondo.dev/simulate-duration-ms': '60000' };
  await engine.client.create(
    resources.pods,
    aPod(name, { metadata: { annotations }, spec: { nodeName: node.metadata.name, containers } }),
  );
  await engine.clock.settle();
  return (await engine.client.get<Pod>(resources.pods, { namespace: 'default', name })).status;
}

describe('a Pod that names its node', () => {
  it('is rejected in the kubelet’s words when the node has too little of something', async () => {
    const { cpu = '' } = node.status.allocatable ?? {};
    expect(await place('large', { cpu: '100001' })).toMatchObject({
      phase: 'Failed',
      reason: 'OutOfcpu',
      message: `Pod was rejected: Node didn't have enough resource: cpu, requested: 100001000, used: 0, capacity: ${Number(cpu) * 1000}`,
    });
    expect(await place('fat', { memory: '999Pi' })).toMatchObject({ phase: 'Failed', reason: 'OutOfmemory' });
    const { items } = await engine.client.list<Event>(resources.events, { namespace: 'default' });
    expect(items.find(({ reason }) => reason === 'OutOfcpu')).toMatchObject({
      type: 'Warning',
      message: expect.stringMatching(/^Node didn't have enough resource: cpu, requested: 100001000/),
    });
  });

  it('runs when there is room, and counts until it has ended', async () => {
    const all = { cpu: node.status.allocatable!['cpu']! };
    expect((await place('first', all)).phase).toBe('Running');
    expect(await place('second', { cpu: '1m' })).toMatchObject({ phase: 'Failed', reason: 'OutOfcpu' });
    await engine.clock.advance(60_000);
    expect((await place('third', all)).phase).toBe('Running');
  });

  it('finds no room beside Pods that the scheduler has placed', async () => {
    const half = [aContainer({ resources: { requests: { memory: node.status.allocatable!['memory']! } } })];
    const annotations = { 'rondo.dev/simulate-duration-ms': '60000' };
    await engine.client.create(
      resources.pods,
      aPod('placed', { metadata: { annotations }, spec: { containers: half } }),
    );
    await engine.clock.settle();
    expect(await place('beside', { memory: '1Mi' })).toMatchObject({ phase: 'Failed', reason: 'OutOfmemory' });
    await engine.client.delete(resources.pods, { namespace: 'default', name: 'placed' }, { gracePeriodSeconds: 0 });
    await engine.clock.settle();
    expect((await place('after', { memory: '1Mi' })).phase).toBe('Running');
  });

  it('is rejected in the kubelet’s words when it does not want this node, or the node does not want it', async () => {
    const put = async (name: string, spec: Partial<PodSpec>): Promise<Pod['status']> => {
      const annotations = { 'rondo.dev/simulate-duration-ms': '60000' };
      const draft = aPod(name, { metadata: { annotations }, spec: { nodeName: node.metadata.name, ...spec } });
      await engine.client.create(resources.pods, draft);
      await engine.clock.settle();
      return (await engine.client.get<Pod>(resources.pods, { namespace: 'default', name })).status;
    };
    const rejected = (reason: string, why: string) => ({
      ...{ phase: 'Failed', reason },
      message: `Pod was rejected: Predicate ${reason} failed: ${why}`,
    });
    expect(await put('elsewhere', { nodeSelector: { zone: 'b' } })).toMatchObject(
      rejected('NodeAffinity', "node(s) didn't match Pod's node affinity/selector"),
    );
    const ported = (hostPort: number) => ({ containers: [aContainer({ ports: [{ containerPort: 80, hostPort }] })] });
    expect((await put('first', ported(8080))).phase).toBe('Running');
    expect((await put('second', ported(8081))).phase).toBe('Running');
    expect(await put('third', ported(8080))).toMatchObject(
      rejected('NodePorts', "node(s) didn't have free ports for the requested pod ports"),
    );
    await engine.client.delete(resources.pods, { namespace: 'default', name: 'first' }, { gracePeriodSeconds: 0 });
    await engine.clock.settle();
    expect((await put('fourth', ported(8080))).phase).toBe('Running');
    const taints = [
      { key: 'maintenance', effect: 'NoExecute' },
      // What only keeps the scheduler away does not keep away what passed none.
      { key: 'quiet', effect: 'NoSchedule' },
    ];
    const ref = { name: node.metadata.name };
    await engine.client.patch(resources.nodes, ref, { type: 'merge', body: { spec: { taints } } });
    await engine.clock.settle();
    expect(await put('late', {})).toMatchObject(
      rejected('TaintToleration', "node(s) had taints that the pod didn't tolerate"),
    );
    expect((await put('tolerant', { tolerations: [{ key: 'maintenance', operator: 'Exists' }] })).phase).toBe(
      'Running',
    );
  });
});
