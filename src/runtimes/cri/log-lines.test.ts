import { describe, expect, it } from 'vitest';
import { parseEntry } from './log-lines.ts';

describe('the time of an entry of a log', () => {
  it.each([
    ['2026-11-26T13:28:46.5634829Z', '2026-11-26T13:28:46.563482900Z'],
    ['2026-11-26T13:28:46Z', '2026-11-26T13:28:46.000000000Z'],
    ['2026-11-26T13:28:46.123456789+02:00', '2026-11-26T13:28:46.123456789+02:00'],
    ['2026-11-26T13:28:46.1-05:00', '2026-11-26T13:28:46.100000000-05:00'],
  ])('%s has nine digits', (written, given) => {
    expect(parseEntry(Buffer.from(`${written} stdout F text`))?.time).toBe(given);
  });
});
