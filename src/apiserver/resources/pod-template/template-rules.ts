import { qualifiedNameErrors } from '../../../api/index.ts';
import type { PodTemplateSpec } from '../../../api/index.ts';
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
  const spec = template?.spec ?? { containers: [] };
  checkPodSpec(spec, child(path, 'spec'), problems);
  if (listOf(spec.ephemeralContainers).length > 0) {
    const text = 'ephemeral containers not allowed in pod template';
    problems.forbidden(child(child(path, 'spec'), 'ephemeralContainers'), text);
  }
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
