import { describe, expect, it } from 'vitest';
import { hostPortsConflict, hostPortsOf, type ContainerPort, type Node, type Pod, type PodSpec } from '../api/index.ts';
import { aContainer, aNode, aPod } from '../testing/index.ts';
import { ClusterState } from './cluster-state.ts';
import { needsOf } from './pod-needs.ts';
import { victimsOn } from './victims.ts';

const withPort = (port: Partial<ContainerPort>): PodSpec => ({
  containers: [aContainer({ ports: [{ containerPort: 80, protocol: 'TCP', ...port }] })],
});
const pod = (spec: Partial<PodSpec>): Pod => aPod('p', { spec }) as Pod;

describe('ports of the host', () => {
  it('are asked for by containers and sidecars, and by nobody else', () => {
    const [init, sidecar] = [8001, 8002].map((hostPort) => withPort({ hostPort }).containers[0]!) as [
      PodSpec['containers'][0],
      PodSpec['containers'][0],
    ];
    const spec = {
      ...withPort({ hostPort: 8003, hostIP: '10.0.0.1', protocol: 'UDP' }),
      initContainers: [init, { ...sidecar, name: 'sidecar', restartPolicy: 'Always' }],
    };
    expect(hostPortsOf(spec)).toEqual([
      { protocol: 'TCP', address: '0.0.0.0', port: 8002 },
      { protocol: 'UDP', address: '10.0.0.1', port: 8003 },
    ]);
    expect(hostPortsOf(withPort({}))).toBeUndefined();
  });

  it.each([
    ['the same port', {}, {}, true],
    ['another port', {}, { hostPort: 81 }, false],
    ['another protocol', {}, { protocol: 'UDP' }, false],
    ['other addresses', { hostIP: '10.0.0.1' }, { hostIP: '10.0.0.2' }, false],
    ['all addresses and one', {}, { hostIP: '10.0.0.2' }, true],
    ['one address and all', { hostIP: '10.0.0.2' }, { hostIP: '0.0.0.0' }, true],
  ])('conflict: %s', (_name, a, b, expected) => {
    const ports = [a, b].map((one) => hostPortsOf(withPort({ hostPort: 80, ...one })));
    expect(hostPortsConflict(ports[0], ports[1])).toBe(expected);
  });

  it('keep a second Pod from a node until the first one has gone', () => {
    const state = new ClusterState();
    state.setNode(aNode('node-1') as Node);
    const needs = needsOf(pod(withPort({ hostPort: 80 })));
    const first = { uid: 'first', key: 'default/first' };
    expect(state.place(needs, 'first')).toEqual({ type: 'fits', nodeName: 'node-1' });
    state.charge(first, 'node-1', needs);
    state.charge({ uid: 'other', key: 'default/other' }, 'node-1', needsOf(pod(withPort({ hostPort: 81 }))));
    expect(state.place(needsOf(pod(withPort({ hostPort: 80 }))), 'second')).toEqual({
      type: 'waits',
      reason: 'room',
      message: "0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod ports.",
    });
    expect(state.place(needsOf(pod(withPort({}))), 'third')).toMatchObject({ type: 'fits' });
    state.release('first');
    expect(state.place(needsOf(pod(withPort({ hostPort: 80 }))), 'second')).toMatchObject({ type: 'fits' });
    expect(state.place(needsOf(pod(withPort({ hostPort: 81 }))), 'second')).toMatchObject({ type: 'waits' });
  });

  it('can be taken from a less important Pod', () => {
    const state = new ClusterState();
    state.setNode(aNode('node-1') as Node);
    const [node] = state.nodes();
    for (const [uid, hostPort] of [
      ['holder', 80],
      ['other', 81],
    ] as const)
      state.charge({ uid, key: uid }, 'node-1', needsOf(pod(withPort({ hostPort }))));
    const needs = needsOf(pod({ ...withPort({ hostPort: 80 }), priority: 5 }));
    const pods = state.placedOn('node-1').map((one) => ({ ...one, startTime: '', isProtected: false }));
    const used = state.usageOf('node-1', { uid: 'new', priority: 5 });
    expect(victimsOn(node!, needs, { pods, used })?.pods.map(({ uid }) => uid)).toEqual(['holder']);
  });
});
