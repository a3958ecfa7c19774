import fc from 'fast-check';
import { stringify } from 'yaml';
import { describe, expect, it } from 'vitest';
import { ApiError, parseYamlDocuments } from './index.ts';

describe('YAML documents', () => {
  it.each<[string, string, unknown[]]>([
    ['nothing', '', []],
    ['a comment', '# nothing\n', []],
    ['JSON', '{"a":[1,true,null,"x"]}', [{ a: [1, true, null, 'x'] }]],
    ['two documents', 'a: 1\n---\nb: 2\n', [{ a: 1 }, { b: 2 }]],
    ['words that YAML 1.1 takes for booleans', 'a: yes\nb: on\nc: n', [{ a: 'yes', b: 'on', c: 'n' }]],
    [
      'octal modes',
      'a: 0644\nb: "0644"\nc: 0o644\nd: 0\ne: 089\nf: -010',
      [{ a: 420, b: '0644', c: 420, d: 0, e: 89, f: -8 }],
    ],
    ['hexadecimal numbers and fractions', 'a: 0x10\nb: 0.5\nc: 1e3', [{ a: 16, b: 0.5, c: 1000 }]],
    ['dates', 'a: 2024-01-01\nb: 2024-01-01T00:00:00Z', [{ a: '2024-01-01', b: '2024-01-01T00:00:00Z' }]],
    ['times of the day', 'a: 12:30', [{ a: '12:30' }]],
    ['block scalars', 'a: |\n  x\n  y\nb: >-\n  x\n  y', [{ a: 'x\ny\n', b: 'x y' }]],
    ['merge keys', 'x: &x {a: 1, b: 2}\ny: {<<: *x, b: 3}', [{ x: { a: 1, b: 2 }, y: { a: 1, b: 3 } }]],
    ['keys that are numbers', '1: a\ntrue: b', [{ 1: 'a', true: 'b' }]],
  ])('%s', (_, text, documents) => {
    expect(parseYamlDocuments(text)).toEqual({ documents, duplicateFields: [] });
  });

  it.each<[string, string]>([
    ['a: 1\na: 2', 'a'],
    ['spec:\n  suspend: true\n  suspend: false', 'spec.suspend'],
    ['spec:\n  containers:\n  - name: a\n  - name: b\n    name: c', 'spec.containers[1].name'],
    ['a: [[{b: 1}, {b: 1, b: 2}]]', 'a[0][1].b'],
    ['- a: 1\n  a: 2', '[0].a'],
    ['a: {b: {c: 1, c: 2}}', 'a.b.c'],
    ['"a": 1\na: 2', 'a'],
  ])('%j has a field twice', (text, path) => {
    expect(parseYamlDocuments(text).duplicateFields).toEqual([path]);
  });

  it('lets the last of two fields count', () => {
    expect(parseYamlDocuments('a: 1\na: 2').documents).toEqual([{ a: 2 }]);
  });

  it.each<[string, string, string]>([
    ['a tab as indentation', 'a:\n\tb: 1', 'yaml: line 2'],
    ['an open list', 'a: [1', 'yaml: line'],
    ['a map as a key', '{a: 1}: b', 'map keys must be strings'],
    ['a list as a key', '[a]: b', 'map keys must be strings'],
    ['no number', 'a: .nan', 'unsupported value'],
    ['no end', 'a: -.inf', 'unsupported value'],
    ['an alias without an anchor', 'a: *b', 'b'],
    ['a merge key of no map', '<<: 1', 'Merge sources must be maps'],
    ['bytes', 'a: !!binary YQ==', 'error converting YAML to JSON'],
    ['nesting of 10 000 levels', '['.repeat(10_000) + ']'.repeat(10_000), 'error converting YAML to JSON'],
    [
      'a bomb of aliases',
      [
        'a: &a [x,x,x,x,x,x,x,x,x]',
        ...'bcdefghi'.split('').map((name, i) => {
          const alias = `*${'abcdefgh'[i]}`;
          return `${name}: &${name} [${Array(9).fill(alias).join(',')}]`;
        }),
      ].join('\n'),
      'alias',
    ],
  ])('%s is refused', (_, text, message) => {
    const attempt = (): unknown => parseYamlDocuments(text);
    expect(attempt).toThrow(ApiError);
    expect(attempt).toThrow(message);
  });

  it('come back from what was written', () => {
    fc.assert(
      fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
        const expected = JSON.parse(JSON.stringify(value)) as unknown;
        expect(parseYamlDocuments(JSON.stringify(value)).documents).toEqual([expected]);
      }),
    );
    fc.assert(
      fc.property(
        fc.dictionary(fc.stringMatching(/^[a-z]{1,8}$/), fc.stringMatching(/^[a-z]{3,20}( [a-z]+)*$/)),
        (map) => {
          expect(parseYamlDocuments(stringify(map)).documents).toEqual([map]);
        },
      ),
    );
  });

  it('are read or refused with 400, whatever the text', () => {
    const unit = fc.constantFrom(...'ab:-?[]{},&*!|>\'"%#\n  \t0.'.split(''), '---\n', '<<', '&a ', '*a ');
    fc.assert(
      fc.property(fc.string({ unit, maxLength: 40 }), (text) => {
        try {
          expect(Array.isArray(parseYamlDocuments(text).documents)).toBe(true);
        } catch (error) {
          expect(error).toBeInstanceOf(ApiError);
        }
      }),
      { numRuns: 500 },
    );
  });
});
