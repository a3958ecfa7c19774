import type { FieldError, Pod } from '../../../api/index.ts';
import type { PartDefinition } from '../../kind.ts';
import { child, Problems, rootPath } from '../field-path.ts';
import { listOf, semanticallyEqual } from '../value-rules.ts';

const listPath = child(rootPath('spec'), 'ephemeralContainers');

/**
 * `pods/ephemeralcontainers`: containers that come to a Pod that runs. They can be added, and stay as they came.
 * Upstream: registry core/pod `podEphemeralContainersStrategy`.
 */
export const ephemeralContainers: PartDefinition<Pod> = {
  take: ({ spec }, old) => ({ ...old, spec: { ...old.spec, ephemeralContainers: spec?.ephemeralContainers } }),
  validate: additionErrors,
};

/** Upstream: core validation `ValidatePodEphemeralContainersUpdate`; it prints what differs, in no stable form. */
function additionErrors(next: Pod, old: Pod): readonly FieldError[] {
  const problems = new Problems();
  const present = new Map(listOf(next.spec.ephemeralContainers).map((container) => [container.name, container]));
  for (const container of listOf(old.spec.ephemeralContainers)) {
    const now = present.get(container.name);
    const whole = `existing ephemeral containers ${JSON.stringify(container.name)}`;
    if (now === undefined) problems.forbidden(listPath, `${whole} may not be removed\n`);
    else if (!semanticallyEqual(now, container)) problems.forbidden(listPath, `${whole} may not be changed\n`);
  }
  return problems.errors;
}
