import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  ApiError,
  formatSelector,
  labelSelectorErrors,
  labelSelectorToSelector,
  parseLabelSelector,
  type LabelSelector,
} from './index.ts';

interface Recorded {
  readonly text: string;
  readonly selector?: LabelSelector;
  readonly error?: string;
}

const file = new URL('../../tests/fixtures/texts/recorded.json', import.meta.url);
const { selectors } = JSON.parse(readFileSync(file, 'utf8')) as { selectors: Recorded[] };

/** All labels over few keys and values. */
const everyLabels = ['a', 'c', 'in']
  .map((key) => [undefined, '', 'b', 'in'].map((value) => (value === undefined ? {} : { [key]: value })))
  .reduce<Record<string, string>[]>(
    (all, one) => all.flatMap((some) => one.map((more) => ({ ...some, ...more }))),
    [{}],
  );

describe('label selectors are read as kubectl does', () => {
  it.each(selectors.filter(({ error }) => error === undefined))('"$text" means $selector', ({ text, selector }) => {
    const [parsed, meant] = [parseLabelSelector(text), labelSelectorToSelector(selector!)];
    expect(everyLabels.map((labels) => parsed.matches(labels))).toEqual(
      everyLabels.map((labels) => meant.matches(labels)),
    );
    expect(parsed.keysWithExactValue.toSorted()).toEqual(meant.keysWithExactValue.toSorted());
  });

  it.each(selectors.filter(({ error }) => error !== undefined))('"$text" is refused: $error', ({ text, error }) => {
    const attempt = (): unknown => parseLabelSelector(text);
    expect(attempt).toThrow(ApiError);
    expect(attempt).toThrow(expect.objectContaining({ message: error, code: 400 }) as Error);
  });
});

describe('label selectors match', () => {
  const labels = { app: 'web', tier: '', count: '12', 'example.com/x': 'y' };
  it.each([
    ['', true],
    ['app', true],
    ['!app', false],
    ['other', false],
    ['!other', true],
    ['app=web', true],
    ['app==web', true],
    ['app!=web', false],
    ['app!=db', true],
    ['other!=db', true],
    ['tier=', true],
    ['other=', false],
    ['tier in ()', true],
    ['app in (db,web)', true],
    ['app notin (db,web)', false],
    ['other notin (db)', true],
    ['count>11', true],
    ['count>12', false],
    ['count<13', true],
    ['app>1', false],
    ['other<1', false],
    ['example.com/x=y,app', true],
    ['app,!app', false],
    ['constructor', false],
    ['!toString', true],
  ])('%s: %s', (text, expected) => {
    expect(parseLabelSelector(text).matches(labels)).toBe(expected);
  });

  it('nothing but negations without labels', () => {
    expect(parseLabelSelector('!a,b!=c').matches(undefined)).toBe(true);
    expect(parseLabelSelector('a').matches(undefined)).toBe(false);
  });

  it('compares integers of 64 bits exactly', () => {
    const selector = parseLabelSelector('n>9007199254740992');
    expect(selector.matches({ n: '9007199254740993' })).toBe(true);
    expect(selector.matches({ n: '9007199254740992' })).toBe(false);
    expect(selector.matches({ n: '9'.repeat(30) })).toBe(false);
  });

  it('names exact values for indexes', () => {
    const selector = parseLabelSelector('a=b,c in (d),e in (f,g),h!=i');
    expect(selector.keysWithExactValue).toEqual(['a', 'c']);
    expect(selector.exactValue('c')).toBe('d');
    expect(selector.exactValue('e')).toBeUndefined();
    expect(selector.empty).toBe(false);
    expect(parseLabelSelector(' ').empty).toBe(true);
  });
});

