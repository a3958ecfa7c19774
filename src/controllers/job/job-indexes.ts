import { controllerUidLabel, jobFinishedCondition } from '../../api/index.ts';
import type { Job, Pod } from '../../api/index.ts';
import type { IndexFunction, Informer } from '../../client/index.ts';
import { wouldAdopt } from './claims.ts';
import { isManagedElsewhere } from './job-facts.ts';

const byGeneratedSelector = 'job-controller/generated-selector';
const byOtherSelector = 'job-controller/other-selector';

/** Finds the Jobs that may adopt a pod without looking at all Jobs: only unfinished ones of ours are indexed. */
export const adopterIndexes: Readonly<Record<string, IndexFunction<Job>>> = {
  [byGeneratedSelector]: (job) => {
    const uid = generatedUid(job);
    return uid !== undefined && isOpen(job) ? [uid] : [];
  },
  [byOtherSelector]: (job) => (generatedUid(job) === undefined && isOpen(job) ? [job.metadata.namespace ?? ''] : []),
};

/** Jobs whose selector matches a pod without controller. */
export function adoptersOf(pod: Pod, jobs: Informer<Job>): readonly Job[] {
  const uid = pod.metadata.labels?.[controllerUidLabel];
  const candidates = [
    ...(uid === undefined ? [] : jobs.byIndex(byGeneratedSelector, uid)),
    ...jobs.byIndex(byOtherSelector, pod.metadata.namespace ?? ''),
  ];
  return candidates.filter((job) => job.metadata.namespace === pod.metadata.namespace && wouldAdopt(job, pod));
}

/** Unfinished and ours. */
export function isOpen(job: Job): boolean {
  return !isManagedElsewhere(job) && jobFinishedCondition(job) === undefined;
}

function generatedUid(job: Job): string | undefined {
  return job.spec.selector?.matchLabels?.[controllerUidLabel];
}
