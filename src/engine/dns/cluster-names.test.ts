import { describe, expect, it } from 'vitest';
import type { Pod, Service } from '../../api/index.ts';
import { aPod } from '../../testing/index.ts';
import { clusterAnswer, type NamedObjects } from './cluster-names.ts';

const pod = (name: string, podIP: string, spec: Partial<Pod['spec']> = {}, ready = 'True'): Pod => {
  const labels = { app: 'db' };
  const made = aPod(name, { metadata: { labels }, spec }) as Pod;
  return { ...made, status: { podIP, conditions: [{ type: 'Ready', status: ready }] } } as Pod;
};
const service = (name: string, spec: object): Service =>
  ({ apiVersion: 'v1', kind: 'Service', metadata: { name, namespace: 'default' }, spec }) as Service;

const pods = [
  pod('a', '10.0.0.2', { hostname: 'db-0', subdomain: 'db' }),
  pod('b', '10.0.0.3'),
  pod('c', '10.0.0.4', { hostname: 'db-2', subdomain: 'db' }, 'False'),
];
const selector = { app: 'db' };
const ports = [{ name: 'sql', port: 5432 }];
const services = [
  service('db', { clusterIP: 'None', selector, ports }),
  service('early', { clusterIP: 'None', selector, publishNotReadyAddresses: true }),
  service('web', { selector, ports }),
  service('other', { clusterIP: 'None', selector: { app: 'none' } }),
  service('unselected', { ports }),
  service('outside', { type: 'ExternalName', externalName: 'db.example.com' }),
  service('kubernetes', { clusterIP: '10.0.0.1', ports: [{ name: 'https', port: 443 }] }),
];
const objects: NamedObjects = {
  apiServer: '10.201.0.1',
  service: (namespace, name) =>
    namespace === 'default' ? services.find((one) => one.metadata.name === name) : undefined,
  pods: (namespace) => (namespace === 'default' ? pods : []),
};
const ask = (name: string, type = 'A'): unknown => {
  const answer = clusterAnswer({ name: name.replace('…', 'default.svc.cluster.local'), type }, objects);
  if (answer === undefined) return 'not ours';
  return answer.exists ? answer.records.map(({ data }) => data) : 'no such name';
};

describe('names of the cluster', () => {
  it.each([
    ['a Service: the Pods that are ready', 'db.…', ['10.0.0.2', '10.0.0.3']],
    ['in whatever case, and with the last dot', 'DB.default.svc.Cluster.Local.', ['10.0.0.2', '10.0.0.3']],
    ['one that wants all', 'early.…', ['10.0.0.2', '10.0.0.3', '10.0.0.4']],
    ['one with a cluster address: its Pods all the same', 'web.…', ['10.0.0.2', '10.0.0.3']],
    ['a Pod by its host name', 'db-0.db.…', ['10.0.0.2']],
    ['a Pod without one by its address', '10-0-0-3.db.…', ['10.0.0.3']],
    ['a Pod that is not ready', 'db-2.db.…', 'no such name'],
    ['a Pod by a name that is for another Service', 'db-0.web.…', 'no such name'],
    ['a Service without Pods', 'other.…', []],
    ['a Service without a selector', 'unselected.…', []],
    ['the API server', 'kubernetes.…', ['10.201.0.1']],
    ['no such Service', 'none.…', 'no such name'],
    ['no such namespace', 'db.elsewhere.svc.cluster.local', 'no such name'],
    ['too far below', 'x.y.z.db.…', 'no such name'],
    ['above all Services', 'svc.cluster.local', []],
    ['a namespace', 'default.svc.cluster.local', []],
    ['something else of the cluster', '10-0-0-2.default.pod.cluster.local', 'no such name'],
    ['a name of the world', 'example.com', 'not ours'],
    ['a name that only ends alike', 'mycluster.local', 'not ours'],
  ])('%s', (_what, name, found) => {
    expect(ask(name)).toEqual(found);
  });

  it('have ports, other types, and names elsewhere', () => {
    expect(ask('_sql._tcp.db.…', 'SRV')).toEqual([
      { priority: 0, weight: 1, port: 5432, target: 'db-0.db.default.svc.cluster.local' },
      { priority: 0, weight: 1, port: 5432, target: '10-0-0-3.db.default.svc.cluster.local' },
    ]);
    expect(ask('_sql._udp.db.…', 'SRV')).toBe('no such name');
    expect(ask('db.…', 'AAAA')).toEqual([]);
    expect(ask('_sql._tcp.db.…', 'A')).toEqual([]);
    expect(ask('outside.…', 'AAAA')).toEqual(['db.example.com']);
  });
});
