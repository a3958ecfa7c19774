import { describe, expect, it } from 'vitest';
import { warningHeaders } from './warnings.ts';

describe('warnings', () => {
  it('are sent once each', () => {
    expect(warningHeaders(['a', 'b', 'a'])).toEqual(['299 - "a"', '299 - "b"']);
  });

  it('never take more than 4 KiB together', () => {
    const headers = warningHeaders(Array.from({ length: 100 }, (_, index) => `${index} ${'x'.repeat(200)}`));
    const bytes = headers.join('').length;
    expect(bytes).toBeLessThanOrEqual(4096);
    expect(bytes).toBeGreaterThan(3800);
  });

  it('cannot break out of their header', () => {
    expect(warningHeaders(['a"\r\nSet-Cookie: b'])).toEqual(['299 - "a\\" Set-Cookie: b"']);
  });
});
