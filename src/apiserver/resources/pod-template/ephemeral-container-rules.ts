import type { EphemeralContainer, PodSpec } from '../../../api/index.ts';
import { child, item } from '../field-path.ts';
import type { Path, Problems } from '../field-path.ts';
import { isUnset, listOf, semanticallyEqual } from '../value-rules.ts';
import { checkContainer } from './container-rules.ts';
import type { PodScope } from './container-rules.ts';

/** What serves the Pod, or needs what was promised to it, is not for containers that come to look at it. */
const forbiddenFields = [
  'ports',
  'resources',
  'resizePolicy',
  'restartPolicy',
  'restartPolicyRules',
  'livenessProbe',
  'readinessProbe',
  'startupProbe',
  'lifecycle',
] as const satisfies readonly (keyof EphemeralContainer)[];

const forbiddenText = 'cannot be set for an Ephemeral Container';

/** Upstream: core validation `validateEphemeralContainers`. */
export function checkEphemeralContainers(spec: PodSpec, path: Path, scope: PodScope): void {
  const containers = listOf(spec.ephemeralContainers);
  if (containers.length === 0) return;
  const { problems } = scope;
  const targets = new Set([...listOf(spec.containers), ...listOf(spec.initContainers)].map(({ name }) => name));
  const names = new Set(targets);
  for (const [position, container] of containers.entries()) {
    const at = item(path, position);
    checkContainer(container, at, scope);
    checkImage(container, at, problems);
    if (names.has(container.name)) problems.duplicate(child(at, 'name'), container.name);
    else names.add(container.name);
    const target = container.targetContainerName;
    if (!isUnset(target) && !targets.has(target)) problems.notFound(child(at, 'targetContainerName'), target);
    checkFields(container, at, problems);
  }
}

function checkImage({ image = '' }: EphemeralContainer, path: Path, problems: Problems): void {
  if (image === image.trim()) return;
  problems.invalid(child(path, 'image'), image, 'must not have leading or trailing whitespace');
}

function checkFields(container: EphemeralContainer, path: Path, problems: Problems): void {
  for (const field of forbiddenFields) {
    const value = container[field];
    if (semanticallyEqual(value, undefined) || semanticallyEqual(value, {})) continue;
    problems.forbidden(child(path, field), forbiddenText);
  }
  for (const [position, mount] of listOf(container.volumeMounts).entries()) {
    const at = item(child(path, 'volumeMounts'), position);
    for (const field of ['subPath', 'subPathExpr'] as const) {
      if (!isUnset(mount[field])) problems.forbidden(child(at, field), forbiddenText);
    }
  }
}
