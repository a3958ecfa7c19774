import {
  badRequest,
  decodeObject,
  jsonPatch,
  mergePatch,
  strategicMergePatch,
  type KubeObject,
  type ObjectRef,
} from '../../api/index.ts';
import type { Patch } from '../../client/index.ts';
import type { KindDefinition } from '../kind.ts';
import type { Stored, WriteRequest } from '../operations.ts';
import { checkIdentity } from './merged-metadata.ts';
import { checkType } from './new-object.ts';
import type { Registry } from './registry.ts';
import { modifyObject } from './update.ts';

/**
 * Applies a patch to the newest version, again and again while other writers are faster (five times at most). A patch
 * that sets metadata.resourceVersion applies to that version only.
 * @throws ApiError 400, 403, 404, 409, 422
 */
export function patchObject(registry: Registry, request: WriteRequest, ref: ObjectRef, patch: Patch): Promise<Stored> {
  return modifyObject(registry, request, ref, (old) => {
    const patched = applyPatch(request.kind, old, patch);
    checkType(request.kind, patched);
    if (typeof patched.metadata !== 'object' || patched.metadata === null) throw badRequest('metadata is missing');
    checkIdentity(request.kind, patched, old);
    return request.fieldValidation === undefined ? patched : checkedFields(request, patched);
  });
}

function applyPatch(kind: KindDefinition, old: KubeObject, patch: Patch): KubeObject {
  switch (patch.type) {
    case 'strategic':
      return strategicMergePatch(old, patch.body, messageOf(kind)) as unknown as KubeObject;
    case 'merge':
      return mergePatch(old, patch.body) as unknown as KubeObject;
    case 'json':
      return jsonPatch(old, patch.body) as unknown as KubeObject;
  }
}

function messageOf(kind: KindDefinition): string {
  return kind.message ?? kind.resource.kind;
}

/** What came in over HTTP has to have the right types again after the patch; unknown fields go as the client asked. */
function checkedFields(request: WriteRequest, patched: KubeObject): KubeObject {
  const { object, unknownFields } = decodeObject(patched, messageOf(request.kind));
  if (unknownFields.length > 0) {
    const texts = unknownFields.map((path) => `unknown field "${path}"`);
    if (request.fieldValidation === 'Strict') throw badRequest(`strict decoding error: ${texts.join(', ')}`);
    if (request.fieldValidation === 'Warn') texts.forEach((text) => request.warn?.(text));
  }
  return object as unknown as KubeObject;
}
