import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalMicroTime, canonicalTime, formatMicroTime, formatTime, humanDuration, parseTime } from './index.ts';

describe('times', () => {
  it.each([
    ['1970-01-01T00:00:00Z', 0],
    ['2024-02-29T23:59:59Z', 1_709_251_199_000],
    ['2024-01-01T02:00:00+02:00', 1_704_067_200_000],
    ['2023-12-31T18:30:00-05:30', 1_704_067_200_000],
    ['1970-01-01T00:00:00.5Z', 500],
    ['1970-01-01T00:00:00.123456789Z', 123],
    ['0000-01-01T00:00:00Z', -62_167_219_200_000],
    ['9999-12-31T23:59:59Z', 253_402_300_799_000],
  ])('%s', (text, ms) => {
    expect(parseTime(text)).toBe(ms);
  });

  it.each([
    '',
    'now',
    '2024-01-01',
    '2024-01-01T00:00:00',
    '2024-01-01 00:00:00Z',
    '2024-01-01t00:00:00z',
    '2024-01-01T00:00:00.Z',
    '2024-13-01T00:00:00Z',
    '2024-00-01T00:00:00Z',
    '2023-02-29T00:00:00Z',
    '2024-04-31T00:00:00Z',
    '2024-01-01T24:00:00Z',
    '2024-01-01T00:60:00Z',
    '2024-01-01T00:00:60Z',
    '2024-01-01T00:00:00+24:00',
    '2024-01-01T00:00:00+0200',
    '0000-01-01T00:00:00+01:00',
    '9999-12-31T23:59:59-01:00',
    '+010000-01-01T00:00:00Z',
    '2024-01-01T00:00:00Z\n',
  ])('%j is refused', (text) => {
    expect(parseTime(text)).toBeNaN();
    expect(canonicalTime(text)).toBeUndefined();
    expect(canonicalMicroTime(text)).toBeUndefined();
  });

  it.each([
    ['2024-01-01T00:00:00Z', '2024-01-01T00:00:00Z', '2024-01-01T00:00:00.000000Z'],
    ['2024-01-01T02:00:00+02:00', '2024-01-01T00:00:00Z', '2024-01-01T00:00:00.000000Z'],
    ['2024-01-01T00:00:00.9999999Z', '2024-01-01T00:00:00Z', '2024-01-01T00:00:00.999999Z'],
    ['2024-01-01T00:30:00.12-23:30', '2024-01-02T00:00:00Z', '2024-01-02T00:00:00.120000Z'],
    ['2024-01-01T00:00:00.123456Z', '2024-01-01T00:00:00Z', '2024-01-01T00:00:00.123456Z'],
  ])('%s is stored in UTC', (text, time, microTime) => {
    expect(canonicalTime(text)).toBe(time);
    expect(canonicalMicroTime(text)).toBe(microTime);
  });

  it('come back from what was written', () => {
    fc.assert(
      fc.property(fc.integer({ min: -62_167_219_200_000, max: 253_402_300_799_999 }), (ms) => {
        expect(parseTime(formatTime(ms))).toBe(Math.floor(ms / 1000) * 1000);
        expect(parseTime(formatMicroTime(ms))).toBe(ms);
        expect(canonicalTime(formatTime(ms))).toBe(formatTime(ms));
        expect(canonicalMicroTime(formatMicroTime(ms))).toBe(formatMicroTime(ms));
      }),
    );
  });
});

describe('whole seconds', () => {
  it('are written as Date does, across days and before 1970', () => {
    fc.assert(
      fc.property(fc.double({ min: -6e13, max: 2e14, noNaN: true }), (ms) => {
        const whole = new Date(Math.floor(ms / 1000) * 1000).toISOString();
        expect(formatTime(ms)).toBe(`${whole.slice(0, -'.000Z'.length)}Z`);
      }),
    );
  });

  it('cannot be written of what is no time', () => {
    expect(() => formatTime(Number.NaN)).toThrow(RangeError);
  });
});

describe('durations as kubectl shows them', () => {
  const [second, minute, hour, day] = [1000, 60_000, 3_600_000, 86_400_000];
  it.each([
    [-2 * second, '<invalid>'],
    [-1 * second, '0s'],
    [-1, '0s'],
    [0, '0s'],
    [999, '0s'],
    [119 * second, '119s'],
    [2 * minute, '2m'],
    [2 * minute + second, '2m1s'],
    [10 * minute, '10m'],
    [10 * minute + 59 * second, '10m'],
    [3 * hour - 1, '179m'],
    [3 * hour, '3h'],
    [3 * hour + minute, '3h1m'],
    [8 * hour + minute, '8h'],
    [2 * day - 1, '47h'],
    [2 * day, '2d'],
    [2 * day + hour, '2d1h'],
    [8 * day + hour, '8d'],
    [730 * day - 1, '729d'],
    [730 * day, '2y'],
    [731 * day, '2y1d'],
    [2920 * day + day, '8y'],
  ])('%d ms: %s', (ms, text) => {
    expect(humanDuration(ms)).toBe(text);
  });
});
