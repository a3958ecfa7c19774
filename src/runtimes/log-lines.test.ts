import { describe, expect, it } from 'vitest';
import { shapeLog, tailOffset, type LogChunk } from './log-lines.ts';

async function* chunksOf(texts: readonly string[]): AsyncGenerator<LogChunk> {
  for (const [index, text] of texts.entries()) yield { bytes: Buffer.from(text), timeMs: index * 1000 };
}

async function shaped(
  texts: readonly string[],
  options: { timestamps: boolean; limitBytes?: number },
): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const part of shapeLog(chunksOf(texts), options)) parts.push(part);
  return Buffer.concat(parts).toString();
}

describe('log lines', () => {
  it.each([
    ['a\nb\nc\n', 1, 'c\n'],
    ['a\nb\nc', 1, 'c'],
    ['a\nb\nc\n', 2, 'b\nc\n'],
    ['a\nb\nc\n', 3, 'a\nb\nc\n'],
    ['a\nb\nc\n', 9, 'a\nb\nc\n'],
    ['a\nb\nc\n', 0, ''],
    ['\n\n\n', 2, '\n\n'],
    ['', 3, ''],
  ])('the end of %j with %i lines is %j', (text, lines, tail) => {
    expect(text.slice(tailOffset(Buffer.from(text), lines))).toBe(tail);
  });

  it('puts the time before each line, not before pieces of one', async () => {
    expect(await shaped(['a\nb', 'c\n', 'd\n'], { timestamps: true })).toBe(
      '1970-01-01T00:00:00.000000000Z a\n1970-01-01T00:00:00.000000000Z bc\n1970-01-01T00:00:02.000000000Z d\n',
    );
  });

  it.each([
    [0, ''],
    [1, 'a'],
    [4, 'abcd'],
    [5, 'abcd\n'],
    [100, 'abcd\nef'],
  ])('stops after %i bytes', async (limitBytes, expected) => {
    expect(await shaped(['abcd', '\nef'], { timestamps: false, limitBytes })).toBe(expected);
  });
});
