import {
  forbidden,
  formatTime,
  notFound,
  parseTime,
  type KubeObject,
  type ObjectMeta,
  type ObjectRef,
} from '../../api/index.ts';
import type { Entry } from '../../store/index.ts';
import type { KindDefinition } from '../kind.ts';
import type { DeleteCall, Deleted, WriteRequest } from '../operations.ts';
import { admit } from './admit.ts';
import { mutableCopy } from './copies.ts';
import { checkDeleteOptions, checkPreconditions, deletionFinalizers } from './delete-options.ts';
import { isHeld } from './deletion-state.ts';
import type { Registry } from './registry.ts';
import { storeKey } from './store-keys.ts';
import { retryRaces, untilVisible, writeObject } from './store-write.ts';

/**
 * Begins, hastens or completes a deletion (apiserver `Store.Delete`): the object goes at once unless finalizers, its
 * grace period or the kind's own rule keep it; then it gets a deletionTimestamp. Repeating a deletion changes nothing
 * or shortens the grace.
 * @throws ApiError 403, 404, 409 (preconditions), 422
 */
export async function deleteObject(
  registry: Registry,
  request: WriteRequest,
  ref: ObjectRef,
  options: DeleteCall,
): Promise<Deleted> {
  const { kind } = request;
  checkDeleteOptions(options);
  const key = storeKey(kind.resource, ref);
  const deleted = await retryRaces(kind, ref.name, async () => {
    const entry = registry.store.getNewest(key);
    if (entry === undefined) throw notFound(kind.resource, ref.name);
    return deleteVersion(registry, request, entry, options);
  });
  warnOfDefaultPolicy(request, options);
  return deleted;
}

function warnOfDefaultPolicy({ kind, warn }: WriteRequest, options: DeleteCall): void {
  const text = kind.deletion?.defaultPropagationWarning;
  const named = options.propagationPolicy !== undefined || options.orphanDependents !== undefined;
  if (text !== undefined && !named) warn?.(text);
}

async function deleteVersion(
  registry: Registry,
  request: WriteRequest,
  entry: Entry,
  options: DeleteCall,
): Promise<Deleted> {
  const { kind, user } = request;
  const current = registry.versions.of(entry);
  const old = current.object;
  const { name, namespace } = old.metadata;
  checkPreconditions(kind, options, old);
  const reason = kind.deletion?.forbid?.(old);
  if (reason !== undefined) throw forbidden(kind.resource, name, reason);
  const asked = { operation: 'delete', kind, namespace, name, object: old, old, subresource: undefined, user } as const;
  const pending = admit(registry.admission.concerning(kind, 'delete', undefined), asked);
  if (pending !== undefined) await pending;
  const { next, removed } = deletionStep(kind, options, old, registry.clock.now());
  if (next === old && !removed) {
    await untilVisible(registry, entry);
    return { removed, stored: current };
  }
  if (request.dryRun === true) return { removed, stored: registry.versions.encodeUnstored(next) };
  const write = { key: entry.key, object: next, replaces: entry, kind };
  return { removed, stored: await writeObject(registry, { ...write, type: removed ? 'delete' : 'put' }) };
}

interface DeletionStep {
  /** The very same object if nothing changes. */
  readonly next: KubeObject;
  readonly removed: boolean;
}

/** What a delete request makes of an object. Pure. */
export function deletionStep(kind: KindDefinition, options: DeleteCall, old: KubeObject, nowMs: number): DeletionStep {
  const { metadata } = old;
  const running = metadata.deletionTimestamp !== undefined && (metadata.deletionGracePeriodSeconds ?? 0) > 0;
  const graceSeconds = running ? shortenedGrace(options, metadata) : firstGrace(kind, options, old);
  if (running && graceSeconds === metadata.deletionGracePeriodSeconds) return { next: old, removed: false };
  const finalizers = deletionFinalizers(kind, options, old);
  const kept = graceSeconds > 0 || isHeld(kind, { ...old, metadata: { ...metadata, finalizers } });
  if (!kept) return { next: old, removed: true };
  const next = { ...old, metadata: withDeletion(metadata, finalizers, graceSeconds, nowMs) };
  if (next.metadata === metadata) return { next: old, removed: false };
  if (metadata.deletionTimestamp !== undefined || kind.deletion?.onDeletionStart === undefined) {
    return { next, removed: false };
  }
  const draft = mutableCopy(next);
  kind.deletion.onDeletionStart(draft);
  return { next: draft, removed: false };
}

/** Seconds of grace for an object whose grace is not running (already over: none is given again). */
function firstGrace(kind: KindDefinition, options: DeleteCall, old: KubeObject): number {
  if (kind.deletion?.graceSeconds === undefined || old.metadata.deletionTimestamp !== undefined) return 0;
  return kind.deletion.graceSeconds(old, requestedGrace(options));
}

/** A client may only shorten the grace that runs. */
function shortenedGrace(options: DeleteCall, metadata: ObjectMeta): number {
  const current = metadata.deletionGracePeriodSeconds ?? 0;
  return Math.min(requestedGrace(options) ?? current, current);
}

/** Negative periods mean the shortest one (apiserver `BeforeDelete`). */
function requestedGrace({ gracePeriodSeconds }: DeleteCall): number | undefined {
  return gracePeriodSeconds !== undefined && gracePeriodSeconds < 0 ? 1 : gracePeriodSeconds;
}

/** Metadata of an object that is being deleted. The same object if it says so already. */
function withDeletion(old: ObjectMeta, finalizers: readonly string[], graceSeconds: number, nowMs: number): ObjectMeta {
  const begun = old.deletionTimestamp !== undefined;
  const sameFinalizers = finalizers === old.finalizers || finalizers.length + (old.finalizers?.length ?? 0) === 0;
  if (begun && sameFinalizers && old.deletionGracePeriodSeconds === graceSeconds) return old;
  const oldGraceMs = (old.deletionGracePeriodSeconds ?? 0) * 1000;
  const startMs = begun ? parseTime(old.deletionTimestamp ?? '') - oldGraceMs : nowMs;
  const next: ObjectMeta = {
    ...old,
    deletionTimestamp: formatTime(startMs + graceSeconds * 1000),
    deletionGracePeriodSeconds: graceSeconds,
  };
  if (finalizers.length > 0) next.finalizers = finalizers;
  else Reflect.deleteProperty(next, 'finalizers');
  if (!begun && old.generation !== undefined) next.generation = old.generation + 1;
  return next;
}
