import { jobFinishedCondition, type CronJobSpec, type Job } from '../../api/index.ts';

/**
 * Which finished Jobs are beyond the limits: the oldest of the successful ones, then of the failed ones. Jobs that never
 * started count as the newest. Upstream: `cleanupFinishedJobs`.
 */
export function jobsBeyondLimits(spec: CronJobSpec, children: readonly Job[]): readonly Job[] {
  const { successfulJobsHistoryLimit, failedJobsHistoryLimit } = spec;
  if (children.length === 0) return [];
  return [
    ...oldest(children, 'Complete', successfulJobsHistoryLimit),
    ...oldest(children, 'Failed', failedJobsHistoryLimit),
  ];
}

function oldest(children: readonly Job[], type: string, limit: number | undefined): readonly Job[] {
  if (limit === undefined) return [];
  const finished = children.filter((job) => jobFinishedCondition(job)?.type === type);
  const excess = finished.length - limit;
  return excess > 0 ? finished.sort(byStart).slice(0, excess) : [];
}

/** RFC 3339 in UTC sorts as text. */
function byStart(a: Job, b: Job): number {
  const [x, y] = [a.status.startTime ?? '~', b.status.startTime ?? '~'];
  if (x !== y) return x < y ? -1 : 1;
  return a.metadata.name < b.metadata.name ? -1 : 1;
}
