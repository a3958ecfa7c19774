import { resources, type ClusterRole, type FieldError } from '../../api/index.ts';
import { defineKind } from './define-kind.ts';
import { child, item, Problems, rootPath } from './field-path.ts';
import { checkLabelSelector } from './label-selector-rules.ts';
import { checkRules } from './rbac/policy-rules.ts';
import { roleTable } from './rbac/tables.ts';
import { listOf } from './value-rules.ts';

/** Upstream: rbac validation `ValidateClusterRole`. */
function validate({ rules, aggregationRule }: ClusterRole): readonly FieldError[] {
  const problems = new Problems();
  checkRules(rules, problems, 'cluster');
  if (aggregationRule === undefined) return problems.errors;
  const path = child(rootPath('aggregationRule'), 'clusterRoleSelectors');
  const selectors = listOf(aggregationRule.clusterRoleSelectors);
  if (selectors.length === 0)
    problems.required(path, 'at least one clusterRoleSelector required if aggregationRule is non-nil');
  selectors.forEach((selector, position) => checkLabelSelector(selector, item(path, position), problems));
  return problems.errors;
}

export const clusterRole = defineKind<ClusterRole>({
  resource: resources.clusterRoles,
  singular: 'clusterrole',
  hasStatus: false,
  hasGeneration: false,
  allowUnconditionalUpdate: true,
  allowCreateOnUpdate: true,
  validateName: () => [],
  validate,
  table: roleTable,
});
