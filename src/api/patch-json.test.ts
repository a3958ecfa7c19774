import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ApiError, deepFreeze, jsonPatch } from './index.ts';

type Operation = Record<string, unknown>;

function refusal(apply: () => unknown): { readonly code: number; readonly message: string } {
  try {
    apply();
  } catch (error) {
    if (error instanceof ApiError) return { code: error.code, message: error.message };
    throw error;
  }
  throw new Error('the patch was taken');
}

describe('jsonPatch refuses', () => {
  const document = { map: { a: 1 }, list: [1, 2] };
  it.each<[string, unknown, number, string]>([
    ['what is no list', { op: 'add' }, 400, 'must be a list of operations'],
    ['an operation that is no object', [1], 400, 'an operation must be an object'],
    ['an unknown operation', [{ op: 'burn', path: '/map' }], 400, 'unexpected kind: "burn"'],
    ['a missing path', [{ op: 'remove' }], 400, 'path must be a JSON pointer'],
    ['a path without a slash', [{ op: 'remove', path: 'map' }], 400, 'path must be a JSON pointer'],
    ['a missing value', [{ op: 'add', path: '/map/b' }], 400, 'needs a value'],
    ['removing what is not there', [{ op: 'remove', path: '/map/b' }], 422, 'does not exist'],
    ['removing what every object inherits', [{ op: 'remove', path: '/map/toString' }], 422, 'does not exist'],
    ['adding below what is not there', [{ op: 'add', path: '/none/b', value: 1 }], 422, 'does not exist'],
    ['adding below a scalar', [{ op: 'add', path: '/map/a/b', value: 1 }], 422, 'does not exist'],
    ['a negative index', [{ op: 'remove', path: '/list/-1' }], 422, 'invalid index: -1'],
    ['an index with a leading zero', [{ op: 'remove', path: '/list/01' }], 422, 'invalid index: 01'],
    ['an index behind the end', [{ op: 'add', path: '/list/3', value: 1 }], 422, 'invalid index: 3'],
    ['replacing behind the end', [{ op: 'replace', path: '/list/2', value: 1 }], 422, 'invalid index: 2'],
    ['reading at the place behind the end', [{ op: 'remove', path: '/list/-' }], 422, 'invalid index: -'],
    ['a test that fails', [{ op: 'test', path: '/map/a', value: 2 }], 422, 'testing value /map/a failed'],
    [
      'a test of another type',
      [{ op: 'test', path: '/list', value: { 0: 1, 1: 2 } }],
      422,
      'testing value /list failed',
    ],
    ['removing everything', [{ op: 'remove', path: '' }], 422, 'cannot be removed'],
    ['moving something into itself', [{ op: 'move', from: '/map', path: '/map/a' }], 422, 'does not exist'],
    ['leaving no object', [{ op: 'replace', path: '', value: 1 }], 422, 'leaves no object'],
    [
      'more than 10 000 operations',
      Array.from({ length: 10_001 }, () => ({ op: 'test', path: '/map/a', value: 1 })),
      413,
      'maximum operations in a JSON patch is 10000, got 10001',
    ],
  ])('%s', (_, patch, code, message) => {
    const found = refusal(() => jsonPatch(document, patch as Operation[]));
    expect(found.code).toBe(code);
    expect(found.message).toContain(message);
  });

  it('copies that together grow beyond the size of a body', () => {
    const doubling = Array.from({ length: 40 }, (_, index) => ({ op: 'copy', from: '', path: `/map/copy-${index}` }));
    expect(refusal(() => jsonPatch({ map: {}, text: 'x'.repeat(1000) }, doubling)).code).toBe(422);
  });

  it('nesting by moves that no JSON text could have', () => {
    const burrow = Array.from({ length: 5000 }, () => [
      { op: 'add', path: '/outer', value: {} },
      { op: 'move', from: '/inner', path: '/outer/inner' },
      { op: 'move', from: '/outer', path: '/inner' },
    ]).flat();
    expect(refusal(() => jsonPatch({ inner: {} }, burrow.slice(0, 9_999))).message).toContain('max depth');
  });
});

