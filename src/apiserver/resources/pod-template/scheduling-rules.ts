import { labelValueErrors, qualifiedNameErrors } from '../../../api/index.ts';
import type { PodSchedulingGate, Toleration, TopologySpreadConstraint } from '../../../api/index.ts';
import { child, item } from '../field-path.ts';
import type { Path, Problems } from '../field-path.ts';
import { checkLabelSelector } from '../label-selector-rules.ts';
import { taintEffects } from '../taints.ts';
import { isUnset } from '../value-rules.ts';

const effects: readonly string[] = taintEffects;
const actions = ['DoNotSchedule', 'ScheduleAnyway'];
const inclusionPolicies = ['Honor', 'Ignore'];

/** Keys and values of labels. Upstream: apimachinery `ValidateLabels`, which reports on the whole map. */
export function checkLabels(
  labels: Readonly<Record<string, string>> | undefined,
  path: Path,
  problems: Problems,
): void {
  if (labels === undefined) return;
  for (const [key, value] of Object.entries(labels)) {
    if (!knownKeys.has(key)) checkKey(key, path, problems);
    const valueErrors = labelValueErrors(value);
    if (valueErrors.length > 0) problems.allInvalid(path, value, valueErrors);
  }
}

/** Keys that were found right: the few that all pods share are checked once. Bounded; never wrong. */
const knownKeys = new Set<string>();
const maxKnownKeys = 4096;

function checkKey(key: string, path: Path, problems: Problems): void {
  const errors = qualifiedNameErrors(key);
  if (errors.length > 0) problems.allInvalid(path, key, errors);
  else if (knownKeys.size < maxKnownKeys) knownKeys.add(key);
}

/** Upstream: core validation `ValidateTolerations`. */
export function checkTolerations(tolerations: readonly Toleration[], path: Path, problems: Problems): void {
  for (const [position, toleration] of tolerations.entries()) {
    checkToleration(toleration, item(path, position), problems);
  }
}

function checkToleration(toleration: Toleration, path: Path, problems: Problems): void {
  const { key = '', operator = '', value = '', effect = '' } = toleration;
  if (key !== '') problems.allInvalid(child(path, 'key'), key, qualifiedNameErrors(key));
  const operatorPath = child(path, 'operator');
  if (key === '' && operator !== 'Exists') {
    const text = 'operator must be Exists when `key` is empty, which means "match all values and all keys"';
    problems.invalid(operatorPath, operator, text);
  }
  if (toleration.tolerationSeconds !== undefined && effect !== 'NoExecute') {
    problems.invalid(child(path, 'effect'), effect, "effect must be 'NoExecute' when `tolerationSeconds` is set");
  }
  if (operator === 'Exists') {
    if (value !== '') problems.invalid(operatorPath, value, "value must be empty when `operator` is 'Exists'");
  } else if (operator === 'Equal' || operator === '') {
    const errors = labelValueErrors(value);
    if (errors.length > 0) problems.invalid(operatorPath, value, errors.join(';'));
  } else {
    problems.notSupported(operatorPath, operator, ['Equal', 'Exists']);
  }
  if (effect !== '' && !effects.includes(effect)) problems.notSupported(child(path, 'effect'), effect, effects);
}

/** Upstream: core validation `validateSchedulingGates`. */
export function checkSchedulingGates(gates: readonly PodSchedulingGate[], path: Path, problems: Problems): void {
  const seen = new Set<string>();
  for (const [position, { name = '' }] of gates.entries()) {
    const at = item(path, position);
    problems.allInvalid(at, name, qualifiedNameErrors(name));
    if (seen.has(name)) problems.duplicate(at, name);
    seen.add(name);
  }
}

/** Upstream: core validation `validateTopologySpreadConstraints`. */
export function checkSpreadConstraints(
  constraints: readonly TopologySpreadConstraint[],
  path: Path,
  problems: Problems,
): void {
  const seen = new Set<string>();
  for (const [position, constraint] of constraints.entries()) {
    const at = item(path, position);
    checkSpreadConstraint(constraint, at, problems);
    const identity = `{${constraint.topologyKey ?? ''}, ${constraint.whenUnsatisfiable ?? ''}}`;
    if (seen.has(identity)) problems.duplicate(child(at, '{topologyKey, whenUnsatisfiable}'), identity);
    seen.add(identity);
  }
}

function checkSpreadConstraint(constraint: TopologySpreadConstraint, path: Path, problems: Problems): void {
  const { topologyKey, labelSelector } = constraint;
  const maxSkew = constraint.maxSkew ?? 0;
  const action = constraint.whenUnsatisfiable ?? '';
  if (maxSkew <= 0) problems.invalid(child(path, 'maxSkew'), maxSkew, 'must be greater than zero');
  if (isUnset(topologyKey)) problems.required(child(path, 'topologyKey'), 'can not be empty');
  if (!actions.includes(action)) problems.notSupported(child(path, 'whenUnsatisfiable'), action, actions);
  checkMinDomains(constraint, child(path, 'minDomains'), problems);
  for (const field of ['nodeAffinityPolicy', 'nodeTaintsPolicy'] as const) {
    const policy = constraint[field];
    if (policy === undefined || inclusionPolicies.includes(policy)) continue;
    problems.notSupported(child(path, field), policy, inclusionPolicies);
  }
  if (labelSelector !== undefined) {
    checkLabelSelector(labelSelector, child(path, 'labelSelector'), problems);
  }
}

function checkMinDomains(constraint: TopologySpreadConstraint, path: Path, problems: Problems): void {
  const { minDomains, whenUnsatisfiable: action } = constraint;
  if (minDomains === undefined) return;
  if (minDomains <= 0) problems.invalid(path, minDomains, 'must be greater than zero');
  if (action === 'DoNotSchedule') return;
  const text = `can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ${action ?? ''}`;
  problems.invalid(path, minDomains, text);
}
