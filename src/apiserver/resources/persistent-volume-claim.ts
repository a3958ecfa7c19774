import { claimProtectionFinalizer, dns1123SubdomainErrors, resources } from '../../api/index.ts';
import type { FieldError, PersistentVolumeClaim } from '../../api/index.ts';
import type { TableCell } from '../kind.ts';
import { defineKind } from './define-kind.ts';
import { child, keyed, Problems, rootPath } from './field-path.ts';
import type { Path } from './field-path.ts';
import { canonicalQuantity, quantityOf } from './pod-template/known-quantities.ts';
import {
  accessModesText,
  checkAccessModes,
  checkClassName,
  checkStorageAmount,
  checkVolumeMode,
  protect,
  storageOf,
} from './storage/volume-fields.ts';
import { age, ageColumn, column, nameColumn, wideColumn } from './table-columns.ts';
import { isUnset, listOf, semanticallyEqual } from './value-rules.ts';

type ClaimSpec = PersistentVolumeClaim['spec'];
const specPath = rootPath('spec');

function setDefaults(draft: PersistentVolumeClaim): void {
  draft.spec ??= {};
  draft.status ??= {};
  draft.spec = withClaimDefaults(draft.spec);
  draft.status.phase ??= 'Pending';
}

/** Upstream: core defaults `SetDefaults_PersistentVolumeClaimSpec`; also for the templates of ephemeral volumes. */
export function withClaimDefaults(spec: ClaimSpec): ClaimSpec {
  const { requests } = spec.resources ?? {};
  const canonical = Object.entries(requests ?? {}).map(([name, text]) => [name, canonicalQuantity(text)] as const);
  return {
    ...spec,
    ...(requests === undefined ? {} : { resources: { ...spec.resources, requests: Object.fromEntries(canonical) } }),
    volumeMode: spec.volumeMode ?? 'Filesystem',
  };
}

function validate(object: PersistentVolumeClaim): readonly FieldError[] {
  const problems = new Problems();
  checkClaimSpec(object.spec, specPath, problems);
  return problems.errors;
}

/**
 * Upstream: core validation `ValidatePersistentVolumeClaimSpec`. Sources of data are refused: a volume that should be a
 * copy and is empty would be worse than none.
 */
export function checkClaimSpec(spec: ClaimSpec, path: Path, problems: Problems): void {
  const modes = child(path, 'accessModes');
  if (listOf(spec.accessModes).length === 0) problems.required(modes, 'at least 1 access mode is required');
  checkAccessModes(spec.accessModes, modes, problems);
  const amounts = child(path, 'resources');
  checkStorageAmount(storageOf(spec.resources?.requests), keyed(amounts, 'storage'), problems);
  checkClassName(spec.storageClassName, child(path, 'storageClassName'), problems);
  checkVolumeMode(spec.volumeMode, child(path, 'volumeMode'), problems);
  for (const name of ['dataSource', 'dataSourceRef'] as const)
    if (spec[name] !== undefined && spec[name] !== null)
      problems.forbidden(child(path, name), 'volumes are made empty here: no data source can be honoured');
}

/** Upstream: `ValidatePersistentVolumeClaimUpdate`: only the volume's name may be filled in, and the request grow. */
function validateUpdate(next: PersistentVolumeClaim, old: PersistentVolumeClaim): readonly FieldError[] {
  const problems = new Problems();
  const fixed: Partial<ClaimSpec> = { ...next.spec, resources: old.spec.resources };
  if (isUnset(old.spec.volumeName)) fixed.volumeName = old.spec.volumeName;
  // A claim that was made before there was a default class may get it later.
  if (old.spec.storageClassName === undefined) fixed.storageClassName = undefined;
  if (!semanticallyEqual(fixed, old.spec))
    problems.forbidden(
      specPath,
      'spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims',
    );
  checkRequestUpdate(next, old, problems);
  return problems.errors;
}

function checkRequestUpdate(next: PersistentVolumeClaim, old: PersistentVolumeClaim, problems: Problems): void {
  const path = keyed(child(child(specPath, 'resources'), 'requests'), 'storage');
  const wanted = storageOf(next.spec.resources?.requests) ?? '';
  if (wanted === storageOf(old.spec.resources?.requests)) return;
  const [before, after] = [quantityOf(storageOf(old.spec.resources?.requests) ?? ''), quantityOf(wanted)];
  if (before === undefined || after === undefined) return;
  if (old.status.phase !== 'Bound') problems.forbidden(path, 'only bound claims may be resized');
  else if (after < before) problems.forbidden(path, 'field can not be less than status.capacity');
  else
    problems.forbidden(
      path,
      'only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize',
    );
}

/** Upstream: printers `printPersistentVolumeClaim`. */
function cells(object: PersistentVolumeClaim, nowMs: number): readonly TableCell[] {
  const { spec, status, metadata } = object;
  const bound = !isUnset(spec.volumeName);
  return [
    metadata.name,
    metadata.deletionTimestamp === undefined ? (status.phase ?? '') : 'Terminating',
    spec.volumeName ?? '',
    bound ? (storageOf(status.capacity) ?? '0') : '',
    bound ? accessModesText(status.accessModes) : '',
    spec.storageClassName ?? '',
    spec.volumeAttributesClassName ?? '<unset>',
    age(object, nowMs),
    spec.volumeMode ?? '<unset>',
  ];
}

export const persistentVolumeClaim = defineKind<PersistentVolumeClaim>({
  resource: resources.persistentVolumeClaims,
  singular: 'persistentvolumeclaim',
  shortNames: ['pvc'],
  hasStatus: true,
  hasGeneration: false,
  allowUnconditionalUpdate: true,
  allowCreateOnUpdate: false,
  validateName: dns1123SubdomainErrors,
  setDefaults,
  prepareForCreate: (draft) => {
    draft.status = { phase: 'Pending' };
    protect(draft, claimProtectionFinalizer);
  },
  validate,
  validateUpdate,
  table: {
    columns: [
      nameColumn,
      column('Status', 'Whether it has a volume.'),
      column('Volume', 'The volume it is bound to.'),
      column('Capacity', 'How much the volume holds.'),
      column('Access Modes', 'How the volume may be mounted.'),
      column('StorageClass', 'The class it asks for.'),
      column('VolumeAttributesClass', 'The class of attributes it asks for.'),
      ageColumn,
      wideColumn('VolumeMode', 'File system or block device.'),
    ],
    cells,
  },
  deletion: { answersObject: true },
});
