import { describe, expect, it } from 'vitest';
import { failureOf, tester } from '../../../tests/contract/client-kinds.ts';
import { resources, type Pod, type PodSpec, type ServiceAccount } from '../../api/index.ts';
import type { Client } from '../../client/index.ts';
import { seededRandom } from '../../clock/index.ts';
import { silentLogger } from '../../log/index.ts';
import { createMemoryStore } from '../../store/index.ts';
import { FakeClock } from '../../testing/index.ts';
import { createInProcessClient } from '../in-process-client.ts';
import { noPods } from '../no-pods.ts';
import { createOperations } from '../registry/create-operations.ts';
import { allKinds } from '../resources/index.ts';
import { testIssuer } from '../tokens/test-issuer.fixture.ts';
import { defaultAdmission } from './index.ts';

const path = '/var/run/secrets/kubernetes.io/serviceaccount';

/** A namespace `n` with one ServiceAccount. */
async function withAccount(name: string, parts: Partial<ServiceAccount> = {}): Promise<Client> {
  const clock = new FakeClock();
  const [store, random] = [createMemoryStore({ clock }), seededRandom(1)];
  const operations = createOperations({
    ...{ store, clock, random, kinds: allKinds, admission: defaultAdmission(store, random) },
    ...{ log: silentLogger, tokens: testIssuer(clock) },
  });
  const client = createInProcessClient(operations, tester, noPods);
  await client.create(resources.namespaces, { metadata: { name: 'n' }, spec: {} });
  const { metadata, ...rest } = parts;
  await client.create(resources.serviceAccounts, { metadata: { ...metadata, name, namespace: 'n' }, ...rest });
  return client;
}

const container = { name: 'c', image: 'i' };

function createPod(client: Client, spec: Partial<PodSpec> = {}): Promise<Pod> {
  const metadata = { name: 'p', namespace: 'n' };
  return client.create(resources.pods, { metadata, spec: { containers: [container], ...spec } });
}

function mountsOf({ spec }: Pod): unknown[] {
  return [...(spec.initContainers ?? []), ...spec.containers].map(({ volumeMounts = [] }) =>
    volumeMounts.map(({ name, mountPath, readOnly }) => `${name} ${mountPath}${readOnly === true ? ' ro' : ''}`),
  );
}

