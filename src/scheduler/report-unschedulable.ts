import { findCondition, formatTime, isNotFound, refOf, resources, type Pod } from '../api/index.ts';
import type { Client } from '../client/index.ts';

/**
 * Writes the condition PodScheduled=False with reason Unschedulable. False if the Pod says so already or is gone.
 * (Upstream: `pkg/scheduler/schedule_one.go`, handleSchedulingFailure.)
 */
export async function reportUnschedulable(
  client: Client,
  pod: Pod,
  { message, nowMs }: { readonly message: string; readonly nowMs: number },
): Promise<boolean> {
  const old = findCondition(pod.status.conditions, 'PodScheduled');
  if (old?.status === 'False' && old.reason === 'Unschedulable' && old.message === message) return false;
  const lastTransitionTime = old?.status === 'False' ? old.lastTransitionTime : formatTime(nowMs);
  const condition = {
    type: 'PodScheduled',
    status: 'False',
    reason: 'Unschedulable',
    message,
    lastProbeTime: null,
    lastTransitionTime,
  };
  const body = { status: { conditions: [condition] } };
  try {
    await client.patch(resources.pods, refOf(pod), { type: 'strategic', body }, { subresource: 'status' });
    return true;
  } catch (error) {
    if (isNotFound(error)) return false;
    throw error;
  }
}
