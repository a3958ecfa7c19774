import { formatSelector } from '../../../api/index.ts';
import type { CronJob } from '../../../api/index.ts';
import type { KindTable, TableCell } from '../../kind.ts';
import { containerImages, containerNames, templateColumns } from '../pod-template/template-columns.ts';
import { age, ageColumn, column, nameColumn, orNone, since } from '../table-columns.ts';
import { isUnset } from '../value-rules.ts';

/** Upstream: printers `printCronJob`. The suspend cell is a text although its column is declared boolean. */
function cells(cronJob: CronJob, nowMs: number): readonly TableCell[] {
  const { spec, status } = cronJob;
  const { lastScheduleTime } = status;
  const jobSpec = spec.jobTemplate?.spec;
  return [
    cronJob.metadata.name,
    spec.schedule ?? '',
    orNone(spec.timeZone),
    suspendText(spec.suspend),
    status.active?.length ?? 0,
    isUnset(lastScheduleTime) ? '<none>' : since(lastScheduleTime, nowMs),
    age(cronJob, nowMs),
    containerNames(jobSpec?.template),
    containerImages(jobSpec?.template),
    jobSpec?.selector === undefined ? '<none>' : orNone(formatSelector(jobSpec.selector)),
  ];
}

function suspendText(suspend: boolean | undefined): string {
  if (suspend === undefined) return '<unset>';
  return suspend ? 'True' : 'False';
}

export const cronJobTable: KindTable<CronJob> = {
  columns: [
    nameColumn,
    column('Schedule', 'When Jobs are made, as a cron expression.'),
    column('Timezone', 'The time zone of the schedule.'),
    column('Suspend', 'Whether no Jobs are made for now.', 'boolean'),
    column('Active', 'Number of Jobs that are not finished.', 'integer'),
    column('Last Schedule', 'Time since a Job was made last.'),
    ageColumn,
    ...templateColumns,
  ],
  cells,
};
