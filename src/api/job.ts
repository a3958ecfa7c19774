import type { Job, JobCondition } from './generated/types.ts';

/** Pods carry it until their result is counted in the Job's status. */
export const jobTrackingFinalizer = 'batch.kubernetes.io/job-tracking';
export const jobNameLabel = 'batch.kubernetes.io/job-name';
export const controllerUidLabel = 'batch.kubernetes.io/controller-uid';
export const legacyJobNameLabel = 'job-name';
export const legacyControllerUidLabel = 'controller-uid';
/** The index of a Pod of an Indexed Job: annotation and label. */
export const completionIndexAnnotation = 'batch.kubernetes.io/job-completion-index';

/** The condition that ends a Job: Complete or Failed, True. The interim ones (SuccessCriteriaMet, FailureTarget) do not. */
export function jobFinishedCondition(job: Pick<Job, 'status'>): JobCondition | undefined {
  return job.status?.conditions?.find(
    ({ type, status }) => (type === 'Complete' || type === 'Failed') && status === 'True',
  );
}
