import { formatTime, isPodFinished, type Pod, type PodCondition } from '../../api/index.ts';
import type { Patch } from '../../client/index.ts';

/** A Pod that is being deleted and that no node will ever report the end of (upstream `gcUnscheduledTerminatingPods`). */
export function isTerminatingUnscheduled(pod: Pod): boolean {
  return pod.metadata.deletionTimestamp !== undefined && !isBound(pod);
}

export function isBound(pod: Pod): boolean {
  return pod.spec.nodeName !== undefined && pod.spec.nodeName !== '';
}

/**
 * Which finished Pods go so that at most `threshold` stay: evicted ones first, then the oldest, in the order of their
 * creation (upstream `byEvictionAndCreationTimestamp`).
 */
export function excessPods(finished: Iterable<Pod>, threshold: number): readonly Pod[] {
  const pods = [...finished];
  if (pods.length <= threshold) return [];
  return pods.sort(byEvictionAndCreation).slice(0, pods.length - threshold);
}

function byEvictionAndCreation(a: Pod, b: Pod): number {
  if (isEvicted(a) !== isEvicted(b)) return isEvicted(a) ? -1 : 1;
  const [createdA = '', createdB = ''] = [a.metadata.creationTimestamp, b.metadata.creationTimestamp];
  if (createdA !== createdB) return createdA < createdB ? -1 : 1;
  return a.metadata.name < b.metadata.name ? -1 : 1;
}

function isEvicted(pod: Pod): boolean {
  return pod.status.reason === 'Evicted';
}

/** The status patch that ends a Pod before it is removed; undefined if it has ended already. */
export function failurePatch(pod: Pod, why: 'node gone' | 'never scheduled', nowMs: number): Patch | undefined {
  if (isPodFinished(pod)) return undefined;
  const conditions = why === 'node gone' ? { conditions: [nodeGone(nowMs)] } : {};
  // With the uid a Pod of the same name that came meanwhile is left alone.
  return {
    type: 'strategic',
    body: { metadata: { uid: pod.metadata.uid }, status: { phase: 'Failed', ...conditions } },
  };
}

function nodeGone(nowMs: number): PodCondition {
  return {
    type: 'DisruptionTarget',
    status: 'True',
    reason: 'DeletionByPodGC',
    message: 'PodGC: node no longer exists',
    lastTransitionTime: formatTime(nowMs),
  };
}
