import {
  controllerUidLabel,
  jobNameLabel,
  labelSelectorToSelector,
  legacyControllerUidLabel,
  legacyJobNameLabel,
} from '../../../api/index.ts';
import type { Job } from '../../../api/index.ts';
import { child, keyed, rootPath } from '../field-path.ts';
import type { Path, Problems } from '../field-path.ts';
import { isUnset } from '../value-rules.ts';

function generatedLabels(job: Job): Readonly<Record<string, string>> {
  const { uid, name } = job.metadata;
  return {
    [legacyControllerUidLabel]: uid,
    [legacyJobNameLabel]: name,
    [controllerUidLabel]: uid,
    [jobNameLabel]: name,
  };
}

/**
 * Ties a new Job to its pods by labels that no other Job has. Labels and keys that the user gave stay; a conflict is
 * left for validation. Upstream: registry batch/job `generateSelector`.
 */
export function generateSelector(draft: Job): void {
  if (draft.spec.manualSelector === true) return;
  const { template, selector } = draft.spec;
  const labels = { ...generatedLabels(draft), ...template.metadata?.labels };
  draft.spec = {
    ...draft.spec,
    template: { ...template, metadata: { ...template.metadata, labels } },
    selector: {
      ...selector,
      matchLabels: { [controllerUidLabel]: draft.metadata.uid, ...selector?.matchLabels },
    },
  };
}

/** Upstream: batch validation `validateGeneratedSelector`. */
export function checkGeneratedSelector(job: Job, problems: Problems): void {
  const { manualSelector, selector, template } = job.spec;
  // A missing selector is reported with the spec.
  if (manualSelector === true || selector === undefined) return;
  if (isUnset(job.metadata.uid)) problems.required(child(rootPath('metadata'), 'uid'));
  const specPath = rootPath('spec');
  const expected = generatedLabels(job);
  const labels = template.metadata?.labels;
  for (const [key, value] of Object.entries(expected)) {
    if (labels?.[key] === value) continue;
    reportLabel(labels, key, { value, path: labelPath(specPath, key), problems });
  }
  if (!matches(selector, expected))
    problems.invalid(child(specPath, 'selector'), selector, '`selector` not auto-generated');
}

function labelPath(specPath: Path, key: string): Path {
  return keyed(child(child(child(specPath, 'template'), 'metadata'), 'labels'), key);
}

interface Expectation {
  readonly value: string;
  readonly path: Path;
  readonly problems: Problems;
}

function reportLabel(labels: Readonly<Record<string, string>> | undefined, key: string, expected: Expectation): void {
  const detail = `must be '${expected.value}'`;
  if (labels?.[key] === undefined) expected.problems.required(expected.path, detail);
  else expected.problems.invalid(expected.path, labels, detail);
}

/** Whether the selector selects the labels; one that is not valid is reported elsewhere and counts as matching. */
export function matches(
  selector: Parameters<typeof labelSelectorToSelector>[0],
  labels: Readonly<Record<string, string>> | undefined,
): boolean {
  try {
    return labelSelectorToSelector(selector).matches(labels);
  } catch {
    return true;
  }
}
