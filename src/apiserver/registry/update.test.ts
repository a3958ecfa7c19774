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
import type { Patch } from '../../client/index.ts';
import { StoreFullError } from '../../store/index.ts';

const ref = { namespace: 'default', name: 'a' };

async function withWidget(parts: Parameters<typeof draftOf>[1] = {}): Promise<Bench & { widget: Widget }> {
  const bench = startBench();
  const { object } = await bench.operations.create(bench.on(widgetKind), draftOf('a', parts));
  return { ...bench, widget: object as Widget };
}

function changed(widget: Widget, parts: object): Widget {
  return { ...widget, ...parts };
}

describe('update', () => {
  it('replaces spec and metadata, and keeps the status', async () => {
    const { operations, on, widget } = await withWidget({
      spec: { size: 2, parts: ['x'] },
      metadata: { labels: { a: '1' } },
    });
    const metadata = { name: 'a', labels: { b: '2' }, annotations: { note: 'y' } };
    const wanted = { metadata, spec: { size: 3 }, status: { phase: 'Hacked' } } as unknown as Widget;
    const { object } = await operations.update(on(widgetKind), ref, wanted);
    expect(object).toEqual({
      ...widget,
      metadata: {
        ...widget.metadata,
        generation: 2,
        resourceVersion: '2',
        labels: { b: '2' },
        annotations: { note: 'y' },
      },
      spec: { size: 3 },
    });
  });

  it('defaults what the body leaves out', async () => {
    const { operations, on, widget } = await withWidget();
    const { object } = await operations.update(on(widgetKind), ref, changed(widget, { spec: { parts: ['y'] } }));
    expect((object as Widget).spec).toEqual({ parts: ['y'], size: 1 });
  });

  it('takes only status and metadata on /status', async () => {
    const { operations, on, widget } = await withWidget({ spec: { size: 2 } });
    const wanted = {
      ...widget,
      metadata: { ...widget.metadata, annotations: { seen: 'yes' } },
      spec: { size: 9 },
      status: { phase: 'Ready' },
    };
    const { object } = await operations.update(on(widgetKind, { subresource: 'status' }), ref, wanted);
    expect(object).toMatchObject({ spec: { size: 2 }, status: { phase: 'Ready' }, metadata: { generation: 1 } });
    expect(object.metadata.annotations).toEqual({ seen: 'yes' });
  });

  it('shares with the stored object what did not change', async () => {
    const { operations, on, widget } = await withWidget({ spec: { parts: ['x'] }, metadata: { labels: { a: '1' } } });
    const request = on(widgetKind, { subresource: 'status' });
    const { object } = await operations.update(request, ref, changed(widget, { status: { phase: 'Ready' } }));
    expect((object as Widget).spec).toBe(widget.spec);
    expect(object.metadata.labels).toBe(widget.metadata.labels);
  });

  it('writes and tells nothing when nothing changes', async () => {
    const bench = await withWidget({ spec: { parts: [] } });
    const { operations, on, widget, store, clock } = bench;
    const recording = record(bench, on(widgetKind), { resourceVersion: '1' });
    const same = { metadata: { name: 'a', labels: {} }, spec: {} } as unknown as Widget;
    expect((await operations.update(on(widgetKind), ref, same)).object).toBe(widget);
    const patch: Patch = { type: 'merge', body: { spec: { size: 1 } } };
    expect((await operations.patch(on(widgetKind), ref, patch)).object).toBe(widget);
    await operations.update(
      on(widgetKind, { subresource: 'status' }),
      ref,
      changed(widget, { status: { phase: 'New' } }),
    );
    await clock.settle();
    expect(store.revision).toBe(1);
    expect(recording.seen()).toEqual([]);
  });

  it('refuses a version that has been overtaken, and a stranger of the same name', async () => {
    const { operations, on, widget } = await withWidget();
    await operations.update(on(widgetKind), ref, changed(widget, { spec: { size: 2 } }));
    const stale = await failureOf(operations.update(on(widgetKind), ref, changed(widget, { spec: { size: 3 } })));
    expect(stale?.status).toMatchObject({
      code: 409,
      reason: 'Conflict',
      message:
        'Operation cannot be fulfilled on widgets.test.dev "a": the object has been modified; please apply your changes to the latest version and try again',
    });
    const metadata = { name: 'a', uid: 'other' };
    const stranger = await failureOf(operations.update(on(widgetKind), ref, changed(widget, { metadata })));
    expect(stranger?.message).toContain('the UID in the precondition (other) does not match the UID in record');
  });

  it('needs a version where the kind says so', async () => {
    const { operations, on } = startBench();
    await operations.create(on(boxKind), draftOf('b'));
    const error = await failureOf(operations.update(on(boxKind), { name: 'b' }, draftOf('b')));
    expect(error?.message).toBe(
      'Box "b" is invalid: metadata.resourceVersion: Invalid value: 0: must be specified for an update',
    );
  });

  it('never loses one of many unconditional writers that each change another field', async () => {
    const { operations, on } = await withWidget();
    const patches = Array.from({ length: 6 }, (_, i): Patch => ({
      type: 'merge',
      body: { metadata: { labels: { [`k${i}`]: 'v' } } },
    }));
    await Promise.all(patches.map((patch) => operations.patch(on(widgetKind), ref, patch)));
    const { object } = await operations.get(on(widgetKind), ref);
    expect(Object.keys(object.metadata.labels ?? {})).toHaveLength(6);
  });

  it('answers 404 for what is not there', async () => {
    const { operations, on } = startBench();
    const error = await failureOf(operations.update(on(widgetKind), ref, draftOf('a')));
    expect(error?.message).toBe('widgets.test.dev "a" not found');
  });

  it('creates instead where the kind allows it', async () => {
    const kind = { ...widgetKind, allowCreateOnUpdate: true };
    const { operations, on } = startBench({ kinds: [kind] });
    expect(await operations.update(on(kind), ref, draftOf('a'))).toMatchObject({ created: true });
    expect((await operations.update(on(kind), ref, draftOf('a', { spec: { size: 2 } }))).created).toBeUndefined();
  });

  const faults: readonly (readonly [string, object, number, string])[] = [
    [
      'another name',
      { metadata: { name: 'b' } },
      400,
      'the name of the object (b) does not match the name on the URL (a)',
    ],
    ['another namespace', { metadata: { name: 'a', namespace: 'x' } }, 400, 'the namespace of the provided object'],
    [
      'a fault and a forbidden change',
      { spec: { size: 0, color: 'red' } },
      422,
      '[spec.size: Invalid value: 0: must be positive, spec.color',
    ],
    [
      'a deletion that has not begun',
      { metadata: { name: 'a', deletionTimestamp: '2026-01-01T00:00:00Z' } },
      422,
      'metadata.deletionTimestamp: Invalid value: "2026-01-01T00:00:00Z": field is immutable',
    ],
    ['a bad label', { metadata: { name: 'a', labels: { x: '!' } } }, 422, 'metadata.labels: Invalid value: "!"'],
  ];
  it.each(faults)('refuses %s', async (_what, parts, code, text) => {
    const { operations, on, store } = await withWidget();
    const wanted = { ...draftOf('a'), ...parts } as Widget;
    const error = await failureOf(operations.update(on(widgetKind), ref, wanted));
    expect(error?.code).toBe(code);
    expect(error?.message).toContain(text);
    expect(store.revision).toBe(1);
  });

  it('checks a status by the rule for statuses', async () => {
    const { operations, on, widget } = await withWidget();
    const request = on(widgetKind, { subresource: 'status' });
    const error = await failureOf(operations.update(request, ref, changed(widget, { status: { phase: 'bad' } })));
    expect(error?.message).toContain('status.phase: Invalid value: "bad": must be good');
  });

  it('ignores what a client says of creation, generation and uid when it repeats or omits them', async () => {
    const { operations, on, widget } = await withWidget();
    const metadata = {
      ...widget.metadata,
      creationTimestamp: '2001-01-01T00:00:00Z',
      generation: 40,
      resourceVersion: '',
    };
    const { object } = await operations.update(on(widgetKind), ref, changed(widget, { metadata, spec: { size: 5 } }));
    expect(object.metadata).toMatchObject({ creationTimestamp: widget.metadata.creationTimestamp, generation: 2 });
  });

  it('stores nothing in a dry run', async () => {
    const { operations, on, widget, store } = await withWidget();
    const request = on(widgetKind, { dryRun: true });
    const { object } = await operations.update(request, ref, changed(widget, { spec: { size: 5 } }));
    expect(object).toMatchObject({ spec: { size: 5 }, metadata: { resourceVersion: '1' } });
    expect(store.revision).toBe(1);
  });
});