describe('jsonPatch', () => {
  it('unescapes paths: ~1 is a slash, ~0 a tilde, ~01 a tilde and a one', () => {
    const patch = ['a~1b', 'c~0d', 'e~01f'].map((step) => ({ op: 'add', path: `/${step}`, value: 1 }));
    expect(jsonPatch({}, patch)).toEqual({ 'a/b': 1, 'c~d': 1, 'e~1f': 1 });
  });

  it('takes keys that other maps would stumble over', () => {
    const patched = jsonPatch({ map: {} }, [
      { op: 'add', path: '/map/__proto__', value: 'x' },
      { op: 'add', path: '/map/constructor', value: 'y' },
    ]);
    expect(Object.entries(patched['map'] as object)).toEqual([
      ['__proto__', 'x'],
      ['constructor', 'y'],
    ]);
    expect(jsonPatch(patched, [{ op: 'remove', path: '/map/__proto__' }])['map']).toEqual({ constructor: 'y' });
  });

  it('leaves a copy alone when its source changes later, and the other way round', () => {
    const patched = jsonPatch({ a: { list: [1] } }, [
      { op: 'add', path: '/a/list/-', value: 2 },
      { op: 'copy', from: '/a', path: '/b' },
      { op: 'add', path: '/a/list/-', value: 3 },
      { op: 'remove', path: '/b/list/0' },
    ]);
    expect(patched).toEqual({ a: { list: [1, 2, 3] }, b: { list: [2] } });
  });

  it('shares untouched parts with the original and gives the original back when nothing changes', () => {
    const original = deepFreeze({ a: { b: 1 }, c: { d: [1] } });
    expect(jsonPatch(original, [{ op: 'add', path: '/a/x', value: 2 }])['c']).toBe(original.c);
    expect(jsonPatch(original, [{ op: 'test', path: '/c/d/0', value: 1 }])).toBe(original);
    expect(jsonPatch(original, [{ op: 'replace', path: '/a/b', value: 1 }])).toBe(original);
  });

  // With one copy of the map per operation this took 16 seconds.
  it('applies thousands of operations on one map in time that grows with their number', () => {
    const patch = Array.from({ length: 10_000 }, (_, index) => ({ op: 'add', path: `/data/k${index}`, value: index }));
    expect(Object.keys(jsonPatch({ data: {} }, patch)['data'] as object)).toHaveLength(10_000);
  }, 5000);

  const value = fc.letrec<{ any: unknown }>((tie) => ({
    any: fc.oneof(
      { maxDepth: 2 },
      fc.nat(4),
      fc.array(tie('any'), { maxLength: 3 }),
      fc.dictionary(fc.constantFrom('a', 'b', 'c'), tie('any')),
    ),
  })).any;
  const path = fc
    .array(fc.constantFrom('a', 'b', 'c', '0', '1', '-'), { minLength: 1, maxLength: 3 })
    .map((steps) => `/${steps.join('/')}`);
  const operation = fc.record({
    op: fc.constantFrom('add', 'add', 'replace', 'remove', 'move', 'copy'),
    path,
    from: path,
    value,
  });
  const documents = fc.record({ a: value, b: value, c: value });

  it('gives the same as its operations one after the other, and changes neither argument', () => {
    fc.assert(
      fc.property(documents, fc.array(operation, { maxLength: 6 }), (document, patch) => {
        const frozen = deepFreeze(document);
        const frozenPatch = deepFreeze(patch);
        const outcome = (apply: () => unknown): unknown => {
          try {
            return JSON.stringify(apply());
          } catch (error) {
            if (error instanceof ApiError) return error.status;
            throw error;
          }
        };
        const atOnce = outcome(() => jsonPatch(frozen, frozenPatch));
        const oneByOne = outcome(() =>
          frozenPatch.reduce<Record<string, unknown>>(
            (before, each) => JSON.parse(JSON.stringify(jsonPatch(before, [each]))) as Record<string, unknown>,
            frozen,
          ),
        );
        expect(atOnce).toEqual(oneByOne);
      }),
      { numRuns: 2000 },
    );
  });
});
