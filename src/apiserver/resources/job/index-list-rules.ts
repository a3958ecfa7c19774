import { parseIndexes } from '../../../api/index.ts';
import type { IndexRanges } from '../../../api/index.ts';
import { child, rootPath } from '../field-path.ts';
import type { Problems } from '../field-path.ts';
import { isUnset } from '../value-rules.ts';
import type { StatusChange } from './status-change.ts';
import { messageOf } from './success-policy-rules.ts';

const statusPath = rootPath('status');
type ListField = 'completedIndexes' | 'failedIndexes';

/** `status.completedIndexes` and `status.failedIndexes`: form, bounds, and that they do not overlap. */
export function checkIndexLists({ next, old, problems }: StatusChange): void {
  const { spec, status } = next;
  const { completedIndexes: completed, failedIndexes: failed } = status;
  const completedChanged = (completed ?? '') !== (old.status.completedIndexes ?? '');
  const failedChanged = failed !== old.status.failedIndexes;
  if (!completedChanged && !failedChanged) return;
  const { completions } = spec;
  const completedRanges = parse('completedIndexes', completed, { completions, report: completedChanged, problems });
  const reportFailed = failedChanged && spec.backoffLimitPerIndex !== undefined;
  const failedRanges = parse('failedIndexes', failed, { completions, report: reportFailed, problems });
  if (completedChanged && !isUnset(completed) && spec.completionMode !== 'Indexed') {
    const text = 'cannot set non-empty completedIndexes when non-indexed completion mode';
    problems.invalid(child(statusPath, 'completedIndexes'), completed, text);
  }
  const failedPath = child(statusPath, 'failedIndexes');
  if (failedChanged && failed !== undefined && spec.backoffLimitPerIndex === undefined) {
    problems.invalid(failedPath, failed, 'cannot set non-null failedIndexes when backoffLimitPerIndex is null');
  }
  const overlap = firstOverlap(completedRanges, failedRanges);
  if (overlap !== undefined) {
    problems.invalid(failedPath, failed, `failedIndexes and completedIndexes overlap at index: ${overlap}`);
  }
}

interface ParseOptions {
  readonly completions: number | undefined;
  readonly report: boolean;
  readonly problems: Problems;
}

/** The ranges; none if they cannot be read. */
function parse(field: ListField, text: string | undefined, options: ParseOptions): IndexRanges {
  if (isUnset(text) || options.completions === undefined) return [];
  try {
    return parseIndexes(text, options.completions);
  } catch (error) {
    const detail = `error parsing ${field}: ${messageOf(error)}`;
    if (options.report) options.problems.invalid(child(statusPath, field), text, detail);
    return [];
  }
}

/** Walks both sorted lists once. */
function firstOverlap(left: IndexRanges, right: IndexRanges): number | undefined {
  let l = 0;
  let r = 0;
  for (;;) {
    const a = left[l];
    const b = right[r];
    if (a === undefined || b === undefined) return undefined;
    if (a.first <= b.last && b.first <= a.last) return Math.max(a.first, b.first);
    if (a.first <= b.first) l++;
    else r++;
  }
}
