import {
  defaultPreemptionPolicy,
  defaultPriority,
  defaultPriorityClass,
  forbidden,
  resources,
  type Pod,
  type PodSpec,
  type PriorityClass,
} from '../../api/index.ts';
import type { Admission, AdmissionRequest } from '../kind.ts';
import { isA } from './concerns.ts';
import { SpecMemo } from '../resources/pod-template/spec-memo.ts';
import type { StoredObjects } from './stored-reader.ts';

/**
 * Gives Pods the priority of their class, and keeps more than one class from being the default (upstream's plugin
 * Priority). Costs one look-up, or a look at the few classes there are.
 */
export function priority({ read, list }: StoredObjects): Admission {
  const classes = (): readonly PriorityClass[] => list<PriorityClass>(resources.priorityClasses);
  const classOf = (request: AdmissionRequest, name: string): PriorityClass | undefined => {
    if (name === '') return defaultPriorityClass(classes());
    const found = read(resources.priorityClasses, { name });
    if (found !== undefined) return found;
    throw forbidden(request.kind.resource, request.name, `no PriorityClass with name ${name} was found`);
  };
  const memo = new SpecMemo();
  return {
    name: 'Priority',
    concerns: ({ operation, resource, subresource }) => {
      if (operation === 'delete' || subresource !== undefined) return false;
      return isA(resource, resources.priorityClasses) || (operation === 'create' && isA(resource, resources.pods));
    },
    admit: (request) => {
      const { kind, object } = request;
      if (isA(kind.resource, resources.priorityClasses))
        return checkOnlyDefault(request, object as PriorityClass, classes);
      const pod = object as Pod;
      const { spec } = pod;
      if (spec === undefined) return;
      const found = classOf(request, spec.priorityClassName ?? '');
      pod.spec = memo.of(spec, found, () => withClass(request, spec, found));
    },
  };
}

function withClass(request: AdmissionRequest, spec: PodSpec, found: PriorityClass | undefined): PodSpec {
  const { value = defaultPriority, preemptionPolicy = defaultPreemptionPolicy } = found ?? {};
  const { kind, name } = request;
  const computed = 'must not be provided in pod spec; priority admission controller computed';
  const source = 'from the given PriorityClass name';
  if (spec.priority !== undefined && spec.priority !== value) {
    const text = `the integer value of priority (${spec.priority}) ${computed} ${value} ${source}`;
    throw forbidden(kind.resource, name, text);
  }
  if (spec.preemptionPolicy !== undefined && spec.preemptionPolicy !== preemptionPolicy) {
    const text = `the string value of PreemptionPolicy (${spec.preemptionPolicy}) ${computed} ${preemptionPolicy} ${source}`;
    throw forbidden(kind.resource, name, text);
  }
  const named = found === undefined ? {} : { priorityClassName: found.metadata.name };
  return { ...spec, ...named, priority: value, preemptionPolicy };
}

function checkOnlyDefault(
  { kind, name }: AdmissionRequest,
  object: PriorityClass,
  classes: () => readonly PriorityClass[],
): void {
  if (object.globalDefault !== true) return;
  const present = defaultPriorityClass(classes());
  if (present === undefined || present.metadata.name === name) return;
  const text = `PriorityClass ${present.metadata.name} is already marked as default. Only one default can exist`;
  throw forbidden(kind.resource, name, text);
}
