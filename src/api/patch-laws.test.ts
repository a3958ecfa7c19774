import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ApiError, deepFreeze, jsonPatch, mergePatch, strategicMergePatch } from './index.ts';

type Json = Record<string, unknown>;

const key = fc.oneof(fc.constantFrom('a', 'b', '__proto__', 'constructor', 'name'), fc.string({ maxLength: 3 }));
const { value } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    fc.oneof(fc.constant(null), fc.boolean(), fc.integer(), fc.string({ maxLength: 3 })),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.array(fc.tuple(key, tie('value')), { maxLength: 4 }).map((entries) => Object.fromEntries(entries)),
  ),
}));
const map = fc.array(fc.tuple(key, value), { maxLength: 4 }).map((entries) => Object.fromEntries(entries) as Json);

/** A merge patch by the text of RFC 7396, without sharing or speed. Entries, so that `__proto__` is a key. */
function slowMerge(target: unknown, patch: unknown): unknown {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch;
  const isMap = typeof target === 'object' && target !== null && !Array.isArray(target);
  const result = new Map<string, unknown>(isMap ? Object.entries(target) : []);
  for (const [name, part] of Object.entries(patch)) {
    if (part === null) result.delete(name);
    else result.set(name, slowMerge(result.get(name), part));
  }
  return Object.fromEntries(result);
}