describe('the admission plugin ServiceAccount', () => {
  it('lets Pods run as default', async () => {
    const pod = await createPod(await withAccount('default'));
    expect(pod.spec).toMatchObject({ serviceAccountName: 'default', serviceAccount: 'default' });
  });

  it('keeps the account that a Pod asks for', async () => {
    const pod = await createPod(await withAccount('robot'), { serviceAccountName: 'robot' });
    expect(pod.spec).toMatchObject({ serviceAccountName: 'robot', serviceAccount: 'robot' });
  });

  it('refuses Pods of an account that does not exist', async () => {
    const error = await failureOf(createPod(await withAccount('robot')));
    expect(error?.status).toMatchObject({
      code: 403,
      message: 'pods "p" is forbidden: error looking up service account n/default: serviceaccount "default" not found',
    });
  });

  it('gives every container token, CA and namespace at the usual path', async () => {
    const client = await withAccount('default');
    const { spec } = await createPod(client, { initContainers: [{ ...container, name: 'i' }] });
    const [volume] = spec.volumes ?? [];
    expect(volume).toEqual({
      name: expect.stringMatching(/^kube-api-access-[a-z0-9]{5}$/) as string,
      projected: {
        sources: [
          { serviceAccountToken: { expirationSeconds: 3607, path: 'token' } },
          { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
          {
            downwardAPI: {
              items: [{ path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } }],
            },
          },
        ],
        defaultMode: 420,
      },
    });
    const mount = { name: volume?.name, readOnly: true, mountPath: path };
    expect(spec.initContainers?.[0]?.volumeMounts).toEqual([mount]);
    expect(spec.containers[0]?.volumeMounts).toEqual([mount]);
  });

  it('leaves alone containers that mount something else there', async () => {
    const client = await withAccount('default');
    const own = { ...container, name: 'own', volumeMounts: [{ name: 'v', mountPath: path }] };
    const volumes = [{ name: 'v', emptyDir: {} }];
    const both = await createPod(client, { volumes, containers: [own, container] });
    const name = both.spec.volumes?.[1]?.name;
    expect(mountsOf(both)).toEqual([[`v ${path}`], [`${name} ${path} ro`]]);
    await client.delete(resources.pods, { namespace: 'n', name: 'p' }, { gracePeriodSeconds: 0 });
    expect((await createPod(client, { volumes, containers: [own] })).spec.volumes).toEqual(volumes);
  });

  it('uses a volume of that name which is there already', async () => {
    const client = await withAccount('default');
    const pod = await createPod(client, { volumes: [{ name: 'kube-api-access-mine', emptyDir: {} }] });
    expect(pod.spec.volumes).toHaveLength(1);
    expect(mountsOf(pod)).toEqual([[`kube-api-access-mine ${path} ro`]]);
  });

  it.each([
    [undefined, undefined, true],
    [undefined, false, false],
    [true, false, true],
    [false, true, false],
    [false, undefined, false],
  ])('automount: the Pod says %s, its account %s: mounted is %s', async (ofPod, ofAccount, mounted) => {
    const client = await withAccount('default', { automountServiceAccountToken: ofAccount });
    const { spec } = await createPod(client, { automountServiceAccountToken: ofPod });
    expect(spec.volumes?.length ?? 0).toBe(mounted ? 1 : 0);
  });

  it('lets Pods pull images with the secrets of their account, unless they name some', async () => {
    const client = await withAccount('default', { imagePullSecrets: [{ name: 'registry' }] });
    expect((await createPod(client)).spec.imagePullSecrets).toEqual([{ name: 'registry' }]);
    await client.delete(resources.pods, { namespace: 'n', name: 'p' }, { gracePeriodSeconds: 0 });
    const own = [{ name: 'own' }];
    expect((await createPod(client, { imagePullSecrets: own })).spec.imagePullSecrets).toEqual(own);
  });

  const fromSecret = { name: 'PASSWORD', valueFrom: { secretKeyRef: { name: 's', key: 'k' } } };
  it.each<[string, Partial<PodSpec>, string]>([
    [
      'a volume',
      { volumes: [{ name: 'v', secret: { secretName: 's' } }] },
      'volume with secret.secretName="s" is not allowed because service account default does not reference that secret',
    ],
    [
      'a variable',
      { containers: [{ ...container, env: [fromSecret] }] },
      'container c with envVar PASSWORD referencing secret.secretName="s" is not allowed because service account default does not reference that secret',
    ],
    [
      'all variables of an init container',
      { initContainers: [{ ...container, name: 'i', envFrom: [{ secretRef: { name: 's' } }] }] },
      'init container i with envFrom referencing secret.secretName="s" is not allowed because service account default does not reference that secret',
    ],
    [
      'a pull secret',
      { imagePullSecrets: [{ name: 's' }] },
      'imagePullSecrets[0].name="s" is not allowed because service account default does not reference that imagePullSecret',
    ],
  ])('refuses %s that the account does not list, where it keeps its Pods to its list', async (_, spec, text) => {
    const annotations = { 'kubernetes.io/enforce-mountable-secrets': 'true' };
    const strict = await withAccount('default', { metadata: { annotations } as unknown as ServiceAccount['metadata'] });
    expect((await failureOf(createPod(strict, spec)))?.message).toBe(`pods "p" is forbidden: ${text}`);
    const listed = [{ name: 's' }];
    const generous = await withAccount('default', {
      metadata: { annotations } as unknown as ServiceAccount['metadata'],
      secrets: listed,
      imagePullSecrets: listed,
    });
    expect((await createPod(generous, spec)).metadata.uid).toBeTruthy();
    expect((await createPod(await withAccount('default'), spec)).metadata.uid).toBeTruthy();
  });
});
