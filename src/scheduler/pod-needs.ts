import {
  defaultPriority,
  hostPortsOf,
  nodeDemandOf,
  podRequests,
  type HostPort,
  type NodeDemand,
  type Pod,
  type Toleration,
} from '../api/index.ts';

/** What scheduling asks of a node, and nothing else of the Pod. */
export interface PodNeeds extends NodeDemand {
  readonly cpuMillis: number;
  readonly memoryBytes: number;
  readonly tolerations: readonly Toleration[];
  /** Absent: none. */
  readonly hostPorts?: readonly HostPort[] | undefined;
  /** The higher, the earlier it gets its node. */
  readonly priority: number;
  /** Whether Pods of lower priority may have to go for it. */
  readonly preempts: boolean;
}

export function needsOf(pod: Pod): PodNeeds {
  const { cpuMillis, memoryBytes } = podRequests(pod.spec);
  const hostPorts = hostPortsOf(pod.spec);
  return {
    cpuMillis,
    memoryBytes,
    ...nodeDemandOf(pod.spec),
    tolerations: pod.spec.tolerations ?? [],
    ...(hostPorts && { hostPorts }),
    priority: pod.spec.priority ?? defaultPriority,
    preempts: pod.spec.preemptionPolicy !== 'Never',
  };
}

/** Equal for Pods that fit on the same nodes: the Pods of one Job need to be tried only once. */
export function signatureOf(needs: PodNeeds): string {
  return JSON.stringify(needs);
}
