import { resources, type FieldError, type Role } from '../../api/index.ts';
import { defineKind } from './define-kind.ts';
import { Problems } from './field-path.ts';
import { checkRules } from './rbac/policy-rules.ts';
import { roleTable } from './rbac/tables.ts';

/** Upstream: rbac validation `ValidateRole`. */
function validate({ rules }: Role): readonly FieldError[] {
  const problems = new Problems();
  checkRules(rules, problems, 'namespaced');
  return problems.errors;
}

export const role = defineKind<Role>({
  resource: resources.roles,
  singular: 'role',
  hasStatus: false,
  hasGeneration: false,
  allowUnconditionalUpdate: true,
  allowCreateOnUpdate: true,
  validateName: () => [],
  validate,
  table: roleTable,
});
