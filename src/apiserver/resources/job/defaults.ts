import type { Job, JobSpec, PodFailurePolicy, PodFailurePolicyRule } from '../../../api/index.ts';
import { mapList, mapPart, withFields } from '../pod-template/copy-on-write.ts';
import { withTemplateDefaults } from '../pod-template/defaults.ts';

const noBackoffLimit = 2_147_483_647;

/** Upstream: batch defaults `SetDefaults_Job`. */
export function setJobDefaults(draft: Job): void {
  const spec = withTemplatePartDefaults(draft.spec);
  const onlyDefaults = spec.completions === undefined && spec.parallelism === undefined;
  draft.spec = withFields(spec, {
    completions: onlyDefaults ? 1 : spec.completions,
    parallelism: spec.parallelism ?? 1,
    backoffLimit: spec.backoffLimit ?? (spec.backoffLimitPerIndex === undefined ? 6 : noBackoffLimit),
    completionMode: spec.completionMode ?? 'NonIndexed',
    suspend: spec.suspend ?? false,
    manualSelector: spec.manualSelector ?? false,
    podReplacementPolicy:
      spec.podReplacementPolicy ?? (spec.podFailurePolicy === undefined ? 'TerminatingOrFailed' : 'Failed'),
  });
  draft.status ??= {};
  labelLikeTemplate(draft);
}

/** The defaults that are also filled in where a Job is only described: in CronJobs. */
export function withTemplatePartDefaults(spec: JobSpec | undefined): JobSpec {
  const given: JobSpec = spec ?? { template: {} };
  return withFields(given, {
    template: withTemplateDefaults(given.template),
    podFailurePolicy: mapPart(given.podFailurePolicy, withPolicyDefaults),
  });
}

function withPolicyDefaults(policy: PodFailurePolicy): PodFailurePolicy {
  return withFields(policy, { rules: mapList(policy.rules, withRuleDefaults) ?? [] });
}

function withRuleDefaults(rule: PodFailurePolicyRule): PodFailurePolicyRule {
  const onPodConditions = mapList(rule.onPodConditions, (pattern) =>
    pattern.status === undefined || pattern.status === '' ? { ...pattern, status: 'True' } : pattern,
  );
  return withFields(rule, { onPodConditions });
}

/** A Job without labels takes its template's: after its creation the generated ones too. */
function labelLikeTemplate(draft: Job): void {
  const labels = draft.spec.template.metadata?.labels;
  if (labels === undefined || labels === null || Object.keys(labels).length === 0) return;
  if (Object.keys(draft.metadata.labels ?? {}).length > 0) return;
  draft.metadata = { ...draft.metadata, labels };
}
