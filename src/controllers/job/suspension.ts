import { formatTime } from '../../api/index.ts';
import type { Job } from '../../api/index.ts';
import { withCondition, type WantedCondition } from './conditions.ts';
import { isSuspended } from './job-facts.ts';
import type { PlannedEvent } from './planned-event.ts';
import type { StatusDraft } from './status-draft.ts';

const suspended: WantedCondition = {
  type: 'Suspended',
  status: 'True',
  reason: 'JobSuspended',
  message: 'Job suspended',
};
const resumed: WantedCondition = { type: 'Suspended', status: 'False', reason: 'JobResumed', message: 'Job resumed' };

/**
 * Keeps the Suspended condition. Suspending stops the Job's clock (1.36: startTime goes), resuming starts it anew.
 * A Job that was never suspended never gets the condition.
 */
export function withSuspension(
  job: Job,
  status: StatusDraft,
  nowMs: number,
): { status: StatusDraft; event: PlannedEvent | undefined } {
  const wanted = isSuspended(job) ? suspended : resumed;
  const conditions = withCondition(status.conditions, wanted, nowMs);
  if (conditions === status.conditions) return { status, event: undefined };
  const startTime = isSuspended(job) ? undefined : formatTime(nowMs);
  const reason = isSuspended(job) ? 'Suspended' : 'Resumed';
  return { status: { ...status, conditions, startTime }, event: { type: 'Normal', reason, message: wanted.message } };
}
