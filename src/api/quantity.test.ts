import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatQuantityCanonical, parseQuantity, quantityMillis, quantityValue } from './index.ts';

type Recorded = { readonly text: string; readonly canonical?: string; readonly error?: string };

const file = new URL('../../tests/fixtures/texts/recorded.json', import.meta.url);
const { quantities } = JSON.parse(readFileSync(file, 'utf8')) as { quantities: Recorded[] };

describe('quantities are read and written as kubectl does', () => {
  it.each(quantities.filter(({ error }) => error === undefined))('"$text" is $canonical', ({ text, canonical }) => {
    expect(parseQuantity(text)).toBeDefined();
    expect(formatQuantityCanonical(text)).toBe(canonical);
  });

  it.each(quantities.filter(({ error }) => error !== undefined))('"$text" is refused', ({ text }) => {
    expect(parseQuantity(text)).toBeUndefined();
    expect(quantityMillis(text)).toBeNaN();
    expect(quantityValue(text)).toBeNaN();
    expect(formatQuantityCanonical(text)).toBe(text);
  });
});

describe('quantities beyond upstream', () => {
  it.each([
    ['1000E', '1e21'],
    ['1000000000000000000000', '1e21'],
    ['-2000E', '-2e21'],
  ])('%s keeps its zeros', (text, canonical) => {
    expect(formatQuantityCanonical(text)).toBe(canonical);
    expect(parseQuantity(canonical)).toBe(parseQuantity(text));
  });

  it.each(['1e1001', '1'.repeat(257), `1e${'9'.repeat(200)}`])('%s is refused: no amount of anything', (text) => {
    expect(parseQuantity(text)).toBeUndefined();
  });
});

describe('whole units are rounded away from zero', () => {
  it.each([
    ['1', 1000, 1],
    ['100m', 100, 1],
    ['1u', 1, 1],
    ['1.0001', 1001, 2],
    ['-1.5', -1500, -2],
    ['128Mi', 134_217_728_000, 134_217_728],
    ['0', 0, 0],
  ])('%s is %d thousandths or %d units', (text, millis, units) => {
    expect(quantityMillis(text)).toBe(millis);
    expect(quantityValue(text)).toBe(units);
  });
});

const powers: Record<string, readonly [base: bigint, power: number]> = {
  n: [10n, -9],
  u: [10n, -6],
  m: [10n, -3],
  '': [10n, 0],
  k: [10n, 3],
  M: [10n, 6],
  G: [10n, 9],
  T: [10n, 12],
  P: [10n, 15],
  E: [10n, 18],
  e2: [10n, 2],
  'E-4': [10n, -4],
  Ki: [2n, 10],
  Mi: [2n, 20],
  Gi: [2n, 30],
};

/** Texts with their exact amount in billionths, as a numerator over a denominator. */
const quantity = fc
  .record({
    sign: fc.constantFrom('', '+', '-'),
    whole: fc.nat(1_000_000).map(String),
    fraction: fc.oneof(fc.constant(''), fc.stringMatching(/^\d{1,12}$/)),
    suffix: fc.constantFrom(...Object.keys(powers)),
  })
  .map(({ sign, whole, fraction, suffix }) => {
    const [base, power] = powers[suffix]!;
    const digits = BigInt(whole + fraction) * 1_000_000_000n * (sign === '-' ? -1n : 1n);
    const numerator = power >= 0 ? digits * base ** BigInt(power) : digits;
    const denominator = 10n ** BigInt(fraction.length) * (power < 0 ? base ** BigInt(-power) : 1n);
    return { text: `${sign}${whole}${fraction === '' ? '' : `.${fraction}`}${suffix}`, numerator, denominator };
  });

describe('quantities by chance', () => {
  it('are the exact amount, rounded away from zero to billionths', () => {
    fc.assert(
      fc.property(quantity, ({ text, numerator, denominator }) => {
        const nanos = parseQuantity(text)!;
        const error = nanos * denominator - numerator;
        expect(numerator < 0n ? error <= 0n && -error < denominator : error >= 0n && error < denominator).toBe(true);
      }),
    );
  });

  it('mean the same in canonical form, which is stable where it has no short way', () => {
    fc.assert(
      fc.property(quantity, ({ text }) => {
        const canonical = formatQuantityCanonical(text);
        expect(parseQuantity(canonical)).toBe(parseQuantity(text));
        expect(formatQuantityCanonical(canonical)).toBe(canonical);
        if (canonical !== text) expect(canonical).not.toMatch(/[.+]|^0./);
      }),
    );
  });

  it('never throw, whatever the text', () => {
    const alphabet = fc.constantFrom(...'0123456789.+-eEinumkKMGTP x'.split(''));
    fc.assert(
      fc.property(fc.string({ unit: alphabet, maxLength: 30 }), (text) => {
        const nanos = parseQuantity(text);
        expect(nanos === undefined || parseQuantity(formatQuantityCanonical(text)) === nanos).toBe(true);
      }),
    );
  });
});
