import { controllerRef, jobTrackingFinalizer, resources } from '../../api/index.ts';
import type { Job, Pod } from '../../api/index.ts';
import type { Patch } from '../../client/index.ts';

const withoutFinalizer = { '$deleteFromPrimitiveList/finalizers': [jobTrackingFinalizer] };

export const removeFinalizerPatch: Patch = { type: 'strategic', body: { metadata: withoutFinalizer } };

/** The pod's UID goes along, so that the patch cannot hit a pod that took over the name. */
export function adoptPatch(job: Job, pod: Pod): Patch {
  const metadata = {
    uid: pod.metadata.uid,
    ownerReferences: [controllerRef(job, resources.jobs)],
    finalizers: [jobTrackingFinalizer],
  };
  return { type: 'strategic', body: { metadata } };
}

export function releasePatch(job: Job, pod: Pod): Patch {
  const metadata = {
    uid: pod.metadata.uid,
    ownerReferences: [{ $patch: 'delete', uid: job.metadata.uid }],
    ...withoutFinalizer,
  };
  return { type: 'strategic', body: { metadata } };
}
