import { describe, expect, it } from 'vitest';
import type { Event, Lease, Namespace, Node, Service, ServiceAccount } from '../../api/index.ts';
import { event } from './event.ts';
import { allKinds } from './index.ts';
import { lease } from './lease.ts';
import { namespace } from './namespace.ts';
import { node } from './node.ts';
import { created, createErrors, rowOf, statusErrors, updateErrors, withValues } from './rule-cases.fixture.ts';
import { serviceAccount } from './service-account.ts';
import { service } from './service.ts';

const metadata = {
  name: 'x',
  namespace: 'default',
  uid: 'u-1',
  resourceVersion: '',
  creationTimestamp: '2026-01-01T00:00:00Z',
};
const nowMs = Date.parse('2026-01-01T00:10:00Z');

describe('all kinds', () => {
  it('are named once and survive an object without anything in it', () => {
    expect(new Set(allKinds.map((kind) => kind.resource.kind)).size).toBe(27);
    for (const kind of allKinds) {
      const empty = { apiVersion: 'v1', kind: kind.resource.kind, metadata: { ...metadata } };
      const object = created(kind, empty);
      expect(() => kind.validate?.(object)).not.toThrow();
      expect(() => kind.validateUpdate?.(object, created(kind, empty))).not.toThrow();
      expect(() => kind.validateStatusUpdate?.(object, object)).not.toThrow();
      expect(() => kind.warnings?.(object, undefined)).not.toThrow();
      expect(kind.table.cells(object, nowMs)).toHaveLength(kind.table.columns.length);
      for (const label of Object.values(kind.fieldLabels ?? {})) expect(typeof label(object)).toBe('string');
    }
  });

  it('answer indexed field selectors from labels that they have', () => {
    for (const kind of allKinds) {
      for (const index of kind.indexed ?? []) {
        const [, field] = /^field:(.*)$/.exec(index) ?? [];
        if (field !== undefined) expect(Object.keys(kind.fieldLabels ?? {})).toContain(field);
      }
    }
  });
});

describe('Namespaces', () => {
  const draft: Namespace = { apiVersion: 'v1', kind: 'Namespace', metadata, spec: {}, status: {} };

  it('get label, finalizer and phase', () => {
    expect(created(namespace, draft)).toMatchObject({
      metadata: { labels: { 'kubernetes.io/metadata.name': 'x' } },
      spec: { finalizers: ['kubernetes'] },
      status: { phase: 'Active' },
    });
  });

  it('keep their finalizers when they are updated', () => {
    const old = created(namespace, draft);
    const next = withValues(old, { 'spec.finalizers': [] });
    namespace.prepareForUpdate?.(next, old, {
      nowMs,
      random: { float: () => 0, uuid: () => '', bytes: () => new Uint8Array() },
    });
    expect(next).toHaveProperty('spec.finalizers', ['kubernetes']);
  });

  it('are held back until they are finalized, as Terminating', () => {
    const object = created(namespace, draft);
    namespace.deletion?.onDeletionStart?.(object);
    expect(object.status.phase).toBe('Terminating');
    expect(namespace.deletion?.heldBack?.(object)).toBe(true);
    expect(namespace.deletion?.heldBack?.(withValues(object, { 'spec.finalizers': [] }))).toBe(false);
  });

  it.each(['default', 'kube-system', 'kube-public'])('that are called %s stay', (name) => {
    expect(namespace.deletion?.forbid?.(withValues(draft, { 'metadata.name': name }))).toBe(
      'this namespace may not be deleted',
    );
  });
  it('of others may go', () => {
    expect(namespace.deletion?.forbid?.(draft)).toBeUndefined();
  });

  it('have finalizers with qualified names', () => {
    expect(createErrors(namespace, withValues(draft, { 'spec.finalizers': ['odd', 'a.io/b'] }))).toEqual([
      'spec.finalizers[0]: Invalid value: "odd": name is neither a standard finalizer name nor is it fully qualified',
    ]);
  });

  it('are Terminating exactly while they are deleted', () => {
    const old = created(namespace, draft);
    expect(statusErrors(namespace, withValues(old, { 'status.phase': 'Terminating' }), old)).toEqual([
      'status.Phase: Invalid value: "Terminating": may only be \'Active\' if `deletionTimestamp` is empty',
    ]);
    const deleted = withValues(old, { 'metadata.deletionTimestamp': '2026-01-01T00:00:00Z' });
    expect(statusErrors(namespace, deleted, deleted)).toEqual([
      'status.Phase: Invalid value: "Active": may only be \'Terminating\' if `deletionTimestamp` is not empty',
    ]);
  });

  it('have a row', () => {
    expect(rowOf(namespace, created(namespace, draft), nowMs)).toEqual({ Name: 'x', Status: 'Active', Age: '10m' });
  });
});

