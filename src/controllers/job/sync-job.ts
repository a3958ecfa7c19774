import { isNotFound, jobFinishedCondition, objectKey, refOf, resources } from '../../api/index.ts';
import type { Draft, Job, Pod } from '../../api/index.ts';
import type { Client, Informer } from '../../client/index.ts';
import type { Clock } from '../../clock/index.ts';
import type { EventRecorder, Expectations } from '../../controlloop/index.ts';
import { stageStatus, type PodOutcome, type Staged } from './accounting.ts';
import { claimPods } from './claims.ts';
import { settleStatus } from './finishing.ts';
import { isManagedElsewhere } from './job-facts.ts';
import type { JobMetrics } from './job-metrics.ts';
import { latestJob, type JobMemory, type Remembered } from './job-memory.ts';
import { plan, type ActPlan } from './plan.ts';
import type { PlannedEvent } from './planned-event.ts';
import type { PodControl } from './pod-control.ts';
import { podMaker } from './pod-template.ts';
import type { PodTracker } from './pod-tracker.ts';
import { toStatus, type StatusDraft } from './status-draft.ts';

export interface SyncOptions {
  readonly client: Client;
  readonly jobs: Informer<Job>;
  readonly tracker: PodTracker;
  readonly memory: JobMemory;
  readonly expectations: Expectations;
  readonly podControl: PodControl;
  readonly recorder: EventRecorder;
  readonly clock: Clock;
  readonly metrics: JobMetrics;
  /** Sync this key again; 0: at once. */
  readonly syncAgain: (key: string, delayMs: number) => void;
}

/** After this long an unobserved creation is given up, so look again then. */
const expectationTimeoutMs = 5 * 60_000 + 1000;

/** Brings one Job forward as far as is possible now. Rejections mean: again, with back-off. */
export async function syncJob(key: string, options: SyncOptions): Promise<void> {
  const { jobs, memory, expectations } = options;
  const cached = jobs.get(key);
  if (cached === undefined) {
    const known = memory.forget(key);
    if (known !== undefined) expectations.delete(known.uid);
    return;
  }
  if (isManagedElsewhere(cached) || jobFinishedCondition(cached) !== undefined) return;
  const remembered = memory.of(key, cached.metadata.uid);
  const job = latestJob(cached, remembered);
  // Finished by us, and the cache will show it soon.
  if (jobFinishedCondition(job) !== undefined) return;
  try {
    await syncUnfinished(key, job, remembered, options);
  } catch (error) {
    // Somebody deleted the Job meanwhile; its deletion event does what is left to do.
    if (!(isNotFound(error) && (await isGone(job, options)))) throw error;
  }
}

async function syncUnfinished(key: string, job: Job, remembered: Remembered, options: SyncOptions): Promise<void> {
  const { recorder, clock, tracker, expectations, syncAgain } = options;
  const nowMs = clock.now();
  const expectationsSatisfied = expectations.satisfied(job.metadata.uid, nowMs);
  const pods = await claimedPods(job, options);
  const { backoff } = remembered;
  const planned = plan({ job, pods, nowMs, backoff, expectationsSatisfied });
  if (planned.kind === 'refuse') {
    emit(recorder, job, [planned.event]);
    return;
  }
  const startMs = clock.monotonic();
  const { outcome, error: podError } = await carryOut(planned, job, options);
  const staged = stageStatus(planned, outcome);
  await account(staged, job, remembered, options);
  const ms = clock.monotonic() - startMs;
  options.metrics.synced(job, planned.action.kind, { failed: podError !== undefined, ms });
  // A verdict that could not be kept has to be found again, perhaps from a pod that otherwise needs no further look.
  if (planned.verdict === undefined || staged.verdict !== undefined) tracker.examined(pods);
  if (podError !== undefined) throw podError;
  remembered.awaitsPods = (planned.more || !expectationsSatisfied) && !expectations.satisfied(job.metadata.uid, nowMs);
  if (remembered.awaitsPods) syncAgain(key, expectationTimeoutMs);
  else if (planned.more || staged.more || !expectationsSatisfied) syncAgain(key, 0);
  if (planned.requeueAfterMs !== undefined) syncAgain(key, planned.requeueAfterMs);
}

