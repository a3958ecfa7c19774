import { describe, expect, it } from 'vitest';
import {
  boxKind,
  draftOf,
  failureOf,
  startBench,
  widgetKind,
  type Widget,
} from '../../../tests/contract/client-kinds.ts';
import { seededRandom } from '../../testing/index.ts';

describe('create', () => {
  it('fills in what the server decides, in the order in which clients read it', async () => {
    const { operations, on } = startBench();
    const { object, bytes } = await operations.create(on(widgetKind), draftOf('a', { spec: { color: 'red' } }));
    expect(bytes.toString()).toBe(JSON.stringify(object));
    expect(Object.keys(object)).toEqual(['kind', 'apiVersion', 'metadata', 'spec', 'status']);
    const { uid, ...metadata } = object.metadata;
    expect(uid).toMatch(/^[0-9a-f-]{36}$/);
    expect(metadata).toEqual({
      name: 'a',
      namespace: 'default',
      resourceVersion: '1',
      generation: 1,
      creationTimestamp: '2026-01-01T00:00:00Z',
    });
    expect(object).toMatchObject({ kind: 'Widget', apiVersion: 'test.dev/v1', spec: { color: 'red', size: 1 } });
    expect((object as Widget).status).toEqual({ phase: 'New' });
  });

  it('freezes the object deeply', async () => {
    const { operations, on } = startBench();
    const { object } = await operations.create(on(widgetKind), draftOf('a', { spec: { parts: ['x'] } }));
    expect(Object.isFrozen((object as Widget).spec.parts)).toBe(true);
    expect(Object.isFrozen(object.metadata)).toBe(true);
  });

  it('takes nothing that is the server’s from the client', async () => {
    const { operations, on } = startBench();
    const metadata = {
      uid: 'mine',
      generation: 9,
      creationTimestamp: '1999-01-01T00:00:00Z',
      deletionTimestamp: '1999-01-01T00:00:00Z',
      deletionGracePeriodSeconds: 3,
      selfLink: '/x',
      managedFields: [{ manager: 'me' }],
    };
    const { object } = await operations.create(on(boxKind), draftOf('a', { metadata, status: { phase: 'Done' } }));
    expect(Object.keys(object.metadata).sort()).toEqual(['creationTimestamp', 'name', 'resourceVersion', 'uid']);
    expect(object.metadata.uid).not.toBe('mine');
    expect((object as Widget).status).toEqual({});
  });

  it('makes names, and tries again while they are taken', async () => {
    const { operations, on } = startBench();
    const create = (): Promise<{ object: { metadata: { name: string } } }> =>
      operations.create(on(boxKind), draftOf('', { metadata: { generateName: 'box-' } }));
    const names = await Promise.all(Array.from({ length: 50 }, create));
    expect(new Set(names.map(({ object }) => object.metadata.name)).size).toBe(50);
    expect(names[0]?.object.metadata.name).toMatch(/^box-[bcdfghjklmnpqrstvwxz2456789]{5}$/);
  });

  it('says so when every generated name was taken', async () => {
    const { operations, on } = startBench({ random: { ...seededRandom(1), float: () => 0 } });
    const create = (): Promise<unknown> =>
      operations.create(on(boxKind), draftOf('', { metadata: { generateName: 'box-' } }));
    await create();
    expect((await failureOf(create()))?.status).toMatchObject({
      code: 409,
      reason: 'AlreadyExists',
      message: 'boxes "box-bbbbb" already exists, the server was not able to generate a unique name for the object',
      details: { name: 'box-bbbbb', kind: 'boxes', retryAfterSeconds: 1 },
    });
  });

  it('refuses a name that is taken', async () => {
    const { operations, on } = startBench();
    await operations.create(on(widgetKind), draftOf('a'));
    const error = await failureOf(operations.create(on(widgetKind), draftOf('a')));
    expect(error?.status).toMatchObject({ code: 409, message: 'widgets.test.dev "a" already exists' });
  });

  it('lets only one of many writers of one name win', async () => {
    const { operations, on } = startBench();
    const results = await Promise.allSettled(
      Array.from({ length: 20 }, () => operations.create(on(widgetKind), draftOf('a'))),
    );
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });

  it('reports all faults at once', async () => {
    const { operations, on } = startBench();
    const metadata = { labels: { 'a b': 'x', ok: 'not ok!' }, finalizers: ['bad finalizer'] };
    const error = await failureOf(operations.create(on(widgetKind), draftOf('A', { metadata, spec: { size: 0 } })));
    expect(error?.status.code).toBe(422);
    expect(error?.status.details?.causes?.map(({ field }) => field)).toEqual([
      'metadata.name',
      'metadata.labels',
      'metadata.labels',
      'metadata.finalizers',
      'spec.size',
    ]);
    expect(error?.message).toMatch(/^Widget\.test\.dev "A" is invalid: \[metadata\.name: Invalid value: "A": must be/);
  });

  it('finds fault with a prefix and with the name that was made of it', async () => {
    const { operations, on } = startBench();
    const draft = draftOf('', { metadata: { generateName: 'A-' } });
    const error = await failureOf(operations.create(on(widgetKind), draft));
    expect(error?.status.details?.causes?.map(({ field, message }) => [field, message])).toEqual([
      ['metadata.generateName', expect.stringMatching(/^Invalid value: "A-": must be/)],
      ['metadata.name', expect.stringMatching(/^Invalid value: "A-\w{5}": must be/)],
    ]);
  });

  it.each([
    ['', 'metadata.name: Required value: name or generateName is required'],
    ['../', `metadata.generateName: Invalid value: "../": must be lower case`],
    [`${'a'.repeat(58)}/`, `metadata.generateName: Invalid value: "${'a'.repeat(58)}/": must be lower case`],
  ])('refuses the prefix %j', async (generateName, message) => {
    const { operations, on } = startBench();
    const error = await failureOf(operations.create(on(boxKind), draftOf('', { metadata: { generateName } })));
    expect(error?.message).toContain(message);
  });

  const owner = { apiVersion: 'v1', kind: 'Pod', name: 'p', uid: 'u1' };
  const faults: readonly (readonly [string, Parameters<typeof draftOf>[1], string])[] = [
    ['no name', { metadata: { name: '' } }, 'metadata.name: Required value: name or generateName is required'],
    ['a path segment', { metadata: { name: '..' } }, `metadata.name: Invalid value: "..": may not be '..'`],
    [
      'annotations over 256 KiB',
      { metadata: { annotations: { a: 'x'.repeat(262_144) } } },
      'metadata.annotations: Too long: may not be more than 262144 bytes',
    ],
    [
      'two policies among the finalizers',
      { metadata: { finalizers: ['orphan', 'foregroundDeletion'] } },
      'orphan and foregroundDeletion cannot be both set',
    ],
    [
      'two controllers',
      {
        metadata: {
          ownerReferences: [
            { ...owner, controller: true },
            { ...owner, uid: 'u2', controller: true },
          ],
        },
      },
      'Only one reference can have Controller set to true. Found "true" in references for Pod/p and Pod/p',
    ],
    [
      'an owner of no version',
      { metadata: { ownerReferences: [{ ...owner, apiVersion: 'a/b/c' }] } },
      'metadata.ownerReferences.apiVersion: Invalid value: "a/b/c": version must not be empty',
    ],
    [
      'an owner without uid',
      { metadata: { ownerReferences: [{ ...owner, uid: '' }] } },
      'metadata.ownerReferences.uid: Invalid value: "": must not be empty',
    ],
  ];
  it.each(faults)('refuses %s', async (_what, parts, text) => {
    const { operations, on } = startBench();
    const error = await failureOf(operations.create(on(widgetKind), draftOf('a', parts)));
    expect(error?.status.code).toBe(422);
    expect(error?.message).toContain(text);
  });

  it('drops a second reference to the same owner and says so', async () => {
    const { operations, on, warnings } = startBench();
    const draft = draftOf('a', { metadata: { ownerReferences: [owner, { ...owner }] } });
    const { object } = await operations.create(on(widgetKind), draft);
    expect(object.metadata.ownerReferences).toEqual([owner]);
    expect(warnings).toEqual([expect.stringContaining('duplicate UID(s) observed: u1')]);
  });

  it.each([
    ['another namespace', { metadata: { namespace: 'other' } }, 'the namespace of the provided object does not match'],
    ['a stored version', { metadata: { resourceVersion: '7' } }, 'resourceVersion should not be set on objects to be'],
    ['another kind', { kind: 'Box' }, 'the kind in the data (Box) does not match'],
    ['another version', { apiVersion: 'test.dev/v2' }, 'the API version in the data (test.dev/v2) does not match'],
  ])('refuses a body of %s', async (_what, parts, text) => {
    const { operations, on } = startBench();
    const metadata = { name: 'a', ...('metadata' in parts ? parts.metadata : {}) };
    const error = await failureOf(operations.create(on(widgetKind), { ...draftOf('a'), ...parts, metadata } as Widget));
    expect(error?.code).toBe(400);
    expect(error?.message).toContain(text);
  });

  it('stores nothing in a dry run, but finds what a real one would', async () => {
    const { operations, on, store } = startBench();
    const dry = on(widgetKind, { dryRun: true });
    const { object } = await operations.create(dry, draftOf('a'));
    expect(object.metadata.uid).not.toBe('');
    expect('resourceVersion' in object.metadata).toBe(false);
    expect(store.revision).toBe(0);
    await operations.create(on(widgetKind), draftOf('a'));
    expect(await failureOf(operations.create(dry, draftOf('a')))).toMatchObject({ code: 409 });
    expect(await failureOf(operations.create(dry, draftOf('b', { spec: { size: -1 } })))).toMatchObject({ code: 422 });
  });
});
