import { dns1123SubdomainErrors, resources } from '../../api/index.ts';
import type { TickRecord } from '../../api/index.ts';
import { defineKind } from './define-kind.ts';
import { age, ageColumn, column, nameColumn } from './table-columns.ts';

/** What became of the ticks of a CronJob, some dozen in one object. Only Rondo's own controllers write it. */
export const tickRecord = defineKind<TickRecord>({
  resource: resources.tickRecords,
  singular: 'tickrecord',
  hasStatus: false,
  hasGeneration: false,
  allowUnconditionalUpdate: false,
  allowCreateOnUpdate: false,
  validateName: dns1123SubdomainErrors,
  fieldLabels: {
    'cronJob.name': (object) => object.cronJob?.name ?? '',
    'cronJob.uid': (object) => object.cronJob?.uid ?? '',
  },
  indexed: ['field:cronJob.name', 'field:cronJob.uid'],
  table: {
    columns: [
      nameColumn,
      column('CronJob', 'The CronJob whose ticks these are.'),
      column('Entries', 'Number of ticks, or spans of ticks.', 'integer'),
      ageColumn,
    ],
    cells: (object, nowMs) => [
      object.metadata.name,
      object.cronJob?.name ?? '',
      object.entries?.length ?? 0,
      age(object, nowMs),
    ],
  },
});
