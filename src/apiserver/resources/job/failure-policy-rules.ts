import { qualifiedNameErrors } from '../../../api/index.ts';
import type {
  JobSpec,
  PodFailurePolicyOnExitCodesRequirement,
  PodFailurePolicyOnPodConditionsPattern,
  PodFailurePolicyRule,
} from '../../../api/index.ts';
import { child, item } from '../field-path.ts';
import type { Path, Problems } from '../field-path.ts';
import { isUnset, listOf, quotedList } from '../value-rules.ts';

const maxRules = 20;
const maxPatterns = 20;
const maxExitCodes = 255;
const actions = ['Count', 'FailIndex', 'FailJob', 'Ignore'];
const operators = ['In', 'NotIn'];
const statuses = ['False', 'True', 'Unknown'];

/** Upstream: batch validation `validatePodFailurePolicy`. */
export function checkPodFailurePolicy(spec: JobSpec, path: Path, problems: Problems): void {
  const rules = listOf(spec.podFailurePolicy?.rules);
  const rulesPath = child(path, 'rules');
  if (rules.length > maxRules) problems.tooMany(rulesPath, rules.length, maxRules);
  for (const [position, rule] of rules.entries()) checkRule(rule, spec, item(rulesPath, position), problems);
}

function checkRule(rule: PodFailurePolicyRule, spec: JobSpec, path: Path, problems: Problems): void {
  checkAction(rule.action, spec, child(path, 'action'), problems);
  const { onExitCodes } = rule;
  const onPodConditions = listOf(rule.onPodConditions);
  if (onExitCodes !== undefined) {
    const exitCodesPath = child(path, 'onExitCodes');
    checkContainerName(onExitCodes.containerName, spec, child(exitCodesPath, 'containerName'), problems);
    checkExitCodes(onExitCodes, exitCodesPath, problems);
  }
  if (onPodConditions.length > 0) checkPatterns(onPodConditions, child(path, 'onPodConditions'), problems);
  if (onExitCodes !== undefined && onPodConditions.length > 0) {
    problems.invalidAsWhole(path, 'specifying both OnExitCodes and OnPodConditions is not supported');
  }
  if (onExitCodes === undefined && onPodConditions.length === 0) {
    problems.invalidAsWhole(path, 'specifying one of OnExitCodes and OnPodConditions is required');
  }
}

function checkAction(action: string, spec: JobSpec, path: Path, problems: Problems): void {
  if (isUnset(action)) problems.required(path, `valid values: ${quotedList(actions)}`);
  else if (action === 'FailIndex') {
    if (spec.backoffLimitPerIndex === undefined) {
      problems.invalid(path, action, 'requires the backoffLimitPerIndex to be set');
    }
  } else if (!actions.includes(action)) problems.notSupported(path, action, actions);
}

function checkContainerName(name: string | undefined, spec: JobSpec, path: Path, problems: Problems): void {
  if (name === undefined) return;
  const podSpec = spec.template?.spec;
  const containers = [...listOf(podSpec?.containers), ...listOf(podSpec?.initContainers)];
  if (containers.some((container) => container.name === name)) return;
  problems.invalid(path, name, 'must be one of the container or initContainer names in the pod template');
}

function checkExitCodes(codes: PodFailurePolicyOnExitCodesRequirement, path: Path, problems: Problems): void {
  const { operator } = codes;
  if (isUnset(operator)) problems.required(child(path, 'operator'), `valid values: ${quotedList(operators)}`);
  else if (!operators.includes(operator)) problems.notSupported(child(path, 'operator'), operator, operators);
  const values = listOf(codes.values);
  const valuesPath = child(path, 'values');
  if (values.length === 0) problems.invalid(valuesPath, values, 'at least one value is required');
  if (values.length > maxExitCodes) problems.tooMany(valuesPath, values.length, maxExitCodes);
  const seen = new Set<number>();
  for (const [position, value] of values.entries()) {
    const at = item(valuesPath, position);
    if (operator === 'In' && value === 0) problems.invalid(at, value, 'must not be 0 for the In operator');
    if (seen.has(value)) problems.duplicate(at, value);
    seen.add(value);
  }
  const isOrdered = values.every((value, position) => position === 0 || (values[position - 1] ?? 0) <= value);
  if (!isOrdered) problems.invalid(valuesPath, values, 'must be ordered');
}

function checkPatterns(
  patterns: readonly PodFailurePolicyOnPodConditionsPattern[],
  path: Path,
  problems: Problems,
): void {
  if (patterns.length > maxPatterns) problems.tooMany(path, patterns.length, maxPatterns);
  for (const [position, pattern] of patterns.entries()) {
    const at = item(path, position);
    const type = pattern.type ?? '';
    problems.allInvalid(child(at, 'type'), type, qualifiedNameErrors(type));
    const statusPath = child(at, 'status');
    if (isUnset(pattern.status)) problems.required(statusPath, `valid values: ${quotedList(statuses)}`);
    else if (!statuses.includes(pattern.status)) problems.notSupported(statusPath, pattern.status, statuses);
  }
}
