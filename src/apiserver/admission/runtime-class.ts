import { isDeepStrictEqual } from 'node:util';
import { forbidden, resources, type Pod, type PodSpec, type RuntimeClass } from '../../api/index.ts';
import type { Admission, AdmissionRequest } from '../kind.ts';
import { isA } from './concerns.ts';
import type { StoredReader } from './stored-reader.ts';

type Request = Pick<AdmissionRequest, 'kind' | 'name'>;

/** Pods take over what their RuntimeClass asks for, which must exist (upstream's plugin RuntimeClass). */
export function runtimeClass(read: StoredReader): Admission {
  return {
    name: 'RuntimeClass',
    concerns: ({ operation, resource, subresource }) =>
      operation === 'create' && subresource === undefined && isA(resource, resources.pods),
    admit: (request) => {
      const pod = request.object as Pod;
      if (pod.spec !== undefined) pod.spec = admitted(pod.spec, request, read);
    },
  };
}

function admitted(spec: PodSpec, request: Request, read: StoredReader): PodSpec {
  const { runtimeClassName: name = '' } = spec;
  if (name === '') {
    if (spec.overhead === undefined) return spec;
    throw rejected(request, 'pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead');
  }
  const found = read(resources.runtimeClasses, { name });
  if (found === undefined) throw rejected(request, `pod rejected: RuntimeClass "${name}" not found`);
  return withScheduling(withOverhead(spec, found, request), found, request);
}

function withOverhead(spec: PodSpec, { overhead }: RuntimeClass, request: Request): PodSpec {
  const fixed = overhead?.podFixed;
  if (spec.overhead !== undefined && !isDeepStrictEqual(spec.overhead, fixed))
    throw rejected(request, "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead");
  return fixed === undefined ? spec : { ...spec, overhead: fixed };
}

function withScheduling(spec: PodSpec, { scheduling }: RuntimeClass, request: Request): PodSpec {
  if (scheduling === undefined) return spec;
  const nodeSelector = { ...spec.nodeSelector };
  for (const [key, value] of Object.entries(scheduling.nodeSelector ?? {})) {
    const own = nodeSelector[key];
    if (own !== undefined && own !== value)
      throw rejected(
        request,
        `conflict: runtimeClass.scheduling.nodeSelector[${key}] = ${value}; pod.spec.nodeSelector[${key}] = ${own}`,
      );
    nodeSelector[key] = value;
  }
  const present = spec.tolerations ?? [];
  const added = (scheduling.tolerations ?? []).filter((one) => !present.some((other) => isDeepStrictEqual(one, other)));
  return {
    ...spec,
    ...(Object.keys(nodeSelector).length > 0 && { nodeSelector }),
    ...(present.length + added.length > 0 && { tolerations: [...present, ...added] }),
  };
}

function rejected({ kind, name }: Request, reason: string): Error {
  return forbidden(kind.resource, name, reason);
}
