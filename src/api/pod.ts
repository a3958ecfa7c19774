import { isConditionTrue } from './conditions.ts';
import type { Container, ContainerStatus, Pod, PodSpec } from './generated/types.ts';
import { quantityMillis, quantityValue } from './quantity.ts';

/** In a phase that never changes any more. */
export function isPodFinished(pod: Pick<Pod, 'status'>): boolean {
  return pod.status.phase === 'Succeeded' || pod.status.phase === 'Failed';
}

export function isPodReady(pod: Pick<Pod, 'status'>): boolean {
  return isConditionTrue(pod.status.conditions, 'Ready');
}

/** Of containers of all sorts. */
export function containerStatusesOf({ status }: Partial<Pick<Pod, 'status'>>): readonly ContainerStatus[] {
  const { containerStatuses = [], initContainerStatuses = [], ephemeralContainerStatuses = [] } = status ?? {};
  return [...containerStatuses, ...initContainerStatuses, ...ephemeralContainerStatuses];
}

/** An init container that stays beside the regular ones. */
export function isSidecar(container: Container): boolean {
  return container.restartPolicy === 'Always';
}

export interface PodRequests {
  readonly cpuMillis: number;
  readonly memoryBytes: number;
}

const none: PodRequests = { cpuMillis: 0, memoryBytes: 0 };

/**
 * What a Pod needs of its node: the larger of all regular containers together and of each init container at its turn,
 * sidecars that started before included; or what the Pod as a whole asks for, per resource; plus overhead
 * (component-helpers `resource.PodRequests`).
 */
export function podRequests(spec: PodSpec): PodRequests {
  let sidecars = none;
  let peak = none;
  for (const container of spec.initContainers ?? []) {
    const own = containerRequests(container);
    if (isSidecar(container)) {
      sidecars = sum(sidecars, own);
      peak = max(peak, sidecars);
    } else peak = max(peak, sum(sidecars, own));
  }
  const regular = spec.containers.map(containerRequests).reduce(sum, sidecars);
  return sum(withPodLevel(max(peak, regular), spec), amounts(spec.overhead));
}

function withPodLevel(containers: PodRequests, spec: PodSpec): PodRequests {
  const requests = spec.resources?.requests;
  if (requests === undefined) return containers;
  const whole = amounts(requests);
  return {
    cpuMillis: requests['cpu'] === undefined ? containers.cpuMillis : whole.cpuMillis,
    memoryBytes: requests['memory'] === undefined ? containers.memoryBytes : whole.memoryBytes,
  };
}

function containerRequests(container: Container): PodRequests {
  return amounts(container.resources?.requests);
}

function amounts(list: Readonly<Record<string, string>> | undefined): PodRequests {
  if (list === undefined) return none;
  const { cpu, memory } = list;
  return {
    cpuMillis: cpu === undefined ? 0 : quantityMillis(cpu),
    memoryBytes: memory === undefined ? 0 : quantityValue(memory),
  };
}

function sum(a: PodRequests, b: PodRequests): PodRequests {
  return { cpuMillis: a.cpuMillis + b.cpuMillis, memoryBytes: a.memoryBytes + b.memoryBytes };
}

function max(a: PodRequests, b: PodRequests): PodRequests {
  return { cpuMillis: Math.max(a.cpuMillis, b.cpuMillis), memoryBytes: Math.max(a.memoryBytes, b.memoryBytes) };
}
