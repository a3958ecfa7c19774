import {
  ApiError,
  apiVersionOf,
  applyConfiguration,
  asStructs,
  badRequest,
  checkConfiguration,
  decodeManagers,
  decodeObject,
  encodeManagers,
  formatTime,
  managersAfterUpdate,
  setOfPath,
  shapeOfMessage,
  union,
  type FieldSet,
  type KubeObject,
  type ManagedFieldsEntry,
  type Manager,
  type ObjectMeta,
  type Writer,
} from '../../api/index.ts';
import type { Patch } from '../../client/index.ts';
import type { KindDefinition } from '../kind.ts';
import type { WriteRequest } from '../operations.ts';

/*
 * Who owns which fields is kept in metadata.managedFields, from the first server-side apply of an object on. Objects that
 * nobody ever applied have none, and their writes cost nothing (docs/decisions/0013). Pure.
 */

type Entries = readonly ManagedFieldsEntry[];
type Members = Readonly<Record<string, unknown>>;

export interface Change {
  readonly old: KubeObject;
  /** As it is to be stored. */
  readonly next: KubeObject;
  /** What the writer sent. */
  readonly wanted: { readonly metadata: Partial<ObjectMeta> };
}

/**
 * metadata.managedFields after a write that is no apply; undefined: none. Writers may replace the entries, and take all of
 * them away with `[]` or `[{}]`, but not by way of a subresource (upstream: `FieldManager.Update`).
 */
export function entriesAfterUpdate(request: WriteRequest, change: Change, nowMs: number): Entries | undefined {
  const { old, next, wanted } = change;
  const given = request.subresource === undefined ? wanted.metadata.managedFields : undefined;
  const kept = old.metadata.managedFields;
  if (kept === undefined && (given === undefined || given === null)) return undefined;
  if (given !== undefined && given !== null && isReset(given)) return undefined;
  const managers = managersOf(given) ?? managersOf(kept);
  if (managers === undefined) return undefined;
  const { kind } = request;
  const states = { before: untracked(old), after: untracked(next), shape: shapeOfMessage(messageOf(kind)) };
  const after = managersAfterUpdate(managers, { ...states, view: asStructs }, writerOf(request, nowMs));
  return after.length === 0 ? undefined : encodeManagers(after);
}

function isReset(entries: Entries): boolean {
  return entries.length === 0 || (entries.length === 1 && Object.keys(entries[0] ?? {}).length === 0);
}

/** Undefined: there are none, or none that can be understood. */
function managersOf(entries: Entries | undefined | null): readonly Manager[] | undefined {
  if (entries === undefined || entries === null || entries.length === 0) return undefined;
  try {
    return decodeManagers(entries);
  } catch (error) {
    if (error instanceof ApiError) return undefined;
    throw error;
  }
}

export interface AppliedObject {
  readonly object: KubeObject;
  readonly entries: Entries | undefined;
}

/**
 * What applying a configuration makes of an object, or of nothing.
 * @throws ApiError 400 for a configuration of something else, 409 with every field that another manager owns, 500 for what
 * the schema does not know (as upstream)
 */
export function appliedTo(
  old: KubeObject | undefined,
  request: WriteRequest,
  { patch, nowMs }: { readonly patch: Extract<Patch, { type: 'apply' }>; readonly nowMs: number },
): AppliedObject {
  const { kind } = request;
  const type = { apiVersion: apiVersionOf(kind.resource), kind: kind.resource.kind };
  const config = patch.body;
  if (typeof config['metadata'] !== 'object' || config['metadata'] === null) throw badRequest('metadata is missing');
  checkConfiguration(config, type);
  const live = old === undefined ? type : untracked(old);
  const applied = applyConfiguration({
    live,
    managers: managersOf(old?.metadata.managedFields) ?? [],
    config,
    shape: shapeOfMessage(messageOf(kind)),
    writer: writerOf(request, nowMs),
    force: patch.force === true,
  });
  // Values as the kind has them again: no nulls, and no members that only Go's structs show.
  const object = decodeObject((applied.object ?? live) as Members, messageOf(kind)).object as unknown as KubeObject;
  const entries = applied.managers.length === 0 ? undefined : encodeManagers(applied.managers);
  return { object, entries };
}

function untracked({ metadata, ...rest }: KubeObject): Members {
  const { managedFields: _entries, ...own } = metadata;
  return { ...rest, metadata: own };
}

function messageOf(kind: KindDefinition): string {
  return kind.message ?? kind.resource.kind;
}

/** Who writes for itself, in this process, and says no other name. */
const engineManager = 'rondo';

function writerOf({ kind, fieldManager, subresource }: WriteRequest, nowMs: number): Writer {
  return {
    manager: fieldManager ?? engineManager,
    apiVersion: apiVersionOf(kind.resource),
    subresource,
    time: formatTime(nowMs),
    resetFields: subresource === 'status' ? statusResets : kind.hasStatus ? mainResets : nothing,
  };
}

/** What writes of the object, and of its status, leave alone (upstream: the strategies' `GetResetFields`). */
const nothing: FieldSet = {};
const mainResets = setOfPath('f:status');
const statusResets = ['f:deletionTimestamp', 'f:ownerReferences']
  .map((field) => setOfPath('f:metadata', field))
  .reduce(union, setOfPath('f:spec'));
