import { dns1123SubdomainErrors, formatTime, resources, volumeProtectionFinalizer } from '../../api/index.ts';
import type { FieldError, PersistentVolume, PersistentVolumeSource } from '../../api/index.ts';
import type { TableCell } from '../kind.ts';
import { defineKind } from './define-kind.ts';
import { child, keyed, Problems, rootPath } from './field-path.ts';
import type { Path } from './field-path.ts';
import { canonicalQuantity } from './pod-template/known-quantities.ts';
import { checkNoBacksteps } from './pod-template/path-rules.ts';
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
import { checkImmutable, isUnset, listOf, semanticallyEqual } from './value-rules.ts';

const reclaimPolicies = ['Delete', 'Recycle', 'Retain'];
const hostPathTypes = [
  '',
  'BlockDevice',
  'CharDevice',
  'Directory',
  'DirectoryOrCreate',
  'File',
  'FileOrCreate',
  'Socket',
];
const sources = ['hostPath', 'nfs', 'local', 'csi'] as const satisfies readonly (keyof PersistentVolumeSource)[];
const specPath = rootPath('spec');

function setDefaults(draft: PersistentVolume): void {
  draft.spec ??= {};
  draft.status ??= {};
  const { spec } = draft;
  const capacity = Object.entries(spec.capacity ?? {}).map(([name, text]) => [name, canonicalQuantity(text)] as const);
  draft.spec = {
    ...spec,
    ...(spec.capacity === undefined ? {} : { capacity: Object.fromEntries(capacity) }),
    persistentVolumeReclaimPolicy: spec.persistentVolumeReclaimPolicy ?? 'Retain',
    volumeMode: spec.volumeMode ?? 'Filesystem',
    ...(spec.hostPath === undefined ? {} : { hostPath: { ...spec.hostPath, type: spec.hostPath.type ?? '' } }),
  };
  draft.status.phase ??= 'Pending';
}

/** Upstream: core validation `ValidatePersistentVolumeSpec`. */
function validate(object: PersistentVolume): readonly FieldError[] {
  const problems = new Problems();
  const { spec } = object;
  const modes = child(specPath, 'accessModes');
  if (listOf(spec.accessModes).length === 0) problems.required(modes);
  checkAccessModes(spec.accessModes, modes, problems);
  checkCapacity(spec.capacity, child(specPath, 'capacity'), problems);
  const policy = spec.persistentVolumeReclaimPolicy;
  if (!isUnset(policy) && !reclaimPolicies.includes(policy))
    problems.notSupported(child(specPath, 'persistentVolumeReclaimPolicy'), policy, reclaimPolicies);
  checkSource(object, problems);
  checkClassName(spec.storageClassName, child(specPath, 'storageClassName'), problems);
  checkVolumeMode(spec.volumeMode, child(specPath, 'volumeMode'), problems);
  return problems.errors;
}

function checkCapacity(capacity: Readonly<Record<string, string>> | undefined, path: Path, problems: Problems): void {
  const names = Object.keys(capacity ?? {});
  if (names.length === 0) problems.required(path);
  else if (names.length > 1 || names[0] !== 'storage') problems.notSupported(path, capacity, ['storage']);
  for (const name of names) checkStorageAmount(capacity?.[name], keyed(path, name), problems);
}

function checkSource({ spec }: PersistentVolume, problems: Problems): void {
  const present = sources.filter((name) => spec[name] !== undefined && spec[name] !== null);
  if (present.length === 0) problems.required(specPath, 'must specify a volume type');
  for (const name of present.slice(1))
    problems.forbidden(child(specPath, name), 'may not specify more than 1 volume type');
  if (spec.hostPath) checkHostPath(spec, problems);
  if (spec.local) {
    checkPath(spec.local.path, child(child(specPath, 'local'), 'path'), problems);
    if (spec.nodeAffinity?.required === undefined)
      problems.required(child(specPath, 'nodeAffinity'), 'Local volume requires node affinity');
  }
  if (spec.csi && isUnset(spec.csi.driver)) problems.required(child(child(specPath, 'csi'), 'driver'));
  if (spec.nfs && isUnset(spec.nfs.server)) problems.required(child(child(specPath, 'nfs'), 'server'));
}

