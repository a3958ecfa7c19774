import { describe, expect, it } from 'vitest';
import { flagOf, integerOf, parseQuery, textOf, writeQueryOf } from './query.ts';

describe('parameters', () => {
  it.each([
    ['', undefined],
    ['watch', true],
    ['watch=', true],
    ['watch=1', true],
    ['watch=true', true],
    ['watch=0', false],
    ['watch=false', false],
    ['watch=False', false],
    ['watch=false&watch=true', false],
  ])('the flag in %j is %s', (text, expected) => {
    expect(flagOf(parseQuery(text), 'watch')).toBe(expected);
  });

  it('are decoded, and empty ones are absent', () => {
    const query = parseQuery('labelSelector=app+in+%28a%2Cb%29&fieldSelector=&limit=5');
    expect(textOf(query, 'labelSelector')).toBe('app in (a,b)');
    expect(textOf(query, 'fieldSelector')).toBeUndefined();
    expect(integerOf(query, 'limit')).toBe(5);
  });

  it.each(['1.5', '1e3', '0x10', '99999999999999999999', ' 1'])('%j is no integer', (text) => {
    expect(() => integerOf({ limit: text }, 'limit')).toThrow('invalid syntax');
  });

  it('take the field manager from the user agent when none is named', () => {
    const agent = 'kubectl/v1.35.2 (linux/amd64) kubernetes/abc';
    expect(writeQueryOf({}, 'CreateOptions', agent)).toEqual({
      dryRun: false,
      fieldManager: 'kubectl',
      fieldValidation: 'Warn',
    });
    expect(writeQueryOf({ fieldManager: 'helm', dryRun: 'All' }, 'CreateOptions', agent)).toMatchObject({
      dryRun: true,
      fieldManager: 'helm',
    });
    expect(() => writeQueryOf({ fieldManager: 'x'.repeat(129) }, 'CreateOptions', agent)).toThrow('Too long');
  });
});
