import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ApiError, parseFieldSelector, type FieldRequirement } from './index.ts';

const term = (field: string, operator: '=' | '!=', value: string): FieldRequirement => ({ field, operator, value });

describe('field selectors', () => {
  it.each<[string, FieldRequirement[]]>([
    ['', []],
    [',', []],
    ['metadata.name=x', [term('metadata.name', '=', 'x')]],
    ['metadata.name==x', [term('metadata.name', '=', 'x')]],
    ['status.phase!=Failed', [term('status.phase', '!=', 'Failed')]],
    ['a=b,,c!=d', [term('a', '=', 'b'), term('c', '!=', 'd')]],
    ['involvedObject.namespace=', [term('involvedObject.namespace', '=', '')]],
    ['a!=', [term('a', '!=', '')]],
    ['=b', [term('', '=', 'b')]],
    ['a=b\\,c', [term('a', '=', 'b,c')]],
    ['a=b\\=c', [term('a', '=', 'b=c')]],
    ['a=b\\\\,c=d', [term('a', '=', 'b\\'), term('c', '=', 'd')]],
    ['a=b!c', [term('a', '=', 'b!c')]],
    ['a= b ', [term('a', '=', ' b ')]],
  ])('%s', (text, expected) => {
    expect(parseFieldSelector(text)).toEqual(expected);
  });

  it.each([
    ['a', "invalid selector: 'a'; can't understand 'a'"],
    ['a=b,c', "invalid selector: 'a=b,c'; can't understand 'c'"],
    ['a=b=c', 'invalid field selector: unescaped character in value: ='],
    ['a===b', 'invalid field selector: unescaped character in value: ='],
    ['a=b\\c', 'invalid field selector: invalid escape sequence: \\c'],
    ['a=b\\', 'invalid field selector: invalid escape sequence: \\'],
  ])('%s is refused', (text, message) => {
    expect(() => parseFieldSelector(text)).toThrow(expect.objectContaining({ message, code: 400 }) as Error);
  });

  it('give any value back that was escaped', () => {
    const escape = (value: string): string => value.replace(/[\\,=]/g, '\\$&');
    const requirement = fc.record({
      field: fc.stringMatching(/^[a-z]+(\.[a-z]+)?$/),
      operator: fc.constantFrom('=' as const, '!=' as const),
      value: fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom('\\', ',', '=', '!', 'a') })),
    });
    fc.assert(
      fc.property(fc.array(requirement), (requirements) => {
        const text = requirements.map(({ field, operator, value }) => `${field}${operator}${escape(value)}`).join(',');
        expect(parseFieldSelector(text)).toEqual(requirements);
      }),
    );
  });

  it('are read or refused with 400, whatever the text', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('\\', ',', '=', '!', 'a', '.') }), (text) => {
        try {
          expect(Array.isArray(parseFieldSelector(text))).toBe(true);
        } catch (error) {
          expect(error).toBeInstanceOf(ApiError);
        }
      }),
    );
  });
});