function checkHostPath(spec: PersistentVolume['spec'], problems: Problems): void {
  const path = child(specPath, 'hostPath');
  const { path: text, type = '' } = spec.hostPath ?? { path: '' };
  checkPath(text, child(path, 'path'), problems);
  if (!hostPathTypes.includes(type)) problems.notSupported(child(path, 'type'), type, hostPathTypes);
  if (text === '/' && spec.persistentVolumeReclaimPolicy === 'Recycle')
    problems.forbidden(
      child(specPath, 'persistentVolumeReclaimPolicy'),
      "may not be 'recycle' for a hostPath mount of '/'",
    );
}

function checkPath(text: string | undefined, path: Path, problems: Problems): void {
  if (isUnset(text)) problems.required(path);
  else checkNoBacksteps(text, path, problems);
}

/** Upstream: `ValidatePersistentVolumeUpdate`. */
function validateUpdate(next: PersistentVolume, old: PersistentVolume): readonly FieldError[] {
  const problems = new Problems();
  if (sources.some((name) => !semanticallyEqual(next.spec[name], old.spec[name])))
    problems.forbidden(
      child(specPath, 'persistentvolumesource'),
      'spec.persistentvolumesource is immutable after creation',
    );
  checkImmutable(next.spec.volumeMode, old.spec.volumeMode, child(specPath, 'volumeMode'), problems);
  if (old.spec.nodeAffinity !== undefined)
    checkImmutable(next.spec.nodeAffinity, old.spec.nodeAffinity, child(specPath, 'nodeAffinity'), problems);
  return problems.errors;
}

/** Upstream: printers `printPersistentVolume`. */
function cells(object: PersistentVolume, nowMs: number): readonly TableCell[] {
  const { spec, status, metadata } = object;
  const claim = spec.claimRef === undefined ? '' : `${spec.claimRef.namespace ?? ''}/${spec.claimRef.name ?? ''}`;
  return [
    metadata.name,
    storageOf(spec.capacity) ?? '',
    accessModesText(spec.accessModes),
    spec.persistentVolumeReclaimPolicy ?? '',
    metadata.deletionTimestamp === undefined ? (status.phase ?? '') : 'Terminating',
    claim,
    spec.storageClassName ?? '',
    spec.volumeAttributesClassName ?? '<unset>',
    status.reason ?? '',
    age(object, nowMs),
    spec.volumeMode ?? '<unset>',
  ];
}

export const persistentVolume = defineKind<PersistentVolume>({
  resource: resources.persistentVolumes,
  singular: 'persistentvolume',
  shortNames: ['pv'],
  hasStatus: true,
  hasGeneration: false,
  allowUnconditionalUpdate: true,
  allowCreateOnUpdate: false,
  validateName: dns1123SubdomainErrors,
  setDefaults,
  prepareForCreate: (draft, { nowMs }) => {
    draft.status = { phase: 'Pending', lastPhaseTransitionTime: formatTime(nowMs) };
    protect(draft, volumeProtectionFinalizer);
  },
  validate,
  validateUpdate,
  table: {
    columns: [
      nameColumn,
      column('Capacity', 'How much it holds.'),
      column('Access Modes', 'How it may be mounted.'),
      column('Reclaim Policy', 'What becomes of it when its claim is gone.'),
      column('Status', 'Whether it is free, bound or released.'),
      column('Claim', 'The claim it is bound to.'),
      column('StorageClass', 'The class it belongs to.'),
      column('VolumeAttributesClass', 'The class of its attributes.'),
      column('Reason', 'Why it failed.'),
      ageColumn,
      wideColumn('VolumeMode', 'File system or block device.'),
    ],
    cells,
  },
  deletion: { answersObject: true },
});
