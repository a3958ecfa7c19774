import {
  controllerOf,
  findCondition,
  formatTime,
  isConditionTrue,
  parseTime,
  type Condition,
  type Pod,
  type PodDisruptionBudget,
} from '../../api/index.ts';

/** So long an eviction may take until its Pod is being deleted (upstream: `DeletionTimeout`). */
export const deletionTimeoutMs = 2 * 60_000;

type Status = PodDisruptionBudget['status'];

export interface BudgetPlan {
  readonly status: Status;
  /** Evictions that were allowed, and did not happen. */
  readonly notDeleted: readonly Pod[];
  /** When the next one is given up, in ms since the epoch. */
  readonly recheckMs?: number;
  /** What keeps the number of Pods from being known; nothing is allowed then. */
  readonly problem?: string;
  /** Pods without a controller, where their number matters. */
  readonly unmanaged: readonly string[];
}

/** How many Pods of a budget may be evicted now. Upstream: disruption controller `trySync`. */
export function planBudget(budget: PodDisruptionBudget, pods: readonly Pod[], nowMs: number): BudgetPlan {
  const expected = expectedOf(budget, pods);
  if ('problem' in expected) return { ...failed(budget, expected.problem, nowMs), unmanaged: [], notDeleted: [] };
  const { disrupted, notDeleted, recheckMs } = stillDisrupted(budget, pods, nowMs);
  const healthy = pods.filter(
    (pod) => pod.metadata.deletionTimestamp === undefined && !(pod.metadata.name in disrupted) && isReady(pod),
  );
  const { count, desired, unmanaged } = expected;
  const allowed = count <= 0 ? 0 : Math.max(0, healthy.length - desired);
  const base: Status = {
    observedGeneration: budget.metadata.generation ?? 0,
    ...(Object.keys(disrupted).length > 0 && { disruptedPods: disrupted }),
    ...{ disruptionsAllowed: allowed, currentHealthy: healthy.length, desiredHealthy: desired, expectedPods: count },
  };
  const reason = allowed > 0 ? 'SufficientPods' : 'InsufficientPods';
  const status = { ...base, conditions: conditionsOf(budget, { allowed: allowed > 0, reason, message: '' }, nowMs) };
  return { status, notDeleted, unmanaged, ...(recheckMs !== undefined && { recheckMs }) };
}

function isReady({ status }: Pod): boolean {
  return isConditionTrue(status.conditions, 'Ready');
}

type Expected =
  | { readonly count: number; readonly desired: number; readonly unmanaged: readonly string[] }
  | { readonly problem: string };

function expectedOf({ spec }: PodDisruptionBudget, pods: readonly Pod[]): Expected {
  const { minAvailable, maxUnavailable } = spec;
  if (maxUnavailable === undefined && typeof minAvailable !== 'string') {
    const isGiven = minAvailable !== undefined;
    return { count: isGiven ? pods.length : 0, desired: minAvailable ?? 0, unmanaged: [] };
  }
  // Shares are of what controllers want. Of those that upstream can ask how many, there is none here.
  const managed = pods.find((pod) => controllerOf(pod) !== undefined);
  if (managed !== undefined) return { problem: `found no controllers for pod "${managed.metadata.name}"` };
  const count = 0;
  const desired =
    maxUnavailable === undefined
      ? scaled(minAvailable ?? 0, count)
      : Math.max(0, count - scaled(maxUnavailable, count));
  return { count, desired, unmanaged: pods.map(({ metadata }) => metadata.name) };
}

/** Shares are rounded up. */
function scaled(amount: number | string, of: number): number {
  return typeof amount === 'number' ? amount : Math.ceil((Number.parseInt(amount, 10) * of) / 100);
}

function stillDisrupted(
  { status }: PodDisruptionBudget,
  pods: readonly Pod[],
  nowMs: number,
): { disrupted: Record<string, string>; notDeleted: Pod[]; recheckMs: number | undefined } {
  const byName = new Map(pods.map((pod) => [pod.metadata.name, pod]));
  const disrupted: Record<string, string> = {};
  const notDeleted: Pod[] = [];
  let recheckMs: number | undefined;
  for (const [name, since] of Object.entries(status.disruptedPods ?? {})) {
    const pod = byName.get(name);
    if (pod === undefined || pod.metadata.deletionTimestamp !== undefined) continue;
    const untilMs = parseTime(since) + deletionTimeoutMs;
    if (untilMs < nowMs) notDeleted.push(pod);
    else {
      disrupted[name] = since;
      recheckMs = Math.min(recheckMs ?? Infinity, untilMs);
    }
  }
  return { disrupted, notDeleted, recheckMs };
}

/** Upstream: `failSafe`. */
function failed(budget: PodDisruptionBudget, problem: string, nowMs: number): Pick<BudgetPlan, 'status' | 'problem'> {
  const condition = { allowed: false, reason: 'SyncFailed', message: problem };
  const conditions = conditionsOf(budget, condition, nowMs);
  return { status: { ...budget.status, disruptionsAllowed: 0, conditions }, problem };
}

function conditionsOf(
  { status, metadata }: PodDisruptionBudget,
  { allowed, reason, message }: { readonly allowed: boolean; readonly reason: string; readonly message: string },
  nowMs: number,
): readonly Condition[] {
  const type = 'DisruptionAllowed';
  const before = findCondition(status.conditions, type);
  const value = allowed ? 'True' : 'False';
  const lastTransitionTime = before?.status === value ? before.lastTransitionTime : formatTime(nowMs);
  const observedGeneration = metadata.generation ?? 0;
  const condition = { type, status: value, observedGeneration, lastTransitionTime, reason, message };
  return [...(status.conditions ?? []).filter((one) => one.type !== type), condition];
}
