import {
  dns1123LabelErrors,
  dns1123SubdomainErrors,
  labelValueErrors,
  qualifiedNameErrors,
} from '../../../api/index.ts';
import type {
  Affinity,
  NodeAffinity,
  NodeSelectorRequirement,
  NodeSelectorTerm,
  PodAffinity,
  PodAffinityTerm,
} from '../../../api/index.ts';
import { child, item } from '../field-path.ts';
import type { Path, Problems } from '../field-path.ts';
import { checkLabelSelector } from '../label-selector-rules.ts';
import { isUnset, listOf } from '../value-rules.ts';

const requiredField = 'requiredDuringSchedulingIgnoredDuringExecution';
const preferredField = 'preferredDuringSchedulingIgnoredDuringExecution';

/** Upstream: core validation `validateAffinity`. */
export function checkAffinity(affinity: Affinity, path: Path, problems: Problems): void {
  if (affinity.nodeAffinity !== undefined) {
    checkNodeAffinity(affinity.nodeAffinity, child(path, 'nodeAffinity'), problems);
  }
  for (const field of ['podAffinity', 'podAntiAffinity'] as const) {
    const podAffinity = affinity[field];
    if (podAffinity !== undefined) checkPodAffinity(podAffinity, child(path, field), problems);
  }
}

function checkNodeAffinity(affinity: NodeAffinity, path: Path, problems: Problems): void {
  const required = affinity[requiredField];
  if (required !== undefined) {
    const termsPath = child(child(path, requiredField), 'nodeSelectorTerms');
    const terms = listOf(required.nodeSelectorTerms);
    if (terms.length === 0) problems.required(termsPath, 'must have at least one node selector term');
    for (const [position, term] of terms.entries()) {
      checkTerm(term, item(termsPath, position), checkValues, problems);
    }
  }
  for (const [position, term] of listOf(affinity[preferredField]).entries()) {
    const at = item(child(path, preferredField), position);
    checkWeight(term.weight, at, problems);
    // Preferences with values that no label can have just never apply.
    checkTerm(term.preference ?? {}, child(at, 'preference'), () => undefined, problems);
  }
}

function checkWeight(weight: number, path: Path, problems: Problems): void {
  if (!(weight >= 1 && weight <= 100)) {
    problems.invalid(child(path, 'weight'), weight ?? 0, 'must be in the range 1-100');
  }
}

type ValuesCheck = (values: readonly string[], path: Path, problems: Problems) => void;

function checkTerm(term: NodeSelectorTerm, path: Path, check: ValuesCheck, problems: Problems): void {
  for (const [position, expression] of listOf(term.matchExpressions).entries()) {
    const at = item(child(path, 'matchExpressions'), position);
    checkExpression(expression, at, problems);
    check(listOf(expression.values), child(at, 'values'), problems);
  }
  for (const [position, requirement] of listOf(term.matchFields).entries()) {
    checkField(requirement, item(child(path, 'matchFields'), position), problems);
  }
}

function checkValues(values: readonly string[], path: Path, problems: Problems): void {
  for (const [position, value] of values.entries()) {
    problems.allInvalid(item(path, position), value, labelValueErrors(value));
  }
}

/** Upstream: core validation `ValidateNodeSelectorRequirement`. */
function checkExpression(requirement: NodeSelectorRequirement, path: Path, problems: Problems): void {
  const count = listOf(requirement.values).length;
  const valuesPath = child(path, 'values');
  switch (requirement.operator) {
    case 'In':
    case 'NotIn':
      if (count === 0) problems.required(valuesPath, "must be specified when `operator` is 'In' or 'NotIn'");
      break;
    case 'Exists':
    case 'DoesNotExist':
      if (count > 0) {
        problems.forbidden(valuesPath, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'");
      }
      break;
    case 'Gt':
    case 'Lt':
      if (count !== 1) {
        problems.required(valuesPath, "must be specified single value when `operator` is 'Lt' or 'Gt'");
      }
      break;
    default:
      problems.invalid(child(path, 'operator'), requirement.operator ?? '', 'not a valid selector operator');
  }
  const key = requirement.key ?? '';
  problems.allInvalid(child(path, 'key'), key, qualifiedNameErrors(key));
}

/** Upstream: core validation `ValidateNodeFieldSelectorRequirement`: only the name of a node can be asked for. */
function checkField(requirement: NodeSelectorRequirement, path: Path, problems: Problems): void {
  const values = listOf(requirement.values);
  const operator = requirement.operator ?? '';
  const key = requirement.key ?? '';
  const valuesPath = child(path, 'values');
  if (operator !== 'In' && operator !== 'NotIn') {
    problems.invalid(child(path, 'operator'), operator, 'not a valid selector operator');
  } else if (values.length !== 1) {
    const text = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector";
    problems.required(valuesPath, text);
  }
  if (key !== 'metadata.name') {
    problems.invalid(child(path, 'key'), key, 'not a valid field selector key');
    return;
  }
  for (const [position, name] of values.entries()) {
    problems.allInvalid(item(valuesPath, position), name, dns1123SubdomainErrors(name));
  }
}

function checkPodAffinity(affinity: PodAffinity, path: Path, problems: Problems): void {
  for (const [position, term] of listOf(affinity[requiredField]).entries()) {
    checkPodTerm(term, item(child(path, requiredField), position), problems);
  }
  for (const [position, term] of listOf(affinity[preferredField]).entries()) {
    const at = item(child(path, preferredField), position);
    checkWeight(term.weight, at, problems);
    checkPodTerm(term.podAffinityTerm ?? { topologyKey: '' }, child(at, 'podAffinityTerm'), problems);
  }
}

function checkPodTerm(term: PodAffinityTerm, path: Path, problems: Problems): void {
  for (const field of ['labelSelector', 'namespaceSelector'] as const) {
    const selector = term[field];
    if (selector !== undefined) checkLabelSelector(selector, child(path, field), problems);
  }
  for (const name of listOf(term.namespaces)) {
    problems.allInvalid(child(path, 'namespace'), name, dns1123LabelErrors(name));
  }
  const key = term.topologyKey ?? '';
  const keyPath = child(path, 'topologyKey');
  if (isUnset(key)) problems.required(keyPath, 'can not be empty');
  problems.allInvalid(keyPath, key, qualifiedNameErrors(key));
}
