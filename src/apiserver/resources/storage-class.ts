import { dns1123SubdomainErrors, isDefaultStorageClass, qualifiedNameErrors, resources } from '../../api/index.ts';
import type { FieldError, StorageClass } from '../../api/index.ts';
import { defineKind } from './define-kind.ts';
import { Problems, rootPath } from './field-path.ts';
import { age, ageColumn, column, nameColumn, orNone } from './table-columns.ts';
import { checkImmutable, isUnset, semanticallyEqual } from './value-rules.ts';

const bindingModes = ['Immediate', 'WaitForFirstConsumer'];
const reclaimPolicies = ['Delete', 'Retain'];

/** Upstream: storage validation `ValidateStorageClass`. */
function validate(object: StorageClass): readonly FieldError[] {
  const problems = new Problems();
  const { provisioner, reclaimPolicy = 'Delete', volumeBindingMode } = object;
  const path = rootPath('provisioner');
  if (isUnset(provisioner)) problems.required(path, provisioner ?? '');
  else problems.allInvalid(path, provisioner, qualifiedNameErrors(provisioner.toLowerCase()));
  for (const key of Object.keys(object.parameters ?? {}))
    if (key === '') problems.invalid(rootPath('parameters'), key, 'field can not be empty.');
  if (!reclaimPolicies.includes(reclaimPolicy))
    problems.notSupported(rootPath('reclaimPolicy'), reclaimPolicy, reclaimPolicies);
  if (isUnset(volumeBindingMode)) problems.required(rootPath('volumeBindingMode'));
  else if (!bindingModes.includes(volumeBindingMode))
    problems.notSupported(rootPath('volumeBindingMode'), volumeBindingMode, bindingModes);
  return problems.errors;
}

/** Upstream: `ValidateStorageClassUpdate`. */
function validateUpdate(next: StorageClass, old: StorageClass): readonly FieldError[] {
  const problems = new Problems();
  for (const name of ['parameters', 'provisioner', 'reclaimPolicy'] as const)
    if (!semanticallyEqual(next[name] ?? {}, old[name] ?? {}))
      problems.forbidden(rootPath(name), `updates to ${name} are forbidden.`);
  checkImmutable(next.volumeBindingMode, old.volumeBindingMode, rootPath('volumeBindingMode'), problems);
  return problems.errors;
}

export const storageClass = defineKind<StorageClass>({
  resource: resources.storageClasses,
  singular: 'storageclass',
  shortNames: ['sc'],
  hasStatus: false,
  hasGeneration: false,
  allowUnconditionalUpdate: true,
  allowCreateOnUpdate: false,
  validateName: dns1123SubdomainErrors,
  setDefaults: (draft) => {
    draft.reclaimPolicy ??= 'Delete';
    draft.volumeBindingMode ??= 'Immediate';
  },
  validate,
  validateUpdate,
  table: {
    columns: [
      nameColumn,
      column('Provisioner', 'Who makes volumes of this class.'),
      column('ReclaimPolicy', 'What becomes of a volume when its claim is gone.'),
      column('VolumeBindingMode', 'When claims get their volume.'),
      column('AllowVolumeExpansion', 'Whether claims may grow.', 'boolean'),
      ageColumn,
    ],
    cells: (object, nowMs) => [
      `${object.metadata.name}${isDefaultStorageClass(object) ? ' (default)' : ''}`,
      object.provisioner,
      orNone(object.reclaimPolicy),
      orNone(object.volumeBindingMode),
      object.allowVolumeExpansion ?? false,
      age(object, nowMs),
    ],
  },
  deletion: { answersObject: true },
});
