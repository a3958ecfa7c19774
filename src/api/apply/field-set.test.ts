import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decodeFields,
  difference,
  emptySet,
  forEachPath,
  hasPath,
  intersection,
  isEmptySet,
  recursiveDifference,
  sameSet,
  setOfPath,
  union,
  type FieldSet,
} from './index.ts';

const element = fc.constantFrom('f:a', 'f:b', 'k:{"name":"x"}', 'v:1');
const path = fc.array(element, { minLength: 1, maxLength: 3 });
const paths = fc.array(path, { maxLength: 8 });

/** The same set as the plain list of its paths: the model. */
const setOf = (list: readonly (readonly string[])[]): FieldSet =>
  list.reduce((set, one) => union(set, setOfPath(...one)), emptySet);

function pathsOf(set: FieldSet): string[] {
  const found: string[] = [];
  forEachPath(set, (one) => found.push(one.join(' ')));
  return found.sort();
}

const texts = (list: readonly (readonly string[])[]): string[] => [...new Set(list.map((one) => one.join(' ')))].sort();

describe('field sets', () => {
  it('hold the paths that were put in', () => {
    fc.assert(
      fc.property(paths, (list) => {
        const set = setOf(list);
        expect(pathsOf(set)).toEqual(texts(list));
        expect(isEmptySet(set)).toBe(list.length === 0);
        for (const one of list) expect(hasPath(set, one)).toBe(true);
      }),
    );
  });

  it('are combined path by path', () => {
    fc.assert(
      fc.property(paths, paths, (mine, others) => {
        const [a, b] = [setOf(mine), setOf(others)];
        const other = new Set(texts(others));
        expect(pathsOf(union(a, b))).toEqual(texts([...mine, ...others]));
        expect(pathsOf(difference(a, b))).toEqual(texts(mine).filter((one) => !other.has(one)));
        expect(pathsOf(intersection(a, b))).toEqual(texts(mine).filter((one) => other.has(one)));
        const above = (one: string): boolean => [...other].some((up) => one === up || one.startsWith(`${up} `));
        expect(pathsOf(recursiveDifference(a, b))).toEqual(texts(mine).filter((one) => !above(one)));
      }),
    );
  });

  it('are the same in whatever order they were made, and after being read again', () => {
    fc.assert(
      fc.property(paths, (list) => {
        const set = setOf(list);
        expect(sameSet(set, setOf([...list].reverse()))).toBe(true);
        expect(sameSet(set, decodeFields(JSON.parse(JSON.stringify(set))))).toBe(true);
      }),
    );
  });

  it.each([
    [
      'keys in another order',
      { 'k:{"protocol":"TCP","containerPort":80}': {} },
      'k:{"containerPort":80,"protocol":"TCP"}',
    ],
    ['a dot without company', { 'f:a': { '.': {} } }, 'f:a'],
    ['elements of types that are not known', { 'f:a': { 'z:1': {} }, 'x:2': {} }, 'f:a'],
    ['null for nothing', { 'f:a': null }, 'f:a'],
    ['characters that Go escapes', { 'v:"a<b"': {} }, String.raw`v:"a\u003cb"`],
  ])('read %s', (_, fields, expected) => {
    expect(pathsOf(decodeFields(fields))).toEqual([expected]);
  });

  it.each([{ a: {} }, { 'f:a': 'x' }, { 'k:x': {} }, { 'i:x': {} }, []])('%j is refused', (fields) => {
    expect(() => decodeFields(fields)).toThrow(expect.objectContaining({ code: 400 }) as Error);
  });
});
