import {
  alreadyExists,
  failure,
  invalid,
  qualifiedName,
  type Draft,
  type KubeObject,
  type ObjectMeta,
} from '../../api/index.ts';
import { ConflictError } from '../../store/index.ts';
import type { Stored, WriteRequest } from '../operations.ts';
import { admit, Settlement } from './admit.ts';
import { newObjectErrors } from './metadata-validation.ts';
import { newObject } from './new-object.ts';
import type { Registry } from './registry.ts';
import { storeKey } from './store-keys.ts';
import { writeObject } from './store-write.ts';

/**
 * Creates an object. Owns the draft: it is filled in, and frozen in the end. `entries`: who owns its fields, if it is applied.
 * @throws ApiError 400, 403, 404 (namespace), 409 AlreadyExists, 422 with all faults at once
 */
export async function createObject(
  registry: Registry,
  request: WriteRequest,
  draft: Draft<KubeObject>,
  entries?: ObjectMeta['managedFields'],
): Promise<Stored> {
  const { kind } = request;
  const object = newObject(registry, request, draft);
  if (entries !== undefined) object.metadata.managedFields = entries;
  fillIn(registry, request, object);
  const { name, namespace } = object.metadata;
  const settlement = new Settlement();
  try {
    const pending = admit(registry.admission.concerning(kind, 'create', undefined), {
      operation: 'create',
      kind,
      namespace,
      name,
      object,
      old: undefined,
      subresource: undefined,
      user: request.user,
      onSettled: settlement.onSettled,
      warn: request.warn,
    });
    if (pending !== undefined) await pending;
    const errors = newObjectErrors(kind, object);
    if (errors.length > 0) throw invalid(kind.resource, name, errors);
    if (request.warn !== undefined) kind.warnings?.(object, undefined).forEach(request.warn);
    // Once more, as upstream when it reads what it stored: the preparation may have added what defaults depend on.
    if (kind.prepareForCreate !== undefined) kind.setDefaults?.(object);
    return await writeNew(registry, request, object);
  } finally {
    settlement.settle();
  }
}

function fillIn(registry: Registry, { kind }: WriteRequest, object: KubeObject): void {
  kind.setDefaults?.(object);
  kind.prepareForCreate?.(object, { nowMs: registry.clock.now(), random: registry.random });
}

async function writeNew(registry: Registry, request: WriteRequest, object: KubeObject): Promise<Stored> {
  const { resource } = request.kind;
  const { metadata } = object;
  const key = storeKey(resource, metadata);
  if (request.dryRun === true) {
    if (registry.store.getNewest(key) !== undefined) throw taken(request, object);
    return registry.versions.encodeUnstored(object);
  }
  try {
    return await writeObject(registry, { type: 'put', key, object, kind: request.kind });
  } catch (error) {
    if (error instanceof ConflictError) throw taken(request, object);
    throw error;
  }
}

function taken({ kind }: WriteRequest, { metadata }: KubeObject): Error {
  const { name, generateName } = metadata;
  if (generateName === undefined || !name.startsWith(generateName.slice(0, 58)) || name === generateName) {
    return alreadyExists(kind.resource, name);
  }
  const { group, resource } = kind.resource;
  return failure({
    code: 409,
    reason: 'AlreadyExists',
    message: `${qualifiedName(kind.resource)} "${name}" already exists, the server was not able to generate a unique name for the object`,
    details: { name, ...(group === '' ? {} : { group }), kind: resource, retryAfterSeconds: 1 },
  });
}