describe('patch', () => {
  it.each<readonly [string, Patch]>([
    ['merge', { type: 'merge', body: { spec: { size: 7 } } }],
    ['json', { type: 'json', body: [{ op: 'replace', path: '/spec/size', value: 7 }] }],
  ])('applies a %s patch', async (_type, patch) => {
    const { operations, on } = await withWidget({ spec: { parts: ['x'] } });
    const { object } = await operations.patch(on(widgetKind), ref, patch);
    expect(object).toMatchObject({ spec: { size: 7, parts: ['x'] }, metadata: { generation: 2 } });
  });

  it('is bound to a version that it names', async () => {
    const { operations, on } = await withWidget();
    const body = { metadata: { resourceVersion: '1' }, spec: { size: 7 } };
    await operations.patch(on(widgetKind), ref, { type: 'merge', body });
    const again = operations.patch(on(widgetKind), ref, { type: 'merge', body: { ...body, spec: { size: 8 } } });
    expect(await failureOf(again)).toMatchObject({ code: 409 });
  });

  it('cannot turn an object into another one', async () => {
    const { operations, on } = await withWidget();
    const rename: Patch = { type: 'merge', body: { metadata: { name: 'b' } } };
    const convert: Patch = { type: 'merge', body: { kind: 'Box' } };
    expect(await failureOf(operations.patch(on(widgetKind), ref, rename))).toMatchObject({ code: 400 });
    expect(await failureOf(operations.patch(on(widgetKind), ref, convert))).toMatchObject({ code: 400 });
  });

  it('removes the object when it takes the last finalizer of a deleted one', async () => {
    const bench = await withWidget({ metadata: { finalizers: ['test.dev/hold'] } });
    const { operations, on, clock, store } = bench;
    await operations.delete(on(widgetKind), ref, {});
    const recording = record(bench, on(widgetKind), { resourceVersion: '2' });
    const { object } = await operations.patch(on(widgetKind), ref, {
      type: 'merge',
      body: { metadata: { finalizers: null } },
    });
    await clock.settle();
    expect(object.metadata).toMatchObject({ name: 'a', resourceVersion: '3' });
    expect(recording.seen()).toEqual(['DELETED a']);
    expect(store.get('test.dev/widgets/default/a')).toBeUndefined();
  });

  it('adds no finalizer once deletion has begun', async () => {
    const { operations, on } = await withWidget({ metadata: { finalizers: ['test.dev/hold'] } });
    await operations.delete(on(widgetKind), ref, {});
    const body = { metadata: { finalizers: ['test.dev/hold', 'test.dev/more'] } };
    const error = await failureOf(operations.patch(on(widgetKind), ref, { type: 'merge', body }));
    expect(error?.message).toBe(
      'Widget.test.dev "a" is invalid: metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{"test.dev/more"}',
    );
  });

  describe('checks what a patch brings in', () => {
    const kind = { ...boxKind, message: 'ConfigMap', hasStatus: false };
    const body = { data: { k: 'v' }, colour: 'red' };
    const withMap = async (): Promise<Bench> => {
      const bench = startBench({ kinds: [kind] });
      await bench.operations.create(bench.on(kind), { metadata: { name: 'm' } });
      return bench;
    };

    it('refuses unknown fields when asked to be strict, and wrong types always', async () => {
      const { operations, on } = await withMap();
      const strict = operations.patch(on(kind, { fieldValidation: 'Strict' }), { name: 'm' }, { type: 'merge', body });
      expect((await failureOf(strict))?.status).toMatchObject({
        code: 422,
        message: expect.stringMatching(
          /^ "" is invalid: patch: Invalid value: "{.*\\"colour\\":\\"red\\".*}": strict decoding error: unknown field "colour"$/,
        ) as string,
        details: { causes: [{ field: 'patch', reason: 'FieldValueInvalid' }] },
      });
      const wrong: Patch = { type: 'merge', body: { data: { k: 1 } } };
      const ignoring = operations.patch(on(kind, { fieldValidation: 'Ignore' }), { name: 'm' }, wrong);
      expect(await failureOf(ignoring)).toMatchObject({ code: 422 });
    });

    it('warns of unknown fields, or drops them silently', async () => {
      const { operations, on, warnings } = await withMap();
      const patch: Patch = { type: 'merge', body };
      const ignored = await operations.patch(on(kind, { fieldValidation: 'Ignore' }), { name: 'm' }, patch);
      expect(ignored.object).toMatchObject({ data: { k: 'v' } });
      expect(ignored.object).not.toHaveProperty('colour');
      expect(warnings).toEqual([]);
      await operations.patch(on(kind, { fieldValidation: 'Warn' }), { name: 'm' }, patch);
      expect(warnings).toEqual(['unknown field "colour"']);
    });
  });

  it('says clearly when the disk is full or the store closed, and changes nothing', async () => {
    const { operations, on, store } = await withWidget();
    const patch: Patch = { type: 'merge', body: { spec: { size: 2 } } };
    const write = store.write.bind(store);
    store.write = () => Promise.reject(new StoreFullError('no space left on device'));
    expect(await failureOf(operations.patch(on(widgetKind), ref, patch))).toMatchObject({
      status: { code: 507, message: 'no space is left for this write: no space left on device' },
    });
    store.write = write;
    await store.close();
    expect(await failureOf(operations.delete(on(widgetKind), ref, {}))).toMatchObject({
      status: { code: 503, reason: 'ServiceUnavailable', details: { retryAfterSeconds: 1 } },
    });
    expect((await operations.get(on(widgetKind), ref)).object).toMatchObject({ spec: { size: 1 } });
  });
});
