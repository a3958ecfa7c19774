import { formatTime } from '../../api/index.ts';
import type { JobCondition } from '../../api/index.ts';

export interface WantedCondition {
  readonly type: string;
  readonly status: 'True' | 'False';
  readonly reason: string;
  readonly message: string;
}

/**
 * The conditions with one of them as wanted. The same array comes back when nothing differs. False is never added,
 * only flipped to (upstream: ensureJobConditionStatus).
 */
export function withCondition(
  conditions: readonly JobCondition[],
  wanted: WantedCondition,
  nowMs: number,
): readonly JobCondition[] {
  const at = conditions.findIndex(({ type }) => type === wanted.type);
  const present = conditions[at];
  if (present === undefined) return wanted.status === 'False' ? conditions : [...conditions, written(wanted, nowMs)];
  const same =
    present.status === wanted.status && present.reason === wanted.reason && present.message === wanted.message;
  return same ? conditions : conditions.with(at, written(wanted, nowMs));
}

function written({ type, status, reason, message }: WantedCondition, nowMs: number): JobCondition {
  const time = formatTime(nowMs);
  return { type, status, lastProbeTime: time, lastTransitionTime: time, reason, message };
}
