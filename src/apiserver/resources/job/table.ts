import { formatSelector, humanDuration, isConditionTrue, parseTime } from '../../../api/index.ts';
import type { Job } from '../../../api/index.ts';
import type { KindTable, TableCell } from '../../kind.ts';
import { containerImages, containerNames, templateColumns } from '../pod-template/template-columns.ts';
import { age, ageColumn, column, nameColumn, orNone } from '../table-columns.ts';
import { isUnset } from '../value-rules.ts';

/** One word for the state. Upstream: printers `printJob`; the order decides. */
function statusText(job: Job): string {
  const { conditions } = job.status;
  if (isConditionTrue(conditions, 'Complete')) return 'Complete';
  if (isConditionTrue(conditions, 'Failed')) return 'Failed';
  if (!isUnset(job.metadata.deletionTimestamp)) return 'Terminating';
  for (const type of ['Suspended', 'FailureTarget', 'SuccessCriteriaMet']) {
    if (isConditionTrue(conditions, type)) return type;
  }
  return 'Running';
}

function completionsText(job: Job): string {
  const succeeded = job.status.succeeded ?? 0;
  const { completions, parallelism } = job.spec;
  if (completions !== undefined) return `${succeeded}/${completions}`;
  return (parallelism ?? 0) > 1 ? `${succeeded}/1 of ${parallelism}` : `${succeeded}/1`;
}

function durationText(job: Job, nowMs: number): string {
  const { startTime, completionTime } = job.status;
  if (isUnset(startTime)) return '';
  const endMs = isUnset(completionTime) ? nowMs : parseTime(completionTime);
  return humanDuration(endMs - parseTime(startTime));
}

function cells(job: Job, nowMs: number): readonly TableCell[] {
  const { template, selector } = job.spec;
  return [
    job.metadata.name,
    statusText(job),
    completionsText(job),
    durationText(job, nowMs),
    age(job, nowMs),
    containerNames(template),
    containerImages(template),
    selector === undefined ? '<none>' : orNone(formatSelector(selector)),
  ];
}

export const jobTable: KindTable<Job> = {
  columns: [
    nameColumn,
    column('Status', 'How far the Job is.'),
    column('Completions', 'Successful pods of those wanted.'),
    column('Duration', 'From start to completion, or until now.'),
    ageColumn,
    ...templateColumns,
  ],
  cells,
};
