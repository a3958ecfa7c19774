/** Completion indexes as sorted, disjoint, non-adjacent ranges; both ends included. */
export type IndexRanges = readonly { readonly first: number; readonly last: number }[];

/**
 * Parses `0,2-5,7`: strictly growing over the whole list, every number below `completions`.
 * @throws Error with upstream's text (pkg/apis/batch/validation `validateIndexesFormat`)
 */
export function parseIndexes(text: string, completions: number): IndexRanges {
  if (text === '') return [];
  const ranges: { first: number; last: number }[] = [];
  let previous: number | undefined;
  for (const part of text.split(',')) {
    const ends = part.split('-');
    if (ends.length > 2)
      throw new Error(
        `the fragment "${part}" violates the requirement that an index interval can have at most two parts separated by '-'`,
      );
    const first = parseIndex(ends[0]!, completions);
    if (previous !== undefined && first <= previous)
      throw new Error(`non-increasing order, previous: ${previous}, current: ${first}`);
    const last = ends.length === 2 ? parseIndex(ends[1]!, completions) : first;
    if (ends.length === 2 && last <= first)
      throw new Error(`non-increasing order, previous: ${first}, current: ${last}`);
    previous = last;
    append(ranges, first, last);
  }
  return ranges;
}

function parseIndex(text: string, completions: number): number {
  if (!/^\+?\d+$/.test(text)) throw new Error(`cannot convert string to integer for index: "${text}"`);
  const index = Number(text);
  if (index >= completions) throw new Error(`too large index: "${text}"`);
  return index;
}

function append(ranges: { first: number; last: number }[], first: number, last: number): void {
  const end = ranges.at(-1);
  if (end !== undefined && first <= end.last + 1) end.last = Math.max(end.last, last);
  else ranges.push({ first, last });
}

/** Runs of three and more as `a-b`, exactly two as `a,b` (upstream `indexed_job_utils`). */
export function formatIndexes(ranges: IndexRanges): string {
  return ranges
    .map(({ first, last }) => {
      if (first === last) return String(first);
      return last === first + 1 ? `${first},${last}` : `${first}-${last}`;
    })
    .join(',');
}

export function countIndexes(ranges: IndexRanges): number {
  return ranges.reduce((sum, { first, last }) => sum + last - first + 1, 0);
}

/** By binary search. */
export function hasIndex(ranges: IndexRanges, index: number): boolean {
  let low = 0;
  let high = ranges.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const range = ranges[middle]!;
    if (index < range.first) high = middle - 1;
    else if (index > range.last) low = middle + 1;
    else return true;
  }
  return false;
}

/** The union with `added`, which must be sorted; linear in ranges and added indexes. Gives `ranges` back if nothing is added. */
export function addIndexes(ranges: IndexRanges, added: readonly number[]): IndexRanges {
  if (added.length === 0) return ranges;
  const merged: { first: number; last: number }[] = [];
  let next = 0;
  for (const index of added) {
    for (; next < ranges.length && ranges[next]!.first <= index; next++)
      append(merged, ranges[next]!.first, ranges[next]!.last);
    append(merged, index, index);
  }
  for (; next < ranges.length; next++) append(merged, ranges[next]!.first, ranges[next]!.last);
  return merged;
}
