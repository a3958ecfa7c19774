import { qualifiedNameErrors } from '../../../api/index.ts';
import type { PodSpec, PodTemplateSpec } from '../../../api/index.ts';
import { child } from '../field-path.ts';
import type { Path, Problems } from '../field-path.ts';
import { listOf } from '../value-rules.ts';
import { checkPodSpec } from './pod-spec-rules.ts';
import { checkLabels } from './scheduling-rules.ts';

const maxAnnotationsBytes = 256 * 1024;

/** Upstream: core validation `ValidatePodTemplateSpec`; its paths of labels and annotations leave metadata out. */
export function checkPodTemplate(template: PodTemplateSpec | undefined, path: Path, problems: Problems): void {
  checkLabels(template?.metadata?.labels, child(path, 'labels'), problems);
  checkAnnotations(template?.metadata?.annotations, child(path, 'annotations'), problems);
  checkTemplateSpec(template?.spec ?? { containers: [] }, child(path, 'spec'), problems);
}

/** Frozen specs that were found valid: the Jobs of a CronJob all have the same one. */
const valid = new WeakSet<PodSpec>();

function checkTemplateSpec(spec: PodSpec, path: Path, problems: Problems): void {
  if (valid.has(spec)) return;
  const before = problems.errors.length;
  checkPodSpec(spec, path, problems);
  if (listOf(spec.ephemeralContainers).length > 0) {
    const text = 'ephemeral containers not allowed in pod template';
    problems.forbidden(child(path, 'ephemeralContainers'), text);
  }
  if (problems.errors.length === before && Object.isFrozen(spec)) valid.add(spec);
}

function checkAnnotations(
  annotations: Readonly<Record<string, string>> | undefined,
  path: Path,
  problems: Problems,
): void {
  if (annotations === undefined) return;
  let totalBytes = 0;
  for (const [key, value] of Object.entries(annotations)) {
    problems.allInvalid(path, key, qualifiedNameErrors(key.toLowerCase()));
    totalBytes += Buffer.byteLength(key) + Buffer.byteLength(value);
  }
  if (totalBytes > maxAnnotationsBytes) problems.tooLong(path, maxAnnotationsBytes);
}
