import { resources, type FieldError, type ClusterRoleBinding } from '../../api/index.ts';
import { defineKind } from './define-kind.ts';
import { Problems } from './field-path.ts';
import { checkBinding, checkSameRole, setBindingDefaults } from './rbac/binding-rules.ts';
import { bindingTable } from './rbac/tables.ts';

function validate(object: ClusterRoleBinding): readonly FieldError[] {
  const problems = new Problems();
  checkBinding(object, { problems, roleKinds: ['ClusterRole'], namespaced: false });
  return problems.errors;
}

function validateUpdate(next: ClusterRoleBinding, old: ClusterRoleBinding): readonly FieldError[] {
  const problems = new Problems();
  checkSameRole(next, old, problems);
  return problems.errors;
}

export const clusterRoleBinding = defineKind<ClusterRoleBinding>({
  resource: resources.clusterRoleBindings,
  singular: 'clusterrolebinding',
  hasStatus: false,
  hasGeneration: false,
  allowUnconditionalUpdate: true,
  allowCreateOnUpdate: true,
  validateName: () => [],
  setDefaults: setBindingDefaults,
  validate,
  validateUpdate,
  table: bindingTable,
});
