import { describe, expect, it } from 'vitest';
import {
  boxKind,
  draftOf,
  failureOf,
  record,
  startBench,
  widgetKind,
  type Bench,
  type Widget,
} from '../../../tests/contract/client-kinds.ts';
import type { StoredEvent, WatchQuery } from '../operations.ts';

async function create(bench: Bench, name: string, app = 'x', color = 'red'): Promise<Widget> {
  const draft = draftOf(name, { metadata: { labels: { app } }, spec: { color } });
  return (await bench.operations.create(bench.on(widgetKind), draft)).object as Widget;
}

async function relabel(bench: Bench, name: string, app: string): Promise<void> {
  const patch = { type: 'merge' as const, body: { metadata: { labels: { app } } } };
  await bench.operations.patch(bench.on(widgetKind), { namespace: 'default', name }, patch);
}

async function remove(bench: Bench, name: string): Promise<void> {
  await bench.operations.delete(bench.on(widgetKind), { namespace: 'default', name }, {});
}

describe('watch', () => {
  it('gives every change after a version, in order, and nothing else', async () => {
    const bench = startBench();
    await create(bench, 'a');
    await create(bench, 'b');
    const recording = record(bench, bench.on(widgetKind), { resourceVersion: '1' });
    await bench.clock.settle();
    await bench.operations.create(bench.on(boxKind), draftOf('box'));
    await relabel(bench, 'a', 'y');
    await remove(bench, 'b');
    await create(bench, 'b');
    await bench.clock.settle();
    expect(recording.seen()).toEqual(['ADDED b', 'MODIFIED a', 'DELETED b', 'ADDED b']);
    const versions = recording.events.map(
      (event) => event.type !== 'BOOKMARK' && event.stored.object.metadata.resourceVersion,
    );
    expect(versions).toEqual(['2', '4', '5', '6']);
  });

  it.each<readonly [string, WatchQuery]>([
    ['no version', {}],
    ['version 0', { resourceVersion: '0' }],
  ])('begins with what is there for %s', async (_what, query) => {
    const bench = startBench();
    await create(bench, 'b');
    await create(bench, 'a');
    const recording = record(bench, bench.on(widgetKind), query);
    await bench.clock.settle();
    await create(bench, 'c');
    await bench.clock.settle();
    expect(recording.seen()).toEqual(['ADDED a', 'ADDED b', 'ADDED c']);
  });

  it.each<readonly [string, WatchQuery, string[]]>([
    ['what is there', {}, ['b', 'c', 'current', 'd']],
    ['the past', { resourceVersion: '1' }, ['b', 'c', 'current', 'd']],
    ['nothing', { resourceVersion: '3' }, ['current', 'd']],
  ])('tells its sink once when %s has been handed over', async (_what, query, expected) => {
    const bench = startBench();
    for (const name of ['a', 'b', 'c']) await create(bench, name, name === 'a' ? 'y' : 'x');
    const seen: string[] = [];
    const sink = {
      onEvents: (events: readonly StoredEvent[]) => {
        for (const event of events) if (event.type !== 'BOOKMARK') seen.push(event.stored.object.metadata.name);
      },
      onCurrent: () => seen.push('current'),
      onEnd: () => undefined,
    };
    bench.operations.watch(bench.on(widgetKind), { ...query, labelSelector: 'app=x' }, sink);
    await bench.clock.settle();
    await create(bench, 'd');
    await bench.clock.settle();
    expect(seen).toEqual(expected);
  });

  it('ends the initial events with a bookmark when asked to', async () => {
    const bench = startBench();
    await create(bench, 'a');
    const resourceVersionMatch = 'NotOlderThan';
    const asked = { sendInitialEvents: true, resourceVersionMatch, allowWatchBookmarks: true };
    const streaming = record(bench, bench.on(widgetKind), asked);
    const silent = record(bench, bench.on(widgetKind), { ...asked, allowWatchBookmarks: false });
    const later = record(bench, bench.on(widgetKind), { sendInitialEvents: false, resourceVersionMatch });
    await bench.clock.settle();
    await create(bench, 'b');
    await bench.clock.settle();
    expect(streaming.seen()).toEqual(['ADDED a', 'BOOKMARK 1 end', 'ADDED b']);
    expect(silent.seen()).toEqual(['ADDED a', 'ADDED b']);
    expect(later.seen()).toEqual(['ADDED b']);
  });

  it('shows what stops matching as deleted and what starts matching as added', async () => {
    const bench = startBench();
    const recording = record(bench, bench.on(widgetKind), { labelSelector: 'app=x' });
    await bench.clock.settle();
    await create(bench, 'a');
    await create(bench, 'b', 'other');
    await relabel(bench, 'a', 'other');
    await relabel(bench, 'b', 'x');
    await relabel(bench, 'a', 'third');
    await remove(bench, 'a');
    await remove(bench, 'b');
    await bench.clock.settle();
    expect(recording.seen()).toEqual(['ADDED a', 'DELETED a', 'ADDED b', 'DELETED b']);
    const gone = recording.events[1];
    expect(gone?.type !== 'BOOKMARK' && gone?.stored.object.metadata).toMatchObject({
      resourceVersion: '3',
      labels: { app: 'other' },
    });
  });

  it('watches one object by name, one namespace, or all', async () => {
    const bench = startBench();
    const one = record(bench, bench.on(widgetKind), { fieldSelector: 'metadata.name=a' });
    const anywhere = record(bench, bench.on(widgetKind, { namespace: undefined }), {
      fieldSelector: 'metadata.name=a',
    });
    const elsewhere = record(bench, bench.on(widgetKind, { namespace: 'second' }), {});
    await bench.clock.settle();
    await create(bench, 'a');
    await create(bench, 'ab');
    await bench.operations.create(bench.on(widgetKind, { namespace: 'second' }), draftOf('a'));
    await bench.clock.settle();
    expect(one.seen()).toEqual(['ADDED a']);
    expect(anywhere.seen()).toEqual(['ADDED a', 'ADDED a']);
    expect(elsewhere.seen()).toEqual(['ADDED a']);
  });

  it('gives all watchers the same bytes and objects', async () => {
    const bench = startBench();
    const first = record(bench, bench.on(widgetKind), {});
    const second = record(bench, bench.on(widgetKind), { labelSelector: 'app=x' });
    await bench.clock.settle();
    const { objectsDecoded, objectsEncoded } = bench.operations.counters;
    await create(bench, 'a');
    await bench.clock.settle();
    const [one, two] = [first.events[0], second.events[0]];
    const stored = [one, two].map((event) => (event?.type === 'BOOKMARK' ? undefined : event?.stored));
    expect(stored[0]?.bytes).toBe(stored[1]?.bytes);
    expect(stored[0]).toBe(stored[1]);
    expect(bench.operations.counters).toMatchObject({ objectsDecoded, objectsEncoded: objectsEncoded + 1 });
  });

  it('sends bookmarks about once a minute to those who allow them', async () => {
    const bench = startBench();
    const allowed = record(bench, bench.on(widgetKind), { allowWatchBookmarks: true });
    const plain = record(bench, bench.on(widgetKind), {});
    await bench.clock.settle();
    await bench.operations.create(bench.on(boxKind), draftOf('box'));
    await bench.clock.advance(125_000);
    expect(allowed.seen()).toEqual(['BOOKMARK 1', 'BOOKMARK 1']);
    expect(plain.seen()).toEqual([]);
    allowed.close();
    plain.close();
    expect(bench.clock.pendingTimers).toBe(0);
  });

  it('ends with 410 when the version is no longer, or was never, part of the history', async () => {
    const bench = startBench({ retention: { minEvents: 0, minAgeMs: 0 } });
    for (const name of ['a', 'b', 'c']) await create(bench, name);
    await bench.store.compact(3);
    const old = record(bench, bench.on(widgetKind), { resourceVersion: '1' });
    const strange = record(bench, bench.on(widgetKind), { resourceVersion: '99' });
    await bench.clock.settle();
    expect(old.ended?.error).toMatchObject({
      status: { code: 410, reason: 'Expired', message: 'too old resource version: 1 (4)' },
    });
    expect(strange.ended?.error).toMatchObject({ status: { code: 410 } });
    expect(old.seen()).toEqual([]);
  });

  it('ends once when closed, and then says nothing more', async () => {
    const bench = startBench();
    let ends = 0;
    const seen: string[] = [];
    const handle = bench.operations.watch(
      bench.on(widgetKind),
      {},
      {
        onEvents: (events) => seen.push(...events.map(({ type }) => type)),
        onEnd: () => ends++,
      },
    );
    handle.close();
    handle.close();
    await create(bench, 'a');
    await bench.clock.settle();
    expect([ends, seen]).toEqual([1, []]);
  });

  it('delivers a change before the writer hears of it', async () => {
    const bench = startBench();
    const recording = record(bench, bench.on(widgetKind), {});
    await bench.clock.settle();
    await create(bench, 'a');
    expect(recording.seen()).toEqual(['ADDED a']);
  });

  it.each<readonly [WatchQuery, number, string]>([
    [{ resourceVersion: 'x' }, 400, 'invalid resource version'],
    [{ fieldSelector: 'spec.weight=1' }, 400, 'field label not supported: spec.weight'],
    [{ sendInitialEvents: true }, 422, 'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan'],
    [{ resourceVersionMatch: 'NotOlderThan' }, 422, 'forbidden for watch unless sendInitialEvents is provided'],
    [{ resourceVersionMatch: 'Exact', sendInitialEvents: true }, 422, 'Unsupported value: "Exact"'],
  ])('refuses %j at once', async (query, code, text) => {
    const bench = startBench();
    const start = async (): Promise<unknown> => record(bench, bench.on(widgetKind), query);
    const error = await failureOf(start());
    expect(error?.code).toBe(code);
    expect(error?.message).toContain(text);
  });
});
