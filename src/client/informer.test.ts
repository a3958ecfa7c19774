import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { failure, resources, type ConfigMap } from '../api/index.ts';
import { silentLogger } from '../log/index.ts';
import { FakeClient, FakeClock, seededRandom } from '../testing/index.ts';
import { createInformer } from './create-informer.ts';
import { createInformers } from './create-informers.ts';
import type { InformerOptions } from './informer.ts';

const owners = (map: ConfigMap): string[] => Object.values(map.data ?? {});

function setUp(options: InformerOptions<ConfigMap> = { indexes: { owners } }) {
  const clock = new FakeClock();
  const client = new FakeClient(clock);
  const context = { clock, random: seededRandom(1), log: silentLogger };
  const informer = createInformer(client, resources.configMaps, options, context);
  const seen: string[] = [];
  informer.addHandler({
    onAdd: (object) => seen.push(`add ${object.metadata.name}`),
    onUpdate: (object, previous) =>
      seen.push(`update ${object.metadata.name} ${JSON.stringify(previous.data)} to ${JSON.stringify(object.data)}`),
    onDelete: (object) => seen.push(`delete ${object.metadata.name}`),
  });
  const create = (name: string, data: Record<string, string> = {}) =>
    client.create(resources.configMaps, { metadata: { namespace: 'default', name }, data });
  const set = (name: string, data: Record<string, string>) =>
    client.patch(resources.configMaps, { namespace: 'default', name }, { type: 'merge', body: { data } });
  const remove = (name: string) => client.delete(resources.configMaps, { namespace: 'default', name });
  const names = () => [...informer.values()].map((object) => object.metadata.name).toSorted();
  return { clock, client, informer, seen, create, set, remove, names };
}

const unavailable = () => failure({ code: 503, reason: 'ServiceUnavailable', message: 'down' });

