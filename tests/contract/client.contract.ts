import { describe, expect, it } from 'vitest';
import { parseTime, resources, type ConfigMap, type Job, type KubeObject, type Pod } from '../../src/api/index.ts';
import type { Client, WatchEvent } from '../../src/client/index.ts';
import { failureOf } from './client-kinds.ts';

/** A client on a server of its own, with the namespace `default` and its ServiceAccount in it. */
export interface ClientUnderTest {
  readonly client: Client;
  /** Lets what is under way go on until this holds; rejects if it never does. */
  eventually(check: () => boolean): Promise<void>;
  stop(): Promise<void>;
}

const namespace = 'default';
const { configMaps, pods, jobs, namespaces } = resources;

const map = (name: string, data: Record<string, string> = {}, labels: Record<string, string> = {}): ConfigMap =>
  ({ metadata: { name, namespace, labels }, data }) as unknown as ConfigMap;
const pod = (name: string, metadata: object = {}): Pod =>
  ({
    metadata: { name, namespace, ...metadata },
    spec: { containers: [{ name: 'main', image: 'rondo.dev/host', command: ['true'] }] },
  }) as unknown as Pod;

interface Watched<T> {
  readonly events: WatchEvent<T>[];
  readonly ends: (Error | undefined)[];
  close(): void;
}

function watched<T extends KubeObject>(
  client: Client,
  resource: Parameters<typeof client.watch<T>>[0],
  options: Parameters<typeof client.watch<T>>[1],
): Watched<T> {
  const events: WatchEvent<T>[] = [];
  const ends: (Error | undefined)[] = [];
  const { close } = bound(
    client.watch(resource, options, { onEvents: (batch) => events.push(...batch), onEnd: (error) => ends.push(error) }),
  );
  return { events, ends, close };
}

function bound(handle: { close(): void }): { close(): void } {
  return { close: () => handle.close() };
}

function summary<T extends KubeObject>(events: readonly WatchEvent<T>[]): string[] {
  return events.map((event) => `${event.type} ${event.type === 'BOOKMARK' ? '' : event.object.metadata.name}`);
}

