import {
  conflict,
  failure,
  formatTime,
  notFound,
  type KubeObject,
  type ObjectRef,
  type Pod,
  type PodCondition,
} from '../../api/index.ts';
import type { Entry } from '../../store/index.ts';
import type { WriteRequest } from '../operations.ts';
import { SpecMemo } from '../resources/pod-template/spec-memo.ts';
import type { Registry } from './registry.ts';
import { storeKey } from './store-keys.ts';
import { retryRaces } from './store-write.ts';
import { store } from './update.ts';

/**
 * Assigns a Pod to a node, once; assigning it to the same node again changes nothing. The generation stays: the
 * assignment is the server's doing, not a wish of the owner's (upstream `BindingREST`).
 * @throws ApiError 404, 409 if the Pod is being deleted or already assigned elsewhere
 */
export async function bindPod(
  registry: Registry,
  request: WriteRequest,
  ref: ObjectRef,
  nodeName: string,
): Promise<void> {
  const { kind } = request;
  await retryRaces(kind, ref.name, async () => {
    const entry = registry.store.getNewest(storeKey(kind.resource, ref));
    if (entry === undefined) throw notFound(kind.resource, ref.name);
    await bindVersion(registry, request, entry, nodeName);
  });
}

async function bindVersion(registry: Registry, request: WriteRequest, entry: Entry, nodeName: string): Promise<void> {
  const pod = registry.versions.of(entry).object as Pod;
  const { name, deletionTimestamp } = pod.metadata;
  if (pod.spec.nodeName === nodeName) return;
  if (deletionTimestamp !== undefined)
    throw refused(name, `pod ${name} is being deleted, cannot be assigned to a host`);
  if (pod.spec.nodeName) throw refused(name, `pod ${name} is already assigned to node "${pod.spec.nodeName}"`);
  const { nominatedNodeName: _nominated, ...status } = pod.status ?? {};
  const next: Pod = {
    ...pod,
    spec: bound.of(pod.spec, nodeName, () => ({ ...pod.spec, nodeName })),
    status: { ...status, conditions: scheduled(pod.status?.conditions ?? [], registry.clock.now()) },
  };
  await store(registry, request, entry, next as KubeObject);
}

/** The Pods of one template go on sharing their spec. */
const bound = new SpecMemo();

function refused(name: string, detail: string): Error {
  const { code, reason, message } = conflict({ group: '', resource: 'pods/binding' }, name, detail);
  return failure({ code, reason, message, details: { name, kind: 'pods/binding' } });
}

function scheduled(conditions: readonly PodCondition[], nowMs: number): readonly PodCondition[] {
  const lastTransitionTime = formatTime(nowMs);
  const others = conditions.filter(({ type }) => type !== 'PodScheduled');
  return [...others, { type: 'PodScheduled', status: 'True', lastTransitionTime }];
}
