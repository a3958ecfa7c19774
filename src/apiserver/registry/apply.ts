import { ApiError, type Draft, type KubeObject, type ObjectRef } from '../../api/index.ts';
import type { Patch } from '../../client/index.ts';
import type { WriteRequest, Written } from '../operations.ts';
import { createObject } from './create.ts';
import { checkIdentity } from './merged-metadata.ts';
import { appliedTo } from './ownership.ts';
import type { Registry } from './registry.ts';
import { storeKey } from './store-keys.ts';
import { modifyObject } from './update.ts';

type ApplyPatch = Extract<Patch, { type: 'apply' }>;

/** How often an apply starts over when somebody else creates or deletes the object at the same time. */
const maxTries = 5;

/**
 * Server-side apply: brings the object to what the configuration says, or creates it.
 * @throws ApiError 400, 403, 404 (subresources of what is not there), 409 (fields that others own; version), 422, 500 for
 * what the schema does not know
 */
export async function applyPatch(
  registry: Registry,
  request: WriteRequest,
  ref: ObjectRef,
  patch: ApplyPatch,
): Promise<Written> {
  const key = storeKey(request.kind.resource, ref);
  for (let tries = 1; ; tries++) {
    const missing = registry.store.getNewest(key) === undefined;
    const creates = missing && request.subresource === undefined;
    try {
      return creates
        ? await createApplied(registry, request, ref, patch)
        : await applyToStored(registry, request, ref, patch);
    } catch (error) {
      const overtaken = creates ? 'AlreadyExists' : missing ? undefined : 'NotFound';
      if (!(error instanceof ApiError) || error.reason !== overtaken || tries >= maxTries) throw error;
    }
  }
}

async function createApplied(
  registry: Registry,
  request: WriteRequest,
  ref: ObjectRef,
  patch: ApplyPatch,
): Promise<Written> {
  request.mayCreate?.();
  const { object, entries } = appliedTo(undefined, request, { patch, nowMs: registry.clock.now() });
  checkIdentity(request.kind, object, { ...object, metadata: { ...object.metadata, ...ref } });
  const stored = await createObject(registry, request, object as Draft<KubeObject>, entries);
  return { bytes: stored.bytes, object: stored.object, created: true };
}

function applyToStored(registry: Registry, request: WriteRequest, ref: ObjectRef, patch: ApplyPatch): Promise<Written> {
  return modifyObject(registry, request, ref, (old) => {
    const { object, entries } = appliedTo(old, request, { patch, nowMs: registry.clock.now() });
    checkIdentity(request.kind, object, old);
    return { wanted: object, entriesOf: () => entries };
  });
}
