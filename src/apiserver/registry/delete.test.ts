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
import { resources, type Namespace, type Pod } from '../../api/index.ts';
import type { KindDefinition } from '../kind.ts';
import type { DeleteCall } from '../operations.ts';
import { deletionStep } from './delete.ts';

const ref = { namespace: 'default', name: 'a' };
const box = { name: 'b' };

async function withWidget(parts: Parameters<typeof draftOf>[1] = {}): Promise<Bench & { widget: Widget }> {
  const bench = startBench();
  const { object } = await bench.operations.create(bench.on(widgetKind), draftOf('a', parts));
  return { ...bench, widget: object as Widget };
}

async function withBox(): Promise<Bench> {
  const bench = startBench();
  await bench.operations.create(bench.on(boxKind), draftOf('b'));
  return bench;
}

describe('delete', () => {
  it('removes at once what nothing holds, and tells the last state at the revision of the deletion', async () => {
    const bench = await withWidget();
    const recording = record(bench, bench.on(widgetKind), { resourceVersion: '1' });
    const { removed, stored } = await bench.operations.delete(bench.on(widgetKind), ref, {});
    await bench.clock.settle();
    expect(removed).toBe(true);
    expect(stored.object).toEqual({ ...bench.widget, metadata: { ...bench.widget.metadata, resourceVersion: '2' } });
    expect(recording.seen()).toEqual(['DELETED a']);
    const [event] = recording.events;
    expect(event?.type !== 'BOOKMARK' && event?.stored).toBe(stored);
    expect(await failureOf(bench.operations.delete(bench.on(widgetKind), ref, {}))).toMatchObject({ code: 404 });
  });

  it('keeps what has finalizers, marked as being deleted, however often it is asked', async () => {
    const { operations, on, store, widget } = await withWidget({ metadata: { finalizers: ['test.dev/hold'] } });
    const { removed, stored } = await operations.delete(on(widgetKind), ref, {});
    expect(removed).toBe(false);
    expect(stored.object.metadata).toEqual({
      ...widget.metadata,
      resourceVersion: '2',
      generation: 2,
      deletionTimestamp: '2026-01-01T00:00:00Z',
      deletionGracePeriodSeconds: 0,
    });
    const again = await operations.delete(on(widgetKind), ref, {});
    expect(again.stored).toBe(stored);
    expect(store.revision).toBe(2);
  });

  it('keeps what the kind itself holds back', async () => {
    const { operations, on } = await withWidget({ spec: { holders: ['me'] } });
    expect((await operations.delete(on(widgetKind), ref, {})).removed).toBe(false);
    const { object } = await operations.patch(on(widgetKind), ref, {
      type: 'merge',
      body: { spec: { holders: null } },
    });
    expect(object.metadata.deletionTimestamp).toBeDefined();
    expect(await failureOf(operations.get(on(widgetKind), ref))).toMatchObject({ code: 404 });
  });

  it('gives grace, which later requests can only shorten', async () => {
    const { operations, on, clock, store } = await withBox();
    const first = await operations.delete(on(boxKind), box, {});
    expect(first.stored.object.metadata).toMatchObject({
      deletionTimestamp: '2026-01-01T00:00:30Z',
      deletionGracePeriodSeconds: 30,
    });
    await clock.advance(5000);
    const longer = await operations.delete(on(boxKind), box, { gracePeriodSeconds: 60 });
    const silent = await operations.delete(on(boxKind), box, {});
    expect([longer.stored, silent.stored]).toEqual([first.stored, first.stored]);
    expect(store.revision).toBe(2);
    const shorter = await operations.delete(on(boxKind), box, { gracePeriodSeconds: 10 });
    expect(shorter.stored.object.metadata).toMatchObject({
      deletionTimestamp: '2026-01-01T00:00:10Z',
      deletionGracePeriodSeconds: 10,
    });
    expect((await operations.delete(on(boxKind), box, { gracePeriodSeconds: 0 })).removed).toBe(true);
  });

  it('waits for finalizers when the grace is over', async () => {
    const { operations, on } = startBench();
    const { object } = await operations.create(
      on(boxKind),
      draftOf('b', { metadata: { finalizers: ['test.dev/hold'] } }),
    );
    await operations.delete(on(boxKind), box, { gracePeriodSeconds: 30 });
    const over = await operations.delete(on(boxKind), box, { gracePeriodSeconds: 0 });
    expect(over).toMatchObject({ removed: false, stored: { object: { metadata: { deletionGracePeriodSeconds: 0 } } } });
    const free = { ...object, metadata: { ...over.stored.object.metadata, finalizers: [] } };
    await operations.update(on(boxKind), box, free);
    expect(await failureOf(operations.get(on(boxKind), box))).toMatchObject({ code: 404 });
  });

  it('keeps an object whose finalizers went while its grace runs', async () => {
    const { operations, on } = startBench();
    await operations.create(on(boxKind), draftOf('b', { metadata: { finalizers: ['test.dev/hold'] } }));
    await operations.delete(on(boxKind), box, { gracePeriodSeconds: 30 });
    await operations.patch(on(boxKind), box, { type: 'merge', body: { metadata: { finalizers: [] } } });
    expect((await operations.get(on(boxKind), box)).object.metadata.finalizers).toBeUndefined();
    expect((await operations.delete(on(boxKind), box, { gracePeriodSeconds: 0 })).removed).toBe(true);
  });

  const orphaning: KindDefinition = { ...widgetKind, deletion: { defaultPropagation: 'Orphan' } };
  it.each<readonly [string, KindDefinition, readonly string[], DeleteCall, readonly string[] | 'removed']>([
    ['Background', widgetKind, [], { propagationPolicy: 'Background' }, 'removed'],
    ['Foreground', widgetKind, [], { propagationPolicy: 'Foreground' }, ['foregroundDeletion']],
    ['Orphan', widgetKind, [], { propagationPolicy: 'Orphan' }, ['orphan']],
    ['orphanDependents', widgetKind, [], { orphanDependents: true }, ['orphan']],
    ['not orphanDependents', orphaning, [], { orphanDependents: false }, 'removed'],
    ['the default of the kind', orphaning, [], {}, ['orphan']],
    ['a finalizer that decides', orphaning, ['foregroundDeletion'], {}, ['foregroundDeletion']],
    [
      'a policy against a finalizer',
      widgetKind,
      ['orphan', 'x.y/z'],
      { propagationPolicy: 'Foreground' },
      ['x.y/z', 'foregroundDeletion'],
    ],
    ['Background against a finalizer', widgetKind, ['orphan'], { propagationPolicy: 'Background' }, 'removed'],
  ])('follows the policy: %s', (...[, kind, finalizers, options, expected]) => {
    const old = { ...draftOf('a', { metadata: { finalizers } }), kind: 'Widget', apiVersion: 'test.dev/v1' };
    const { next, removed } = deletionStep(kind, options, old, 0);
    expect(removed ? 'removed' : next.metadata.finalizers).toEqual(expected);
  });

  it('warns when the default decides, once a request', async () => {
    const { operations, on, warnings } = await withBox();
    await operations.delete(on(boxKind), box, { propagationPolicy: 'Background', gracePeriodSeconds: 60 });
    expect(warnings).toEqual([]);
    await operations.delete(on(boxKind), box, {});
    expect(warnings).toEqual(['contents are removed too']);
    await operations.deleteCollection(on(boxKind), {}, {});
    expect(warnings).toHaveLength(2);
  });

  it.each<readonly [string, DeleteCall, number, string]>([
    ['a uid', { preconditions: { uid: 'x' } }, 409, 'the UID in the precondition (x) does not match the UID in record'],
    [
      'a version',
      { preconditions: { resourceVersion: '9' } },
      409,
      'the ResourceVersion in the precondition (9) does not match the ResourceVersion in record (1)',
    ],
    [
      'two policies',
      { propagationPolicy: 'Orphan', orphanDependents: true },
      422,
      'orphanDependents and deletionPropagation cannot be both set',
    ],
    [
      'an unknown policy',
      { propagationPolicy: 'Maybe' as 'Orphan' },
      422,
      'supported values: "Foreground", "Background", "Orphan", "nil"',
    ],
  ])('refuses %s', async (_what, options, code, text) => {
    const { operations, on } = await withWidget();
    const error = await failureOf(operations.delete(on(widgetKind), ref, options));
    expect(error?.code).toBe(code);
    expect(error?.message).toContain(text);
  });

  it('refuses what the kind forbids', async () => {
    const { operations, on } = startBench();
    await operations.create(on(boxKind), draftOf('keep'));
    const error = await failureOf(operations.delete(on(boxKind), { name: 'keep' }, {}));
    expect(error?.status).toMatchObject({
      code: 403,
      message: 'boxes "keep" is forbidden: this box may not be deleted',
    });
  });

  it('removes nothing in a dry run', async () => {
    const { operations, on, store } = await withWidget();
    expect((await operations.delete(on(widgetKind, { dryRun: true }), ref, {})).removed).toBe(true);
    expect(store.revision).toBe(1);
  });

  it('deletes what a selector lists, and nothing else', async () => {
    const { operations, on } = startBench();
    for (const [name, app] of [
      ['a', 'x'],
      ['b', 'y'],
      ['c', 'x'],
    ] as const) {
      await operations.create(on(widgetKind), draftOf(name, { metadata: { labels: { app } } }));
    }
    const { items } = await operations.deleteCollection(on(widgetKind), { labelSelector: 'app=x' }, {});
    expect(items.map(({ object }) => object.metadata.name)).toEqual(['a', 'c']);
    expect((await operations.list(on(widgetKind), {})).items).toHaveLength(1);
  });
});

