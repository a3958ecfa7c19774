import { describe, expect, it, vi } from 'vitest';
import {
  boxKind,
  draftOf,
  failureOf,
  startBench,
  widgetKind,
  type Bench,
  type BenchOptions,
} from '../../../tests/contract/client-kinds.ts';
import type { ListQuery, Stored, StoredList } from '../operations.ts';

/** Widgets w00, w01, … in two namespaces, with app and color taking turns. */
async function withWidgets(count: number, options: BenchOptions = {}): Promise<Bench> {
  const bench = startBench(options);
  for (let i = 0; i < count; i++) {
    const labels = { app: i % 2 === 0 ? 'even' : 'odd', tier: i % 3 === 0 ? 'third' : 'other' };
    const draft = draftOf(`w${String(i).padStart(2, '0')}`, { metadata: { labels }, spec: { color: `c${i % 5}` } });
    await bench.operations.create(bench.on(widgetKind, { namespace: i < 5 ? 'default' : 'second' }), draft);
  }
  return bench;
}

function names(list: StoredList): string[] {
  return list.items.map(({ object }) => object.metadata.name);
}

const everywhere = { namespace: undefined };

describe('list', () => {
  it('answers in key order, at the newest revision', async () => {
    const { operations, on } = await withWidgets(7);
    const all = await operations.list(on(widgetKind, everywhere), {});
    expect(names(all)).toEqual(['w00', 'w01', 'w02', 'w03', 'w04', 'w05', 'w06']);
    expect(all.resourceVersion).toBe('7');
    expect(names(await operations.list(on(widgetKind), {}))).toEqual(['w00', 'w01', 'w02', 'w03', 'w04']);
    expect(await operations.list(on(boxKind), {})).toEqual({ items: [], resourceVersion: '7' });
  });

  it.each<readonly [string, ListQuery, number]>([
    ['all', {}, 1203],
    ['most', { limit: 1100 }, 1100],
    ['those that match', { labelSelector: 'tier=third' }, 401],
  ])('reads a large collection in small pieces, so that others get their turn: %s', async (_what, query, count) => {
    const bench = await withWidgets(1203);
    const range = vi.spyOn(bench.store, 'range');
    const list = await bench.operations.list(bench.on(widgetKind, everywhere), query);
    expect(list.items).toHaveLength(count);
    expect(list.remainingItemCount).toBe(count === 1100 ? 103 : undefined);
    expect(range.mock.calls.length).toBeGreaterThan(2);
    for (const [options] of range.mock.calls) expect(options.limit).toBeLessThanOrEqual(500);
  });

  it.each<readonly [string, ListQuery, readonly string[]]>([
    ['an indexed label', { labelSelector: 'app=odd' }, ['w01', 'w03']],
    ['a label without index', { labelSelector: 'tier=third' }, ['w00', 'w03']],
    ['several labels', { labelSelector: 'app=odd,tier!=third' }, ['w01']],
    ['an indexed field', { fieldSelector: 'spec.color=c2' }, ['w02']],
    ['a field without index', { fieldSelector: 'status.phase!=New' }, []],
    ['a name', { fieldSelector: 'metadata.name=w04' }, ['w04']],
    ['a name that does not match the label', { fieldSelector: 'metadata.name=w04', labelSelector: 'app=odd' }, []],
    ['another namespace than the one of the URL', { fieldSelector: 'metadata.namespace=second' }, []],
    ['everything', { labelSelector: '', fieldSelector: '' }, ['w00', 'w01', 'w02', 'w03', 'w04']],
  ])('selects by %s', async (_what, query, expected) => {
    const { operations, on } = await withWidgets(10);
    expect(names(await operations.list(on(widgetKind), query))).toEqual(expected);
  });

  it('selects over all namespaces, or one by field', async () => {
    const { operations, on } = await withWidgets(8);
    const all = on(widgetKind, everywhere);
    expect(names(await operations.list(all, { fieldSelector: 'metadata.name=w06' }))).toEqual(['w06']);
    expect(names(await operations.list(all, { fieldSelector: 'metadata.namespace=second' }))).toEqual([
      'w05',
      'w06',
      'w07',
    ]);
    expect(names(await operations.list(all, { labelSelector: 'app=even' }))).toEqual(['w00', 'w02', 'w04', 'w06']);
  });

  it('keeps its indexes true while objects come, change and go', async () => {
    const { operations, on } = await withWidgets(4);
    const odd = { labelSelector: 'app=odd' };
    expect(names(await operations.list(on(widgetKind), odd))).toEqual(['w01', 'w03']);
    await operations.create(on(widgetKind), draftOf('new', { metadata: { labels: { app: 'odd' } } }));
    await operations.delete(on(widgetKind), { namespace: 'default', name: 'w01' }, {});
    const wanted = draftOf('w03', { metadata: { labels: { app: 'even' } }, spec: { color: 'c3' } });
    await operations.update(on(widgetKind), { namespace: 'default', name: 'w03' }, wanted);
    expect(names(await operations.list(on(widgetKind), odd))).toEqual(['new']);
    expect(names(await operations.list(on(widgetKind), { labelSelector: 'app=even' }))).toEqual(['w00', 'w02', 'w03']);
  });

  it.each<readonly [string, ListQuery]>([
    ['without selectors', {}],
    ['with an indexed selector', { labelSelector: 'app in (even)' }],
    ['with a selector that needs a scan', { labelSelector: 'tier=other' }],
  ])('gives pages that together are the state of the first, %s', async (_what, query) => {
    const { operations, on } = await withWidgets(30);
    const request = on(widgetKind, everywhere);
    const expected = names(await operations.list(request, query));
    const found: string[] = [];
    let page = await operations.list(request, { ...query, limit: 4 });
    const { resourceVersion } = page;
    for (;;) {
      found.push(...names(page));
      expect(page.items.length).toBeLessThanOrEqual(4);
      expect(page.resourceVersion).toBe(resourceVersion);
      if (page.continue === undefined) break;
      // Whatever changes in between does not show.
      await operations.create(
        request.namespace === undefined ? on(widgetKind) : request,
        draftOf(`x${found.length}`, { metadata: { labels: { app: 'even', tier: 'other' } } }),
      );
      page = await operations.list(request, { ...query, limit: 4, continue: page.continue });
    }
    expect(found).toEqual(expected);
  });

  it('says how many remain only where it knows', async () => {
    const { operations, on } = await withWidgets(5);
    expect(await operations.list(on(widgetKind), { limit: 2 })).toMatchObject({ remainingItemCount: 3 });
    const selected = await operations.list(on(widgetKind), { limit: 1, labelSelector: 'app=even' });
    expect(selected.remainingItemCount).toBeUndefined();
    expect(selected.continue).toBeDefined();
    expect(await operations.list(on(widgetKind), { limit: 5 })).not.toHaveProperty('continue');
  });

  it('makes tokens of upstream’s shape', async () => {
    const { operations, on } = await withWidgets(3);
    const { continue: token = '' } = await operations.list(on(widgetKind), { limit: 2 });
    expect(JSON.parse(Buffer.from(token, 'base64url').toString())).toEqual({
      v: 'meta.k8s.io/v1',
      rv: 3,
      start: 'w01\0',
    });
  });

  it('goes on inconsistently when the state of the first page is gone', async () => {
    const retention = { minAgeMs: 0, minEvents: 0 };
    const { operations, on, store } = await withWidgets(4, { retention } as BenchOptions);
    const { continue: token = '' } = await operations.list(on(widgetKind), { limit: 2 });
    await operations.create(on(widgetKind), draftOf('z'));
    await store.compact(5);
    const error = await failureOf(operations.list(on(widgetKind), { limit: 2, continue: token }));
    expect(error?.status).toMatchObject({ code: 410, reason: 'Expired' });
    expect(error?.message).toMatch(/^The provided continue parameter is too old to display a consistent list result/);
    const fresh = error?.status.metadata.continue ?? '';
    expect(names(await operations.list(on(widgetKind), { continue: fresh }))).toEqual(['w02', 'w03', 'z']);
    const exact = { resourceVersion: '2', resourceVersionMatch: 'Exact' };
    expect(await failureOf(operations.list(on(widgetKind), exact))).toMatchObject({ code: 410 });
  });

  it('reads the past where a version is asked for exactly', async () => {
    const { operations, on } = await withWidgets(4);
    const at = (query: ListQuery): Promise<StoredList> => operations.list(on(widgetKind), query);
    expect(names(await at({ resourceVersion: '2', resourceVersionMatch: 'Exact' }))).toEqual(['w00', 'w01']);
    expect(names(await at({ resourceVersion: '2', limit: 9 }))).toEqual(['w00', 'w01']);
    const indexed = { resourceVersion: '2', resourceVersionMatch: 'Exact', labelSelector: 'app=odd' };
    expect(names(await at(indexed))).toEqual(['w01']);
    expect((await at({ resourceVersion: '2' })).resourceVersion).toBe('4');
    expect((await at({ resourceVersion: '2', resourceVersionMatch: 'NotOlderThan', limit: 9 })).items).toHaveLength(4);
    expect((await at({ resourceVersion: '0' })).items).toHaveLength(4);
  });

  it('waits for a version that is to come, but not for ever', async () => {
    const { operations, on, clock } = await withWidgets(1);
    const soon = operations.list(on(widgetKind), { resourceVersion: '2' });
    await clock.advance(1000);
    await operations.create(on(widgetKind), draftOf('x'));
    await clock.advance(100);
    expect(names(await soon)).toEqual(['w00', 'x']);
    const never = failureOf(operations.list(on(widgetKind), { resourceVersion: '9' }));
    await clock.advance(3100);
    expect((await never)?.status).toMatchObject({
      code: 504,
      reason: 'Timeout',
      message: 'Timeout: Too large resource version: 9, current: 2',
      details: { causes: [{ reason: 'ResourceVersionTooLarge' }], retryAfterSeconds: 1 },
    });
  });

  it.each<readonly [ListQuery, number, string]>([
    [{ resourceVersionMatch: 'Exact' }, 422, 'resourceVersionMatch is forbidden unless resourceVersion is provided'],
    [
      { resourceVersionMatch: 'Exact', resourceVersion: '0' },
      422,
      'resourceVersionMatch "exact" is forbidden for resourceVersion "0"',
    ],
    [
      { resourceVersionMatch: 'Exact', resourceVersion: '1', continue: 'x' },
      422,
      'resourceVersionMatch is forbidden when continue is provided',
    ],
    [{ resourceVersionMatch: 'Newest', resourceVersion: '1' }, 422, 'Unsupported value: "Newest"'],
    [{ resourceVersion: '1', continue: 'x' }, 400, 'specifying resource version is not allowed when using continue'],
    [{ resourceVersion: 'x' }, 400, 'invalid resource version: "x"'],
    [{ continue: 'rubbish' }, 400, 'continue key is not valid'],
    [
      { continue: Buffer.from('{"v":"meta.k8s.io/v1","rv":1,"start":"/x"}').toString('base64url') },
      400,
      'continue key is not valid',
    ],
    [{ fieldSelector: 'spec.weight=1' }, 400, 'field label not supported: spec.weight'],
    [{ labelSelector: 'a=(b' }, 400, ''],
  ])('refuses %j', async (query, code, text) => {
    const { operations, on } = await withWidgets(1);
    const error = await failureOf(operations.list(on(widgetKind), query));
    expect(error?.code).toBe(code);
    expect(error?.message).toContain(text);
  });
});

