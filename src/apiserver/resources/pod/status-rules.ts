import { dns1123SubdomainErrors, isSidecar, qualifiedNameErrors } from '../../../api/index.ts';
import type { ContainerStatus, FieldError, Pod } from '../../../api/index.ts';
import { child, item, Problems, rootPath } from '../field-path.ts';
import type { Path } from '../field-path.ts';
import { isUnset, listOf } from '../value-rules.ts';

const statusPath = rootPath('status');

/** Upstream: core validation `ValidatePodStatusUpdate`. */
export function podStatusErrors(next: Pod, old: Pod): readonly FieldError[] {
  const problems = new Problems();
  checkConditionTypes(next, problems);
  const { nominatedNodeName: nominated, qosClass } = next.status;
  if (!isUnset(nominated) && nominated !== old.status.nominatedNodeName) {
    problems.allInvalid(child(statusPath, 'nominatedNodeName'), nominated, dns1123SubdomainErrors(nominated));
  }
  if (!sameText(qosClass, old.status.qosClass)) {
    problems.invalid(child(statusPath, 'qosClass'), qosClass ?? '', 'field is immutable');
  }
  checkTransitions(next, old, problems);
  return problems.errors;
}

function sameText(left: string | undefined, right: string | undefined): boolean {
  return (left ?? '') === (right ?? '');
}

/** The path is upstream's, slips included. */
function checkConditionTypes(pod: Pod, problems: Problems): void {
  for (const [position, { type = '' }] of listOf(pod.status.conditions).entries()) {
    const errors = qualifiedNameErrors(type);
    if (errors.length === 0) continue;
    const at = item(child(rootPath('metadata'), 'conditions'), position);
    problems.allInvalid(child(at, 'Type'), type, errors);
  }
}

/** What has ended for good stays ended. */
function checkTransitions(next: Pod, old: Pod, problems: Problems): void {
  const { restartPolicy } = old.spec;
  if (restartPolicy === 'Always') return;
  const check = (field: 'containerStatuses' | 'initContainerStatuses', mayRestart: ReadonlySet<string>): void => {
    const before = listOf(old.status[field]).filter(
      (status) => isOver(status, restartPolicy) && !mayRestart.has(status.name),
    );
    if (before.length > 0) checkStillOver(before, listOf(next.status[field]), child(statusPath, field), problems);
  };
  check('containerStatuses', ownPolicies(old));
  check('initContainerStatuses', ownPolicies(old));
}

/** Containers that bring a restart policy of their own: sidecars, and since 1.35 any container. */
function ownPolicies(pod: Pod): ReadonlySet<string> {
  const containers = [...listOf(pod.spec.initContainers), ...listOf(pod.spec.containers)];
  const own = containers.filter((container) => isSidecar(container) || container.restartPolicy !== undefined);
  return new Set(own.map((container) => container.name));
}

function isOver(status: ContainerStatus, restartPolicy: string | undefined): boolean {
  const terminated = status.state?.terminated;
  if (terminated === undefined) return false;
  return terminated.exitCode === 0 || restartPolicy !== 'OnFailure';
}

function checkStillOver(
  before: readonly ContainerStatus[],
  after: readonly ContainerStatus[],
  path: Path,
  problems: Problems,
): void {
  for (const [position, { name }] of before.entries()) {
    const now = after.find((status) => status.name === name);
    if (now === undefined || now.state?.terminated !== undefined) continue;
    problems.forbidden(child(item(path, position), 'state'), 'may not be transitioned to non-terminated state');
  }
}
