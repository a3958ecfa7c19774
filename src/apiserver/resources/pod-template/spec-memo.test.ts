import { describe, expect, it } from 'vitest';
import { tester } from '../../../../tests/contract/client-kinds.ts';
import { deepFreeze, resources, type Pod, type PodSpec } from '../../../api/index.ts';
import type { Client } from '../../../client/index.ts';
import { seededRandom } from '../../../clock/index.ts';
import { silentLogger } from '../../../log/index.ts';
import { createMemoryStore } from '../../../store/index.ts';
import { FakeClock } from '../../../testing/index.ts';
import { createInProcessClient } from '../../in-process-client.ts';
import { noPods } from '../../no-pods.ts';
import { createOperations } from '../../registry/create-operations.ts';
import { allKinds } from '../index.ts';
import { testIssuer } from '../../tokens/test-issuer.fixture.ts';
import { defaultAdmission } from '../../admission/index.ts';

async function cluster(): Promise<Client> {
  const clock = new FakeClock();
  const [store, random] = [createMemoryStore({ clock }), seededRandom(1)];
  const operations = createOperations({
    ...{ store, clock, random, kinds: allKinds, admission: defaultAdmission(store, random) },
    ...{ log: silentLogger, tokens: testIssuer(clock) },
  });
  const client = createInProcessClient(operations, tester, noPods);
  await client.create(resources.namespaces, { metadata: { name: 'n' }, spec: {} });
  await client.create(resources.serviceAccounts, { metadata: { name: 'default', namespace: 'n' } });
  return client;
}

describe('Pods of one template', () => {
  /** As a stored template is: with all defaults, and frozen. */
  async function templateOf(client: Client): Promise<PodSpec> {
    const job = await client.create(resources.jobs, {
      metadata: { name: 'j', namespace: 'n' },
      spec: { template: { spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'i' }] } } },
    });
    return deepFreeze(job.spec.template.spec as PodSpec);
  }

  function create(client: Client, spec: PodSpec, generateName = 'p-'): Promise<Pod> {
    return client.create(resources.pods, { metadata: { generateName, namespace: 'n' }, spec });
  }

  it('share what admission makes of it', async () => {
    const client = await cluster();
    const spec = await templateOf(client);
    const [first, second] = [await create(client, spec), await create(client, spec)];
    expect(first.spec.volumes).toHaveLength(1);
    expect(second.spec).toBe(first.spec);
  });

  it('get what holds now, not what held for those before them', async () => {
    const client = await cluster();
    const spec = await templateOf(client);
    expect((await create(client, spec)).spec).toMatchObject({ priority: 0, volumes: [{}] });
    await client.create(resources.priorityClasses, { metadata: { name: 'usual' }, value: 7, globalDefault: true });
    const account = await client.get(resources.serviceAccounts, { namespace: 'n', name: 'default' });
    await client.update(resources.serviceAccounts, { ...account, automountServiceAccountToken: false });
    const later = (await create(client, spec)).spec;
    expect(later).toMatchObject({ priority: 7, priorityClassName: 'usual' });
    expect(later.volumes).toBeUndefined();
    await client.create(resources.limitRanges, {
      metadata: { name: 'l', namespace: 'n' },
      spec: { limits: [{ type: 'Container', max: { cpu: '1' } }] },
    });
    expect((await create(client, spec)).spec.containers[0]?.resources?.limits).toEqual({ cpu: '1' });
    await client.delete(resources.limitRanges, { namespace: 'n', name: 'l' });
    expect((await create(client, spec)).spec).toBe(later);
  });
});