describe('Nodes', () => {
  const draft: Node = {
    apiVersion: 'v1',
    kind: 'Node',
    metadata,
    spec: {},
    status: { capacity: { cpu: '2' }, conditions: [{ type: 'Ready', status: 'True' }] },
  };

  it('keep the status they come with; all capacity is allocatable by default', () => {
    expect(created(node, draft).status).toMatchObject({ capacity: { cpu: '2' }, allocatable: { cpu: '2' } });
  });

  it('have taints with key and effect, once', () => {
    const taints = [
      { key: 'a', effect: '' },
      { key: 'b', effect: 'NoSchedule' },
      { key: 'b', effect: 'NoSchedule' },
    ];
    expect(createErrors(node, withValues(draft, { 'spec.taints': taints }))).toEqual([
      'spec.taints[0].effect: Required value',
      'spec.taints[2]: Duplicate value: {"key":"b","effect":"NoSchedule"}',
    ]);
  });

  it('do not change who they are', () => {
    const old = withValues(created(node, draft), { 'spec.providerID': 'a' });
    expect(updateErrors(node, withValues(old, { 'spec.providerID': 'b' }), old)).toEqual([
      'spec.providerID: Forbidden: node updates may not change providerID except from "" to valid',
    ]);
  });

  it('have a row', () => {
    const object = withValues(created(node, draft), {
      'metadata.labels': { 'node-role.kubernetes.io/worker': '', 'node-role.kubernetes.io/control-plane': '' },
      'spec.unschedulable': true,
      'status.addresses': [{ type: 'InternalIP', address: '127.0.0.1' }],
      'status.nodeInfo': { kubeletVersion: 'v1.35.0', osImage: 'Debian' },
    });
    expect(rowOf(node, object, nowMs)).toEqual({
      Name: 'x',
      Status: 'Ready,SchedulingDisabled',
      Roles: 'control-plane,worker',
      Age: '10m',
      Version: 'v1.35.0',
      'Internal-IP': '127.0.0.1',
      'External-IP': '<none>',
      'OS-Image': 'Debian',
      'Kernel-Version': '<unknown>',
      'Container-Runtime': '<unknown>',
    });
    expect(node.fieldLabels?.['spec.unschedulable']?.(created(node, draft))).toBe('false');
  });
});

