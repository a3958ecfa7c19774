import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addIndexes, countIndexes, formatIndexes, hasIndex, parseIndexes, type IndexRanges } from './index.ts';

describe('lists of indexes', () => {
  it.each<[string, IndexRanges]>([
    ['', []],
    ['0', [{ first: 0, last: 0 }]],
    [
      '1,3-5,7',
      [
        { first: 1, last: 1 },
        { first: 3, last: 5 },
        { first: 7, last: 7 },
      ],
    ],
    ['1,2', [{ first: 1, last: 2 }]],
    ['0-1,2-3', [{ first: 0, last: 3 }]],
    ['007-9', [{ first: 7, last: 9 }]],
    ['+1', [{ first: 1, last: 1 }]],
  ])('%j', (text, ranges) => {
    expect(parseIndexes(text, 10)).toEqual(ranges);
  });

  it.each([
    [
      '1-2-3',
      `the fragment "1-2-3" violates the requirement that an index interval can have at most two parts separated by '-'`,
    ],
    ['a', 'cannot convert string to integer for index: "a"'],
    ['1,', 'cannot convert string to integer for index: ""'],
    ['-1', 'cannot convert string to integer for index: ""'],
    ['1 ', 'cannot convert string to integer for index: "1 "'],
    ['1.5', 'cannot convert string to integer for index: "1.5"'],
    ['10', 'too large index: "10"'],
    ['1-10', 'too large index: "10"'],
    ['99999999999999999999', 'too large index: "99999999999999999999"'],
    ['1,1', 'non-increasing order, previous: 1, current: 1'],
    ['3-5,4', 'non-increasing order, previous: 5, current: 4'],
    ['3-3', 'non-increasing order, previous: 3, current: 3'],
    ['3-2', 'non-increasing order, previous: 3, current: 2'],
  ])('%j is refused', (text, message) => {
    expect(() => parseIndexes(text, 10)).toThrow(new Error(message));
  });

  it.each<[IndexRanges, string]>([
    [[], ''],
    [[{ first: 1, last: 1 }], '1'],
    [[{ first: 1, last: 2 }], '1,2'],
    [
      [
        { first: 1, last: 3 },
        { first: 5, last: 5 },
      ],
      '1-3,5',
    ],
  ])('%j is written as %j', (ranges, text) => {
    expect(formatIndexes(ranges)).toBe(text);
  });

  it('gives the same ranges back when nothing is added', () => {
    const ranges = parseIndexes('1,3', 10);
    expect(addIndexes(ranges, [])).toBe(ranges);
  });
});

const limit = 60;
const indexes = fc.array(fc.nat(limit - 1), { maxLength: 40 });
const sorted = (values: Iterable<number>): number[] => [...values].toSorted((a, b) => a - b);

function membersOf(ranges: IndexRanges): number[] {
  return Array.from({ length: limit }, (_, index) => index).filter((index) => hasIndex(ranges, index));
}

describe('lists of indexes beside a plain set', () => {
  it('hold what was added, in any number of steps', () => {
    fc.assert(
      fc.property(fc.array(indexes, { maxLength: 5 }), (steps) => {
        const model = new Set<number>();
        let ranges: IndexRanges = [];
        for (const step of steps) {
          const before = JSON.stringify(ranges);
          const given = ranges;
          ranges = addIndexes(ranges, sorted(step));
          expect(JSON.stringify(given)).toBe(before);
          for (const index of step) model.add(index);
        }
        expect(membersOf(ranges)).toEqual(sorted(model));
        expect(countIndexes(ranges)).toBe(model.size);
        for (let i = 1; i < ranges.length; i++) expect(ranges[i]!.first).toBeGreaterThan(ranges[i - 1]!.last + 1);
      }),
    );
  });

  it('come back from what was written', () => {
    fc.assert(
      fc.property(indexes, (values) => {
        const ranges = addIndexes([], sorted(values));
        expect(parseIndexes(formatIndexes(ranges), limit)).toEqual(ranges);
      }),
    );
  });
});
