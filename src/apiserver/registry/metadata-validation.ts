import {
  dns1123LabelErrors,
  fieldError,
  labelValueErrors,
  pathSegmentErrors,
  qualifiedNameErrors,
  type FieldError,
  type KubeObject,
  type ObjectMeta,
  type OwnerReference,
} from '../../api/index.ts';
import type { KindDefinition } from '../kind.ts';

/** Keys and values of all annotations together (apimachinery `TotalAnnotationSizeLimitB`). */
const maxAnnotationsBytes = 256 * 1024;

/** Rules of apimachinery `ValidateObjectMeta` for a new object. */
export function newMetadataErrors(kind: KindDefinition, metadata: ObjectMeta): FieldError[] {
  return [
    ...nameErrors(kind, metadata),
    ...(kind.resource.namespaced ? namespaceErrors(metadata.namespace ?? '') : []),
    ...contentErrors(metadata),
  ];
}

/** Rules of `ValidateObjectMetaUpdate`; what did not change is not checked again. */
export function changedMetadataErrors(metadata: ObjectMeta, old: ObjectMeta): FieldError[] {
  if (metadata === old) return [];
  return [
    ...(metadata.labels === old.labels ? [] : labelErrors(metadata.labels ?? {})),
    ...(metadata.annotations === old.annotations ? [] : annotationErrors(metadata.annotations ?? {})),
    ...(metadata.ownerReferences === old.ownerReferences ? [] : ownerErrors(metadata.ownerReferences ?? [])),
    ...(metadata.finalizers === old.finalizers ? [] : changedFinalizerErrors(metadata, old)),
  ];
}

/** Every field that a deleting or existing object may not change, though the client sent another value. */
export function immutableMetadataErrors(wanted: Partial<ObjectMeta>, old: ObjectMeta): FieldError[] {
  const errors: FieldError[] = [];
  const { deletionTimestamp: due, deletionGracePeriodSeconds: grace } = wanted;
  if (isSet(due) && due !== old.deletionTimestamp && old.deletionTimestamp === undefined) {
    errors.push(fieldError.invalid('metadata.deletionTimestamp', due, 'field is immutable'));
  }
  if (isSet(grace) && grace !== old.deletionGracePeriodSeconds) {
    errors.push(fieldError.invalid('metadata.deletionGracePeriodSeconds', grace, 'field is immutable'));
  }
  return errors;
}

function isSet<T>(value: T | undefined | null): value is T {
  return value !== undefined && value !== null;
}

function contentErrors(metadata: ObjectMeta): FieldError[] {
  return [
    ...(metadata.labels === undefined ? [] : labelErrors(metadata.labels)),
    ...(metadata.annotations === undefined ? [] : annotationErrors(metadata.annotations)),
    ...(metadata.ownerReferences === undefined ? [] : ownerErrors(metadata.ownerReferences)),
    ...(metadata.finalizers === undefined ? [] : finalizerErrors(metadata.finalizers)),
  ];
}

function nameErrors(kind: KindDefinition, { name, generateName }: ObjectMeta): FieldError[] {
  const errors: FieldError[] = [];
  // A prefix may end in a dash that a name may not end in.
  for (const text of nameRules(kind, (generateName ?? '').replace(/-$/, 'a')))
    errors.push(fieldError.invalid('metadata.generateName', generateName, text));
  if (name === '') return [...errors, fieldError.required('metadata.name', 'name or generateName is required')];
  for (const text of nameRules(kind, name)) errors.push(fieldError.invalid('metadata.name', name, text));
  return errors;
}

function nameRules(kind: KindDefinition, name: string): readonly string[] {
  if (name === '') return [];
  const rules = kind.validateName(name);
  return rules.length > 0 ? rules : pathSegmentErrors(name);
}

function namespaceErrors(namespace: string): FieldError[] {
  return dns1123LabelErrors(namespace).map((text) => fieldError.invalid('metadata.namespace', namespace, text));
}

function labelErrors(labels: Readonly<Record<string, string>>): FieldError[] {
  const errors: FieldError[] = [];
  for (const [key, value] of Object.entries(labels)) {
    for (const text of keyErrors(key)) errors.push(fieldError.invalid('metadata.labels', key, text));
    for (const text of labelValueErrors(value)) errors.push(fieldError.invalid('metadata.labels', value, text));
  }
  return errors;
}

