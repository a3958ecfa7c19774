import type { CronJob, CronJobSpec, JobTemplateSpec } from '../../../api/index.ts';
import { withTemplatePartDefaults } from '../job/defaults.ts';
import { withFields } from '../pod-template/copy-on-write.ts';

/** Upstream: batch defaults `SetDefaults_CronJob`. The Job inside gets only the defaults of its pod template. */
export function setCronJobDefaults(draft: CronJob): void {
  const spec: CronJobSpec = draft.spec ?? { schedule: '', jobTemplate: {} };
  draft.spec = withFields(spec, {
    schedule: spec.schedule ?? '',
    concurrencyPolicy: spec.concurrencyPolicy === '' ? 'Allow' : (spec.concurrencyPolicy ?? 'Allow'),
    suspend: spec.suspend ?? false,
    successfulJobsHistoryLimit: spec.successfulJobsHistoryLimit ?? 3,
    failedJobsHistoryLimit: spec.failedJobsHistoryLimit ?? 1,
    jobTemplate: withJobTemplateDefaults(spec.jobTemplate),
  });
  draft.status ??= {};
}

function withJobTemplateDefaults(template: JobTemplateSpec | undefined): JobTemplateSpec {
  const given: JobTemplateSpec = template ?? {};
  return withFields(given, { metadata: given.metadata ?? {}, spec: withTemplatePartDefaults(given.spec) });
}
