import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ApiError, findDuplicateFields } from './index.ts';

describe('fields that stand twice', () => {
  it.each<[string, string[]]>([
    ['{}', []],
    ['[]', []],
    ['1', []],
    ['"{\\"a\\":1,\\"a\\":2}"', []],
    ['{"a":1,"b":{"a":2},"c":[{"a":3},{"a":4}]}', []],
    ['{"a":1,"a":2}', ['a']],
    ['{"a":1,"a":2,"a":3}', ['a', 'a']],
    ['{"spec":{"suspend":true,"suspend":false}}', ['spec.suspend']],
    ['{"a":[{"b":1},{"c":[0,{"d":1,"d":2}]}]}', ['a[1].c[1].d']],
    ['{"a":"a","b":"a","c":["a","a"]}', []],
    ['{"a\\u0062":1,"ab":2}', ['ab']],
    ['{"a\\"":1,"a\\"":2}', ['a"']],
    ['{"a\\\\":1,"a\\\\":2,"b":"\\\\"}', ['a\\']],
    ['{"":1,"":2}', ['']],
    ['{"__proto__":1,"constructor":2,"__proto__":3}', ['__proto__']],
    [' {\n "a" : [ ] , "a" : { } } ', ['a']],
    ['[{"a":1,"a":2}]', ['[0].a']],
  ])('%s', (text, expected) => {
    expect(JSON.parse(text)).toBeDefined();
    expect(findDuplicateFields(text)).toEqual(expected);
  });

  it('are found in objects with many keys', () => {
    const keys = Array.from({ length: 50 }, (_, index) => `"k${index}":1`);
    expect(findDuplicateFields(`{${keys.join(',')}}`)).toEqual([]);
    expect(findDuplicateFields(`{${[...keys, '"k0":2', '"k49":2'].join(',')}}`)).toEqual(['k0', 'k49']);
  });

  it('are named a hundred times at most', () => {
    expect(findDuplicateFields(`{${Array<string>(1000).fill('"a":1').join(',')}}`)).toHaveLength(100);
  });

  it('are sought 10 000 levels deep, no deeper', () => {
    const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);
    expect(findDuplicateFields(nested(10_000))).toEqual([]);
    expect(() => findDuplicateFields(nested(10_001))).toThrow(ApiError);
  });
});

/** JSON as a tree that can say things twice. */
type Tree =
  { readonly leaf: unknown } | { readonly list: readonly Tree[] } | { readonly map: readonly [string, Tree][] };

const { tree } = fc.letrec<{ tree: Tree }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 4 },
    fc.oneof(fc.string(), fc.integer(), fc.constant(null), fc.constant('"{,}\\')).map((leaf) => ({ leaf })),
    fc.array(tie('tree'), { maxLength: 4 }).map((list) => ({ list })),
    fc
      .array(fc.tuple(fc.oneof(fc.constantFrom('a', 'b', '\\', '"', 'ä{'), fc.string()), tie('tree')), {
        maxLength: 20,
      })
      .map((map) => ({ map })),
  ),
}));

function textOf(value: Tree): string {
  if ('leaf' in value) return JSON.stringify(value.leaf);
  if ('list' in value) return `[ ${value.list.map(textOf).join(' ,')}]`;
  return `{${value.map.map(([key, inner]) => `${JSON.stringify(key)} :${textOf(inner)}`).join(', ')} }`;
}

function duplicatesOf(value: Tree, path?: string): string[] {
  if ('leaf' in value) return [];
  if ('list' in value) return value.list.flatMap((inner, index) => duplicatesOf(inner, `${path ?? ''}[${index}]`));
  return value.map.flatMap(([key, inner], index) => {
    const at = path === undefined ? key : `${path}.${key}`;
    const again = value.map.findIndex(([other]) => other === key) < index;
    return [...(again ? [at] : []), ...duplicatesOf(inner, at)];
  });
}

describe('fields that stand twice, beside a slow search', () => {
  it('are the same ones', () => {
    fc.assert(
      fc.property(tree, (value) => {
        expect(findDuplicateFields(textOf(value))).toEqual(duplicatesOf(value).slice(0, 100));
      }),
      { numRuns: 300 },
    );
  });
});
