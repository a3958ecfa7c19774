import {
  apiVersionOf,
  badRequest,
  formatTime,
  generateName,
  type Draft,
  type KubeObject,
  type ObjectMeta,
  type OwnerReference,
} from '../../api/index.ts';
import type { KindDefinition } from '../kind.ts';
import type { WriteRequest } from '../operations.ts';
import type { Registry } from './registry.ts';
import { storeKey } from './store-keys.ts';

/** A draft with everything in it that the server decides for every kind (apiserver `rest.BeforeCreate`). */
export function newObject(registry: Registry, request: WriteRequest, draft: Draft<KubeObject>): KubeObject {
  const { kind } = request;
  checkType(kind, draft);
  const { kind: _kind, apiVersion: _apiVersion, metadata: _metadata, status, ...rest } = draft;
  const object: KubeObject & { status?: unknown } = {
    kind: kind.resource.kind,
    apiVersion: apiVersionOf(kind.resource),
    metadata: newMetadata(registry, request, draft.metadata ?? {}),
    ...rest,
  };
  if (kind.hasStatus) object.status = {};
  else if (status !== undefined) object.status = status;
  return object;
}

/** @throws ApiError 400 if the body says that it is something else than the URL */
export function checkType(kind: KindDefinition, object: { kind?: string; apiVersion?: string }): void {
  const apiVersion = apiVersionOf(kind.resource);
  if (object.apiVersion && object.apiVersion !== apiVersion) {
    const text = `the API version in the data (${object.apiVersion}) does not match the expected API version (${apiVersion})`;
    throw badRequest(text);
  }
  if (object.kind && object.kind !== kind.resource.kind) {
    throw badRequest(`the kind in the data (${object.kind}) does not match the expected kind (${kind.resource.kind})`);
  }
}

function newMetadata(registry: Registry, request: WriteRequest, draft: Partial<ObjectMeta>): ObjectMeta {
  const { kind } = request;
  if (draft.resourceVersion) throw badRequest('resourceVersion should not be set on objects to be created');
  const namespace = namespaceFor(request, draft.namespace);
  const metadata: ObjectMeta = { name: '', uid: '', resourceVersion: '', creationTimestamp: '' };
  metadata.name = draft.name || nameFor(registry, kind, namespace, draft.generateName);
  if (draft.generateName) metadata.generateName = draft.generateName;
  if (namespace !== undefined) metadata.namespace = namespace;
  metadata.uid = registry.random.uuid();
  if (kind.hasGeneration) metadata.generation = 1;
  metadata.creationTimestamp = formatTime(registry.clock.now());
  if (hasKeys(draft.labels)) metadata.labels = draft.labels;
  if (hasKeys(draft.annotations)) metadata.annotations = draft.annotations;
  if (draft.ownerReferences?.length) metadata.ownerReferences = distinctOwners(draft.ownerReferences, request.warn);
  if (draft.finalizers?.length) metadata.finalizers = draft.finalizers;
  return metadata;
}

function hasKeys(map: Record<string, string> | undefined): map is Record<string, string> {
  if (map === undefined || map === null) return false;
  for (const _ in map) return true;
  return false;
}

function namespaceFor({ kind, namespace }: WriteRequest, given: string | undefined): string | undefined {
  if (!kind.resource.namespaced) return undefined;
  if (namespace === undefined || namespace === '') {
    throw badRequest('an empty namespace may not be set during creation');
  }
  if (given && given !== namespace) {
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  }
  return namespace;
}

/** Upstream tries eight names (`RetryGenerateName`). */
const generateNameTries = 8;

/** A free name. Taken ones are seen before the write, so that nothing has to be prepared twice. */
function nameFor(registry: Registry, kind: KindDefinition, namespace: string | undefined, base?: string): string {
  if (!base) return '';
  let name = '';
  for (let tries = 0; tries < generateNameTries; tries++) {
    name = generateName(base, registry.random);
    if (registry.store.getNewest(storeKey(kind.resource, { namespace, name })) === undefined) break;
  }
  return name;
}

/** Two references to one owner are one (the later is dropped), with upstream's warning. */
export function distinctOwners(
  owners: readonly OwnerReference[],
  warn: WriteRequest['warn'],
): readonly OwnerReference[] {
  if (owners.length < 2) return owners;
  const byUid = new Map<string, OwnerReference>();
  const duplicates: string[] = [];
  for (const owner of owners) {
    if (byUid.has(owner.uid)) duplicates.push(owner.uid);
    else byUid.set(owner.uid, owner);
  }
  if (duplicates.length === 0) return owners;
  const uids = duplicates.join(', ');
  warn?.(`.metadata.ownerReferences contains duplicate entries; duplicate UID(s) observed: ${uids}`);
  return [...byUid.values()];
}
