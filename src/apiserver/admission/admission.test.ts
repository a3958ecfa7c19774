import { describe, expect, it } from 'vitest';
import { failureOf, tester } from '../../../tests/contract/client-kinds.ts';
import { resources, type Pod, type PriorityClass, type RuntimeClass } from '../../api/index.ts';
import type { Client } from '../../client/index.ts';
import { silentLogger } from '../../log/index.ts';
import { createMemoryStore, type Store } from '../../store/index.ts';
import { FakeClock, seededRandom } from '../../testing/index.ts';
import { createInProcessClient } from '../in-process-client.ts';
import { createOperations } from '../registry/create-operations.ts';
import { noPods } from '../no-pods.ts';
import { allKinds } from '../resources/index.ts';
import { defaultAdmission } from './index.ts';
import { testIssuer } from '../tokens/test-issuer.fixture.ts';

function start(): { client: Client; store: Store } {
  const clock = new FakeClock();
  const store = createMemoryStore({ clock });
  const operations = createOperations({
    store,
    kinds: allKinds,
    admission: defaultAdmission(store, seededRandom(1)),
    clock,
    random: seededRandom(1),
    log: silentLogger,
    tokens: testIssuer(clock),
  });
  return { client: createInProcessClient(operations, tester, noPods), store };
}

async function withNamespace(...accounts: string[]): Promise<ReturnType<typeof start>> {
  const started = start();
  await started.client.create(resources.namespaces, { metadata: { name: 'n' }, spec: {} });
  for (const name of accounts) {
    await started.client.create(resources.serviceAccounts, { metadata: { name, namespace: 'n' } });
  }
  return started;
}

function podDraft(spec: Partial<Pod['spec']> = {}): Parameters<typeof createPod>[1] {
  return {
    metadata: { name: 'p', namespace: 'n' },
    spec: { containers: [{ name: 'c', image: 'i' }], ...spec } as Pod['spec'],
  };
}

function createPod(
  client: Client,
  draft: { metadata: { name: string; namespace: string }; spec: Pod['spec'] },
): Promise<Pod> {
  return client.create(resources.pods, draft);
}

describe('NamespaceLifecycle', () => {
  it('refuses to create in a namespace that is missing', async () => {
    const { client } = start();
    const error = await failureOf(client.create(resources.configMaps, { metadata: { name: 'c', namespace: 'n' } }));
    expect(error?.status).toMatchObject({ code: 404, message: 'namespaces "n" not found' });
  });

  it('refuses to create in a namespace that is being deleted, in words that clients look for', async () => {
    const { client } = await withNamespace();
    await client.delete(resources.namespaces, { name: 'n' });
    const error = await failureOf(client.create(resources.configMaps, { metadata: { name: 'c', namespace: 'n' } }));
    expect(error?.status).toMatchObject({
      code: 403,
      reason: 'Forbidden',
      message:
        'configmaps "c" is forbidden: unable to create new content in namespace n because it is being terminated',
      details: { causes: [{ reason: 'NamespaceTerminating', field: 'metadata.namespace' }] },
    });
  });

  it.each(['default', 'kube-system', 'kube-public', 'kube-node-lease'])('keeps %s', async (name) => {
    const { client } = start();
    await client.create(resources.namespaces, { metadata: { name }, spec: {} });
    const error = await failureOf(client.delete(resources.namespaces, { name }));
    expect(error?.status).toMatchObject({
      code: 403,
      message: `namespaces "${name}" is forbidden: this namespace may not be deleted`,
    });
  });

  it('looks at one key, however many objects there are', async () => {
    const { client, store } = await withNamespace();
    const lookups = async (name: string): Promise<number> => {
      const before = store.counters.indexLookups;
      await client.create(resources.configMaps, { metadata: { name, namespace: 'n' } });
      return store.counters.indexLookups - before;
    };
    const few = await lookups('first');
    for (let i = 0; i < 500; i++) await lookups(`c${i}`);
    expect(await lookups('last')).toBe(few);
  });
});

describe('DefaultTolerationSeconds', () => {
  it('tolerates lost nodes for five minutes', async () => {
    const { client } = await withNamespace('default');
    const pod = await createPod(client, podDraft());
    expect(pod.spec.tolerations).toEqual([
      { key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 },
      { key: 'node.kubernetes.io/unreachable', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 },
    ]);
  });

  it('leaves alone what the Pod says itself', async () => {
    const { client } = await withNamespace('default');
    const all = { operator: 'Exists' };
    expect((await createPod(client, podDraft({ tolerations: [all] }))).spec.tolerations).toEqual([all]);
  });
});