/** What every Client promises, whatever lies between it and the server. */
export function clientContract(name: string, start: () => Promise<ClientUnderTest>): void {
  const check = (what: string, run: (under: ClientUnderTest) => Promise<void>): void => {
    it(what, async () => {
      const under = await start();
      try {
        await run(under);
      } finally {
        await under.stop();
      }
    });
  };

  describe(`Client contract: ${name}`, () => {
    check('creates, reads, lists, replaces and deletes', async ({ client }) => {
      const created = await client.create(configMaps, map('a', { k: '1' }));
      expect(created).toMatchObject({ kind: 'ConfigMap', apiVersion: 'v1', data: { k: '1' } });
      expect(await client.get(configMaps, { namespace, name: 'a' })).toEqual(created);
      const updated = await client.update(configMaps, { ...created, data: { k: '2' } });
      expect(Number(updated.metadata.resourceVersion)).toBeGreaterThan(Number(created.metadata.resourceVersion));
      const list = await client.list(configMaps, { namespace });
      expect(list.items).toEqual([updated]);
      expect(Number(list.resourceVersion)).toBeGreaterThanOrEqual(Number(updated.metadata.resourceVersion));
      await client.delete(configMaps, { namespace, name: 'a' });
      expect((await client.list(configMaps, { namespace })).items).toEqual([]);
    });

    check('gives out frozen objects and leaves alone what it is given', async ({ client }) => {
      const draft = pod('a', { labels: { x: 'y' } });
      const before = JSON.stringify(draft);
      const created = await client.create(pods, draft);
      expect(JSON.stringify(draft)).toBe(before);
      expect(Object.isFrozen(draft.spec)).toBe(false);
      expect(Object.isFrozen(created.spec.containers[0])).toBe(true);
      const status = { ...created.status, phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] };
      const updated = await client.updateStatus(pods, { ...created, status });
      expect(Object.isFrozen(status)).toBe(false);
      expect(Object.isFrozen(updated.status.conditions)).toBe(true);
    });

    check('takes frozen objects, and changes of parts of them', async ({ client }) => {
      const created = await client.create(jobs, {
        metadata: { name: 'j', namespace },
        spec: {
          template: { spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'i' }] } },
        } as Job['spec'],
      });
      const copy = await client.create(jobs, {
        metadata: { name: 'k', namespace },
        spec: { ...created.spec, selector: undefined, template: { ...created.spec.template, metadata: undefined } },
      } as unknown as Job);
      expect(copy.spec.template.spec).toEqual(created.spec.template.spec);
      const suspended = await client.update(jobs, { ...copy, spec: { ...copy.spec, suspend: true } });
      expect(suspended).toMatchObject({ spec: { suspend: true }, metadata: { generation: 2 } });
    });

    check('rejects with Statuses', async ({ client }) => {
      expect(await failureOf(client.get(configMaps, { namespace, name: 'x' }))).toMatchObject({
        status: { code: 404, reason: 'NotFound', message: 'configmaps "x" not found' },
      });
      const created = await client.create(configMaps, map('a'));
      expect(await failureOf(client.create(configMaps, map('a')))).toMatchObject({ reason: 'AlreadyExists' });
      await client.update(configMaps, { ...created, data: { k: '1' } });
      expect(await failureOf(client.update(configMaps, { ...created, data: { k: '2' } }))).toMatchObject({
        reason: 'Conflict',
      });
      const error = await failureOf(client.create(pods, { metadata: { name: 'p', namespace }, spec: {} } as Pod));
      expect(error).toMatchObject({ reason: 'Invalid' });
      expect(error?.status.details?.causes?.[0]).toMatchObject({ field: 'spec.containers' });
    });

    check('selects, and goes on where a limited list ended', async ({ client }) => {
      for (const name of ['a', 'b', 'c', 'd']) {
        await client.create(configMaps, map(name, {}, { even: String(name === 'b' || name === 'd') }));
      }
      const even = await client.list(configMaps, { namespace, labelSelector: 'even=true' });
      expect(even.items.map(({ metadata }) => metadata.name)).toEqual(['b', 'd']);
      const named = await client.list(configMaps, { fieldSelector: 'metadata.name=c' });
      expect(named.items.map(({ metadata }) => metadata.name)).toEqual(['c']);
      const first = await client.list(configMaps, { namespace, limit: 3 });
      const rest = await client.list(configMaps, { namespace, limit: 3, continue: first.continue ?? '' });
      expect([...first.items, ...rest.items].map(({ metadata }) => metadata.name)).toEqual(['a', 'b', 'c', 'd']);
      expect(rest.continue).toBeUndefined();
    });

    check('watches from a version on, in order', async ({ client, eventually }) => {
      await client.create(configMaps, map('before'));
      const { resourceVersion } = await client.list(configMaps, { namespace });
      const watch = watched(client, configMaps, { namespace, resourceVersion });
      const created = await client.create(configMaps, map('a'));
      await client.update(configMaps, { ...created, data: { k: '1' } });
      await client.delete(configMaps, { namespace, name: 'a' });
      await eventually(() => watch.events.length >= 3);
      expect(summary(watch.events)).toEqual(['ADDED a', 'MODIFIED a', 'DELETED a']);
      expect(watch.ends).toEqual([]);
      watch.close();
      await eventually(() => watch.ends.length > 0);
      const later = watched(client, configMaps, { namespace, resourceVersion });
      await client.create(configMaps, map('after'));
      await eventually(() => later.events.length >= 4);
      later.close();
      expect(watch.ends).toEqual([undefined]);
      expect(watch.events).toHaveLength(3);
    });

    check('watches with selectors', async ({ client, eventually }) => {
      const { resourceVersion } = await client.list(configMaps, { namespace });
      const watch = watched(client, configMaps, { namespace, resourceVersion, labelSelector: 'on=yes' });
      await client.create(configMaps, map('a', {}, { on: 'yes' }));
      await client.create(configMaps, map('b'));
      const body = { metadata: { labels: { on: 'no' } } };
      await client.patch(configMaps, { namespace, name: 'a' }, { type: 'merge', body });
      await eventually(() => watch.events.length >= 2);
      expect(summary(watch.events)).toEqual(['ADDED a', 'DELETED a']);
      watch.close();
    });

    check('ends a watch of a version that never was', async ({ client, eventually }) => {
      const watch = watched(client, configMaps, { namespace, resourceVersion: '99999999' });
      await eventually(() => watch.ends.length > 0);
      expect(watch.ends).toHaveLength(1);
      expect(watch.ends[0]).toMatchObject({ status: { code: 410, reason: 'Expired' } });
    });

    check('patches in three ways', async ({ client }) => {
      const finalizers = ['test.dev/one', 'test.dev/two'];
      const ref = { namespace, name: 'a' };
      await client.create(pods, pod('a', { finalizers }));
      const strategic = await client.patch(pods, ref, {
        type: 'strategic',
        body: { metadata: { '$deleteFromPrimitiveList/finalizers': ['test.dev/one'] } },
      });
      expect(strategic.metadata.finalizers).toEqual(['test.dev/two']);
      const merge = await client.patch(pods, ref, { type: 'merge', body: { metadata: { labels: { a: 'b' } } } });
      expect(merge.metadata.labels).toEqual({ a: 'b' });
      const op = { op: 'replace', path: '/metadata/labels/a', value: 'c' };
      expect((await client.patch(pods, ref, { type: 'json', body: [op] })).metadata.labels).toEqual({ a: 'c' });
      const status = await client.patch(
        pods,
        ref,
        { type: 'strategic', body: { status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] } } },
        { subresource: 'status' },
      );
      expect(status).toMatchObject({ status: { phase: 'Running' }, metadata: { generation: 1 } });
    });

    check('writes nothing in a dry run', async ({ client }) => {
      const created = await client.create(configMaps, map('a'), { dryRun: true });
      expect(created.metadata.uid).toBeTruthy();
      expect(await failureOf(client.get(configMaps, { namespace, name: 'a' }))).toMatchObject({ code: 404 });
    });

    check('binds a Pod once', async ({ client }) => {
      await client.create(pods, pod('a'));
      await client.bind({ namespace, name: 'a' }, 'node-1');
      expect((await client.get(pods, { namespace, name: 'a' })).spec.nodeName).toBe('node-1');
      expect(await failureOf(client.bind({ namespace, name: 'a' }, 'node-2'))).toMatchObject({ reason: 'Conflict' });
    });

    check('deletes with grace, preconditions and finalizers', async ({ client }) => {
      const ref = { namespace, name: 'a' };
      const { metadata } = await client.create(pods, pod('a', { finalizers: ['test.dev/hold'] }));
      await client.bind(ref, 'node-1');
      const wrong = client.delete(pods, ref, { preconditions: { uid: 'x' } });
      expect(await failureOf(wrong)).toMatchObject({ reason: 'Conflict' });
      await client.delete(pods, ref, { gracePeriodSeconds: 10, preconditions: { uid: metadata.uid } });
      expect((await client.get(pods, ref)).metadata).toMatchObject({ deletionGracePeriodSeconds: 10 });
      await client.delete(pods, ref, { gracePeriodSeconds: 0 });
      expect((await client.get(pods, ref)).metadata).toMatchObject({ deletionGracePeriodSeconds: 0 });
      await client.patch(pods, ref, { type: 'merge', body: { metadata: { finalizers: null } } });
      expect(await failureOf(client.get(pods, ref))).toMatchObject({ code: 404 });
    });

    check('deletes collections by selector', async ({ client }) => {
      for (const name of ['a', 'b']) await client.create(configMaps, map(name, {}, { name }));
      await client.deleteCollection(configMaps, { namespace, labelSelector: 'name=a' });
      const { items } = await client.list(configMaps, { namespace });
      expect(items.map(({ metadata }) => metadata.name)).toEqual(['b']);
    });

    check('finalizes namespaces', async ({ client }) => {
      await client.create(namespaces, { metadata: { name: 'n' }, spec: {} });
      await client.delete(namespaces, { name: 'n' });
      expect((await client.get(namespaces, { name: 'n' })).status.phase).toBe('Terminating');
      await client.finalizeNamespace('n');
      expect(await failureOf(client.get(namespaces, { name: 'n' }))).toMatchObject({ code: 404 });
    });

    check('evicts a Pod: says why, then deletes it', async ({ client }) => {
      const { metadata } = await client.create(pods, {
        ...pod('a'),
        metadata: { ...pod('a').metadata, finalizers: ['x.dev/y'] },
      });
      await client.bind({ namespace, name: 'a' }, 'node-1');
      const ref = { namespace, name: 'a' };
      const other = client.evict(ref, { preconditions: { uid: 'other' } });
      expect(await failureOf(other)).toMatchObject({ code: 409 });
      await client.evict(ref, { gracePeriodSeconds: 7, preconditions: { uid: metadata.uid } });
      const evicted = await client.get(pods, ref);
      expect(evicted.metadata.deletionGracePeriodSeconds).toBe(7);
      expect(evicted.status.conditions?.find(({ type }) => type === 'DisruptionTarget')).toMatchObject({
        status: 'True',
        reason: 'EvictionByEvictionAPI',
        message: 'Eviction API: evicting',
      });
      expect(await failureOf(client.evict({ namespace, name: 'none' }))).toMatchObject({ code: 404 });
    });

    check('asks for a token of a ServiceAccount, bound to a Pod', async ({ client }) => {
      const { metadata } = await client.create(pods, pod('a'));
      const boundObjectRef = { apiVersion: 'v1', kind: 'Pod', name: 'a', uid: metadata.uid };
      const account = { namespace, name: 'default' };
      const { token, expirationTimestamp } = await client.createToken(account, { boundObjectRef });
      const payload = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as object;
      expect(payload).toMatchObject({
        sub: 'system:serviceaccount:default:default',
        exp: parseTime(expirationTimestamp) / 1000,
        'kubernetes.io': { namespace, pod: { name: 'a', uid: metadata.uid } },
      });
      expect(await failureOf(client.createToken({ namespace, name: 'none' }, {}))).toMatchObject({
        message: 'serviceaccounts "none" not found',
      });
    });

    check('streams the log of a Pod', async ({ client }) => {
      const { status } = await client.create(pods, pod('a'));
      await client.bind({ namespace, name: 'a' }, 'node-1');
      const state = { running: { startedAt: '2026-01-01T00:00:00Z' } };
      const main = { name: 'main', image: 'i', imageID: '', ready: true, restartCount: 0, state };
      const running = { status: { ...status, phase: 'Running', containerStatuses: [main] } };
      const ref = { namespace, name: 'a' };
      await client.patch(pods, ref, { type: 'merge', body: running }, { subresource: 'status' });
      const chunks: Uint8Array[] = [];
      for await (const chunk of client.podLog(ref, { container: 'main' })) chunks.push(chunk);
      expect(Buffer.concat(chunks).toString()).toBe('one\ntwo\n');
      const missing = async (): Promise<void> => {
        for await (const _ of client.podLog({ namespace, name: 'x' }, {})) break;
      };
      expect(await failureOf(missing())).toMatchObject({ code: 404 });
    });

    check('says that it does not know a kind', async ({ client }) => {
      const unknown = { group: 'x.dev', version: 'v1', resource: 'things', kind: 'Thing', namespaced: true };
      expect(await failureOf(client.list(unknown, { namespace }))).toMatchObject({ code: 404 });
    });
  });
}
