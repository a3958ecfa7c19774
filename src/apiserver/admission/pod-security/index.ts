import { isDeepStrictEqual } from 'node:util';
import {
  forbidden,
  invalid,
  resources,
  type CronJob,
  type Job,
  type Namespace,
  type Pod,
  type PodSpec,
} from '../../../api/index.ts';
import type { Admission, AdmissionRequest, AdmissionSubject } from '../../kind.ts';
import { isA } from '../concerns.ts';
import type { StoredReader } from '../stored-reader.ts';
import { policyOf, violationText, type Policy } from './policy.ts';

/**
 * Pod Security Standards by the labels of the namespace (upstream's plugin PodSecurity): Pods that violate the enforced
 * level are refused; Jobs and CronJobs whose Pods would be are warned about.
 */
export function podSecurity(read: StoredReader): Admission {
  const policies = new WeakMap<Namespace, Policy>();
  const policyFor = (name: string): Policy => {
    const namespace = read(resources.namespaces, { name });
    if (namespace === undefined) return policyOf().policy;
    let policy = policies.get(namespace);
    if (policy === undefined) policies.set(namespace, (policy = policyOf(namespace.metadata.labels).policy));
    return policy;
  };
  return {
    name: 'PodSecurity',
    concerns,
    admit: (request) => {
      const { kind, namespace } = request;
      if (isA(kind.resource, resources.namespaces)) return checkLabels(request);
      if (namespace === undefined) return;
      const policy = policyFor(namespace);
      // Almost always: nothing about the Pod need be looked at.
      if (policy.enforce.level === 'privileged' && policy.warn.level === 'privileged') return;
      const subject = subjectOf(request);
      if (subject === undefined) return;
      if (subject.isPod) enforce(request, subject.spec, policy);
      warn(request, subject.spec, policy);
    },
  };
}

function concerns({ operation, resource, subresource }: AdmissionSubject): boolean {
  if (operation === 'delete') return false;
  if (isA(resource, resources.pods)) return subresource === undefined || subresource === 'ephemeralcontainers';
  return subresource === undefined && (resource.group === 'batch' || isA(resource, resources.namespaces));
}

interface Subject {
  readonly spec: PodSpec;
  readonly isPod: boolean;
}

/** The Pod that is asked about, or that will be made; undefined: none, or nothing about it changes. */
function subjectOf({ kind, object, old }: AdmissionRequest): Subject | undefined {
  const { resource } = kind.resource;
  if (isA(kind.resource, resources.pods)) {
    const { spec } = object as Pod;
    return spec === undefined || isSame(spec, (old as Pod | undefined)?.spec) ? undefined : { spec, isPod: true };
  }
  const template = (of: typeof object | undefined): PodSpec | undefined =>
    resource === 'jobs'
      ? (of as Job | undefined)?.spec?.template?.spec
      : (of as CronJob | undefined)?.spec?.jobTemplate?.spec?.template?.spec;
  const spec = template(object);
  return spec === undefined || isSame(spec, template(old)) ? undefined : { spec, isPod: false };
}

function isSame(spec: PodSpec, old: PodSpec | undefined): boolean {
  return old !== undefined && (spec === old || isDeepStrictEqual(spec, old));
}

function enforce({ kind, name }: AdmissionRequest, spec: PodSpec, { enforce: { level, version } }: Policy): void {
  const text = violationText(spec, { level, version });
  if (text !== undefined) throw forbidden(kind.resource, name, `violates PodSecurity "${level}:${version}": ${text}`);
}

function warn({ warn: tell }: AdmissionRequest, spec: PodSpec, { warn: { level, version } }: Policy): void {
  if (tell === undefined) return;
  const text = violationText(spec, { level, version });
  if (text !== undefined) tell(`would violate PodSecurity "${level}:${version}": ${text}`);
}

/** Labels that are wrong are refused where they are new. */
function checkLabels({ kind, name, object, old }: AdmissionRequest): void {
  const { errors } = policyOf(object.metadata.labels);
  if (errors.length === 0 || isDeepStrictEqual(errors, policyOf(old?.metadata.labels).errors)) return;
  throw invalid(kind.resource, name, errors);
}