describe('RuntimeClass', () => {
  const toleration = { key: 'k', operator: 'Exists' };

  async function withClass(parts: object = {}): Promise<Client> {
    const { client } = await withNamespace('default');
    await client.create<RuntimeClass>(resources.runtimeClasses, {
      metadata: { name: 'sandbox' },
      ...{ handler: 'sandbox', ...parts },
    });
    return client;
  }

  it('refuses Pods of a class that does not exist', async () => {
    const client = await withClass();
    const error = await failureOf(createPod(client, podDraft({ runtimeClassName: 'none' })));
    expect(error?.status).toMatchObject({
      code: 403,
      message: 'pods "p" is forbidden: pod rejected: RuntimeClass "none" not found',
    });
  });

  it('gives Pods the overhead and the place of their class', async () => {
    const podFixed = { cpu: '10m' };
    const client = await withClass({
      overhead: { podFixed },
      scheduling: { nodeSelector: { a: 'b' }, tolerations: [toleration] },
    });
    const pod = await createPod(client, podDraft({ runtimeClassName: 'sandbox', nodeSelector: { c: 'd' } }));
    expect(pod.spec).toMatchObject({ overhead: podFixed, nodeSelector: { a: 'b', c: 'd' } });
    expect(pod.spec.tolerations).toContainEqual(toleration);
  });

  it.each([
    ['another overhead', { runtimeClassName: 'sandbox', overhead: { cpu: '2' } }, "Pod's Overhead doesn't match"],
    ['an overhead without a class', { overhead: { cpu: '2' } }, 'Pod Overhead set without corresponding'],
    ['another place', { runtimeClassName: 'sandbox', nodeSelector: { a: 'x' } }, 'conflict: runtimeClass.scheduling'],
  ])('refuses Pods that ask for %s', async (_what, spec, message) => {
    const client = await withClass({ overhead: { podFixed: { cpu: '1' } }, scheduling: { nodeSelector: { a: 'b' } } });
    const error = await failureOf(createPod(client, podDraft(spec)));
    expect(error?.status).toMatchObject({ code: 403, message: expect.stringContaining(message) as string });
  });
});

describe('Priority', () => {
  async function withClass(parts: object = {}): Promise<Client> {
    const { client } = await withNamespace('default');
    await createClass(client, 'high', { value: 100, ...parts });
    return client;
  }

  function createClass(client: Client, name: string, parts: object): Promise<PriorityClass> {
    return client.create<PriorityClass>(resources.priorityClasses, { metadata: { name }, value: 0, ...parts });
  }

  it('is that of the class', async () => {
    const client = await withClass({ preemptionPolicy: 'Never' });
    const pod = await createPod(client, podDraft({ priorityClassName: 'high' }));
    expect(pod.spec).toMatchObject({ priorityClassName: 'high', priority: 100, preemptionPolicy: 'Never' });
  });

  it('is nothing without a class, or that of the default class', async () => {
    const client = await withClass();
    expect((await createPod(client, podDraft())).spec).toMatchObject({
      priority: 0,
      preemptionPolicy: 'PreemptLowerPriority',
    });
    await createClass(client, 'usual', { value: 7, globalDefault: true });
    const draft = podDraft();
    const pod = await createPod(client, { ...draft, metadata: { ...draft.metadata, name: 'q' } });
    expect(pod.spec).toMatchObject({ priorityClassName: 'usual', priority: 7 });
  });

  it.each([
    ['a class that does not exist', { priorityClassName: 'none' }, 'no PriorityClass with name none was found'],
    [
      'another number',
      { priorityClassName: 'high', priority: 5 },
      'the integer value of priority (5) must not be provided in pod spec; priority admission controller computed 100 from the given PriorityClass name',
    ],
    [
      'another policy',
      { preemptionPolicy: 'Never' },
      'the string value of PreemptionPolicy (Never) must not be provided in pod spec; priority admission controller computed PreemptLowerPriority from the given PriorityClass name',
    ],
  ])('refuses Pods that ask for %s', async (_what, spec, reason) => {
    const client = await withClass();
    const error = await failureOf(createPod(client, podDraft(spec)));
    expect(error?.status).toMatchObject({ code: 403, message: `pods "p" is forbidden: ${reason}` });
  });

  it('has one default', async () => {
    const client = await withClass({ globalDefault: true });
    const error = await failureOf(createClass(client, 'other', { globalDefault: true }));
    expect(error?.message).toBe(
      'priorityclasses.scheduling.k8s.io "other" is forbidden: PriorityClass high is already marked as default. Only one default can exist',
    );
  });
});
