import {
  fieldError,
  invalid,
  notFound,
  type FieldError,
  type KubeObject,
  type ObjectMeta,
  type ObjectRef,
} from '../../api/index.ts';
import type { Entry } from '../../store/index.ts';
import type { KindDefinition, PartDefinition } from '../kind.ts';
import type { Stored, WriteRequest, Written } from '../operations.ts';
import { admit, Settlement } from './admit.ts';
import { createObject } from './create.ts';
import { staysStored } from './deletion-state.ts';
import { changedMetadataErrors, immutableMetadataErrors, withoutDuplicates } from './metadata-validation.ts';
import { checkIdentity, checkVersion } from './merged-metadata.ts';
import { checkType } from './new-object.ts';
import { entriesAfterUpdate } from './ownership.ts';
import { isUnchanged, mainSuccessor, settle, statusSuccessor, type Members, type Successor } from './next-object.ts';
import type { Registry } from './registry.ts';
import { semanticallyEqual } from './semantic-equality.ts';
import { storeKey } from './store-keys.ts';
import { retryRaces, untilVisible, writeObject } from './store-write.ts';

/**
 * Replaces an object, or its status. Owns `object`; frozen parts of it are copied before they are filled in.
 * @throws ApiError 400, 403, 404, 409 (version, uid), 422
 */
export async function updateObject(
  registry: Registry,
  request: WriteRequest,
  ref: ObjectRef,
  object: KubeObject,
): Promise<Written> {
  const { kind } = request;
  checkType(kind, object);
  const missing = registry.store.getNewest(storeKey(kind.resource, ref)) === undefined;
  if (missing && kind.allowCreateOnUpdate && request.subresource === undefined) {
    return createInstead(registry, request, ref, object);
  }
  return modifyObject(registry, request, ref, (old) => {
    checkIdentity(kind, object, old);
    if (!object.metadata.resourceVersion && !kind.allowUnconditionalUpdate) throw versionMissing(kind, ref.name);
    return { wanted: object };
  });
}

function versionMissing(kind: KindDefinition, name: string): Error {
  const error = fieldError.invalid('metadata.resourceVersion', 0, 'must be specified for an update');
  return invalid(kind.resource, name, [error]);
}

async function createInstead(
  registry: Registry,
  request: WriteRequest,
  ref: ObjectRef,
  object: KubeObject,
): Promise<Written> {
  const { kind } = request;
  if (object.metadata.resourceVersion || object.metadata.uid) throw notFound(kind.resource, ref.name);
  request.mayCreate?.();
  checkIdentity(kind, object, { ...object, metadata: { ...object.metadata, ...ref } });
  const stored = await createObject(registry, request, object);
  return { bytes: stored.bytes, object: stored.object, created: true };
}

/**
 * Read, derive what is wanted from what is stored, write; again if another writer was faster and no resourceVersion
 * forbids it (then `checkVersion` finds the mismatch in the next round).
 */
export async function modifyObject(
  registry: Registry,
  request: WriteRequest,
  ref: ObjectRef,
  derive: (old: KubeObject) => Derived,
): Promise<Stored> {
  const { kind } = request;
  const key = storeKey(kind.resource, ref);
  return retryRaces(kind, ref.name, () => {
    const entry = registry.store.getNewest(key);
    if (entry === undefined) throw notFound(kind.resource, ref.name);
    const old = registry.versions.of(entry).object;
    const { wanted, entriesOf = entriesAfterUpdate } = derive(old);
    checkVersion(kind, wanted.metadata, old.metadata);
    return replace(registry, request, { entry, wanted: wanted as Members, entriesOf });
  });
}

/** Who owns which fields after a write. */
type EntriesOf = typeof entriesAfterUpdate;

interface Derived {
  readonly wanted: KubeObject;
  /** For a writer that has its own account of who owns what. */
  readonly entriesOf?: EntriesOf;
}

interface Replacement {
  readonly entry: Entry;
  readonly wanted: Members;
  readonly entriesOf: EntriesOf;
}

