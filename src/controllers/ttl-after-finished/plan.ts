import { jobFinishedCondition, parseTime, type Job } from '../../api/index.ts';

/**
 * When a Job is to be deleted, in milliseconds since the epoch; undefined if never (not finished, no TTL, or being
 * deleted already). (Upstream: `pkg/controller/ttlafterfinished`.)
 */
export function expiryMs(job: Job): number | undefined {
  const { ttlSecondsAfterFinished } = job.spec;
  if (ttlSecondsAfterFinished === undefined || job.metadata.deletionTimestamp !== undefined) return undefined;
  const finishedAt = jobFinishedCondition(job)?.lastTransitionTime;
  if (finishedAt === undefined) return undefined;
  const finishedMs = parseTime(finishedAt);
  return Number.isNaN(finishedMs) ? undefined : finishedMs + ttlSecondsAfterFinished * 1000;
}