/** The Job's pods after adopting and releasing. Almost always there is nothing of both. */
async function claimedPods(job: Job, options: SyncOptions): Promise<readonly Pod[]> {
  const { tracker, podControl } = options;
  const claims = claimPods(job, tracker.ofJob(job.metadata.uid), tracker.orphansFor(job));
  await Promise.all(claims.release.map((pod) => podControl.disown(job, pod)));
  if (claims.adopt.length === 0 || !(await mayAdopt(job, options))) return claims.owned;
  const adopted = await Promise.all(claims.adopt.map((pod) => podControl.adopt(job, pod)));
  return [...claims.owned, ...adopted.filter((pod) => pod !== undefined)];
}

/** Asks the server, not the cache: a Job that was deleted or replaced meanwhile must not take pods on. */
async function mayAdopt(job: Job, { client }: SyncOptions): Promise<boolean> {
  const live = await client.get(resources.jobs, refOf(job));
  return live.metadata.uid === job.metadata.uid && live.metadata.deletionTimestamp === undefined;
}

async function isGone(job: Job, { client }: SyncOptions): Promise<boolean> {
  try {
    return (await client.get(resources.jobs, refOf(job))).metadata.uid !== job.metadata.uid;
  } catch (error) {
    if (isNotFound(error)) return true;
    throw error;
  }
}

interface CarriedOut {
  readonly outcome: PodOutcome;
  readonly error: Error | undefined;
}

async function carryOut({ action, assessment }: ActPlan, job: Job, options: SyncOptions): Promise<CarriedOut> {
  const { podControl } = options;
  switch (action.kind) {
    case 'none':
      return { outcome: { removed: [], created: 0 }, error: undefined };
    case 'create': {
      const { count, indexes } = action;
      const maker = podMaker(job);
      const delayed = assessment.indexes?.delayed;
      const drafts: (() => Draft<Pod>)[] =
        indexes?.map((index) => () => maker.indexed(index, delayed?.get(index))) ??
        Array.from({ length: count }, () => () => maker.plain());
      const { pods, error } = await podControl.create(job, drafts);
      return { outcome: { removed: [], created: pods.length }, error };
    }
    case 'end':
    case 'remove': {
      const { pods, error } = await podControl[action.kind](job, action.pods);
      return { outcome: { removed: pods, created: 0 }, error };
    }
  }
}

/** Status, finalizers, status: in this order nothing is counted twice or lost, wherever it is interrupted. */
async function account(staged: Staged, job: Job, remembered: Remembered, options: SyncOptions): Promise<void> {
  const { podControl, recorder } = options;
  let current = job;
  if (staged.writeFirst) current = await writeStatus(current, staged.status, remembered, options);
  remembered.backoff = staged.assessment.nextBackoff;
  const released = await podControl.release(staged.release);
  const settled = settleStatus(staged, new Set(released.pods.map(({ metadata }) => metadata.uid)));
  if (settled.changed) current = await writeStatus(current, settled.status, remembered, options);
  options.metrics.written(job, current);
  emit(recorder, current, [...staged.events, ...settled.events]);
  if (released.error !== undefined) throw released.error;
}

async function writeStatus(job: Job, draft: StatusDraft, remembered: Remembered, options: SyncOptions): Promise<Job> {
  remembered.writing = true;
  try {
    const written = await options.client.updateStatus(resources.jobs, { ...job, status: toStatus(draft) });
    remembered.written = written;
    return written;
  } finally {
    remembered.writing = false;
    const seen = remembered.seenWhileWriting;
    remembered.seenWhileWriting = undefined;
    // What came by while we wrote was either our own write or somebody else's, which has to be looked at.
    if (seen !== undefined && seen.metadata.resourceVersion !== remembered.written?.metadata.resourceVersion) {
      options.syncAgain(objectKey(refOf(seen)), 0);
    }
  }
}

function emit(recorder: EventRecorder, job: Job, events: readonly PlannedEvent[]): void {
  for (const { type, reason, message } of events) recorder.event(job, type, reason, message);
}