describe('cost', () => {
  /** What each operation adds to the counters when so many objects are stored. */
  async function costs(stored: number): Promise<Record<string, object>> {
    const bench = startBench();
    const { operations, on, store, clock } = bench;
    const create = (name: string, app: string): Promise<Stored> =>
      operations.create(on(widgetKind), draftOf(name, { metadata: { labels: { app } }, spec: { color: app } }));
    const batch = 500;
    for (let i = 0; i < stored; i += batch) {
      await Promise.all(Array.from({ length: batch }, (_, j) => create(`w${i + j}`, `app${i + j}`)));
    }
    const indexed = { labelSelector: 'app=app7' };
    const named = { fieldSelector: 'metadata.name=w9' };
    const all = on(widgetKind, { namespace: undefined });
    // The first question builds the index.
    await operations.list(on(widgetKind), indexed);
    await operations.list(all, named);
    operations.watch(
      on(widgetKind),
      { resourceVersion: String(store.revision) },
      { onEvents: () => {}, onEnd: () => {} },
    );
    operations.watch(
      on(widgetKind),
      { ...indexed, resourceVersion: String(store.revision) },
      { onEvents: () => {}, onEnd: () => {} },
    );
    await clock.settle();
    const result: Record<string, object> = {};
    const measure = async (what: string, run: () => Promise<unknown>): Promise<void> => {
      const before = { ...operations.counters, ...store.counters };
      await run();
      await clock.settle();
      const after = { ...operations.counters, ...store.counters };
      const spent = Object.entries(after).map(([name, value]) => [name, value - before[name as keyof typeof before]]);
      result[what] = Object.fromEntries(spent.filter(([name]) => name !== 'bytesWritten')) as object;
    };
    const target = { namespace: 'default', name: 'w7' };
    // As a client does, who is sent the bytes.
    await measure('create', async () => expect((await create('fresh', 'app7')).bytes).not.toHaveLength(0));
    await measure('get', () => operations.get(on(widgetKind), target));
    await measure('indexed list', () => operations.list(on(widgetKind), indexed));
    await measure('list by name', () => operations.list(all, named));
    await measure('list by name in a namespace', () => operations.list(on(widgetKind), named));
    await measure('status update', async () => {
      const { object } = await operations.get(on(widgetKind), target);
      const request = on(widgetKind, { subresource: 'status' });
      await operations.update(request, target, { ...object, status: { phase: 'Done' } } as never);
    });
    await measure('delete', () => operations.delete(on(widgetKind), target, {}));
    return result;
  }

  it('of create, get, indexed list, update and delete is the same with 1 000 and 20 000 objects', async () => {
    const few = await costs(1000);
    expect(await costs(20_000)).toEqual(few);
    expect(few['indexed list']).toMatchObject({ objectsScanned: 2 });
    expect(few['create']).toMatchObject({ objectsEncoded: 1, objectsScanned: 0 });
  });
});
