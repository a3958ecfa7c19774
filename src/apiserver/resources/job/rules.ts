import { dns1123LabelErrors } from '../../../api/index.ts';
import type { FieldError, Job } from '../../../api/index.ts';
import { child, Problems, rootPath } from '../field-path.ts';
import { checkGeneratedSelector } from './generated-selector.ts';
import { checkJobSpec } from './spec-rules.ts';

/** Upstream: batch validation `ValidateJob`. */
export function jobErrors(job: Job, old?: Job): readonly FieldError[] {
  // A spec that is the very same object as the stored one was checked when it was stored; names never change.
  if (old?.spec === job.spec) return [];
  const problems = new Problems();
  checkGeneratedSelector(job, problems);
  checkJobSpec(job.spec, rootPath('spec'), problems);
  checkHostnames(job, problems);
  return problems.errors;
}

/** Pods of Indexed Jobs get `<name>-<index>` as hostname; the longest must be one. */
function checkHostnames({ metadata, spec }: Job, problems: Problems): void {
  if (spec.completionMode !== 'Indexed' || (spec.completions ?? 0) <= 0) return;
  const longest = `${metadata.name}-${(spec.completions ?? 0) - 1}`;
  if (dns1123LabelErrors(longest).length === 0) return;
  const text = `will not able to create pod with invalid DNS label: ${longest}`;
  problems.invalid(child(rootPath('metadata'), 'name'), metadata.name, text);
}