describe('faults of the object form', () => {
  it.each<[LabelSelector, string[]]>([
    [{ matchLabels: { a: 'b' }, matchExpressions: [{ key: 'c', operator: 'Exists' }] }, []],
    [{ matchLabels: { '-': 'b' } }, ['s.matchLabels FieldValueInvalid']],
    [{ matchLabels: { a: '-' } }, ['s.matchLabels FieldValueInvalid']],
    [{ matchExpressions: [{ key: 'a', operator: 'In' }] }, ['s.matchExpressions[0].values FieldValueRequired']],
    [
      { matchExpressions: [{ key: 'a', operator: 'Exists', values: ['b'] }] },
      ['s.matchExpressions[0].values FieldValueForbidden'],
    ],
    [{ matchExpressions: [{ key: 'a', operator: 'Gt' }] }, ['s.matchExpressions[0].operator FieldValueInvalid']],
    [{ matchExpressions: [{ key: 'a', operator: 'toString' }] }, ['s.matchExpressions[0].operator FieldValueInvalid']],
    [
      { matchExpressions: [{ key: '', operator: 'In', values: ['b', '!'] }] },
      [
        's.matchExpressions[0].key FieldValueInvalid',
        's.matchExpressions[0].key FieldValueInvalid',
        's.matchExpressions[0].values[1] FieldValueInvalid',
      ],
    ],
  ])('%j', (selector, expected) => {
    expect(labelSelectorErrors(selector, 's').map(({ field, reason }) => `${field} ${reason}`)).toEqual(expected);
  });

  it('an operator that there is not is a bad request', () => {
    expect(() => labelSelectorToSelector({ matchExpressions: [{ key: 'a', operator: 'constructor' }] })).toThrow(
      ApiError,
    );
  });
});

const word = fc.stringMatching(/^[a-z0-9]([-a-z0-9]{0,4}[a-z0-9])?$/);
const selectorOf: fc.Arbitrary<LabelSelector> = fc.record({
  matchLabels: fc.dictionary(word, fc.oneof(word, fc.constant('')), { maxKeys: 3 }),
  matchExpressions: fc.array(
    fc.oneof(
      fc.record({
        key: word,
        operator: fc.constantFrom('In', 'NotIn'),
        values: fc.array(fc.oneof(word, fc.constant('')), { minLength: 1, maxLength: 4 }),
      }),
      fc.record({ key: word, operator: fc.constantFrom('Exists', 'DoesNotExist') }),
    ),
    { maxLength: 4 },
  ),
});

describe('label selectors by chance', () => {
  it('mean the same after they were written and read', () => {
    const labels = fc.dictionary(word, fc.oneof(word, fc.constant('')), { maxKeys: 5 });
    fc.assert(
      fc.property(selectorOf, fc.array(labels), (selector, all) => {
        const text = formatSelector(selector);
        const parsed = parseLabelSelector(text === '<none>' ? '' : text);
        const meant = labelSelectorToSelector(selector);
        const own = { ...selector.matchLabels };
        for (const each of [own, ...all, ...all.map((more) => ({ ...more, ...own }))])
          expect(parsed.matches(each)).toBe(meant.matches(each));
        expect(parsed.empty).toBe(meant.empty);
      }),
    );
  });

  it('are read or refused with 400, whatever the text', () => {
    const unit = fc.constantFrom(...'ab1-./ \t=!(),<>'.split(''), ' in ', ' notin ');
    fc.assert(
      fc.property(fc.string({ unit, maxLength: 20 }), (text) => {
        try {
          expect(typeof parseLabelSelector(text).matches({ a: 'b' })).toBe('boolean');
        } catch (error) {
          expect(error).toBeInstanceOf(ApiError);
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('selectors as kubectl prints them', () => {
  it.each<[LabelSelector, string]>([
    [{}, '<none>'],
    [{ matchLabels: { b: '2', a: '1' } }, 'a=1,b=2'],
    [
      {
        matchLabels: { b: '1' },
        matchExpressions: [
          { key: 'a', operator: 'In', values: ['y', 'x'] },
          { key: 'c', operator: 'NotIn', values: ['z'] },
          { key: 'd', operator: 'Exists' },
          { key: 'e', operator: 'DoesNotExist' },
        ],
      },
      'a in (x,y),b=1,c notin (z),d,!e',
    ],
  ])('%j is %s', (selector, expected) => {
    expect(formatSelector(selector)).toBe(expected);
  });
});
