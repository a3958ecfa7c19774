import { isConflict, isNamespaceTerminating, isNotFound, refOf, resources } from '../../api/index.ts';
import type { Draft, Job, Pod } from '../../api/index.ts';
import type { Client, Patch } from '../../client/index.ts';
import type { Clock } from '../../clock/index.ts';
import type { EventRecorder, Expectations } from '../../controlloop/index.ts';
import { adoptPatch, releasePatch, removeFinalizerPatch } from './patches.ts';
import { hasTrackingFinalizer } from './pod-facts.ts';
import type { PodTracker } from './pod-tracker.ts';

export interface PodControlOptions {
  readonly client: Client;
  readonly recorder: EventRecorder;
  /** Keyed by the UID of the Job. */
  readonly expectations: Expectations;
  readonly tracker: PodTracker;
  readonly clock: Clock;
}

/** What worked, and the first error of what did not. */
export interface Effect {
  readonly pods: readonly Pod[];
  readonly error: Error | undefined;
}

/** Carries out what a plan says about pods, and lets the tracker know at once. */
export class PodControl {
  readonly #options: PodControlOptions;

  constructor(options: PodControlOptions) {
    this.#options = options;
  }

  /** Slow start: 1, 2, 4, … at a time, so that what cannot be created is not tried hundreds of times. */
  async create(job: Job, drafts: readonly (() => Draft<Pod>)[]): Promise<Effect> {
    const { expectations } = this.#options;
    const { uid } = job.metadata;
    expectations.expectCreations(uid, drafts.length);
    const pods: Pod[] = [];
    for (let [start, size] = [0, 1]; start < drafts.length; [start, size] = [start + size, size * 2]) {
      const batch = drafts.slice(start, start + size);
      const results = await Promise.all(batch.map((draft) => this.#createOne(job, draft())));
      for (const result of results) if (!(result instanceof Error)) pods.push(result);
      const errors = results.filter((result) => result instanceof Error);
      if (errors.length === 0) continue;
      const skipped = drafts.length - start - batch.length;
      for (let i = 0; i < skipped; i += 1) expectations.creationObserved(uid);
      return { pods, error: errors.find((error) => !isNamespaceTerminating(error)) };
    }
    return { pods, error: undefined };
  }

  /** The Job is decided: the pods keep their finalizers until they are counted. */
  async end(job: Job, pods: readonly Pod[]): Promise<Effect> {
    return collect(pods, await Promise.all(pods.map((pod) => this.#delete(job, pod))));
  }

  /** Not needed any more: without the finalizer they are never counted. */
  async remove(job: Job, pods: readonly Pod[]): Promise<Effect> {
    const removeOne = async (pod: Pod): Promise<Error | undefined> =>
      (await this.#releaseOne(pod)) ?? (await this.#delete(job, pod));
    return collect(pods, await Promise.all(pods.map(removeOne)));
  }

  /** Takes the tracking finalizer off. Pods that are gone count as done. */
  async release(pods: readonly Pod[]): Promise<Effect> {
    const [only] = pods;
    if (only === undefined) return { pods: [], error: undefined };
    const results = pods.length === 1 ? [await this.#releaseOne(only)] : await Promise.all(pods.map(this.#releaseOne));
    return collect(pods, results);
  }

  async adopt(job: Job, pod: Pod): Promise<Pod | undefined> {
    return this.#patch(pod, adoptPatch(job, pod));
  }

  async disown(job: Job, pod: Pod): Promise<void> {
    await this.#patch(pod, releasePatch(job, pod));
  }

  async #createOne(job: Job, draft: Draft<Pod>): Promise<Pod | Error> {
    const { client, recorder, expectations } = this.#options;
    try {
      const pod = await client.create(resources.pods, draft);
      recorder.event(job, 'Normal', 'SuccessfulCreate', `Created pod: ${pod.metadata.name}`);
      return pod;
    } catch (cause) {
      const error = toError(cause);
      expectations.creationObserved(job.metadata.uid);
      if (!isNamespaceTerminating(error)) {
        recorder.event(job, 'Warning', 'FailedCreate', `Error creating: ${error.message}`);
      }
      return error;
    }
  }

  /** The UID guards against a pod that has taken over the name. */
  async #delete(job: Job, pod: Pod): Promise<Error | undefined> {
    const { client, recorder, tracker, clock } = this.#options;
    const { uid, name } = pod.metadata;
    try {
      await client.delete(resources.pods, refOf(pod), { preconditions: { uid } });
      recorder.event(job, 'Normal', 'SuccessfulDelete', `Deleted pod: ${name}`);
    } catch (cause) {
      const error = toError(cause);
      if (!isNotFound(error) && !isConflict(error)) {
        recorder.event(job, 'Warning', 'FailedDelete', `Error deleting: ${error.message}`);
        return error;
      }
    }
    tracker.deleting(pod, clock.now());
    return undefined;
  }

  readonly #releaseOne = async (pod: Pod): Promise<Error | undefined> => {
    if (!hasTrackingFinalizer(pod)) return undefined;
    try {
      const patched = await this.#patch(pod, removeFinalizerPatch);
      if (patched === undefined) this.#options.tracker.vanished(pod);
      return undefined;
    } catch (error) {
      return toError(error);
    }
  };

  /** Undefined: the pod is gone. */
  async #patch(pod: Pod, patch: Patch): Promise<Pod | undefined> {
    try {
      const patched = await this.#options.client.patch(resources.pods, refOf(pod), patch);
      if (patched.metadata.uid !== pod.metadata.uid) return undefined;
      this.#options.tracker.wrote(patched);
      return patched;
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }
}

function collect(pods: readonly Pod[], results: readonly (Error | undefined)[]): Effect {
  const error = results.find((result) => result !== undefined);
  return { pods: error === undefined ? pods : pods.filter((_, i) => results[i] === undefined), error };
}

function toError(cause: unknown): Error {
  return cause instanceof Error ? cause : new Error(String(cause));
}
