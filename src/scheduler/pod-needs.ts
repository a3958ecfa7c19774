import { defaultPriority, podRequests, type NodeSelector, type Pod, type Toleration } from '../api/index.ts';
import { hostPortsOf, type HostPort } from './host-ports.ts';

/** What scheduling asks of a node, and nothing else of the Pod. */
export interface PodNeeds {
  readonly cpuMillis: number;
  readonly memoryBytes: number;
  readonly nodeSelector: Readonly<Record<string, string>>;
  readonly requiredAffinity: NodeSelector | undefined;
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
    nodeSelector: pod.spec.nodeSelector ?? {},
    requiredAffinity: pod.spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution,
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