/** Keys that were found right, so that the few keys all objects share are checked once. Bounded; never wrong. */
const knownKeys = new Set<string>();
const maxKnownKeys = 4096;

function keyErrors(key: string): readonly string[] {
  if (knownKeys.has(key)) return [];
  const errors = qualifiedNameErrors(key);
  if (errors.length === 0 && knownKeys.size < maxKnownKeys) knownKeys.add(key);
  return errors;
}

function annotationErrors(annotations: Readonly<Record<string, string>>): FieldError[] {
  const errors: FieldError[] = [];
  let sizeBytes = 0;
  for (const [key, value] of Object.entries(annotations)) {
    for (const text of keyErrors(key.toLowerCase())) errors.push(fieldError.invalid('metadata.annotations', key, text));
    sizeBytes += Buffer.byteLength(key) + Buffer.byteLength(value);
  }
  if (sizeBytes > maxAnnotationsBytes) errors.push(fieldError.tooLong('metadata.annotations', maxAnnotationsBytes));
  return errors;
}

function ownerErrors(owners: readonly OwnerReference[]): FieldError[] {
  const path = 'metadata.ownerReferences';
  const errors: FieldError[] = [];
  let controller: OwnerReference | undefined;
  for (const owner of owners) {
    errors.push(...oneOwnerErrors(owner, path));
    if (owner.controller !== true) continue;
    if (controller !== undefined) {
      const detail = `Only one reference can have Controller set to true. Found "true" in references for ${controller.kind}/${controller.name} and ${owner.kind}/${owner.name}`;
      errors.push(fieldError.invalid(path, owners, detail));
    }
    controller = owner;
  }
  return errors;
}

function oneOwnerErrors(owner: OwnerReference, path: string): FieldError[] {
  const errors: FieldError[] = [];
  // Also of what is no group and version at all upstream says this.
  if (!/^([^/]*\/)?[^/]+$/.test(owner.apiVersion ?? ''))
    errors.push(fieldError.invalid(`${path}.apiVersion`, owner.apiVersion ?? '', 'version must not be empty'));
  for (const field of ['kind', 'name', 'uid'] as const) {
    if (!owner[field]) errors.push(fieldError.invalid(`${path}.${field}`, '', 'must not be empty'));
  }
  if (owner.kind === 'Event') {
    errors.push(fieldError.invalid(path, owner, `${owner.apiVersion}, Kind=Event is disallowed from being an owner`));
  }
  return errors;
}

function finalizerErrors(finalizers: readonly string[]): FieldError[] {
  const path = 'metadata.finalizers';
  const errors = finalizers.flatMap((name) =>
    keyErrors(name).map((text): FieldError => fieldError.invalid(path, name, text)),
  );
  if (finalizers.includes('orphan') && finalizers.includes('foregroundDeletion')) {
    errors.push(fieldError.invalid(path, finalizers, 'orphan and foregroundDeletion cannot be both set'));
  }
  return errors;
}

function changedFinalizerErrors(metadata: ObjectMeta, old: ObjectMeta): FieldError[] {
  const finalizers = metadata.finalizers ?? [];
  const errors = finalizerErrors(finalizers);
  if (old.deletionTimestamp === undefined) return errors;
  const before = old.finalizers ?? [];
  const added = finalizers.filter((name) => !before.includes(name));
  if (added.length > 0) {
    const list = added.map((name) => JSON.stringify(name)).join(', ');
    const detail = `no new finalizers can be added if the object is being deleted, found new finalizers []string{${list}}`;
    errors.push(fieldError.forbidden('metadata.finalizers', detail));
  }
  return errors;
}

/** Identical faults found by several rules are named once. */
export function withoutDuplicates(errors: readonly FieldError[]): readonly FieldError[] {
  if (errors.length < 2) return errors;
  const seen = new Set<string>();
  return errors.filter((error) => {
    const text = `${error.field}: ${error.message}`;
    return !seen.has(text) && seen.add(text) !== undefined;
  });
}

/** All that is wrong with a new object: metadata first, then the kind's own rules. */
export function newObjectErrors(kind: KindDefinition, object: KubeObject): readonly FieldError[] {
  const own = kind.validate?.(object) ?? [];
  return withoutDuplicates([...newMetadataErrors(kind, object.metadata), ...own]);
}