describe('Events', () => {
  const draft: Event = {
    apiVersion: 'v1',
    kind: 'Event',
    metadata,
    involvedObject: { kind: 'Job', namespace: 'default', name: 'j', uid: 'u-2' },
    reason: 'Completed',
    message: ' Job completed\n',
    type: 'Normal',
    source: { component: 'job-controller' },
    firstTimestamp: '2026-01-01T00:00:00Z',
    lastTimestamp: '2026-01-01T00:05:00Z',
    count: 3,
    reportingComponent: '',
    reportingInstance: '',
  };

  it('live in the namespace of their object', () => {
    expect(createErrors(event, draft)).toEqual([]);
    expect(createErrors(event, withValues(draft, { 'involvedObject.namespace': 'other' }))).toEqual([
      'involvedObject.namespace: Invalid value: "other": does not match event.namespace',
    ]);
    expect(createErrors(event, withValues(draft, { involvedObject: { kind: 'Node' } }))).toEqual([]);
  });

  it('of the new style are complete', () => {
    const sparse = { eventTime: '2026-01-01T00:00:00.000000Z', reason: '', message: 'x'.repeat(1025) };
    expect(createErrors(event, withValues(draft, sparse))).toEqual([
      'reportingComponent: Required value',
      'reportingInstance: Required value',
      'action: Required value',
      'reason: Required value',
      'message: Invalid value: "": can have at most 1024 characters',
    ]);
  });

  it('vanish after an hour', () => {
    expect(event.timeToLiveMs).toBe(3_600_000);
  });

  it('have a row', () => {
    const common = {
      Type: 'Normal',
      Reason: 'Completed',
      Object: 'job/j',
      Subobject: '',
      Message: 'Job completed',
      Name: 'x',
    };
    expect(rowOf(event, draft, nowMs)).toEqual({
      ...common,
      'Last Seen': '5m',
      Source: 'job-controller',
      'First Seen': '10m',
      Count: 3,
    });
    const series = withValues(draft, {
      source: undefined,
      reportingComponent: 'a',
      reportingInstance: 'b',
      firstTimestamp: undefined,
      eventTime: '2026-01-01T00:01:00.000000Z',
      series: { count: 7, lastObservedTime: '2026-01-01T00:09:00.000000Z' },
    });
    expect(rowOf(event, series, nowMs)).toEqual({
      ...common,
      'Last Seen': '60s',
      Source: 'a, b',
      'First Seen': '9m',
      Count: 7,
    });
  });
});

describe('Services', () => {
  const draft: Service = { apiVersion: 'v1', kind: 'Service', metadata, spec: { ports: [{ port: 80 }] }, status: {} };

  it('are defaulted but get no address', () => {
    expect(created(service, draft)).toMatchObject({
      spec: {
        type: 'ClusterIP',
        sessionAffinity: 'None',
        internalTrafficPolicy: 'Cluster',
        ports: [{ port: 80, targetPort: 80, protocol: 'TCP' }],
      },
      status: { loadBalancer: {} },
    });
    expect(created(service, draft).spec.clusterIP).toBeUndefined();
  });

  it('have ports with names', () => {
    expect(createErrors(service, withValues(draft, { 'spec.ports': [{ port: 0 }, { port: 1, name: 'a' }] }))).toEqual([
      'spec.ports[0].name: Required value',
      'spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive',
    ]);
    expect(createErrors(service, withValues(draft, { spec: {} }))).toEqual(['spec.ports: Required value']);
  });

  it('have a row', () => {
    const object = withValues(created(service, draft), {
      'spec.selector': { b: '2', a: '1' },
      'spec.ports.0.nodePort': 30000,
    });
    expect(rowOf(service, object, nowMs)).toEqual({
      Name: 'x',
      Type: 'ClusterIP',
      'Cluster-IP': '<none>',
      'External-IP': '<none>',
      'Port(s)': '80:30000/TCP',
      Age: '10m',
      Selector: 'a=1,b=2',
    });
  });
});

describe('Leases and ServiceAccounts', () => {
  const draft: Lease = {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata,
    spec: { holderIdentity: 'me' },
  };
  const account: ServiceAccount = { apiVersion: 'v1', kind: 'ServiceAccount', metadata, secrets: [{ name: 's' }] };

  it('have durations', () => {
    expect(createErrors(lease, draft)).toEqual([]);
    expect(
      createErrors(
        lease,
        withValues(draft, { 'spec.leaseDurationSeconds': 0, 'spec.leaseTransitions': -1, 'spec.preferredHolder': 'x' }),
      ),
    ).toEqual([
      'spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0',
      'spec.leaseTransitions: Invalid value: -1: must be greater than or equal to 0',
      'spec.preferredHolder: Forbidden: may only be specified if `strategy` is defined',
    ]);
  });

  it('have rows', () => {
    expect(rowOf(lease, draft, nowMs)).toEqual({ Name: 'x', Holder: 'me', Age: '10m' });
    expect(rowOf(serviceAccount, account, nowMs)).toEqual({ Name: 'x', Secrets: 1, Age: '10m' });
  });
});
