import type { Container, FieldError, Pod } from '../../../api/index.ts';
import { child, item, keyed, Problems, rootPath } from '../field-path.ts';
import type { Path } from '../field-path.ts';
import { checkPodSpec } from '../pod-template/pod-spec-rules.ts';
import { RecentSpecs } from '../pod-template/spec-memo.ts';
import { isUnset, listOf } from '../value-rules.ts';

const specPath = rootPath('spec');
const deletionCost = 'controller.kubernetes.io/pod-deletion-cost';

/** Upstream: core validation `ValidatePodCreate` and `validatePodMetadataAndSpec`. */
export function podErrors(pod: Pod, old?: Pod): readonly FieldError[] {
  const problems = new Problems();
  const { spec } = pod;
  checkDeletionCost(pod, problems);
  // A spec that is the very same object as the stored one was checked when it was stored.
  if (old?.spec === spec) return problems.errors;
  if (old === undefined && right.has(spec)) return problems.errors;
  const before = problems.errors.length;
  checkPodSpec(spec, specPath, problems);
  checkTokensHaveAccount(pod, problems);
  checkImages(listOf(spec.containers), child(specPath, 'containers'), problems);
  checkImages(listOf(spec.initContainers), child(specPath, 'initContainers'), problems);
  if (old !== undefined) return problems.errors;
  checkNew(pod, problems);
  if (problems.errors.length === before) right.add(spec);
  return problems.errors;
}

/** Of new Pods. */
const right = new RecentSpecs();

function checkNew({ spec }: Pod, problems: Problems): void {
  if (listOf(spec.ephemeralContainers).length > 0) {
    problems.forbidden(child(specPath, 'ephemeralContainers'), 'cannot be set on create');
  }
  if (!isUnset(spec.nodeName) && listOf(spec.schedulingGates).length > 0) {
    const text = 'cannot be set until all schedulingGates have been cleared';
    problems.forbidden(child(specPath, 'nodeName'), text);
  }
}

function checkDeletionCost(pod: Pod, problems: Problems): void {
  const cost = pod.metadata.annotations?.[deletionCost];
  if (cost === undefined || /^(0|-?[1-9][0-9]{0,9})$/.test(cost)) return;
  const path = keyed(child(rootPath('metadata'), 'annotations'), deletionCost);
  problems.invalid(path, cost, 'must be a 32bit integer');
}

function checkTokensHaveAccount({ spec }: Pod, problems: Problems): void {
  if (!isUnset(spec.serviceAccountName) || spec.volumes === undefined) return;
  for (const [position, volume] of spec.volumes.entries()) {
    for (const [number, source] of listOf(volume.projected?.sources).entries()) {
      if (source.serviceAccountToken === undefined) continue;
      const projected = child(item(child(specPath, 'volumes'), position), 'projected');
      const at = child(item(child(projected, 'sources'), number), 'serviceAccountToken');
      problems.forbidden(at, 'must not be specified when serviceAccountName is not set');
    }
  }
}

/** Templates may have padded images, because other systems fill them in later; Pods may not. */
function checkImages(containers: readonly Container[], path: Path, problems: Problems): void {
  for (let position = 0; position < containers.length; position++) {
    const image = containers[position]?.image ?? '';
    if (image === image.trim()) continue;
    const at = child(item(path, position), 'image');
    problems.invalid(at, image, 'must not have leading or trailing whitespace');
  }
}
