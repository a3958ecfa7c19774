import { completionIndexAnnotation, deepFreeze, isPodFinished, jobFinishedCondition } from '../../api/index.ts';
import type { ContainerStatus, Job, JobCondition, ObjectMeta, Pod, PodCondition } from '../../api/index.ts';
import { failureCountAnnotation, ignoredFailureCountAnnotation } from './failure-counts.ts';
import { hasTrackingFinalizer } from './pod-facts.ts';

const podAnnotations = [completionIndexAnnotation, failureCountAnnotation, ignoredFailureCountAnnotation];
const lastApplied = 'kubectl.kubernetes.io/last-applied-configuration';

/** What caches need to keep of a finished Job; other Jobs come back as they are. For `InformerOptions.transform`. */
export function slimFinishedJob(job: Job): Job {
  if (jobFinishedCondition(job) === undefined) return job;
  const { apiVersion, kind, metadata } = job;
  const annotations = withoutEntry(metadata.annotations, lastApplied);
  const { name, uid } = metadata;
  return {
    apiVersion,
    kind,
    metadata: slimMetadata(metadata, annotations, [uid, name]),
    spec: slimJobSpec(job),
    status: slimJobStatus(job.status),
  };
}

/** No selector either: a Job that has ended claims no Pod. */
const plainSpec: Job['spec'] = Object.freeze({ template: Object.freeze({}) });

function slimJobSpec({ spec: { managedBy, ttlSecondsAfterFinished } }: Job): Job['spec'] {
  if (managedBy === undefined && ttlSecondsAfterFinished === undefined) return plainSpec;
  return {
    ...plainSpec,
    ...(managedBy !== undefined && { managedBy }),
    ...(ttlSecondsAfterFinished !== undefined && { ttlSecondsAfterFinished }),
  };
}

/** What is kept of the status made last: Jobs end in bursts, within one second most are alike. */
let lastJobStatus: Job['status'] = Object.freeze({});

function slimJobStatus({ conditions, startTime, completionTime }: Job['status']): Job['status'] {
  const last = lastJobStatus;
  if (startTime === last.startTime && completionTime === last.completionTime && sameList(conditions, last.conditions))
    return last;
  lastJobStatus = deepFreeze({
    ...(conditions && { conditions }),
    ...(startTime !== undefined && { startTime }),
    ...(completionTime !== undefined && { completionTime }),
  });
  return lastJobStatus;
}

function sameList(a: readonly JobCondition[] | undefined, b: readonly JobCondition[] | undefined): boolean {
  return a?.length === b?.length && (a ?? []).every((condition, i) => sameMembers(condition, b?.[i]));
}

function sameMembers(a: JobCondition, b: JobCondition | undefined): boolean {
  if (b === undefined) return false;
  for (const member in a) if (Reflect.get(a, member) !== Reflect.get(b, member)) return false;
  for (const member in b) if (!(member in a)) return false;
  return true;
}

/**
 * What caches need to keep of a pod that ended and does not carry the tracking finalizer (any more); other pods come
 * back as they are. Of a failed pod the exit codes and conditions stay: a FailJob rule may match a pod that lost its
 * finalizer before it failed (a pod that suspending removed).
 */
export function slimFinishedPod(pod: Pod): Pod {
  if (!isPodFinished(pod) || hasTrackingFinalizer(pod)) return pod;
  const { apiVersion, kind, metadata, status } = pod;
  const owner = metadata.ownerReferences?.[0];
  const annotations = pick(metadata.annotations, podAnnotations);
  return {
    apiVersion,
    kind,
    metadata: slimMetadata(metadata, annotations, owner === undefined ? [] : [owner.uid, owner.name]),
    spec: slimPodSpec(pod.spec),
    status: status.phase === 'Succeeded' && status.reason === undefined ? succeeded : slimPodStatus(pod),
  };
}

const succeeded: Pod['status'] = Object.freeze({ phase: 'Succeeded' });

/** The spec made last: nearly all Pods are alike in what is kept of it. */
let lastPodSpec: Pod['spec'] = Object.freeze({ containers: [] });

