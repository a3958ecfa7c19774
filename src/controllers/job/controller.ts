import { ApiError, jobFinishedCondition, objectKey, refOf, resources } from '../../api/index.ts';
import type { Job, OwnerReference, Pod } from '../../api/index.ts';
import type { Informer } from '../../client/index.ts';
import { createExpectations, createWorkqueue, runController } from '../../controlloop/index.ts';
import type { Controller, ControllerContext, Expectations, Workqueue } from '../../controlloop/index.ts';
import { isManagedElsewhere } from './job-facts.ts';
import { adopterIndexes, adoptersOf, isOpen } from './job-indexes.ts';
import { isEcho, JobMemory } from './job-memory.ts';
import { JobMetrics } from './job-metrics.ts';
import { isLeftover, jobReference } from './leftover-finalizers.ts';
import { sameEntries, urgencyOf, type Urgency } from './pod-change.ts';
import { PodControl } from './pod-control.ts';
import { hasTrackingFinalizer, isActive } from './pod-facts.ts';
import { PodTracker } from './pod-tracker.ts';
import { syncJob, type SyncOptions } from './sync-job.ts';

/** As upstream's `--concurrent-job-syncs`, but higher: here a sync costs microseconds and waits only for its writes. */
const jobWorkers = 64;
const podWorkers = 8;
/** How long a change that no decision hangs on may wait (upstream waits this long for every change). */
const coalescingMs = 1000;
/**
 * A sync looks at all undecided pods of a Job, so what many pods report is gathered for a while that grows with their
 * number: not at all below 200, 250 ms for 10 000. Without that a wide Job costs the square of its width.
 */
const podsPerGatheredMs = 40;
const gatheringPods = 200;

/** Runs Jobs: `controller.ts` only listens and queues, `plan.ts` decides, `sync-job.ts` acts. */
export function createJobController(context: ControllerContext): Controller {
  return new JobController(context);
}

class JobController implements Controller {
  readonly name = 'job-controller';
  readonly #context: ControllerContext;
  readonly #jobs: Informer<Job>;
  readonly #pods: Informer<Pod>;
  readonly #queue: Workqueue;
  readonly #podQueue: Workqueue;
  readonly #tracker = new PodTracker();
  readonly #memory = new JobMemory();
  readonly #expectations: Expectations = createExpectations();
  readonly #podControl: PodControl;
  readonly #syncOptions: SyncOptions;
  readonly #running: { stop(): Promise<void> }[] = [];

