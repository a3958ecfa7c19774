import { completionIndexAnnotation, controllerRef, jobTrackingFinalizer, resources } from '../../api/index.ts';
import type { Container, Draft, Job, Pod, PodSpec } from '../../api/index.ts';
import {
  failureCount,
  failureCountAnnotation,
  ignoredFailureCount,
  ignoredFailureCountAnnotation,
} from './failure-counts.ts';
import { hasPerIndexLimit } from './job-facts.ts';
import { countsAsFailure } from './pod-failure-policy.ts';

const maxPrefixLength = 58;
const maxNameLength = 253;
const indexVariable = 'JOB_COMPLETION_INDEX';

/** Makes the pods of one Job. What all of them share is made once and shared. */
export interface PodMaker {
  plain(): Draft<Pod>;
  /** `previous`: the failed pod of this index that it replaces, with backoffLimitPerIndex. */
  indexed(index: number, previous: Pod | undefined): Draft<Pod>;
}

export function podMaker(job: Job): PodMaker {
  const { template } = job.spec;
  const { labels, annotations, finalizers = [] } = template.metadata ?? {};
  const spec = template.spec ?? { containers: [] };
  const shared = {
    ownerReferences: [controllerRef(job, resources.jobs)],
    finalizers: finalizers.includes(jobTrackingFinalizer) ? finalizers : [...finalizers, jobTrackingFinalizer],
  };
  let indexedSpec: PodSpec | undefined;
  return {
    plain: () => ({
      metadata: {
        ...shared,
        generateName: plainPrefix(job.metadata.name),
        namespace: job.metadata.namespace,
        ...(labels && { labels }),
        ...(annotations && { annotations }),
      },
      spec,
    }),
    indexed: (index, previous) => ({
      metadata: {
        ...shared,
        generateName: indexedPrefix(job.metadata.name, index),
        namespace: job.metadata.namespace,
        labels: { ...labels, [completionIndexAnnotation]: String(index) },
        annotations: {
          ...annotations,
          [completionIndexAnnotation]: String(index),
          ...(hasPerIndexLimit(job) && failureAnnotations(job, previous)),
        },
      },
      spec: { ...(indexedSpec ??= withIndexVariable(spec)), hostname: `${job.metadata.name}-${index}` },
    }),
  };
}

/** `<job>-`; the longest names leave no room for the dash (upstream: getPodsPrefix). */
function plainPrefix(jobName: string): string {
  return jobName.length < maxNameLength ? `${jobName}-` : jobName;
}

/** `<job>-<index>-`, at the cost of the Job's name when too long. */
function indexedPrefix(jobName: string, index: number): string {
  const suffix = `-${index}-`;
  return `${jobName.slice(0, maxPrefixLength - suffix.length)}${suffix}`;
}

/** A new pod continues the counts of the one it replaces, raised by that one's own failure. */
function failureAnnotations(job: Job, previous: Pod | undefined): Record<string, string> {
  if (previous === undefined) return { [failureCountAnnotation]: '0' };
  const counts = countsAsFailure(job.spec.podFailurePolicy, previous);
  const ignored = ignoredFailureCount(previous) + (counts ? 0 : 1);
  return {
    [failureCountAnnotation]: String(failureCount(previous) + (counts ? 1 : 0)),
    ...(ignored > 0 && { [ignoredFailureCountAnnotation]: String(ignored) }),
  };
}

function withIndexVariable(spec: PodSpec): PodSpec {
  return {
    ...spec,
    ...(spec.initContainers && { initContainers: spec.initContainers.map(addIndexVariable) }),
    containers: spec.containers.map(addIndexVariable),
  };
}

/** A variable of that name that the user has set is left alone. */
function addIndexVariable(container: Container): Container {
  const env = container.env ?? [];
  if (env.some(({ name }) => name === indexVariable)) return container;
  const fieldPath = `metadata.labels['${completionIndexAnnotation}']`;
  return { ...container, env: [...env, { name: indexVariable, valueFrom: { fieldRef: { fieldPath } } }] };
}