function slimPodSpec({ nodeName, restartPolicy }: Pod['spec']): Pod['spec'] {
  if (lastPodSpec.nodeName === nodeName && lastPodSpec.restartPolicy === restartPolicy) return lastPodSpec;
  const spec: Pod['spec'] = { containers: [] };
  if (nodeName !== undefined) spec.nodeName = nodeName;
  if (restartPolicy !== undefined) spec.restartPolicy = restartPolicy;
  lastPodSpec = Object.freeze(spec);
  return spec;
}

function slimPodStatus(pod: Pod): Pod['status'] {
  const { phase, reason } = pod.status;
  return {
    ...(phase !== undefined && { phase }),
    ...(reason !== undefined && { reason }),
    ...failureTraces(pod),
  };
}

function failureTraces({ status }: Pod): Pod['status'] {
  if (status.phase !== 'Failed') return {};
  const containerStatuses = status.containerStatuses?.filter(hasFailed).map(slimContainer);
  const initContainerStatuses = status.initContainerStatuses?.filter(hasFailed).map(slimContainer);
  const conditions = status.conditions?.map(slimCondition);
  return {
    ...(containerStatuses && { containerStatuses }),
    ...(initContainerStatuses && { initContainerStatuses }),
    ...(conditions && { conditions }),
  };
}

function hasFailed({ state }: ContainerStatus): boolean {
  return state?.terminated !== undefined && state.terminated.exitCode !== 0;
}

function slimContainer({ name, state }: ContainerStatus): ContainerStatus {
  const terminated = { exitCode: state?.terminated?.exitCode ?? 0 };
  return { name, state: { terminated }, ready: false, restartCount: 0, image: '', imageID: '' };
}

function slimCondition({ type, status }: PodCondition): PodCondition {
  return { type, status };
}

/**
 * Metadata without what nobody asks caches for. Written out member by member, so that a hundred thousand of them share
 * one shape: taking members out of a copy would give each its own.
 */
function slimMetadata(
  metadata: ObjectMeta,
  annotations: Record<string, string> | undefined,
  sharedValues: readonly string[],
): ObjectMeta {
  const slim = slimIdentity(metadata, metadata.labels && withSharedValues(metadata.labels, sharedValues));
  if (annotations !== undefined) slim.annotations = annotations;
  for (const member in metadata) {
    if (!(member in slim) && !unused.has(member)) Object.assign(slim, { [member]: Reflect.get(metadata, member) });
  }
  return slim;
}

/** What nearly all have, in one literal: that takes less room than members that are added to an object. */
function slimIdentity(metadata: ObjectMeta, labels: Record<string, string> | undefined): ObjectMeta {
  const { name, namespace, uid, resourceVersion, ownerReferences } = metadata;
  const creationTimestamp = sharedTime(metadata.creationTimestamp);
  if (namespace === undefined || labels === undefined) return { name, uid, resourceVersion, creationTimestamp };
  if (ownerReferences === undefined) return { name, namespace, uid, resourceVersion, creationTimestamp, labels };
  return { name, namespace, uid, resourceVersion, creationTimestamp, labels, ownerReferences };
}

const unused = new Set(['managedFields', 'annotations', 'generateName', 'generation']);

/** The same map with values that are known from elsewhere in the object kept once instead of as strings of their own. */
function withSharedValues(map: Readonly<Record<string, string>>, shared: readonly string[]): Record<string, string> {
  const copy: Record<string, string> = {};
  for (const key in map) {
    const value = map[key] ?? '';
    copy[key] = shared.find((known) => known === value) ?? value;
  }
  return copy;
}

/** Jobs end in bursts: most times are the one seen last. */
function sharedTime(time: string): string {
  if (time !== lastTime) lastTime = time;
  return lastTime;
}

let lastTime = '';

function pick(
  entries: Record<string, string> | undefined,
  keys: readonly string[],
): Record<string, string> | undefined {
  const kept = Object.entries(entries ?? {}).filter(([key]) => keys.includes(key));
  return kept.length === 0 ? undefined : Object.fromEntries(kept);
}

function withoutEntry(entries: Record<string, string> | undefined, key: string): Record<string, string> | undefined {
  if (entries?.[key] === undefined) return entries;
  const { [key]: _dropped, ...kept } = entries;
  return kept;
}
