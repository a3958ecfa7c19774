import { formatTime } from '../../api/index.ts';
import { countReleasedPods, type Staged } from './accounting.ts';
import { withCondition } from './conditions.ts';
import { indexCount, isSuspended } from './job-facts.ts';
import type { Assessment } from './plan.ts';
import type { PlannedEvent } from './planned-event.ts';
import { sameStatus, type StatusDraft } from './status-draft.ts';
import type { Verdict } from './verdict.ts';

export interface Settled {
  readonly status: StatusDraft;
  readonly changed: boolean;
  readonly finished: boolean;
  /** For after the write. */
  readonly events: readonly PlannedEvent[];
}

/**
 * The second half of counting: the pods in `releasedUids` have lost their finalizer. The Job is finished when it is
 * decided, nothing is left to count and nothing terminates any more.
 */
export function settleStatus(staged: Staged, releasedUids: ReadonlySet<string>): Settled {
  const counted = countReleasedPods(staged, releasedUids);
  const { verdict, assessment } = staged;
  const uncounted = (counted.uncounted?.succeeded.length ?? 0) + (counted.uncounted?.failed.length ?? 0);
  const allReleased = staged.release.every(({ metadata }) => releasedUids.has(metadata.uid));
  if (verdict === undefined || staged.more || !allReleased || uncounted > 0 || counted.terminating !== 0) {
    const written = staged.writeFirst ? staged.status : assessment.stored;
    return { status: counted, changed: !sameStatus(counted, written), finished: false, events: [] };
  }
  return {
    status: finished(counted, verdict, assessment),
    changed: true,
    finished: true,
    events: finalEvents(counted, verdict, assessment),
  };
}

function finished(status: StatusDraft, verdict: Verdict, { job, nowMs }: Assessment): StatusDraft {
  const { reason, message } = verdict;
  const type = verdict.outcome === 'success' ? 'Complete' : 'Failed';
  const conditions = withCondition(status.conditions, { type, status: 'True', reason, message }, nowMs);
  const now = formatTime(nowMs);
  // The API wants a finished Job to have started, except a suspended one without anything to do. Suspending takes the
  // start time away, so a Job that ends while it is suspended gets one here; upstream's write would be refused.
  const startless = isSuspended(job) && job.spec.completions === 0;
  const startTime = status.startTime ?? (startless ? undefined : now);
  // The API refuses a completion before the start. After the clock was set back, upstream waits until it has caught up
  // (decision 0018).
  const completed = startTime !== undefined && startTime > now ? startTime : now;
  return { ...status, conditions, startTime, completionTime: type === 'Complete' ? completed : status.completionTime };
}

function finalEvents(status: StatusDraft, verdict: Verdict, { job }: Assessment): readonly PlannedEvent[] {
  if (verdict.outcome === 'failure') return [{ type: 'Warning', reason: verdict.reason, message: verdict.message }];
  const tooMany = job.spec.completions !== undefined && status.succeeded > indexCount(job);
  return tooMany ? [tooManySucceeded, completed] : [completed];
}

const completed: PlannedEvent = { type: 'Normal', reason: 'Completed', message: 'Job completed' };
const tooManySucceeded: PlannedEvent = {
  type: 'Warning',
  reason: 'TooManySucceededPods',
  message: 'Too many succeeded pods running after completion count reached',
};
