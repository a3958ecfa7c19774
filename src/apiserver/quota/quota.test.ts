import { afterEach, describe, expect, it } from 'vitest';
import { failureOf } from '../../../tests/contract/client-kinds.ts';
import { resources, type Amounts, type Pod, type ResourceQuota, type ResourceQuotaSpec } from '../../api/index.ts';
import type { Client } from '../../client/index.ts';
import { silentLogger as log } from '../../log/index.ts';
import { createMemoryStore } from '../../store/index.ts';
import { FakeClock, seededRandom } from '../../testing/index.ts';
import { createApiServer } from '../create-api-server.ts';
import { noPods as podStreams } from '../no-pods.ts';

const namespace = 'n';
const stops: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

async function start() {
  const clock = new FakeClock();
  const server = createApiServer({
    ...{ store: createMemoryStore({ clock }), clock, random: seededRandom(1), log, podStreams },
  });
  await server.start();
  stops.push(() => server.stop());
  const client = server.clientFor({ name: 'tester', groups: ['system:masters'] });
  await client.create(resources.namespaces, { metadata: { name: namespace }, spec: {} });
  await client.create(resources.serviceAccounts, { metadata: { name: 'default', namespace } });
  return { client, clock, server };
}

function limit(client: Client, hard: Amounts, parts: Partial<ResourceQuotaSpec> = {}): Promise<ResourceQuota> {
  return client.create(resources.resourceQuotas, { metadata: { name: 'q', namespace }, spec: { hard, ...parts } });
}

function run(client: Client, name: string, spec: Partial<Pod['spec']> = {}): Promise<Pod> {
  return client.create<Pod>(resources.pods, {
    metadata: { name, namespace },
    spec: { containers: [{ name: 'c', image: 'i' }], ...spec } as Pod['spec'],
  });
}

const asking = (cpu: string): Partial<Pod['spec']> => ({
  containers: [{ name: 'c', image: 'i', resources: { requests: { cpu } } }],
});

async function usedOf(client: Client, clock: FakeClock): Promise<Amounts | undefined> {
  await clock.settle();
  return (await client.get(resources.resourceQuotas, { namespace, name: 'q' })).status?.used;
}

describe('quotas', () => {
  it('count what is there already, what comes and what goes', async () => {
    const { client, clock } = await start();
    await run(client, 'before');
    await limit(client, { pods: '5', 'count/pods': '9', configmaps: '3', 'count/jobs.batch': '1' });
    expect(await usedOf(client, clock)).toEqual({
      pods: '1',
      'count/pods': '1',
      configmaps: '0',
      'count/jobs.batch': '0',
    });
    await run(client, 'after');
    await client.create(resources.configMaps, { metadata: { name: 'c', namespace } });
    const finished = { type: 'merge', body: { status: { phase: 'Succeeded' } } } as const;
    await client.patch(resources.pods, { namespace, name: 'before' }, finished, { subresource: 'status' });
    expect(await usedOf(client, clock)).toMatchObject({ pods: '1', 'count/pods': '2', configmaps: '1' });
    await client.delete(resources.configMaps, { namespace, name: 'c' });
    expect(await usedOf(client, clock)).toMatchObject({ configmaps: '0' });
  });

  it('refuse what would be too much, in upstream’s words', async () => {
    const { client, clock } = await start();
    await limit(client, { pods: '2', 'requests.cpu': '1' });
    await run(client, 'a', asking('600m'));
    const error = await failureOf(run(client, 'b', asking('500m')));
    expect(error?.status).toMatchObject({
      code: 403,
      message:
        'pods "b" is forbidden: exceeded quota: q, requested: requests.cpu=500m, used: requests.cpu=600m, limited: requests.cpu=1',
    });
    await run(client, 'c', asking('400m'));
    expect(await usedOf(client, clock)).toEqual({ pods: '2', 'requests.cpu': '1' });
  });

  it('let in no more than is left when many ask at once', async () => {
    const { client, clock } = await start();
    await limit(client, { pods: '7' });
    const results = await Promise.allSettled(Array.from({ length: 50 }, (_, at) => run(client, `p-${at}`)));
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(7);
    expect(await usedOf(client, clock)).toEqual({ pods: '7' });
  });

  it('give back what was reserved for a write that failed', async () => {
    const { client } = await start();
    await limit(client, { pods: '2' });
    await run(client, 'a');
    for (let round = 0; round < 3; round++) {
      expect((await failureOf(run(client, 'a')))?.code).toBe(409);
      expect((await failureOf(run(client, 'b', { restartPolicy: 'Sometimes' })))?.code).toBe(422);
    }
    await run(client, 'b');
    expect((await failureOf(run(client, 'c')))?.code).toBe(403);
  });

  it('ask that containers say what is counted', async () => {
    const { client } = await start();
    await limit(client, { 'requests.cpu': '1', 'limits.memory': '1Gi' });
    expect((await failureOf(run(client, 'a')))?.message).toBe(
      'pods "a" is forbidden: failed quota: q: must specify limits.memory for: c; requests.cpu for: c',
    );
  });

  it('are about the Pods in their scope only', async () => {
    const { client, clock } = await start();
    await limit(client, { pods: '1' }, { scopes: ['Terminating'] });
    await run(client, 'a');
    await run(client, 'b', { activeDeadlineSeconds: 60 });
    expect((await failureOf(run(client, 'c', { activeDeadlineSeconds: 60 })))?.code).toBe(403);
    expect(await usedOf(client, clock)).toEqual({ pods: '1' });
  });

  it('count anew when they are changed, and no longer when they are gone', async () => {
    const { client, clock } = await start();
    await limit(client, { pods: '1' });
    await run(client, 'a');
    const ref = { namespace, name: 'q' };
    await client.patch(resources.resourceQuotas, ref, {
      type: 'merge',
      body: { spec: { hard: { pods: '2', secrets: '5' } } },
    });
    expect(await usedOf(client, clock)).toEqual({ pods: '1', secrets: '0' });
    await run(client, 'b');
    expect((await failureOf(run(client, 'c')))?.code).toBe(403);
    await client.delete(resources.resourceQuotas, ref);
    await run(client, 'c');
  });

  it('follow claims that grow', async () => {
    const { client, clock } = await start();
    await limit(client, { 'requests.storage': '3Gi', 'x.storageclass.storage.k8s.io/requests.storage': '2Gi' });
    const resourcesOf = (storage: string) => ({ resources: { requests: { storage } } });
    const spec = { accessModes: ['ReadWriteOnce'], storageClassName: 'x', ...resourcesOf('2Gi') };
    await client.create(resources.persistentVolumeClaims, { metadata: { name: 'a', namespace }, spec });
    expect(
      (await failureOf(client.create(resources.persistentVolumeClaims, { metadata: { name: 'b', namespace }, spec })))
        ?.message,
    ).toContain(
      'exceeded quota: q, requested: requests.storage=2Gi,x.storageclass.storage.k8s.io/requests.storage=2Gi',
    );
    expect(await usedOf(client, clock)).toMatchObject({ 'requests.storage': '2Gi' });
  });

  it('say the same after a restart', async () => {
    const { client, clock, server } = await start();
    await limit(client, { pods: '1' });
    await run(client, 'a');
    expect(await usedOf(client, clock)).toEqual({ pods: '1' });
    await server.stop();
    await server.start();
    expect((await failureOf(run(client, 'b')))?.code).toBe(403);
  });
});
