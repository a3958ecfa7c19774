import { resources } from '../../api/index.ts';
import type { CronJob } from '../../api/index.ts';
import { setCronJobDefaults } from './cron-job/defaults.ts';
import { cronJobTable } from './cron-job/table.ts';
import { cronJobNameErrors } from './cron-job/name.ts';
import { cronJobErrors, cronJobWarnings } from './cron-job/rules.ts';
import { defineKind } from './define-kind.ts';

export const cronJob = defineKind<CronJob>({
  resource: resources.cronJobs,
  singular: 'cronjob',
  shortNames: ['cj'],
  categories: ['all'],
  hasStatus: true,
  hasGeneration: true,
  allowUnconditionalUpdate: true,
  allowCreateOnUpdate: false,
  validateName: cronJobNameErrors,
  setDefaults: setCronJobDefaults,
  prepareForCreate: (draft) => {
    draft.status = {};
  },
  validate: cronJobErrors,
  warnings: cronJobWarnings,
  table: cronJobTable,
});
