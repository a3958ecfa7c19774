import { findCondition, isSidecar, parseTime } from '../../api/index.ts';
import type { ContainerStatus, Pod } from '../../api/index.ts';

/**
 * When a pod ended, in milliseconds since the epoch (upstream: getFinishedTime). The best source that is there: the end
 * of its last container, the loss of readiness, the begin of its deletion, its creation.
 */
export function finishTimeMs(pod: Pod): number {
  return (
    containersFinishedMs(pod) ??
    readinessLostMs(pod) ??
    deletionRequestedMs(pod) ??
    parseTime(pod.metadata.creationTimestamp)
  );
}

/** Sidecars end after the regular containers; ordinary init containers say nothing about the end. */
function containersFinishedMs(pod: Pod): number | undefined {
  const sidecars = new Set((pod.spec.initContainers ?? []).filter(isSidecar).map(({ name }) => name));
  const statuses: ContainerStatus[] = [
    ...(pod.status.containerStatuses ?? []),
    ...(pod.status.initContainerStatuses ?? []).filter(({ name }) => sidecars.has(name)),
  ];
  let latestMs: number | undefined;
  for (const status of statuses) {
    const finishedAt = status.state?.terminated?.finishedAt;
    if (finishedAt === undefined) return undefined;
    latestMs = Math.max(latestMs ?? -Infinity, parseTime(finishedAt));
  }
  return latestMs;
}

function readinessLostMs(pod: Pod): number | undefined {
  const ready = findCondition(pod.status.conditions, 'Ready');
  if (ready?.status !== 'False' || ready.lastTransitionTime === undefined) return undefined;
  return parseTime(ready.lastTransitionTime);
}

/** The deletion timestamp lies at the end of the grace period. */
function deletionRequestedMs(pod: Pod): number | undefined {
  const { deletionTimestamp, deletionGracePeriodSeconds } = pod.metadata;
  if (deletionTimestamp === undefined) return undefined;
  return parseTime(deletionTimestamp) - (deletionGracePeriodSeconds ?? 0) * 1000;
}
