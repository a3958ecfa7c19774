import { describe, expect, it } from 'vitest';
import { goPrinted } from './decode-wording.ts';
import { decodeObject } from './decode.ts';

const template = (spec: object): object => ({ spec: { template: { spec } } });

describe('the words of the converter behind strategic merge patches', () => {
  it.each([
    [{ spec: { parallelism: 'x' } }, 'unrecognized type: int32'],
    [{ spec: { parallelism: 1.5 } }, 'cannot convert float64 to int32'],
    [{ spec: { suspend: 'true' } }, 'unrecognized type: bool'],
    [{ spec: { suspend: 1 } }, 'unrecognized type: bool'],
    [{ metadata: { labels: { a: 1 } } }, 'cannot convert int64 to string'],
    [{ metadata: { labels: { a: true } } }, 'unrecognized type: string'],
    [{ metadata: { labels: { a: [] } } }, 'unrecognized type: string'],
    [{ metadata: { labels: 'a' } }, 'cannot restore map from string'],
    [{ metadata: { finalizers: {} } }, 'cannot restore slice from map'],
    [template({ containers: 'x' }), 'cannot restore slice from string'],
    [{ spec: 'x' }, 'cannot restore struct from: string'],
    [template({ containers: [7] }), 'cannot restore struct from: int64'],
  ])('%j: %s', (value, text) => {
    expect(() => decodeObject(value, 'Job', 'unstructured')).toThrow(expect.objectContaining({ message: text, code: 400 })); // prettier-ignore
  });
});

describe('goPrinted', () => {
  it('prints maps by key, lists, texts and nothing as Go does', () => {
    expect(goPrinted({ b: ['x', 1, true, null], a: { c: 'd e' }, empty: {}, none: [] })).toBe(
      'map[a:map[c:d e] b:[x 1 true <nil>] empty:map[] none:[]]',
    );
  });
});
