import { dns1123SubdomainErrors, resources } from '../../api/index.ts';
import type { ServiceAccount } from '../../api/index.ts';
import { defineKind } from './define-kind.ts';
import { age, ageColumn, column, nameColumn } from './table-columns.ts';

export const serviceAccount = defineKind<ServiceAccount>({
  resource: resources.serviceAccounts,
  singular: 'serviceaccount',
  shortNames: ['sa'],
  hasStatus: false,
  hasGeneration: false,
  allowUnconditionalUpdate: true,
  allowCreateOnUpdate: false,
  validateName: dns1123SubdomainErrors,
  table: {
    columns: [nameColumn, column('Secrets', 'Number of secrets that its pods may use.'), ageColumn],
    cells: (object, nowMs) => [object.metadata.name, object.secrets?.length ?? 0, age(object, nowMs)],
  },
  deletion: { answersObject: true },
});
