import { formatTime, notFound, type ObjectRef, type Pod, type PodCondition } from '../../api/index.ts';
import type { DeleteCall, Deleted, WriteRequest } from '../operations.ts';
import { checkDeleteOptions, checkPreconditions } from './delete-options.ts';
import { deleteObject } from './delete.ts';
import { askBudget, stillProcessed } from './disruption-budget.ts';
import type { Registry } from './registry.ts';
import { storeKey } from './store-keys.ts';
import { retryRaces } from './store-write.ts';
import { store } from './update.ts';

/**
 * Evicts a Pod, if its disruption budget allows it: says why in its condition DisruptionTarget, then deletes it, in two
 * writes that watchers see one after the other (upstream `EvictionREST`, `addConditionAndDeletePod`).
 * @throws ApiError 403, 404, 409 (preconditions), 422, 429 (budget)
 */
export async function evictPod(
  registry: Registry,
  request: WriteRequest,
  ref: ObjectRef,
  options: DeleteCall,
): Promise<Deleted> {
  checkDeleteOptions(options);
  const pod = newestPod(registry, request, ref);
  checkPreconditions(request.kind, options, pod);
  const permission = await askBudget(registry, request, pod);
  if (permission === 'ifUnchanged') checkUnchanged(registry, request, { ref, pod });
  if (request.dryRun === true) return deleteObject(registry, request, ref, options);
  const marked = await markPod(registry, request, ref, options);
  const { uid, resourceVersion } = marked.metadata;
  // The version that the client named was the one before the mark; what is deleted is the very Pod that was marked.
  const versioned = options.preconditions?.resourceVersion === undefined ? {} : { resourceVersion };
  return deleteObject(registry, request, ref, { ...options, preconditions: { uid, ...versioned } });
}

function newestPod(registry: Registry, { kind }: WriteRequest, ref: ObjectRef): Pod {
  const entry = registry.store.getNewest(storeKey(kind.resource, ref));
  if (entry === undefined) throw notFound(kind.resource, ref.name);
  return registry.versions.of(entry).object as Pod;
}

/** A Pod that may have become ready meanwhile is looked at again. @throws ApiError 429 */
function checkUnchanged(
  registry: Registry,
  request: WriteRequest,
  { ref, pod }: { readonly ref: ObjectRef; readonly pod: Pod },
): void {
  const now = newestPod(registry, request, ref);
  if (now.metadata.resourceVersion !== pod.metadata.resourceVersion) throw stillProcessed(ref.name);
}

function markPod(registry: Registry, request: WriteRequest, ref: ObjectRef, options: DeleteCall): Promise<Pod> {
  const { kind } = request;
  return retryRaces(kind, ref.name, async () => {
    const entry = registry.store.getNewest(storeKey(kind.resource, ref));
    if (entry === undefined) throw notFound(kind.resource, ref.name);
    const pod = registry.versions.of(entry).object as Pod;
    checkPreconditions(kind, options, pod);
    const conditions = disrupted(pod.status?.conditions ?? [], registry.clock.now());
    if (conditions === pod.status?.conditions) return pod;
    const stored = await store(registry, request, entry, { ...pod, status: { ...pod.status, conditions } } as Pod);
    return stored.object as Pod;
  });
}

/** The same list if it says so already. */
function disrupted(conditions: readonly PodCondition[], nowMs: number): readonly PodCondition[] {
  const wanted = { reason: 'EvictionByEvictionAPI', message: 'Eviction API: evicting' };
  const old = conditions.find(({ type }) => type === 'DisruptionTarget');
  if (old?.status === 'True' && old.reason === wanted.reason && old.message === wanted.message) return conditions;
  const since = old?.status === 'True' ? old.lastTransitionTime : undefined;
  const condition: PodCondition = {
    type: 'DisruptionTarget',
    status: 'True',
    lastTransitionTime: since ?? formatTime(nowMs),
    ...wanted,
  };
  return [...conditions.filter(({ type }) => type !== 'DisruptionTarget'), condition];
}
