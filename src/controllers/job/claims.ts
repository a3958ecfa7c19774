import { labelSelectorToSelector } from '../../api/index.ts';
import type { Job, Pod } from '../../api/index.ts';
import { isBeingDeleted } from './job-facts.ts';

export interface Claims {
  readonly owned: readonly Pod[];
  /** Ownerless pods that the selector matches. */
  readonly adopt: readonly Pod[];
  /** Owned pods that the selector does not match any more. */
  readonly release: readonly Pod[];
}

/**
 * Sorts pods into ours, soon ours and no longer ours (upstream: PodControllerRefManager). A Job that is being deleted
 * takes on no pods and keeps those it has, so that each of them still loses its finalizer through it.
 */
export function claimPods(job: Job, owned: readonly Pod[], orphans: readonly Pod[]): Claims {
  if (isBeingDeleted(job)) return { owned, adopt: [], release: [] };
  const { selector } = job.spec;
  if (selector === undefined) return { owned, adopt: [], release: [] };
  const matches = matcherOf(selector);
  const release = owned.filter((pod) => !matches(pod.metadata.labels));
  const adopt = orphans.filter((pod) => isAdoptable(pod) && matches(pod.metadata.labels));
  return { owned: release.length === 0 ? owned : owned.filter((pod) => !release.includes(pod)), adopt, release };
}

export function isAdoptable(pod: Pod): boolean {
  return pod.metadata.deletionTimestamp === undefined;
}

/** Whether the Job would take on this pod. */
export function wouldAdopt(job: Job, pod: Pod): boolean {
  const { selector } = job.spec;
  if (selector === undefined || isBeingDeleted(job) || !isAdoptable(pod)) return false;
  return matcherOf(selector)(pod.metadata.labels);
}

type Labels = Readonly<Record<string, string>> | undefined;

/** Almost every selector is one generated label: that needs no general machinery. */
function matcherOf(selector: NonNullable<Job['spec']['selector']>): (labels: Labels) => boolean {
  const wanted = Object.entries(selector.matchLabels ?? {});
  if (selector.matchExpressions !== undefined || wanted.length === 0) {
    const general = labelSelectorToSelector(selector);
    return (labels) => general.matches(labels);
  }
  return (labels) => wanted.every(([key, value]) => labels?.[key] === value);
}