async function replace(
  registry: Registry,
  request: WriteRequest,
  { entry, wanted, entriesOf }: Replacement,
): Promise<Stored> {
  const { kind } = request;
  const current = registry.versions.of(entry);
  const old = current.object as Members;
  const taken = takenOf(request, wanted, old);
  const successor = isInStatus(request)
    ? statusSuccessor(request, taken, old)
    : mainSuccessor(registry, request, taken, old);
  const settlement = new Settlement();
  try {
    const pending = admitUpdate(registry, request, { next: successor.next, old, settlement });
    if (pending !== undefined) await pending;
    const next = settle(kind, successor.next, old);
    setEntries(next, old, entriesOf(request, { old, next, wanted }, registry.clock.now()));
    const errors = updateErrors(request, { next, contentChanged: successor.contentChanged }, old, wanted);
    if (errors.length > 0) throw invalid(kind.resource, old.metadata.name, errors);
    if (request.warn !== undefined && partOf(request) === undefined) kind.warnings?.(next, old).forEach(request.warn);
    if (!isUnchanged(next, old)) return await store(registry, request, entry, next);
    await untilVisible(registry, entry);
    return current;
  } finally {
    settlement.settle();
  }
}

/** The stored entries stay, by identity, where the new ones say the same: then nothing has changed. */
function setEntries(next: Members, old: Members, entries: ObjectMeta['managedFields']): void {
  const before = old.metadata.managedFields;
  if (entries === before || (entries !== undefined && semanticallyEqual(entries, before))) return;
  const { managedFields: _before, ...rest } = next.metadata;
  next.metadata = entries === undefined ? rest : { ...rest, managedFields: entries };
}

function admitUpdate(
  registry: Registry,
  request: WriteRequest,
  { next, old, settlement }: { readonly next: Members; readonly old: Members; readonly settlement: Settlement },
): undefined | Promise<void> {
  const { kind, user, subresource, warn } = request;
  const rules = registry.admission.concerning(kind, 'update', subresource);
  if (rules.length === 0) return undefined;
  const { onSettled } = settlement;
  const { name, namespace } = old.metadata;
  const asked = { kind, namespace, name, object: next, old, subresource, user };
  return admit(rules, { operation: 'update', ...asked, onSettled, warn });
}

function partOf({ kind, subresource }: WriteRequest): PartDefinition<KubeObject> | undefined {
  return subresource === undefined ? undefined : kind.parts?.[subresource];
}

function isInStatus(request: WriteRequest): boolean {
  return request.subresource === 'status' || partOf(request)?.inStatus === true;
}

/** What of the wanted object may be taken: all, or one part. */
function takenOf(request: WriteRequest, wanted: Members, old: Members): Members {
  return (partOf(request)?.take(wanted, old) as Members | undefined) ?? wanted;
}

function updateErrors(
  request: WriteRequest,
  { next, contentChanged }: Successor,
  old: Members,
  wanted: Members,
): readonly FieldError[] {
  const { kind, subresource } = request;
  const errors: FieldError[] = [
    ...changedMetadataErrors(next.metadata, old.metadata),
    ...immutableMetadataErrors(wanted.metadata, old.metadata),
  ];
  if (!contentChanged) return errors;
  if (subresource === 'status') return errors.concat(kind.validateStatusUpdate?.(next, old) ?? []);
  const own = partOf(request)?.validate ?? kind.validateUpdate;
  return withoutDuplicates(errors.concat(kind.validate?.(next, old) ?? [], own?.(next, old) ?? []));
}

/** Stores the successor, or removes the object if nothing holds a deleted one back any longer. */
export function store(registry: Registry, request: WriteRequest, entry: Entry, next: KubeObject): Promise<Stored> {
  if (request.dryRun === true) return Promise.resolve(registry.versions.encodeUnstored(next));
  const type = staysStored(request.kind, next) ? 'put' : 'delete';
  return writeObject(registry, { type, key: entry.key, object: next, replaces: entry, kind: request.kind });
}
