import type { Affinity, Container, FieldError, Pod, PodSpec, Toleration } from '../../../api/index.ts';
import { child, item, Problems, rootPath } from '../field-path.ts';
import type { Path } from '../field-path.ts';
import { listOf, semanticallyEqual } from '../value-rules.ts';
import { checkGatedAffinity } from './gated-affinity-rules.ts';

const specPath = rootPath('spec');
const maxDeadlineSeconds = 2_147_483_647;
const changeable = [
  '`spec.containers[*].image`',
  '`spec.initContainers[*].image`',
  '`spec.activeDeadlineSeconds`',
  '`spec.tolerations` (only additions to existing tolerations)',
  '`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)',
].join(',');

/** A Pod's spec is fixed but for a few fields. Upstream: core validation `ValidatePodUpdate`. */
export function podUpdateErrors(next: Pod, old: Pod): readonly FieldError[] {
  if (next.spec === old.spec) return [];
  const problems = new Problems();
  for (const field of ['containers', 'initContainers'] as const) {
    if (listOf(next.spec[field]).length === listOf(old.spec[field]).length) continue;
    problems.forbidden(child(specPath, field), 'pod updates may not add or remove containers');
    return problems.errors;
  }
  checkDeadline(next.spec, old.spec, problems);
  checkTolerations(listOf(next.spec.tolerations), listOf(old.spec.tolerations), problems);
  checkGates(next.spec, old.spec, problems);
  const compared = withoutAllowedChanges(next.spec, old.spec, problems);
  if (!semanticallyEqual(compared, old.spec)) {
    const names = changedFields(compared, old.spec).join(', ');
    problems.forbidden(specPath, `pod updates may not change fields other than ${changeable}\nchanged: ${names}`);
  }
  return problems.errors;
}

/** Upstream prints a diff here, in a form that is not stable; the names say as much. */
function changedFields(next: PodSpec, old: PodSpec): readonly string[] {
  const keys = new Set([...Object.keys(next), ...Object.keys(old)]) as ReadonlySet<keyof PodSpec>;
  return [...keys].filter((key) => !semanticallyEqual(next[key], old[key])).map((key) => `spec.${key}`);
}

/** It may be set, and shortened. */
function checkDeadline(next: PodSpec, old: PodSpec, problems: Problems): void {
  const path = child(specPath, 'activeDeadlineSeconds');
  const seconds = next.activeDeadlineSeconds;
  const before = old.activeDeadlineSeconds;
  if (seconds === undefined) {
    if (before !== undefined) problems.invalid(path, null, 'must not update from a positive integer to nil value');
  } else if (seconds < 0 || seconds > maxDeadlineSeconds) {
    problems.invalid(path, seconds, `must be between 0 and ${maxDeadlineSeconds}, inclusive`);
  } else if (before !== undefined && before < seconds) {
    problems.invalid(path, seconds, 'must be less than or equal to previous value');
  }
}

function checkTolerations(next: readonly Toleration[], old: readonly Toleration[], problems: Problems): void {
  const isKept = (toleration: Toleration): boolean =>
    next.some(({ tolerationSeconds, ...rest }) =>
      semanticallyEqual({ ...rest, tolerationSeconds }, { ...toleration, tolerationSeconds }),
    );
  if (old.every(isKept)) return;
  const text = 'existing toleration can not be modified except its tolerationSeconds';
  problems.forbidden(child(specPath, 'tolerations'), text);
}

function checkGates(next: PodSpec, old: PodSpec, problems: Problems): void {
  const before = new Set(listOf(old.schedulingGates).map((gate) => gate.name));
  for (const [position, { name }] of listOf(next.schedulingGates).entries()) {
    if (before.has(name)) continue;
    const path = child(item(child(specPath, 'schedulingGates'), position), 'name');
    problems.forbidden(path, `only deletion is allowed, but found new scheduling gate '${name}'`);
  }
}

/** `next` with the old values of all that may change. */
function withoutAllowedChanges(next: PodSpec, old: PodSpec, problems: Problems): PodSpec {
  const compared: PodSpec = {
    ...next,
    containers: withImagesOf(next.containers, old.containers),
    initContainers: withImagesOf(listOf(next.initContainers), listOf(old.initContainers)),
    activeDeadlineSeconds: old.activeDeadlineSeconds,
    tolerations: old.tolerations,
    schedulingGates: old.schedulingGates,
  };
  if ((old.terminationGracePeriodSeconds ?? 0) < 0 && next.terminationGracePeriodSeconds === 1) {
    compared.terminationGracePeriodSeconds = old.terminationGracePeriodSeconds;
  }
  if (listOf(old.schedulingGates).length > 0) allowGatedChanges(compared, old, problems);
  return compared;
}

function withImagesOf(next: readonly Container[], old: readonly Container[]): readonly Container[] {
  return next.map((container, position) => ({ ...container, image: old[position]?.image }));
}

/** Where a gated Pod may run can be narrowed. */
function allowGatedChanges(compared: PodSpec, old: PodSpec, problems: Problems): void {
  checkNodeSelector(compared.nodeSelector ?? {}, old.nodeSelector ?? {}, child(specPath, 'nodeSelector'), problems);
  compared.nodeSelector = old.nodeSelector;
  const path = child(child(specPath, 'affinity'), 'nodeAffinity');
  checkGatedAffinity(compared.affinity?.nodeAffinity, old.affinity?.nodeAffinity, path, problems);
  compared.affinity = withNodeAffinity(compared.affinity, old.affinity);
}

function withNodeAffinity(next: Affinity | undefined, old: Affinity | undefined): Affinity | undefined {
  const affinity: Affinity = { ...next, nodeAffinity: old?.nodeAffinity };
  return old === undefined && semanticallyEqual(affinity, {}) ? undefined : affinity;
}

type NodeSelector = Readonly<Record<string, string>>;

function checkNodeSelector(next: NodeSelector, old: NodeSelector, path: Path, problems: Problems): void {
  if (Object.entries(old).every(([key, value]) => next[key] === value)) return;
  problems.invalid(path, next, 'only additions are allowed (no mutations or deletions)');
}
