import { isConditionTrue } from '../../../api/index.ts';
import type { Affinity, Container, FieldError, Job, JobSpec, PodSpec, PodTemplateSpec } from '../../../api/index.ts';
import { child, Problems, rootPath } from '../field-path.ts';
import { checkImmutable, isUnset, semanticallyEqual } from '../value-rules.ts';

const immutable = [
  'selector',
  'completionMode',
  'podFailurePolicy',
  'backoffLimitPerIndex',
  'managedBy',
  'successPolicy',
] as const;

/** What may not change. Upstream: batch validation `ValidateJobSpecUpdate`. */
export function jobUpdateErrors(next: Job, old: Job): readonly FieldError[] {
  if (next.spec === old.spec) return [];
  const problems = new Problems();
  const path = rootPath('spec');
  checkCompletions(next.spec, old.spec, problems);
  for (const field of immutable) {
    const value = next.spec[field];
    if (value !== old.spec[field]) checkImmutable(value, old.spec[field], child(path, field), problems);
  }
  checkTemplate(next, old, problems);
  return problems.errors;
}

function checkCompletions(next: JobSpec, old: JobSpec, problems: Problems): void {
  if (next.completions === old.completions) return;
  const path = child(rootPath('spec'), 'completions');
  if (next.completionMode !== 'Indexed') checkImmutable(next.completions, old.completions, path, problems);
  // Indexed Jobs must have completions; that is checked with the spec.
  else if (next.completions !== undefined && next.completions !== next.parallelism) {
    problems.invalid(path, next.completions, 'can only be modified in tandem with spec.parallelism');
  }
}

/**
 * The template is fixed except while nothing runs: then the scheduling directives may change, and once the suspension
 * was carried out also the resources of containers, so that queueing systems can fit a Job to what they found.
 */
function checkTemplate(next: Job, old: Job, problems: Problems): void {
  let allowed = old.spec.template;
  const { template } = next.spec;
  if (template === allowed) return;
  if (mayChangeScheduling(old)) allowed = withSchedulingOf(allowed, template);
  if (isSuspensionDone(old)) allowed = withResourcesOf(allowed, template);
  checkImmutable(template, allowed, child(rootPath('spec'), 'template'), problems);
}

function isSuspensionDone({ spec, status }: Job): boolean {
  return spec.suspend === true && isConditionTrue(status?.conditions, 'Suspended') && (status?.active ?? 0) === 0;
}

function mayChangeScheduling(job: Job): boolean {
  return job.spec.suspend === true && (isUnset(job.status?.startTime) || isSuspensionDone(job));
}

function withSchedulingOf(old: PodTemplateSpec, next: PodTemplateSpec): PodTemplateSpec {
  const { labels, annotations } = next.metadata ?? {};
  const spec = next.spec ?? { containers: [] };
  return {
    ...old,
    metadata: { ...old.metadata, labels, annotations },
    spec: {
      ...(old.spec ?? { containers: [] }),
      nodeSelector: spec.nodeSelector,
      tolerations: spec.tolerations,
      schedulingGates: spec.schedulingGates,
      affinity: withNodeAffinityOf(old.spec?.affinity, spec.affinity),
    },
  };
}

/** Node affinity may come, go and change; the affinities to other pods may not. */
function withNodeAffinityOf(old: Affinity | undefined, next: Affinity | undefined): Affinity | undefined {
  const allowed: Affinity = { ...old, nodeAffinity: next?.nodeAffinity };
  return next === undefined && semanticallyEqual(allowed, {}) ? undefined : allowed;
}

function withResourcesOf(old: PodTemplateSpec, next: PodTemplateSpec): PodTemplateSpec {
  if (old.spec === undefined) return old;
  const spec: PodSpec = { ...old.spec, containers: eachWithResourcesOf(old.spec.containers, next.spec?.containers) };
  if (old.spec.initContainers !== undefined) {
    spec.initContainers = eachWithResourcesOf(old.spec.initContainers, next.spec?.initContainers);
  }
  return { ...old, spec };
}

function eachWithResourcesOf(old: readonly Container[], next: readonly Container[] | undefined): readonly Container[] {
  return old.map((container, position) => {
    const { limits, requests } = next?.[position]?.resources ?? {};
    return { ...container, resources: { ...container.resources, limits, requests } };
  });
}
