import type { JobSpec } from '../../../api/index.ts';
import { child, pathText } from '../field-path.ts';
import type { Path, Problems } from '../field-path.ts';
import { checkLabelSelector } from '../label-selector-rules.ts';
import { checkPodTemplate } from '../pod-template/template-rules.ts';
import { checkFieldNotNegative, isUnset } from '../value-rules.ts';
import { checkPodFailurePolicy } from './failure-policy-rules.ts';
import { matches } from './generated-selector.ts';
import { managedByErrors } from './managed-by.ts';
import { checkSuccessPolicy } from './success-policy-rules.ts';

const maxParallelism = 100_000;
const maxFailedIndexes = 100_000;
/** Above so many completions, limits per index need narrower limits elsewhere to fit in the status. */
const manyCompletions = 100_000;
const limitWithManyCompletions = 10_000;
const manyCompletionsText = `must be less than or equal to ${limitWithManyCompletions} when completions are above ${manyCompletions} and used with backoff limit per index`;

/** The rules for a Job of its own: those of every Job spec and those of the selector. Upstream: `ValidateJobSpec`. */
export function checkJobSpec(spec: JobSpec, path: Path, problems: Problems): void {
  checkJobSpecWithoutSelector(spec, path, problems);
  const selectorPath = child(path, 'selector');
  const { selector, template } = spec;
  if (selector === undefined) {
    problems.required(selectorPath);
    return;
  }
  checkLabelSelector(selector, selectorPath, problems);
  const labels = template?.metadata?.labels;
  if (!matches(selector, labels)) {
    const labelsPath = child(child(child(path, 'template'), 'metadata'), 'labels');
    problems.invalid(labelsPath, labels, '`selector` does not match template `labels`');
  }
}

/** The rules for every Job spec, also inside CronJobs. Upstream: `validateJobSpec`. */
export function checkJobSpecWithoutSelector(spec: JobSpec, path: Path, problems: Problems): void {
  checkNumbers(spec, path, problems);
  if (spec.maxFailedIndexes !== undefined && spec.backoffLimitPerIndex === undefined) {
    problems.required(child(path, 'backoffLimitPerIndex'), 'when maxFailedIndexes is specified');
  }
  if (spec.managedBy !== undefined) problems.add(managedByErrors(spec.managedBy, pathText(child(path, 'managedBy'))));
  checkCompletionMode(spec, path, problems);
  if (spec.podFailurePolicy !== undefined) checkPodFailurePolicy(spec, child(path, 'podFailurePolicy'), problems);
  if (spec.successPolicy !== undefined) checkSuccessPolicy(spec, child(path, 'successPolicy'), problems);
  checkPodReplacementPolicy(spec, child(path, 'podReplacementPolicy'), problems);
  const templatePath = child(path, 'template');
  checkPodTemplate(spec.template, templatePath, problems);
  checkRestartPolicy(spec, child(child(templatePath, 'spec'), 'restartPolicy'), problems);
}

const notNegative = [
  'parallelism',
  'completions',
  'activeDeadlineSeconds',
  'backoffLimit',
  'ttlSecondsAfterFinished',
  'backoffLimitPerIndex',
  'maxFailedIndexes',
] as const;

function checkNumbers(spec: JobSpec, path: Path, problems: Problems): void {
  for (const field of notNegative) checkFieldNotNegative(spec[field], path, field, problems);
}

function checkCompletionMode(spec: JobSpec, path: Path, problems: Problems): void {
  const mode = spec.completionMode ?? 'NonIndexed';
  if (mode === 'Indexed') {
    checkIndexed(spec, path, problems);
    return;
  }
  if (mode !== 'NonIndexed') {
    problems.notSupported(child(path, 'completionMode'), mode, ['NonIndexed', 'Indexed']);
    return;
  }
  for (const field of ['backoffLimitPerIndex', 'maxFailedIndexes'] as const) {
    const value = spec[field];
    if (value !== undefined) problems.invalid(child(path, field), value, 'requires indexed completion mode');
  }
}

function checkIndexed(spec: JobSpec, path: Path, problems: Problems): void {
  const { completions, parallelism = 0, maxFailedIndexes: maxFailed } = spec;
  if (completions === undefined) problems.required(child(path, 'completions'), 'when completion mode is Indexed');
  if (parallelism > maxParallelism) {
    const text = `must be less than or equal to ${maxParallelism} when completion mode is Indexed`;
    problems.invalid(child(path, 'parallelism'), parallelism, text);
  }
  if (maxFailed !== undefined) {
    const at = child(path, 'maxFailedIndexes');
    if (completions !== undefined && maxFailed > completions) {
      problems.invalid(at, maxFailed, 'must be less than or equal to completions');
    }
    if (maxFailed > maxFailedIndexes) {
      problems.invalid(at, maxFailed, `must be less than or equal to ${maxFailedIndexes}`);
    }
  }
  if ((completions ?? 0) > manyCompletions && spec.backoffLimitPerIndex !== undefined) {
    checkManyCompletions(spec, path, problems);
  }
}

function checkManyCompletions(spec: JobSpec, path: Path, problems: Problems): void {
  const { parallelism = 0, maxFailedIndexes: maxFailed } = spec;
  if (maxFailed === undefined) {
    problems.required(
      child(path, 'maxFailedIndexes'),
      `must be specified when completions is above ${manyCompletions}`,
    );
  }
  if (parallelism > limitWithManyCompletions) {
    problems.invalid(child(path, 'parallelism'), parallelism, manyCompletionsText);
  }
  if (maxFailed !== undefined && maxFailed > limitWithManyCompletions) {
    problems.invalid(child(path, 'maxFailedIndexes'), maxFailed, manyCompletionsText);
  }
}

function checkPodReplacementPolicy(spec: JobSpec, path: Path, problems: Problems): void {
  const policy = spec.podReplacementPolicy;
  if (policy === undefined) return;
  const supported = spec.podFailurePolicy === undefined ? ['Failed', 'TerminatingOrFailed'] : ['Failed'];
  if (!supported.includes(policy)) problems.notSupported(path, policy, supported);
}

/** Absent looks like Always here, because the pod template was defaulted; so both are reported as missing. */
function checkRestartPolicy(spec: JobSpec, path: Path, problems: Problems): void {
  const policy = spec.template?.spec?.restartPolicy;
  if (isUnset(policy) || policy === 'Always') {
    problems.required(path, 'valid values: "OnFailure", "Never"');
  } else if (policy !== 'OnFailure' && policy !== 'Never') {
    problems.notSupported(path, policy, ['OnFailure', 'Never']);
  } else if (spec.podFailurePolicy !== undefined && policy !== 'Never') {
    problems.invalid(path, policy, 'only "Never" is supported when podFailurePolicy is specified');
  }
}
