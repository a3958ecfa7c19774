import { badRequest, conflict, type KubeObject, type ObjectMeta } from '../../api/index.ts';
import type { KindDefinition } from '../kind.ts';
import type { WriteRequest } from '../operations.ts';
import { distinctOwners } from './new-object.ts';
import { semanticallyEqual } from './semantic-equality.ts';

/** The metadata that writers may change; everything else is the server's. */
const writable = ['labels', 'annotations', 'ownerReferences', 'finalizers'] as const;

/**
 * The stored metadata with what the writer may change taken from `wanted`. The very same object when nothing changed,
 * so that later steps see it by identity.
 */
export function mergedMetadata(wanted: Partial<ObjectMeta>, old: ObjectMeta, warn: WriteRequest['warn']): ObjectMeta {
  if (wanted === old) return old;
  let next: ObjectMeta | undefined;
  for (const field of writable) {
    const value = field === 'ownerReferences' ? distinctOwners(wanted[field] ?? [], warn) : wanted[field];
    if (value === old[field] || sameContent(value, old[field])) continue;
    next ??= { ...old };
    if (isEmpty(value)) Reflect.deleteProperty(next, field);
    else Object.assign(next, { [field]: value });
  }
  return next ?? old;
}

function sameContent(a: unknown, b: unknown): boolean {
  return isEmpty(a) ? isEmpty(b) : semanticallyEqual(a, b);
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null) return true;
  for (const _ in value as object) return false;
  return true;
}

/** @throws ApiError 400 if the object in the body is another one than in the URL */
export function checkIdentity(kind: KindDefinition, wanted: KubeObject, old: KubeObject): void {
  const { name, namespace } = wanted.metadata;
  if (name !== old.metadata.name) {
    throw badRequest(
      `the name of the object (${name ?? ''}) does not match the name on the URL (${old.metadata.name})`,
    );
  }
  if (kind.resource.namespaced && namespace && namespace !== old.metadata.namespace) {
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  }
}

/**
 * Holds the version and the identity that the writer read against what is stored.
 * @throws ApiError 409
 */
export function checkVersion(kind: KindDefinition, wanted: ObjectMeta, old: ObjectMeta): void {
  if (wanted.uid && wanted.uid !== old.uid) {
    throw conflict(kind.resource, old.name, uidMismatch(wanted.uid, old.uid));
  }
  if (wanted.resourceVersion && wanted.resourceVersion !== old.resourceVersion) {
    throw conflict(kind.resource, old.name);
  }
}

/** Upstream's text for a uid precondition that does not hold. */
export function uidMismatch(wanted: string, actual: string): string {
  return `the UID in the precondition (${wanted}) does not match the UID in record (${actual}). The object might have been deleted and then recreated`;
}
