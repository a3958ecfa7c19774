import { describe, expect, it } from 'vitest';
import { EncodingSlab } from './encoding-slab.ts';

describe('the encoding slab', () => {
  it('gives values that do not overlap, whatever their size and script', () => {
    const slab = new EncodingSlab();
    const texts = Array.from({ length: 400 }, (_, i) => `${i}:${'aé€😀'.repeat((i * 7) % 900)}`);
    const values = texts.map((text) => {
      slab.text(text);
      return slab.take();
    });
    expect(values.map(String)).toEqual(texts);
  });

  it('puts texts and copied pieces together', () => {
    const slab = new EncodingSlab();
    slab.text('{"spec":');
    const start = slab.length;
    slab.text('{"a":1}');
    const end = slab.length;
    slab.text('}');
    const first = slab.take();
    slab.text('{"status":2,"spec":');
    slab.copy(first, start, end);
    slab.text('}');
    expect(slab.take().toString()).toBe('{"status":2,"spec":{"a":1}}');
    expect(first.toString()).toBe('{"spec":{"a":1}}');
  });

  it('forgets a value that was given up', () => {
    const slab = new EncodingSlab();
    slab.text('half');
    slab.reset();
    slab.text('whole');
    expect(slab.take().toString()).toBe('whole');
  });
});
