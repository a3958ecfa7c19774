import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseSchedule } from './index.ts';

interface NextRecord {
  readonly expr: string;
  readonly tz?: string;
  readonly from: string;
  readonly next: readonly string[];
  readonly error?: string;
  readonly never?: boolean;
  readonly hang?: boolean;
  readonly nonMonotonic?: boolean;
  readonly panic?: boolean;
}

function read(name: string): readonly NextRecord[] {
  const url = new URL(`../../tests/vectors/${name}`, import.meta.url);
  return JSON.parse(readFileSync(url, 'utf8')) as NextRecord[];
}

function instants(record: NextRecord, count: number): string[] {
  const schedule = parseSchedule(record.expr, { timeZone: record.tz });
  const found: string[] = [];
  for (let at = schedule.next(Date.parse(record.from)); found.length < count; at = schedule.next(at)) {
    if (Number.isNaN(at)) break;
    found.push(new Date(at).toISOString().replace('.000Z', 'Z'));
  }
  return found;
}

function errorOf(expression: string): string {
  try {
    parseSchedule(expression);
  } catch (error) {
    return (error as Error).message;
  }
  return 'no error';
}

const records = read('cron-next.json');
const special = read('cron-next-special.json');

describe('what the real library answers (cron-next.json)', () => {
  it('is answered here for every expression, zone and instant', () => {
    const valid = records.filter((record) => record.error === undefined);
    expect(valid.length).toBeGreaterThan(3000);
    const wrong = valid.filter((record) => instants(record, 5).join() !== record.next.join());
    expect(wrong.map((record) => ({ ...record, got: instants(record, 5) }))).toEqual([]);
  });

  it('is the text of every error', () => {
    const invalid = records.filter((record) => record.error !== undefined);
    expect(invalid.length).toBeGreaterThan(80);
    expect(invalid.map(({ expr }) => [expr, errorOf(expr)])).toEqual(invalid.map(({ expr, error }) => [expr, error]));
  });
});

/** 20 000 were compared once; these are the first of them, made with seed 77, half of them near a change of the offset. */
describe('what the real library answers to random expressions (cron-random.json)', () => {
  const random = read('cron-random.json');
  const valid = random.filter((record) => record.error === undefined);

  it('is answered here, also in zones with unusual changes', () => {
    expect(valid.length).toBeGreaterThan(1000);
    const wrong = valid.filter((record) => instants(record, 4).join() !== record.next.join());
    expect(wrong.map((record) => ({ ...record, got: instants(record, 4) }))).toEqual([]);
  });

  it('is the text of every error', () => {
    const invalid = random.filter((record) => record.error !== undefined);
    expect(invalid.length).toBeGreaterThan(500);
    expect(invalid.map(({ expr }) => [expr, errorOf(expr)])).toEqual(invalid.map(({ expr, error }) => [expr, error]));
  });
});

describe('what the real library gets wrong (cron-next-special.json)', () => {
  it('finds the same instants, then none, where there are no more within five years', () => {
    const never = special.filter((record) => record.never);
    expect(never.map((record) => instants(record, 5))).toEqual(never.map((record) => record.next));
  });

  it('goes on with the next real instant where upstream goes round for ever', () => {
    const hanging = special.filter((record) => record.hang);
    for (const record of hanging) {
      const found = instants(record, 5);
      expect(found.slice(0, record.next.length)).toEqual(record.next);
      expect(found).toHaveLength(5);
      expect([...new Set(found)].sort()).toEqual(found);
    }
    expect(instants({ expr: '0 0 31 12 *', tz: 'Pacific/Apia', from: '2011-12-28T22:00:00Z', next: [] }, 2)).toEqual([
      '2011-12-30T10:00:00Z',
      '2012-12-30T10:00:00Z',
    ]);
  });

  it('moves forward where upstream repeats an instant or goes back', () => {
    const stuck = special.filter((record) => record.nonMonotonic);
    expect(stuck.length).toBeGreaterThan(10);
    for (const record of stuck) {
      const all = [Date.parse(record.from), ...instants(record, 5).map((text) => Date.parse(text))];
      expect(all).toHaveLength(6);
      expect([...new Set(all)].sort((a, b) => a - b)).toEqual(all);
    }
    // Upstream repeats 14:00 (02:45 on the local clock) for ever.
    expect(instants({ expr: '45 3 * * *', tz: 'Pacific/Chatham', from: '2024-04-05T12:00:00Z', next: [] }, 4)).toEqual([
      '2024-04-05T14:00:00Z',
      '2024-04-06T14:00:00Z',
      '2024-04-06T15:00:00Z',
      '2024-04-07T15:00:00Z',
    ]);
  });

  it('refuses what makes upstream panic', () => {
    const panics = special.filter((record) => record.panic);
    expect(panics).toHaveLength(6);
    expect(panics.map(({ expr }) => errorOf(expr))).toEqual(
      panics.map(({ expr }) => `no schedule after the time zone: ${expr}`),
    );
  });
});