describe('informer', () => {
  it('is synced after all pages of the first list and their handlers', async () => {
    const { informer, client, create, seen } = setUp();
    for (let count = 0; count < 1201; count++) await create(`map-${count}`);
    await informer.start();
    expect([informer.size, seen.length, client.callsOf('list').length]).toEqual([1201, 1201, 3]);
    informer.stop();
  });

  it('follows changes, with the cache changed before handlers run', async () => {
    const { informer, clock, create, set, remove, seen } = setUp();
    await informer.start();
    const sizes: number[] = [];
    informer.addHandler({ onAdd: () => sizes.push(informer.size), onDelete: () => sizes.push(informer.size) });
    await create('a');
    await set('a', { x: '1' });
    await clock.settle();
    expect(informer.get('default/a')?.data).toEqual({ x: '1' });
    await remove('a');
    await clock.settle();
    expect(seen).toEqual(['add a', 'update a {} to {"x":"1"}', 'delete a']);
    expect(sizes).toEqual([1, 0]);
    expect(informer.get('default/a')).toBeUndefined();
  });

  it('keeps indexes true through updates and deletions', async () => {
    const { informer, clock, create, set, remove } = setUp();
    await informer.start();
    await create('a', { 1: 'x' });
    await create('b', { 1: 'x', 2: 'y' });
    await create('c', { 1: 'y' });
    await clock.settle();
    const named = (value: string) => informer.byIndex('owners', value).map((object) => object.metadata.name);
    expect([named('x'), named('y'), named('z')]).toEqual([['a', 'b'], ['b', 'c'], []]);
    await set('b', { 1: 'z' });
    await remove('c');
    await clock.settle();
    expect([named('x'), named('y'), named('z')]).toEqual([['a'], ['b'], ['b']]);
    expect(() => informer.byIndex('unknown', 'x')).toThrow('no index named unknown');
  });

  it('always agrees with a scan, whatever happens', async () => {
    const step = fc.record({
      name: fc.constantFrom('a', 'b', 'c'),
      how: fc.constantFrom('put', 'delete', 'end', 'compact', 'settle'),
      values: fc.dictionary(fc.constantFrom('1', '2'), fc.constantFrom('x', 'y', 'z')),
    });
    const property = fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const { informer, clock, client, create, set, remove } = setUp();
      await informer.start();
      for (const { name, how, values } of steps) {
        const exists = client.all(resources.configMaps).some((object) => object.metadata.name === name);
        if (how === 'put') await (exists ? set(name, { 1: '', 2: '', ...values }) : create(name, values));
        else if (how === 'delete' && exists) await remove(name);
        else if (how === 'end') client.endWatches();
        else if (how === 'compact') client.compact();
        else if (how === 'settle') await clock.settle();
      }
      await clock.advance(120_000);
      const truth = client.all(resources.configMaps);
      const byName = (a: ConfigMap, b: ConfigMap) => a.metadata.name.localeCompare(b.metadata.name);
      expect([...informer.values()].toSorted(byName)).toEqual(truth.toSorted(byName));
      for (const value of ['x', 'y', 'z']) {
        const scanned = truth.filter((object) => owners(object).includes(value));
        expect([...informer.byIndex('owners', value)].toSorted(byName)).toEqual(scanned.toSorted(byName));
      }
      informer.stop();
    });
    await fc.assert(property, { numRuns: 100, seed: 20260102 });
  });

  it('watches again from where it was when a watch ends without an error', async () => {
    const { informer, clock, client, create, names } = setUp();
    await informer.start();
    await create('a');
    await clock.advance(5000);
    client.endWatches();
    await create('b');
    await clock.settle();
    expect(names()).toEqual(['a', 'b']);
    expect([client.callsOf('list').length, client.callsOf('watch').length]).toEqual([1, 2]);
  });

  it('lists again after 410 and tells handlers the difference', async () => {
    const { informer, clock, client, create, set, remove, seen } = setUp();
    await informer.start();
    for (const name of ['same', 'changed', 'gone', 'replaced']) await create(name);
    await clock.advance(5000);
    seen.length = 0;
    client.endWatches(failure({ code: 410, reason: 'Expired', message: 'too old' }));
    const writes = [set('changed', { x: '1' }), remove('gone'), remove('replaced'), create('replaced'), create('new')];
    client.compact();
    await Promise.all(writes);
    await clock.settle();
    expect(seen.toSorted()).toEqual([
      'add new',
      'add replaced',
      'delete gone',
      'delete replaced',
      'update changed {} to {"x":"1"}',
      'update same {} to {}',
    ]);
  });

  it('does not keep an object that vanished between two attempts at one list', async () => {
    const { informer, clock, client, create, remove, names } = setUp();
    for (let count = 0; count < 501; count++) await create(`map-${count}`);
    await informer.start();
    client.onCall = ({ verb, detail }) => {
      if (verb === 'list' && (detail as { continue?: string }).continue !== undefined) throw unavailable();
    };
    client.compact();
    client.endWatches(failure({ code: 410, reason: 'Expired', message: 'too old' }));
    await clock.settle();
    await remove('map-0');
    client.onCall = () => undefined;
    await clock.advance(60_000);
    expect([informer.size, names().includes('map-0')]).toEqual([500, false]);
  });

  it('backs off from 0.8 s to 30 s while the server fails, and syncs when it is back', async () => {
    const { informer, clock, client } = setUp();
    client.onCall = ({ verb }) => {
      if (verb === 'list') throw unavailable();
    };
    const starting = informer.start();
    const waits: number[] = [];
    for (let attempt = 0; attempt < 8; attempt++) {
      const before = clock.monotonic();
      await clock.advanceToNextTimer();
      waits.push(clock.monotonic() - before);
    }
    for (const [attempt, wait] of waits.entries()) {
      expect(wait).toBeGreaterThanOrEqual(Math.min(800 * 2 ** attempt, 30_000));
      expect(wait).toBeLessThanOrEqual(Math.min(1600 * 2 ** attempt, 30_000));
    }
    client.onCall = () => undefined;
    await clock.advance(30_000);
    await starting;
    expect(informer.size).toBe(0);
  });

  it('does not spin when every watch ends at once', async () => {
    const { informer, clock, client } = setUp();
    await informer.start();
    for (let second = 0; second < 60; second++) {
      client.endWatches();
      await clock.advance(1000);
    }
    expect(client.callsOf('watch').length).toBeLessThan(65);
    client.endWatches();
    client.endWatches();
    await clock.settle();
    expect(client.callsOf('list').length).toBe(1);
  });

  it('keeps only what the transform leaves, also for handlers', async () => {
    const strip = (object: ConfigMap): ConfigMap => ({ ...object, data: { slim: 'yes' } });
    const { informer, clock, create, set, remove, seen } = setUp({ transform: strip });
    await create('a', { big: 'x'.repeat(1000) });
    await informer.start();
    await set('a', { big: 'y' });
    await clock.settle();
    expect(informer.get('default/a')?.data).toEqual({ slim: 'yes' });
    await remove('a');
    await clock.settle();
    expect(seen).toEqual(['add a', 'update a {"slim":"yes"} to {"slim":"yes"}', 'delete a']);
  });

  it('keeps whole objects, and loses no event, where its transform throws', async () => {
    const transform = (map: ConfigMap): ConfigMap => {
      if (map.data?.['bad'] !== undefined) throw new Error('broken');
      return { ...map, data: { slim: 'yes' } };
    };
    const { informer, clock, create, set, remove } = setUp({ transform });
    await create('a');
    await create('b', { bad: '1' });
    await informer.start();
    await set('a', { bad: '2' });
    await remove('b');
    await create('c');
    await clock.settle();
    expect([...informer.values()].map(({ metadata, data }) => [metadata.name, data])).toEqual([
      ['a', { bad: '2' }],
      ['c', { slim: 'yes' }],
    ]);
    informer.stop();
  });

  it('goes on when a handler throws', async () => {
    const { informer, clock, create } = setUp();
    await informer.start();
    const later: string[] = [];
    informer.addHandler({
      onAdd: () => {
        throw new Error('broken');
      },
    });
    informer.addHandler({ onAdd: (object) => later.push(object.metadata.name) });
    await create('a');
    await create('b');
    await clock.settle();
    expect(later).toEqual(['a', 'b']);
  });

  it('leaves no watch and no timer behind when stopped', async () => {
    const { informer, clock, client, create } = setUp();
    await informer.start();
    informer.stop();
    await create('a');
    await clock.advance(60_000);
    expect([informer.size, clock.pendingTimers, client.callsOf('watch').length]).toEqual([0, 0, 1]);
  });
});

describe('shared informers', () => {
  it('serve all callers of one kind from one watch, each with its own index', async () => {
    const clock = new FakeClock();
    const client = new FakeClient(clock);
    const informers = createInformers({ client, clock, random: seededRandom(1), log: silentLogger });
    const first = informers.of(resources.configMaps, { owners });
    const second = informers.of(resources.configMaps, { first: (map) => owners(map).slice(0, 1) });
    informers.configure(resources.configMaps, {
      transform: ({ apiVersion, kind, metadata }) => ({ apiVersion, kind, metadata }),
    });
    expect(second).toBe(first);
    await client.create(resources.configMaps, { metadata: { namespace: 'default', name: 'a' }, data: { x: 'y' } });
    await informers.start();
    expect(first.get('default/a')?.metadata.name).toBe('a');
    expect(first.get('default/a')).not.toHaveProperty('data');
    expect(client.callsOf('watch').length).toBe(1);
    expect(() => informers.of(resources.configMaps, { late: owners })).toThrow('runs already');
    informers.stop();
  });
});
