import { countIndexes } from '../../api/index.ts';
import type { IndexRanges, SuccessPolicy, SuccessPolicyRule } from '../../api/index.ts';
import { storedIndexes } from './stored-indexes.ts';

/** The condition message of the first rule that the succeeded indexes satisfy. */
export function matchSuccessPolicy(
  policy: SuccessPolicy | undefined,
  completions: number,
  succeeded: IndexRanges,
): string | undefined {
  if (policy === undefined || succeeded.length === 0) return undefined;
  const ruleIndex = policy.rules.findIndex((rule) => isSatisfied(rule, completions, succeeded));
  return ruleIndex < 0 ? undefined : `Matched rules at index ${ruleIndex}`;
}

function isSatisfied(rule: SuccessPolicyRule, completions: number, succeeded: IndexRanges): boolean {
  if (rule.succeededIndexes === undefined) {
    return rule.succeededCount !== undefined && countIndexes(succeeded) >= rule.succeededCount;
  }
  const listed = storedIndexes(rule.succeededIndexes, completions);
  const needed = rule.succeededCount ?? countIndexes(listed);
  return countCommon(listed, succeeded) >= needed;
}

/** How many indexes are in both, walking both lists once. */
function countCommon(left: IndexRanges, right: IndexRanges): number {
  let count = 0;
  let [i, j] = [0, 0];
  for (;;) {
    const [a, b] = [left[i], right[j]];
    if (a === undefined || b === undefined) return count;
    count += Math.max(0, Math.min(a.last, b.last) - Math.max(a.first, b.first) + 1);
    if (a.last < b.last) i += 1;
    else j += 1;
  }
}
