import { controllerRef, resources, type CronJob, type Draft, type Job, type ObjectReference } from '../../api/index.ts';
import { formatInZone } from '../../cron/index.ts';

export const scheduledTimestampAnnotation = 'batch.kubernetes.io/cronjob-scheduled-timestamp';

/** The name of the Job of a due time: minutes since the epoch. The same tick always has the same name. */
export function tickName(cronJobName: string, dueMs: number): string {
  return `${cronJobName}-${Math.floor(dueMs / 60_000)}`;
}

/** The Job of a due time. Upstream: `getJobFromTemplate2`. */
export function jobForTick(cronJob: CronJob, dueMs: number): Draft<Job> {
  const { jobTemplate, timeZone } = cronJob.spec;
  const { name, namespace } = cronJob.metadata;
  const scheduled = formatInZone(dueMs, timeZone ?? 'UTC');
  return {
    metadata: {
      name: tickName(name, dueMs),
      namespace,
      ...(jobTemplate.metadata?.labels && { labels: jobTemplate.metadata.labels }),
      annotations: { ...jobTemplate.metadata?.annotations, [scheduledTimestampAnnotation]: scheduled },
      ownerReferences: [controllerRef(cronJob, resources.cronJobs)],
    },
    spec: jobTemplate.spec ?? { template: {} },
  };
}

/** How status.active names a Job. */
export function jobReference(job: Job): ObjectReference {
  const { namespace, name, uid, resourceVersion } = job.metadata;
  return { apiVersion: 'batch/v1', kind: 'Job', namespace, name, uid, resourceVersion };
}
