import {
  findCondition,
  formatMicroTime,
  formatTime,
  jobFinishedCondition,
  parseTime,
  type Job,
  type ObjectReference,
  type TickEntry,
} from '../../../api/index.ts';
import { scheduledTimestampAnnotation } from '../job-for-tick.ts';

const instantiateAnnotation = 'cronjob.kubernetes.io/instantiate';

/** `Deleted`: before it had ended; `Released`: it lost its owner, and its end is nobody's business here. */
export type RunResult = 'Complete' | 'Failed' | 'Deleted' | 'Released' | 'Running';

export interface RunEnd {
  readonly outcome?: 'Replaced';
  /** For Jobs that did not end by themselves. */
  readonly result?: RunResult;
  readonly nowMs: number;
}

/** Made by hand from the CronJob, not for a tick. */
export function isManual(job: Job): boolean {
  return job.metadata.annotations?.[instantiateAnnotation] === 'manual' || tickOf(job) === undefined;
}

/** The tick that a Job was made for. */
export function tickOf(job: Job): number | undefined {
  const text = job.metadata.annotations?.[scheduledTimestampAnnotation];
  const atMs = text === undefined ? Number.NaN : parseTime(text);
  return Number.isNaN(atMs) ? undefined : atMs;
}

/** What is kept of a run when it is over (or gone). */
export function runEntry(job: Job, end: RunEnd): TickEntry {
  const tickMs = tickOf(job);
  const finished = jobFinishedCondition(job);
  const outcome = isManual(job) ? 'Manual' : (end.outcome ?? 'Ran');
  const { creationTimestamp, name, uid } = job.metadata;
  const endedMs = end.result === 'Running' ? undefined : (endOf(job) ?? end.nowMs);
  return {
    outcome,
    ...(tickMs === undefined || outcome === 'Manual' ? {} : { scheduled: formatTime(tickMs) }),
    decided: formatMicroTime(parseTime(creationTimestamp)),
    ...(job.status.startTime === undefined ? {} : { started: job.status.startTime }),
    ...(endedMs === undefined ? {} : { ended: formatTime(endedMs) }),
    job: name,
    jobUid: uid,
    result: end.result ?? finished?.type ?? 'Deleted',
    ...(finished?.type === 'Failed' && { reason: finished.reason ?? '', message: finished.message ?? '' }),
  };
}

/** A run of which nothing but its name is left. Names of Jobs of ticks end in the minutes since the epoch. */
export function lostRunEntry(reference: ObjectReference, nowMs: number): TickEntry {
  const minutes = Number(/-(\d+)$/.exec(reference.name ?? '')?.[1]);
  return {
    outcome: 'Ran',
    ...(Number.isNaN(minutes) ? {} : { scheduled: formatTime(minutes * 60_000) }),
    ended: formatTime(nowMs),
    job: reference.name ?? '',
    jobUid: reference.uid ?? '',
    result: 'Deleted',
    message: 'the Job was deleted while nobody was watching: when it ran is not known',
  };
}

function endOf(job: Job): number | undefined {
  const { completionTime, conditions } = job.status;
  const ended = completionTime ?? findCondition(conditions, 'Failed')?.lastTransitionTime;
  return ended === undefined || ended === null ? undefined : parseTime(ended);
}
