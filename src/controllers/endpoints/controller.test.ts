import { afterEach, beforeEach, expect, it } from 'vitest';
import {
  resources,
  type Endpoints,
  type EndpointSlice,
  type Pod,
  type PodSpec,
  type Service,
  type ServiceSpec,
} from '../../api/index.ts';
import { aContainer, aPod, startTestEngine, type TestEngine } from '../../testing/index.ts';

let engine: TestEngine;
beforeEach(async () => {
  engine = await startTestEngine();
});
afterEach(() => engine.stop());

const ref = { namespace: 'default', name: 'web' };
const selector = { app: 'web' };
const settle = (): Promise<void> => engine.clock.settle();

async function service(spec: Partial<ServiceSpec> = {}): Promise<Service> {
  const metadata = { ...ref, labels: { team: 'a' } };
  const made = await engine.client.create<Service>(resources.services, {
    metadata,
    spec: { selector, ports: [{ port: 80, targetPort: 8080 }], ...spec },
  });
  await settle();
  return made;
}

async function run(
  name: string,
  spec: Partial<PodSpec> = {},
  labels: Record<string, string> = selector,
): Promise<void> {
  const metadata = { labels, annotations: { 'rondo.dev/simulate-duration-ms': 'never' } };
  await engine.client.create(resources.pods, aPod(name, { metadata, spec }));
  await settle();
}

const endpoints = (): Promise<Endpoints> => engine.client.get<Endpoints>(resources.endpoints, ref);
const slices = async (): Promise<readonly EndpointSlice[]> =>
  (await engine.client.list<EndpointSlice>(resources.endpointSlices)).items;
/** `name:port` of each. */
async function shown(): Promise<{ subsets: readonly string[]; slices: readonly string[] }> {
  const { subsets = [] } = await endpoints();
  const ports = (all: readonly { port?: number | undefined }[] = []): string => all.map(({ port }) => port).join('+');
  return {
    subsets: subsets.map((subset) => {
      const names = (list: typeof subset.addresses): string => (list ?? []).map((one) => one.targetRef?.name).join();
      return `${names(subset.addresses)}|${names(subset.notReadyAddresses)}:${ports(subset.ports)}`;
    }),
    slices: (await slices()).map((slice) => {
      const names = slice.endpoints.map(({ targetRef, conditions }) => `${targetRef?.name}=${conditions?.ready}`);
      return `${names.join()}:${ports(slice.ports)}`;
    }),
  };
}

it('follow the Pods of a Service, as long as they can be reached', async () => {
  await service();
  expect(await shown()).toEqual({ subsets: [], slices: [] });
  await run('b');
  await run('a');
  await run('other', {}, { app: 'other' });
  expect(await shown()).toEqual({ subsets: ['a,b|:8080'], slices: ['a=true,b=true:8080'] });
  const [slice] = await slices();
  expect(slice).toMatchObject({
    metadata: {
      name: expect.stringMatching(/^web-[a-z0-9]{5}$/),
      labels: {
        team: 'a',
        'kubernetes.io/service-name': 'web',
        'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
      },
      ownerReferences: [{ kind: 'Service', name: 'web', controller: true }],
    },
    addressType: 'IPv4',
    ports: [{ name: '', protocol: 'TCP', port: 8080 }],
  });
  const { metadata, subsets } = await endpoints();
  expect(metadata.labels).toEqual({ team: 'a', 'endpoints.kubernetes.io/managed-by': 'endpoint-controller' });
  const pod = await engine.client.get<Pod>(resources.pods, { namespace: 'default', name: 'a' });
  expect(subsets?.[0]?.addresses?.[0]).toEqual({
    ip: pod.status.podIP,
    nodeName: pod.spec.nodeName,
    targetRef: { kind: 'Pod', namespace: 'default', name: 'a', uid: pod.metadata.uid },
  });
  await engine.client.delete(resources.pods, { namespace: 'default', name: 'a' }, { gracePeriodSeconds: 0 });
  await settle();
  expect(await shown()).toEqual({ subsets: ['b|:8080'], slices: ['b=true:8080'] });
  await engine.client.patch(
    resources.pods,
    { namespace: 'default', name: 'b' },
    { type: 'merge', body: { metadata: { labels: { app: 'x' } } } },
  );
  await settle();
  expect(await shown()).toEqual({ subsets: [], slices: [] });
});

it('tell those that are not ready from those that are, unless the Service wants all', async () => {
  await service();
  await run('slow', { readinessGates: [{ conditionType: 'example.com/ready' }] });
  expect(await shown()).toEqual({ subsets: ['|slow:8080'], slices: ['slow=false:8080'] });
  await engine.client.patch(resources.services, ref, {
    type: 'merge',
    body: { spec: { publishNotReadyAddresses: true } },
  });
  await settle();
  expect(await shown()).toEqual({ subsets: ['slow|:8080'], slices: ['slow=true:8080'] });
});

it('look for named ports in each Pod, and tell host names where Pods name the Service', async () => {
  await service({ clusterIP: 'None', ports: [{ name: 'web', port: 80, targetPort: 'http' }] });
  const at = (containerPort: number) => ({ containers: [aContainer({ ports: [{ name: 'http', containerPort }] })] });
  await run('a', { ...at(8080), hostname: 'web-0', subdomain: 'web' });
  await run('b', at(9090));
  await run('without');
  expect((await shown()).subsets).toEqual(['a|:8080', 'b|:9090']);
  expect((await slices()).map(({ endpoints: all }) => all[0]?.hostname)).toEqual(
    expect.arrayContaining(['web-0', undefined]),
  );
  expect((await endpoints()).metadata.labels).toHaveProperty(['service.kubernetes.io/headless'], '');
});

it('are several slices where there are many, and are written over where that is possible', async () => {
  await service();
  for (let at = 0; at < 103; at++) await run(`p-${String(at).padStart(3, '0')}`);
  const before = await slices();
  expect(before.map((slice) => slice.endpoints.length).toSorted((a, b) => b - a)).toEqual([100, 3]);
  expect((await endpoints()).subsets?.[0]?.addresses).toHaveLength(103);
  for (let at = 0; at < 3; at++)
    await engine.client.delete(resources.pods, { namespace: 'default', name: `p-00${at}` }, { gracePeriodSeconds: 0 });
  await settle();
  const after = await slices();
  expect(after.map((slice) => slice.endpoints.length)).toEqual([100]);
  expect(before.map(({ metadata }) => metadata.uid)).toContain(after[0]?.metadata.uid);
});

it('go with their Service, and those that somebody else made stay', async () => {
  await service({ selector: undefined });
  const metadata = { namespace: 'default', name: 'web' };
  const subsets = [{ addresses: [{ ip: '192.0.2.1' }], ports: [{ port: 5432 }] }];
  await engine.client.create(resources.endpoints, { metadata, subsets });
  await run('a');
  expect((await endpoints()).subsets).toEqual([
    { addresses: [{ ip: '192.0.2.1' }], ports: [{ port: 5432, protocol: 'TCP' }] },
  ]);
  await engine.client.delete(resources.services, ref);
  await settle();
  expect((await endpoints()).metadata.name).toBe('web');
  await engine.client.delete(resources.endpoints, ref);
  await service();
  expect([(await slices()).length, (await endpoints()).subsets?.length]).toEqual([1, 1]);
  await engine.client.delete(resources.services, ref);
  await settle();
  expect(await slices()).toEqual([]);
  await expect(endpoints()).rejects.toThrow('not found');
});
