import type { Pod } from '../../api/index.ts';

export const failureCountAnnotation = 'batch.kubernetes.io/job-index-failure-count';
export const ignoredFailureCountAnnotation = 'batch.kubernetes.io/job-index-ignored-failure-count';

const maxInt32 = 2_147_483_647;

/** Failures of this pod's index before this pod, as its annotation says. */
export function failureCount(pod: Pod): number {
  return countFrom(pod.metadata.annotations?.[failureCountAnnotation]);
}

/** The same for failures that a pod failure policy ignored. */
export function ignoredFailureCount(pod: Pod): number {
  return countFrom(pod.metadata.annotations?.[ignoredFailureCountAnnotation]);
}

export function absoluteFailureCount(pod: Pod): number {
  return failureCount(pod) + ignoredFailureCount(pod);
}

/** Anyone may edit annotations: what is not a non-negative int32 counts as 0, as upstream. */
function countFrom(text: string | undefined): number {
  if (text === undefined || !/^[+]?[0-9]+$/.test(text)) return 0;
  const count = Number(text);
  return count <= maxInt32 ? count : 0;
}
