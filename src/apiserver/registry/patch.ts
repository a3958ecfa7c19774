import {
  ApiError,
  badRequest,
  decodeObject,
  fieldError,
  goPrinted,
  invalid,
  jsonPatch,
  mergePatch,
  strategicMergePatch,
  type Decoded,
  type KubeObject,
  type ObjectRef,
} from '../../api/index.ts';
import type { Patch } from '../../client/index.ts';
import type { KindDefinition } from '../kind.ts';
import type { WriteRequest, Written } from '../operations.ts';
import { applyPatch } from './apply.ts';
import { checkIdentity } from './merged-metadata.ts';
import { checkType } from './new-object.ts';
import type { Registry } from './registry.ts';
import { modifyObject } from './update.ts';

/**
 * Applies a patch to the newest version, again and again while other writers are faster (five times at most). A patch
 * that sets metadata.resourceVersion applies to that version only.
 * @throws ApiError 400, 403, 404, 409, 422
 */
export function patchObject(registry: Registry, request: WriteRequest, ref: ObjectRef, patch: Patch): Promise<Written> {
  if (patch.type === 'apply') return applyPatch(registry, request, ref, patch);
  return modifyObject(registry, request, ref, (old) => {
    const patched = patchedBy(request.kind, old, patch);
    checkType(request.kind, patched);
    if (typeof patched.metadata !== 'object' || patched.metadata === null) throw badRequest('metadata is missing');
    checkIdentity(request.kind, patched, old);
    return { wanted: request.fieldValidation === undefined ? patched : checkedFields(request, patched, patch) };
  });
}

function patchedBy(kind: KindDefinition, old: KubeObject, patch: Exclude<Patch, { type: 'apply' }>): KubeObject {
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
function checkedFields(request: WriteRequest, patched: KubeObject, patch: Patch): KubeObject {
  const { object, unknownFields } = decodePatched(request.kind, patched, patch);
  const unknown = unknownFields.map((path) => `unknown field "${path}"`);
  const faults = [...(request.duplicateFields ?? []), ...unknown];
  if (faults.length > 0 && request.fieldValidation === 'Strict')
    throw invalidPatch(patched, patch, `strict decoding error: ${faults.join(', ')}`);
  if (request.fieldValidation === 'Warn') faults.forEach((text) => request.warn?.(text));
  return object as unknown as KubeObject;
}

function decodePatched(kind: KindDefinition, patched: KubeObject, patch: Patch): Decoded {
  try {
    return decodeObject(patched, messageOf(kind), patch.type === 'strategic' ? 'unstructured' : 'json');
  } catch (error) {
    if (error instanceof ApiError && error.code === 400) throw invalidPatch(patched, patch, error.message);
    throw error;
  }
}

/** Upstream names no object and shows what cannot be: of a strategic patch the patch, else what the patch has made. */
function invalidPatch(patched: KubeObject, patch: Patch, text: string): ApiError {
  const shown = patch.type === 'strategic' ? goPrinted(patch.body) : JSON.stringify(patched);
  return invalid({ group: '', kind: '' }, '', [fieldError.invalid('patch', shown, text)]);
}
