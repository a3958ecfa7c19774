import { dns1123SubdomainErrors, resources } from '../../api/index.ts';
import type { FieldError, Lease } from '../../api/index.ts';
import { defineKind } from './define-kind.ts';
import { child, Problems, rootPath } from './field-path.ts';
import { age, ageColumn, column, nameColumn } from './table-columns.ts';
import { checkFieldNotNegative, isUnset } from './value-rules.ts';

const specPath = rootPath('spec');

/** Upstream: coordination validation `ValidateLeaseSpec`. */
function validate(object: Lease): readonly FieldError[] {
  const problems = new Problems();
  const spec = object.spec ?? {};
  if (spec.leaseDurationSeconds !== undefined && spec.leaseDurationSeconds <= 0) {
    problems.invalid(child(specPath, 'leaseDurationSeconds'), spec.leaseDurationSeconds, 'must be greater than 0');
  }
  checkFieldNotNegative(spec.leaseTransitions, specPath, 'leaseTransitions', problems);
  if (!isUnset(spec.preferredHolder) && isUnset(spec.strategy)) {
    problems.forbidden(child(specPath, 'preferredHolder'), 'may only be specified if `strategy` is defined');
  }
  return problems.errors;
}

export const lease = defineKind<Lease>({
  resource: resources.leases,
  singular: 'lease',
  hasStatus: false,
  hasGeneration: false,
  allowUnconditionalUpdate: false,
  allowCreateOnUpdate: true,
  validateName: dns1123SubdomainErrors,
  setDefaults: (draft) => {
    draft.spec ??= {};
  },
  validate,
  table: {
    columns: [nameColumn, column('Holder', 'Who holds the lease.'), ageColumn],
    cells: (object, nowMs) => [object.metadata.name, object.spec?.holderIdentity ?? '', age(object, nowMs)],
  },
});
