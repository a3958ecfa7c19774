import {
  failure,
  findCondition,
  forbidden,
  formatTime,
  isConditionTrue,
  labelSelectorToSelector,
  resources,
  type Pod,
  type PodDisruptionBudget,
} from '../../api/index.ts';
import type { Entry } from '../../store/index.ts';
import { prefixEnd } from '../../store/index.ts';
import type { WriteRequest } from '../operations.ts';
import type { Registry } from './registry.ts';
import { keyPrefix } from './store-keys.ts';
import { retryRaces } from './store-write.ts';
import { store } from './update.ts';

const maxDisrupted = 2000;
const refusal = "Cannot evict pod as it would violate the pod's disruption budget.";

/** What the budgets say of an eviction. `ifUnchanged`: only of the Pod as it was looked at, which was not ready. */
export type Permission = 'free' | 'ifUnchanged';

/**
 * Asks the budget of a Pod whether it may be evicted, and notes there that it will be (upstream: `EvictionREST`, its order and
 * words). Dry runs are not noted.
 * @throws ApiError 429 if it may not now, 403 for a budget that is out of order, 500 for several
 */
export async function askBudget(registry: Registry, request: WriteRequest, pod: Pod): Promise<Permission> {
  if (needsNoPermission(pod)) return 'free';
  const [first, second] = budgetsOf(registry, pod);
  if (first === undefined) return 'free';
  if (second !== undefined) {
    const message = 'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.';
    throw failure({ code: 500, reason: '', message });
  }
  const kind = registry.catalog.find('policy', 'v1', resources.podDisruptionBudgets.resource);
  if (kind === undefined) return 'free';
  const noting = { ...request, kind, subresource: 'status' };
  let permission: Permission = 'free';
  await retryRaces(kind, first.key, async () => {
    const entry = registry.store.getNewest(first.key);
    if (entry === undefined) return;
    const budget = registry.versions.of(entry).object as PodDisruptionBudget;
    if (mayGoUnready(budget, pod)) {
      permission = 'ifUnchanged';
      return;
    }
    const status = decremented(budget, pod.metadata.name, registry.clock.now());
    if (request.dryRun !== true) await store(registry, noting, entry, { ...budget, status } as PodDisruptionBudget);
  });
  return permission;
}

/** 429: of a Pod that has changed since it was looked at. */
export function stillProcessed(budget: string): Error {
  return tooMany(`The disruption budget ${budget} is still being processed by the server.`, 10);
}

/** What is over, has not begun, or goes anyway disturbs nobody. */
function needsNoPermission({ status, metadata }: Pod): boolean {
  const phase = status?.phase ?? 'Pending';
  return ['Succeeded', 'Failed', 'Pending'].includes(phase) || metadata.deletionTimestamp !== undefined;
}

function budgetsOf(registry: Registry, pod: Pod): readonly Entry[] {
  const prefix = keyPrefix(resources.podDisruptionBudgets, pod.metadata.namespace);
  const { entries } = registry.store.range({ start: prefix, end: prefixEnd(prefix) });
  return entries.filter((entry) => {
    const { spec } = registry.versions.peek(entry).object as PodDisruptionBudget;
    // Without a selector it means no Pods.
    return spec?.selector !== undefined && labelSelectorToSelector(spec.selector).matches(pod.metadata.labels);
  });
}

function mayGoUnready({ spec, status }: PodDisruptionBudget, pod: Pod): boolean {
  if (isConditionTrue(pod.status.conditions, 'Ready')) return false;
  if (spec.unhealthyPodEvictionPolicy === 'AlwaysAllow') return true;
  return status.currentHealthy >= status.desiredHealthy && status.desiredHealthy > 0;
}

function decremented(
  { metadata, status }: PodDisruptionBudget,
  podName: string,
  nowMs: number,
): PodDisruptionBudget['status'] {
  const { name, generation = 0 } = metadata;
  const { disruptedPods = {}, disruptionsAllowed, desiredHealthy, currentHealthy } = status;
  if ((status.observedGeneration ?? 0) < generation) throw stillProcessed(name);
  if (disruptionsAllowed < 0)
    throw forbidden({ group: 'policy', resource: 'poddisruptionbudget' }, name, 'pdb disruptions allowed is negative');
  if (Object.keys(disruptedPods).length > maxDisrupted) {
    const text = 'DisruptedPods map too big - too many evictions not confirmed by PDB controller';
    throw forbidden({ group: 'policy', resource: 'poddisruptionbudget' }, name, text);
  }
  if (disruptionsAllowed === 0) {
    const needs = `needs ${desiredHealthy} healthy pods and has ${currentHealthy} currently`;
    throw tooMany(`The disruption budget ${name} ${needs}`, undefined);
  }
  const left = disruptionsAllowed - 1;
  const conditions = left > 0 ? status.conditions : withoutPermission(status.conditions ?? [], generation, nowMs);
  return {
    ...status,
    ...(conditions && { conditions }),
    disruptionsAllowed: left,
    disruptedPods: { ...disruptedPods, [podName]: formatTime(nowMs) },
  };
}

function withoutPermission(
  conditions: NonNullable<PodDisruptionBudget['status']['conditions']>,
  observedGeneration: number,
  nowMs: number,
): PodDisruptionBudget['status']['conditions'] {
  const type = 'DisruptionAllowed';
  const before = findCondition(conditions, type);
  const lastTransitionTime = before?.status === 'False' ? before.lastTransitionTime : formatTime(nowMs);
  const reason = 'InsufficientPods';
  const condition = { type, status: 'False', observedGeneration, lastTransitionTime, reason, message: '' };
  return [...conditions.filter((one) => one.type !== type), condition];
}

function tooMany(cause: string, retryAfterSeconds: number | undefined): Error {
  const causes = [{ reason: 'DisruptionBudget', message: cause }];
  const details = { causes, ...(retryAfterSeconds !== undefined && { retryAfterSeconds }) };
  return failure({ code: 429, reason: 'TooManyRequests', message: refusal, details });
}
