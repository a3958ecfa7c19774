import { dns1123SubdomainErrors, resources } from '../../api/index.ts';
import type { Job } from '../../api/index.ts';
import { defineKind } from './define-kind.ts';
import { setJobDefaults } from './job/defaults.ts';
import { generateSelector } from './job/generated-selector.ts';
import { jobErrors } from './job/rules.ts';
import { jobStatusErrors } from './job/status-rules.ts';
import { jobUpdateErrors } from './job/update-rules.ts';
import { jobWarnings } from './job/warnings.ts';
import { jobTable } from './job/table.ts';

export const job = defineKind<Job>({
  resource: resources.jobs,
  singular: 'job',
  categories: ['all'],
  hasStatus: true,
  hasGeneration: true,
  allowUnconditionalUpdate: true,
  allowCreateOnUpdate: false,
  validateName: dns1123SubdomainErrors,
  setDefaults: setJobDefaults,
  prepareForCreate: (draft) => {
    draft.status = {};
    generateSelector(draft);
  },
  validate: jobErrors,
  validateUpdate: jobUpdateErrors,
  validateStatusUpdate: jobStatusErrors,
  warnings: jobWarnings,
  fieldLabels: { 'status.successful': (object) => String(object.status.succeeded ?? 0) },
  table: jobTable,
  deletion: {
    defaultPropagation: 'Orphan',
    defaultPropagationWarning:
      'child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them or set propagationPolicy=Orphan to suppress this warning',
  },
});
