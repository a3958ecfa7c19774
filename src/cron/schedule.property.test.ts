import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatInZone, occurrences, parseSchedule } from './index.ts';

const zones = [
  'UTC',
  'America/New_York',
  'Europe/Berlin',
  'Australia/Lord_Howe',
  'America/Sao_Paulo',
  'Pacific/Chatham',
];
const item = (min: number, max: number): fc.Arbitrary<string> =>
  fc.oneof(
    fc.constant('*'),
    fc.integer({ min, max }).map(String),
    fc.integer({ min: 2, max: 20 }).map((step) => `*/${step}`),
    fc.tuple(fc.integer({ min, max }), fc.integer({ min, max })).map((ends) => ends.sort((a, b) => a - b).join('-')),
    fc.array(fc.integer({ min, max }), { minLength: 1, maxLength: 4 }).map((list) => list.join(',')),
  );
const expression = fc
  .tuple(item(0, 59), item(0, 23), item(1, 31), item(1, 12), item(0, 6))
  .map((list) => list.join(' '));
const instant = fc.integer({ min: Date.UTC(1995, 0, 1), max: Date.UTC(2045, 0, 1) });

const options = { numRuns: 400, seed: 20_260_101 };

describe('schedules', () => {
  it('always move forward and end', () => {
    fc.assert(
      fc.property(expression, fc.constantFrom(...zones), instant, (text, timeZone, fromMs) => {
        const schedule = parseSchedule(text, { timeZone });
        let atMs = fromMs;
        for (let i = 0; i < 5; i++) {
          const nextMs = schedule.next(atMs);
          if (Number.isNaN(nextMs)) return;
          expect(nextMs).toBeGreaterThan(atMs);
          atMs = nextMs;
        }
      }),
      options,
    );
  });

  it('in UTC are every matching minute, by brute force', () => {
    fc.assert(
      fc.property(item(0, 59), item(0, 23), item(0, 6), instant, (minute, hour, dayOfWeek, fromMs) => {
        const schedule = parseSchedule(`${minute} ${hour} * * ${dayOfWeek}`);
        const [minutes, hours, days] = [members(minute, 59), members(hour, 23), members(dayOfWeek, 6)];
        const isMatch = (at: Date): boolean =>
          minutes.has(at.getUTCMinutes()) && hours.has(at.getUTCHours()) && days.has(at.getUTCDay());
        const nextMs = schedule.next(fromMs);
        let expectedMs = Math.floor(fromMs / 60_000) * 60_000 + 60_000;
        while (!isMatch(new Date(expectedMs))) expectedMs += 60_000;
        expect(nextMs).toBe(expectedMs);
      }),
      { ...options, numRuns: 100 },
    );
  });

  it('find before an instant what they find after the one before', () => {
    fc.assert(
      fc.property(expression, fc.constantFrom(...zones), instant, (text, timeZone, fromMs) => {
        const schedule = parseSchedule(text, { timeZone });
        const first = schedule.next(fromMs);
        const second = schedule.next(first);
        if (Number.isNaN(second)) return;
        expect(schedule.previous(first + 1)).toBe(first);
        expect(schedule.previous(second)).toBeLessThan(second);
        expect(schedule.previous(second)).toBeGreaterThanOrEqual(first);
      }),
      options,
    );
  });

  it('have no instants for what is no time', () => {
    for (const text of ['* * * * *', '@every 1h']) {
      const schedule = parseSchedule(text, { timeZone: 'Europe/Berlin' });
      for (const bad of [NaN, Infinity, -Infinity, 8.64e15]) {
        expect([schedule.next(bad), schedule.previous(bad)]).toEqual([NaN, NaN]);
      }
    }
  });

  it('look back over a century without a leap day, and not for ever', () => {
    const leapDay = parseSchedule('0 0 29 2 *');
    expect(leapDay.previous(Date.UTC(2103, 5, 1))).toBe(Date.UTC(2096, 1, 29));
    expect(parseSchedule('0 0 30 2 *').previous(Date.UTC(2026, 5, 1))).toBeNaN();
  });

  it('count @every from where one stands', () => {
    const schedule = parseSchedule('@every 90m');
    const at = Date.UTC(2026, 0, 1, 12);
    expect(schedule.next(at + 999)).toBe(at + 5_400_000);
    expect(schedule.next(schedule.previous(at))).toBe(at);
  });

  it('are listed in a range, the beginning excluded and the end included', () => {
    const daily = parseSchedule('@daily', { timeZone: 'Asia/Tokyo' });
    const [afterMs, untilMs] = [Date.UTC(2026, 0, 1, 15), Date.UTC(2026, 0, 3, 15)];
    expect([...occurrences(daily, { afterMs, untilMs })]).toEqual([Date.UTC(2026, 0, 2, 15), untilMs]);
    expect([...occurrences(parseSchedule('0 0 30 2 *'), { afterMs, untilMs })]).toEqual([]);
  });
});

describe('instants in a zone', () => {
  it.each([
    ['UTC', '2026-07-01T13:00:00Z'],
    ['Europe/London', '2026-07-01T14:00:00+01:00'],
    ['Asia/Kathmandu', '2026-07-01T18:45:00+05:45'],
    ['America/St_Johns', '2026-07-01T10:30:00-02:30'],
  ])('are written with the offset of %s', (zone, text) => {
    expect(formatInZone(Date.UTC(2026, 6, 1, 13), zone)).toBe(text);
    expect(Date.parse(text)).toBe(Date.UTC(2026, 6, 1, 13));
  });

  it('have a Z where the offset is zero, in whatever zone', () => {
    expect(formatInZone(Date.UTC(2026, 0, 1), 'Europe/London')).toBe('2026-01-01T00:00:00Z');
  });
});

/** The naive reading of an item, for comparison. */
function members(text: string, max: number): Set<number> {
  const values = new Set<number>();
  for (let value = 0; value <= max; value++) {
    const [base = '', step] = text.split('/');
    const [low, high] = base.split('-');
    if (base === '*' && value % Number(step ?? 1) === 0) values.add(value);
    else if (high !== undefined && value >= Number(low) && value <= Number(high)) values.add(value);
    else if (base.split(',').includes(String(value))) values.add(value);
  }
  return values;
}
