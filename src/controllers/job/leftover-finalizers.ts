import { controllerOf, jobFinishedCondition } from '../../api/index.ts';
import type { Job, OwnerReference, Pod } from '../../api/index.ts';
import { isManagedElsewhere } from './job-facts.ts';
import { hasTrackingFinalizer } from './pod-facts.ts';

/** The batch/v1 Job that controls a pod, as its owner reference says. */
export function jobReference(pod: Pod): OwnerReference | undefined {
  const controller = controllerOf(pod);
  return controller?.kind === 'Job' && controller.apiVersion === 'batch/v1' ? controller : undefined;
}

export interface LeftoverInput {
  /** The Job of the name and UID in the pod's controller reference, if there is one. */
  readonly owner: Job | undefined;
  /** A Job will adopt the pod, and then count it. */
  readonly adopted: boolean;
}

/**
 * Whether nobody will ever count this pod, so that its tracking finalizer would hold it for ever (upstream:
 * syncOrphanPod). Unlike upstream a pod that some Job is about to adopt is left to that Job.
 */
export function isLeftover(pod: Pod, { owner, adopted }: LeftoverInput): boolean {
  if (!hasTrackingFinalizer(pod)) return false;
  if (controllerOf(pod) === undefined) return !adopted;
  if (jobReference(pod) === undefined) return false;
  if (owner === undefined) return true;
  return !isManagedElsewhere(owner) && jobFinishedCondition(owner) !== undefined;
}