  constructor(context: ControllerContext) {
    const { client, informers, clock } = context;
    this.#context = context;
    this.#queue = createWorkqueue({ clock });
    this.#podQueue = createWorkqueue({ clock });
    this.#jobs = informers.of(resources.jobs, adopterIndexes);
    this.#pods = informers.of(resources.pods);
    const [tracker, expectations, recorder] = [this.#tracker, this.#expectations, context.recorderFor(this.name)];
    this.#podControl = new PodControl({ client, recorder, expectations, tracker, clock });
    this.#syncOptions = {
      ...{ client, clock, tracker, expectations, recorder },
      jobs: this.#jobs,
      memory: this.#memory,
      podControl: this.#podControl,
      metrics: new JobMetrics(context.metrics),
      syncAgain: (key, delayMs) => this.#queue.addAfter(key, delayMs),
    };
    this.#jobs.addHandler({
      onAdd: (job) => this.#onJob(job),
      onUpdate: (job, previous) => this.#onJobUpdate(job, previous),
      onDelete: (job) => this.#onJobGone(job),
    });
    this.#pods.addHandler({
      onAdd: (pod) => this.#onPod(pod, undefined),
      onUpdate: (pod, previous) => this.#onPodUpdate(pod, previous),
      onDelete: (pod) => this.#onPodGone(pod),
    });
  }

  start(): void {
    const { clock, log, metrics, dueFirst } = this.#context;
    const shared = { clock, log, metrics, givesWayTo: dueFirst };
    this.#running.push(
      runController({
        name: this.name,
        queue: this.#queue,
        workers: jobWorkers,
        reconcile: (key) => this.#syncLoudly(key),
        ...shared,
      }),
      runController({
        name: 'job-controller-leftovers',
        queue: this.#podQueue,
        workers: podWorkers,
        reconcile: (key) => this.#scrub(key),
        ...shared,
      }),
    );
  }

  async stop(): Promise<void> {
    this.#queue.stop();
    this.#podQueue.stop();
    await Promise.all(this.#running.map((runner) => runner.stop()));
  }

  /** What is no answer of the API is a broken invariant: it must be seen, while the other Jobs go on. */
  async #syncLoudly(key: string): Promise<void> {
    try {
      await syncJob(key, this.#syncOptions);
    } catch (error) {
      if (!(error instanceof ApiError)) this.#context.log.error('Job sync broke an invariant', { key, error });
      throw error;
    }
  }

  #onJob(job: Job): void {
    const key = objectKey(refOf(job));
    if (isManagedElsewhere(job)) {
      this.#tracker.forgetJob(job.metadata.uid);
      return;
    }
    if (jobFinishedCondition(job) !== undefined) {
      this.#forget(key, job);
      return;
    }
    const remembered = this.#memory.get(key);
    if (remembered?.uid === job.metadata.uid) {
      if (isEcho(job, remembered)) return;
      if (remembered.writing) {
        remembered.seenWhileWriting = job;
        return;
      }
    }
    this.#queue.add(key);
  }

  /** A cache that missed the time between may show a new Job of the same name as an update. */
  #onJobUpdate(job: Job, previous: Job): void {
    if (job.metadata.uid !== previous.metadata.uid) this.#onJobGone(previous);
    this.#onJob(job);
  }

  #onJobGone(job: Job): void {
    const key = objectKey(refOf(job));
    if (isManagedElsewhere(job)) return;
    this.#forget(key, job);
    this.#queue.add(key);
  }

  /** Nothing will sync this Job again, so nothing else would take off what finalizers are left. */
  #forget(key: string, job: Job): void {
    const { uid } = job.metadata;
    if (this.#memory.get(key)?.uid === uid) this.#memory.forget(key);
    this.#expectations.delete(uid);
    for (const pod of [...this.#tracker.ofJob(uid), ...this.#tracker.orphansFor(job)]) {
      if (hasTrackingFinalizer(pod)) this.#podQueue.add(objectKey(refOf(pod)));
    }
    this.#tracker.forgetJob(uid);
  }

  #onPodUpdate(pod: Pod, previous: Pod): void {
    const isSame = pod.metadata.uid === previous.metadata.uid;
    if (!isSame) this.#onPodGone(previous);
    this.#onPod(pod, isSame ? previous : undefined);
  }

  #onPod(pod: Pod, previous: Pod | undefined): void {
    const reference = jobReference(pod);
    const job = reference && this.#jobOf(pod, reference);
    if (job !== undefined && !isOpen(job)) {
      this.#tracker.remove(pod.metadata.uid);
      this.#scrubLater(pod, job);
      return;
    }
    const before = this.#tracker.observe(pod) ?? previous;
    if (before !== undefined && jobReference(before)?.uid !== reference?.uid) this.#wake(before);
    if (job === undefined) {
      this.#scrubLater(pod, undefined);
      if (reference === undefined) this.#wakeAdopters(pod, before);
    } else if (before === undefined) {
      this.#onOwnedPodAdded(job, pod);
    } else {
      this.#queueFor(job, urgencyOf(before, pod));
    }
  }

  /** A pod of our own making wakes the Job only when the Job waits for it. */
  #onOwnedPodAdded(job: Job, pod: Pod): void {
    const { uid } = job.metadata;
    const key = objectKey(refOf(job));
    const nowMs = this.#context.clock.now();
    const isOurs = !this.#expectations.satisfied(uid, nowMs) && isActive(pod);
    this.#expectations.creationObserved(uid);
    const isAwaited = this.#memory.get(key)?.awaitsPods === true && this.#expectations.satisfied(uid, nowMs);
    if (!isOurs || isAwaited) this.#queue.add(key);
  }

  #onPodGone(pod: Pod): void {
    this.#tracker.remove(pod.metadata.uid);
    this.#wake(pod);
  }

  /** Queues the Job that controls the pod. */
  #wake(pod: Pod): void {
    const reference = jobReference(pod);
    const job = reference && this.#jobOf(pod, reference);
    if (job !== undefined && isOpen(job)) this.#queue.add(objectKey(refOf(job)));
  }

  /** For a pod without controller, when it is new or has changed in what selectors look at. */
  #wakeAdopters(pod: Pod, before: Pod | undefined): void {
    const isSame = before !== undefined && jobReference(before) === undefined;
    if (isSame && sameEntries(before.metadata.labels, pod.metadata.labels)) return;
    for (const job of adoptersOf(pod, this.#jobs)) this.#queue.add(objectKey(refOf(job)));
  }

  #queueFor(job: Job, urgency: Urgency): void {
    const key = objectKey(refOf(job));
    if (urgency === 'now') this.#queue.addAfter(key, this.#gatheringMs(job));
    else if (urgency === 'soon') this.#queue.addAfter(key, coalescingMs);
  }

  #gatheringMs(job: Job): number {
    const pods = this.#tracker.countOfJob(job.metadata.uid);
    return pods < gatheringPods ? 0 : Math.min(coalescingMs, pods / podsPerGatheredMs);
  }

  #jobOf(pod: Pod, { uid, name }: OwnerReference): Job | undefined {
    const job = this.#jobs.get(objectKey({ namespace: pod.metadata.namespace, name }));
    return job?.metadata.uid === uid ? job : undefined;
  }

  #scrubLater(pod: Pod, owner: Job | undefined): void {
    if (isLeftover(pod, { owner, adopted: false })) this.#podQueue.add(objectKey(refOf(pod)));
  }

  /** Decides anew on what is true when its turn comes: at the start pods may arrive before their Jobs. */
  async #scrub(key: string): Promise<void> {
    const pod = this.#pods.get(key);
    if (pod === undefined) return;
    const reference = jobReference(pod);
    const owner = reference && this.#jobOf(pod, reference);
    const adopted = reference === undefined && adoptersOf(pod, this.#jobs).length > 0;
    if (!isLeftover(pod, { owner, adopted })) return;
    const { error } = await this.#podControl.release([pod]);
    if (error !== undefined) throw error;
  }
}
