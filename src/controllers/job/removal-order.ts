import { findCondition, isPodReady, parseTime } from '../../api/index.ts';
import type { Pod } from '../../api/index.ts';

const phaseRank: Readonly<Record<string, number>> = { Pending: 0, Unknown: 1, Running: 2 };

/**
 * Sorts pods so that those whose loss costs least come first (upstream: controller.ActivePods). Each rule decides only
 * between pods that the rules before it hold equal.
 */
export function compareForRemoval(a: Pod, b: Pod): number {
  return (
    Number(isScheduled(a)) - Number(isScheduled(b)) ||
    rankOf(a) - rankOf(b) ||
    Number(isPodReady(a)) - Number(isPodReady(b)) ||
    newerFirst(readySinceMs(a), readySinceMs(b)) ||
    maxRestarts(b) - maxRestarts(a) ||
    newerFirst(parseTime(a.metadata.creationTimestamp), parseTime(b.metadata.creationTimestamp))
  );
}

function isScheduled(pod: Pod): boolean {
  return pod.spec.nodeName !== undefined && pod.spec.nodeName !== '';
}

function rankOf(pod: Pod): number {
  return phaseRank[pod.status.phase ?? 'Pending'] ?? 1;
}

/** Times that are not known sort before all others. */
function newerFirst(aMs: number, bMs: number): number {
  if (Number.isNaN(aMs) || Number.isNaN(bMs)) return Number(Number.isNaN(bMs)) - Number(Number.isNaN(aMs));
  return bMs - aMs;
}

function readySinceMs(pod: Pod): number {
  const condition = isPodReady(pod) ? findCondition(pod.status.conditions, 'Ready') : undefined;
  return parseTime(condition?.lastTransitionTime ?? '');
}

function maxRestarts(pod: Pod): number {
  return (pod.status.containerStatuses ?? []).reduce((most, { restartCount }) => Math.max(most, restartCount), 0);
}
