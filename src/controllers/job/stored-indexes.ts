import type { IndexRanges } from '../../api/index.ts';

/**
 * The ranges of `completedIndexes` or `failedIndexes` as stored, without what lies beyond `completions` (an elastic Job
 * may have shrunk). Parts that are no ranges are skipped: only the controller writes these fields, and a Job must not
 * hang on a damaged one (upstream: parseIndexesFromString).
 */
export function storedIndexes(text: string | undefined, completions: number): IndexRanges {
  if (text === undefined || text === '') return [];
  const ranges: { first: number; last: number }[] = [];
  for (const part of text.split(',')) {
    const dash = part.indexOf('-');
    const first = Number(dash < 0 ? part : part.slice(0, dash));
    const last = Math.min(dash < 0 ? first : Number(part.slice(dash + 1)), completions - 1);
    if (!Number.isInteger(first) || !Number.isInteger(last) || first > last) continue;
    const previous = ranges.at(-1);
    if (previous !== undefined && first <= previous.last + 1) {
      if (first > previous.last || last > previous.last) ranges[ranges.length - 1] = { first: previous.first, last };
    } else {
      ranges.push({ first, last });
    }
  }
  return ranges;
}