describe('bind', () => {
  const pods: KindDefinition = { ...widgetKind, resource: resources.pods };

  async function withPod(): Promise<Bench> {
    const bench = startBench({ kinds: [pods] });
    await bench.operations.create(bench.on(pods), draftOf('a'));
    return bench;
  }

  it('assigns a Pod to a node once', async () => {
    const { operations, on, store } = await withPod();
    await operations.bind(on(pods), ref, 'n1');
    await operations.bind(on(pods), ref, 'n1');
    const pod = (await operations.get(on(pods), ref)).object as unknown as Pod;
    expect(pod).toMatchObject({ spec: { nodeName: 'n1' }, metadata: { generation: 1 } });
    expect(pod.status.conditions).toEqual([
      { type: 'PodScheduled', status: 'True', lastTransitionTime: '2026-01-01T00:00:00Z' },
    ]);
    expect(store.revision).toBe(2);
    const error = await failureOf(operations.bind(on(pods), ref, 'n2'));
    expect(error?.status).toMatchObject({
      code: 409,
      message: 'Operation cannot be fulfilled on pods/binding "a": pod a is already assigned to node "n1"',
    });
  });

  it('does not assign a Pod that is being deleted', async () => {
    const { operations, on } = await withPod();
    await operations.delete(on(pods), ref, { propagationPolicy: 'Foreground' });
    expect(await failureOf(operations.bind(on(pods), ref, 'n1'))).toMatchObject({ code: 409 });
  });
});

describe('finalizeNamespace', () => {
  const kind: KindDefinition = {
    ...boxKind,
    resource: resources.namespaces,
    deletion: { heldBack: (object) => ((object as Namespace).spec.finalizers?.length ?? 0) > 0 },
  };

  it('takes spec.finalizers only, and lets a deleted namespace go', async () => {
    const { operations, on } = startBench({ kinds: [kind] });
    await operations.create(on(kind), draftOf('n', { spec: { finalizers: ['kubernetes'] } }));
    const { removed, stored } = await operations.delete(on(kind), { name: 'n' }, {});
    expect(removed).toBe(false);
    const metadata = { ...stored.object.metadata, labels: { x: 'y' } };
    const object = { ...stored.object, metadata, spec: {} } as unknown as Widget;
    const last = await operations.finalizeNamespace(on(kind), object);
    expect(last.object.metadata.labels).toBeUndefined();
    expect(await failureOf(operations.get(on(kind), { name: 'n' }))).toMatchObject({ code: 404 });
    expect(await failureOf(operations.finalizeNamespace(on(kind), object))).toMatchObject({ code: 404 });
  });
});
