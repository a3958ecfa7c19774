import type { CronJob, CronJobSpec, FieldError, JobTemplateSpec } from '../../../api/index.ts';
import { child, Problems, rootPath } from '../field-path.ts';
import type { Path } from '../field-path.ts';
import { checkJobSpecWithoutSelector } from '../job/spec-rules.ts';
import { jobSpecWarnings, podPrefixWarnings } from '../job/warnings.ts';
import { checkFieldNotNegative, isUnset } from '../value-rules.ts';
import { scheduleFormatErrors } from './schedule-format.ts';
import { timeZoneErrors } from './time-zone.ts';

const specPath = rootPath('spec');
const policies = ['Allow', 'Forbid', 'Replace'];

/** Upstream: batch validation `validateCronJobSpec`. What was wrong before, and is left as it is, may stay. */
export function cronJobErrors(cronJob: CronJob, old?: CronJob): readonly FieldError[] {
  const problems = new Problems();
  const { spec } = cronJob;
  checkSchedule(spec, old?.spec, problems);
  checkFieldNotNegative(spec.startingDeadlineSeconds, specPath, 'startingDeadlineSeconds', problems);
  if (spec.timeZone !== undefined && (old === undefined || spec.timeZone !== old.spec.timeZone)) {
    problems.allInvalid(child(specPath, 'timeZone'), spec.timeZone, timeZoneErrors(spec.timeZone));
  }
  checkConcurrencyPolicy(spec.concurrencyPolicy, problems);
  checkJobTemplate(spec.jobTemplate, child(child(specPath, 'jobTemplate'), 'spec'), problems);
  checkFieldNotNegative(spec.successfulJobsHistoryLimit, specPath, 'successfulJobsHistoryLimit', problems);
  checkFieldNotNegative(spec.failedJobsHistoryLimit, specPath, 'failedJobsHistoryLimit', problems);
  return problems.errors;
}

/** `TZ` is looked for anywhere in the text, as upstream does it. */
function checkSchedule(spec: CronJobSpec, old: CronJobSpec | undefined, problems: Problems): void {
  const { schedule, timeZone } = spec;
  const path = child(specPath, 'schedule');
  if (isUnset(schedule)) {
    problems.required(path);
    return;
  }
  problems.allInvalid(path, schedule, scheduleFormatErrors(schedule));
  if (!schedule.includes('TZ')) return;
  const wasAllowed = old?.schedule?.includes('TZ') === true;
  if (!wasAllowed) {
    problems.invalid(path, schedule, 'cannot use TZ or CRON_TZ in schedule, use timeZone field instead');
  } else if (timeZone !== undefined) {
    problems.invalid(path, schedule, 'cannot use both timeZone field and TZ or CRON_TZ in schedule');
  }
}

function checkConcurrencyPolicy(policy: string | undefined, problems: Problems): void {
  const path = child(specPath, 'concurrencyPolicy');
  if (isUnset(policy)) problems.required(path);
  else if (!policies.includes(policy)) problems.notSupported(path, policy, policies);
}

/** Each Job gets its own selector; the template must not name one. */
function checkJobTemplate(template: JobTemplateSpec, path: Path, problems: Problems): void {
  const spec = template?.spec ?? { template: {} };
  checkJobSpecWithoutSelector(spec, path, problems);
  if (spec.selector !== undefined) {
    problems.invalid(child(path, 'selector'), spec.selector, '`selector` will be auto-generated');
  }
  if (spec.manualSelector === true) problems.notSupported(child(path, 'manualSelector'), true, ['nil', 'false']);
}

/** Upstream: registry batch/cronjob `WarningsOnCreate` and `WarningsOnUpdate`; the doubled path is upstream's. */
export function cronJobWarnings(cronJob: CronJob, old: CronJob | undefined): readonly string[] {
  const warnings: string[] = [];
  if (old === undefined) warnings.push(...podPrefixWarnings(cronJob.metadata.name));
  if (old === undefined || cronJob.metadata.generation !== old.metadata.generation) {
    warnings.push(...jobSpecWarnings(cronJob.spec.jobTemplate.spec, 'spec.jobTemplate.spec'));
  }
  if (old !== undefined && cronJob.spec.schedule.includes('TZ')) {
    warnings.push(
      'cannot use TZ or CRON_TZ in spec.spec.schedule, use timeZone instead, see https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details',
    );
  }
  return warnings;
}
