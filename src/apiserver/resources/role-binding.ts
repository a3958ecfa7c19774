import { resources, type FieldError, type RoleBinding } from '../../api/index.ts';
import { defineKind } from './define-kind.ts';
import { Problems } from './field-path.ts';
import { checkBinding, checkSameRole, setBindingDefaults } from './rbac/binding-rules.ts';
import { bindingTable } from './rbac/tables.ts';

function validate(object: RoleBinding): readonly FieldError[] {
  const problems = new Problems();
  checkBinding(object, { problems, roleKinds: ['Role', 'ClusterRole'], namespaced: true });
  return problems.errors;
}

function validateUpdate(next: RoleBinding, old: RoleBinding): readonly FieldError[] {
  const problems = new Problems();
  checkSameRole(next, old, problems);
  return problems.errors;
}

export const roleBinding = defineKind<RoleBinding>({
  resource: resources.roleBindings,
  singular: 'rolebinding',
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
