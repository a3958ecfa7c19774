import { dns1123LabelErrors } from '../../../api/index.ts';
import type { Job, JobSpec } from '../../../api/index.ts';
import { podTemplateWarnings } from '../pod-template/warnings.ts';

const manyCompletions = 100_000;
const manyParallel = 10_000;

/** Upstream: api/job `WarningsForJobSpec`. `path` names the Job spec. */
export function jobSpecWarnings(spec: JobSpec | undefined, path: string): readonly string[] {
  if (spec === undefined) return [];
  const warnings: string[] = [];
  if (
    spec.completionMode === 'Indexed' &&
    (spec.completions ?? 0) > manyCompletions &&
    (spec.parallelism ?? 0) > manyParallel
  ) {
    warnings.push(
      `${path}: In Indexed Jobs with a number of completions higher than 10^5 and a parallelism higher than 10^4, Kubernetes might not be able to track completedIndexes when a big number of indexes fail`,
    );
  }
  return [...warnings, ...podTemplateWarnings(spec.template, `${path}.template`)];
}

/** Names that end up in pod names and hostnames should be DNS labels. */
export function podPrefixWarnings(name: string): readonly string[] {
  const errors = dns1123LabelErrors(name);
  if (errors.length === 0) return [];
  return [
    `metadata.name: this is used in Pod names and hostnames, which can result in surprising behavior; a DNS label is recommended: [${errors.join(' ')}]`,
  ];
}

/** On updates only if the generation changed. */
export function jobWarnings(job: Job, old: Job | undefined): readonly string[] {
  if (old === undefined) return [...podPrefixWarnings(job.metadata.name), ...jobSpecWarnings(job.spec, 'spec')];
  return job.metadata.generation === old.metadata.generation ? [] : jobSpecWarnings(job.spec, 'spec');
}