/** toEqual looks through `__proto__`; texts do not. Keys may stand in any order. */
function textOf(json: unknown): string {
  if (Array.isArray(json)) return `[${json.map(textOf).join(',')}]`;
  if (typeof json !== 'object' || json === null) return JSON.stringify(json);
  const entries = Object.entries(json).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([name, part]) => `${JSON.stringify(name)}:${textOf(part)}`).join(',')}}`;
}

describe('merge patches', () => {
  it('do what RFC 7396 says, and leave what they are given alone', () => {
    fc.assert(
      fc.property(map, map, (original, patch) => {
        const result = mergePatch(deepFreeze(original), deepFreeze(patch));
        expect(textOf(result)).toBe(textOf(slowMerge(original, patch)));
        expect(Object.getPrototypeOf(result)).toBe(Object.prototype);
      }),
    );
  });

  it('change nothing the second time', () => {
    fc.assert(
      fc.property(map, map, (original, patch) => {
        const once = mergePatch(original, patch);
        expect(textOf(mergePatch(once, patch))).toBe(textOf(once));
        expect(mergePatch(original, {})).toBe(original);
      }),
    );
  });

  it('are refused when they are nested too deep', () => {
    const deep = JSON.parse(`${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}`) as object;
    for (const patch of [mergePatch, (a: object, b: object): Json => strategicMergePatch(a, b, 'Job')])
      expect(() => patch({}, deep)).toThrow(expect.objectContaining({ code: 400 }) as Error);
    expect(() => jsonPatch({}, [{ op: 'add', path: '/a', value: deep }])).toThrow(ApiError);
    expect(() => jsonPatch({}, [{ op: 'add', path: '/a'.repeat(10_000), value: 1 }])).toThrow(ApiError);
  });
});

interface Recorded {
  readonly type: string;
  readonly object: Json & { readonly kind: string };
  readonly patch: object;
  readonly error?: string;
}

const file = new URL('../../tests/fixtures/patches/recorded.json', import.meta.url);
const recorded = (JSON.parse(readFileSync(file, 'utf8')) as Recorded[]).filter(
  ({ type, error }) => type === 'strategic' && error === undefined,
);

describe('strategic merge patches', () => {
  it('change nothing the second time', () => {
    for (const { object, patch } of recorded) {
      const once = strategicMergePatch(object, patch, object.kind);
      expect(strategicMergePatch(once, patch, object.kind)).toEqual(once);
    }
  });

  it('leave what they are given alone', () => {
    fc.assert(
      fc.property(fc.constantFrom(...recorded), fc.constantFrom(...recorded), (one, other) => {
        const [object, patch] = [deepFreeze(structuredClone(one.object)), deepFreeze(structuredClone(other.patch))];
        try {
          strategicMergePatch(object, patch, object.kind);
        } catch (error) {
          expect(error).toBeInstanceOf(ApiError);
        }
        expect(object).toEqual(one.object);
        expect(patch).toEqual(other.patch);
      }),
    );
  });

  it('are applied or refused with 400, whatever they are', () => {
    const special = fc.constantFrom(
      '$patch',
      '$retainKeys',
      '$setElementOrder/env',
      '$deleteFromPrimitiveList/finalizers',
    );
    const names = fc.oneof(
      special,
      fc.constantFrom('containers', 'env', 'finalizers', 'name', 'metadata', 'spec', 'volumes'),
    );
    const part = fc.letrec<{ part: unknown }>((tie) => ({
      part: fc.oneof(
        { maxDepth: 5 },
        fc.oneof(fc.constantFrom(null, 'delete', 'replace', 'merge', 'a', 1)),
        fc.array(tie('part'), { maxLength: 3 }),
        fc.dictionary(names, tie('part'), { maxKeys: 4 }),
      ),
    })).part;
    fc.assert(
      fc.property(
        fc.dictionary(names, part, { maxKeys: 4 }),
        fc.dictionary(names, part, { maxKeys: 4 }),
        (object, patch) => {
          try {
            expect(typeof strategicMergePatch(deepFreeze(object), deepFreeze(patch), 'Pod')).toBe('object');
          } catch (error) {
            expect(error).toBeInstanceOf(ApiError);
          }
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe('JSON patches', () => {
  it('are applied or refused, whatever they are, and leave what they are given alone', () => {
    const path = fc.oneof(
      fc
        .array(fc.constantFrom('a', 'b', '0', '1', '-', '01', '__proto__', '~0', '~1', ''), { maxLength: 3 })
        .map((steps) => steps.map((step) => `/${step}`).join('')),
      fc.constantFrom('a', null, 1),
    );
    const operation = fc.oneof(
      {
        weight: 9,
        arbitrary: fc.record(
          { op: fc.constantFrom('add', 'remove', 'replace', 'move', 'copy', 'test', 'x'), path, from: path, value },
          { requiredKeys: [] },
        ),
      },
      { weight: 1, arbitrary: value },
    );
    fc.assert(
      fc.property(map, fc.array(operation, { maxLength: 5 }), (object, operations) => {
        const before = textOf(object);
        try {
          expect(typeof jsonPatch(deepFreeze(object), operations as Json[])).toBe('object');
        } catch (error) {
          expect(error).toBeInstanceOf(ApiError);
        }
        expect(textOf(object)).toBe(before);
      }),
      { numRuns: 500 },
    );
  });

  it('may not copy more than three megabytes', () => {
    const double = { op: 'copy', from: '', path: '/a' };
    const operations = Array<Json>(100).fill(double);
    expect(() => jsonPatch({ data: 'x'.repeat(1000) }, operations)).toThrow('the accumulated size increase of copy is');
    expect(() => jsonPatch({}, Array<Json>(10_001).fill(double))).toThrow(
      expect.objectContaining({ code: 413 }) as Error,
    );
  });

  it.each([
    [{ op: 'test', path: '/a', value: 2 }, 422],
    [{ op: 'remove', path: '/b' }, 422],
    [{ op: 'remove', path: '' }, 422],
    [{ op: 'add', path: '/b/c', value: 1 }, 422],
    [{ op: 'replace', path: '', value: [] }, 422],
    [{ op: 'copy', path: '/b', from: '/constructor' }, 422],
    [{ op: 'add', path: '/b' }, 400],
    [{ op: 'jump', path: '/a' }, 400],
    [{ op: 'add', path: 'a', value: 1 }, 400],
    [{ op: 'move', path: '/a' }, 400],
    [null, 400],
    ['add', 400],
  ])('%j is refused with %d', (operation, code) => {
    expect(() => jsonPatch({ a: 1 }, [operation as unknown as Json])).toThrow(
      expect.objectContaining({ code }) as Error,
    );
  });
});
