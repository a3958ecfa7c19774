import { countIndexes, parseIndexes } from '../../../api/index.ts';
import type { JobSpec, SuccessPolicyRule } from '../../../api/index.ts';
import { child, item } from '../field-path.ts';
import type { Path, Problems } from '../field-path.ts';
import { checkNotNegative, listOf } from '../value-rules.ts';

const maxRules = 20;
const maxIndexesBytes = 64 * 1024;

/** Upstream: batch validation `validateSuccessPolicy`. */
export function checkSuccessPolicy(spec: JobSpec, path: Path, problems: Problems): void {
  if (spec.completionMode !== 'Indexed') {
    problems.invalid(path, spec.successPolicy, 'requires indexed completion mode');
    return;
  }
  const rules = listOf(spec.successPolicy?.rules);
  const rulesPath = child(path, 'rules');
  if (rules.length === 0) {
    problems.required(rulesPath, 'at least one rules must be specified when the successPolicy is specified');
  }
  if (rules.length > maxRules) problems.tooMany(rulesPath, rules.length, maxRules);
  // Completions that are missing are reported elsewhere.
  const completions = spec.completions ?? 0;
  for (const [position, rule] of rules.entries()) checkRule(rule, completions, item(rulesPath, position), problems);
}

function checkRule(rule: SuccessPolicyRule, completions: number, path: Path, problems: Problems): void {
  const { succeededCount, succeededIndexes } = rule;
  if (succeededCount === undefined && succeededIndexes === undefined) {
    problems.required(path, 'at least one of succeededCount or succeededIndexes must be specified');
  }
  const listed =
    succeededIndexes === undefined
      ? undefined
      : checkIndexes(succeededIndexes, completions, child(path, 'succeededIndexes'), problems);
  if (succeededCount === undefined) return;
  const countPath = child(path, 'succeededCount');
  checkNotNegative(succeededCount, countPath, problems);
  if (succeededCount > completions) {
    const text = `must be less than or equal to ${completions} (the number of specified completions)`;
    problems.invalid(countPath, succeededCount, text);
  }
  if (listed !== undefined && succeededCount > listed) {
    const text = `must be less than or equal to ${listed} (the number of indexes in the specified succeededIndexes field)`;
    problems.invalid(countPath, succeededCount, text);
  }
}

/** How many indexes the text lists; 0 if it is not well-formed. */
function checkIndexes(text: string, completions: number, path: Path, problems: Problems): number {
  if (Buffer.byteLength(text) > maxIndexesBytes) problems.tooLong(path, maxIndexesBytes);
  try {
    return countIndexes(parseIndexes(text, completions));
  } catch (error) {
    problems.invalid(path, text, `error parsing succeededIndexes: ${messageOf(error)}`);
    return 0;
  }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
