import {
  findCondition,
  hostPortsConflict,
  hostPortsOf,
  isTolerated,
  nodeDemandOf,
  podRequests,
  selectsNode,
  withPorts,
  type HostPort,
  type Node,
  type Pod,
  type PodRequests,
} from '../api/index.ts';

/** What a node has for Pods. */
export interface Allocatable extends PodRequests {
  readonly pods: number;
}

/** Why a Pod that was put here by hand cannot run here. */
export interface Rejection {
  readonly reason: string;
  readonly message: string;
}

interface Held extends PodRequests {
  readonly ports: readonly HostPort[] | undefined;
}

/** What the Pods of this node ask for together. Every change costs as much as one Pod has containers. */
export class NodeResources {
  readonly #allocatable: Allocatable;
  readonly #held = new Map<string, Held>();
  #cpuMillis = 0;
  #memoryBytes = 0;
  #ports: readonly HostPort[] | undefined;

  constructor(allocatable: Allocatable) {
    this.#allocatable = allocatable;
  }

  /** Counts a Pod that the scheduler has found room for, or that has begun to run: it is not asked again. */
  holdKnown(pod: Pod): void {
    const scheduled = findCondition(pod.status.conditions, 'PodScheduled')?.status === 'True';
    if (scheduled || pod.status.startTime !== undefined) this.#hold(pod, needsOf(pod));
  }

  /**
   * Counts a Pod, unless it must not run here, or there is too little of something for it: what names its node itself has
   * passed no scheduler (kubelet `lifecycle/predicate.go`, its reasons, words and order). `node`: as far as it is known.
   */
  admit(pod: Pod, node: Node | undefined): Rejection | undefined {
    if (this.#held.has(pod.metadata.uid)) return undefined;
    const wanted = needsOf(pod);
    const rejection = this.#shortage(wanted) ?? (node && this.#mismatch(pod, wanted, node));
    if (rejection === undefined) this.#hold(pod, wanted);
    return rejection;
  }

  release(uid: string): void {
    const held = this.#held.get(uid);
    if (held === undefined) return;
    this.#held.delete(uid);
    this.#cpuMillis -= held.cpuMillis;
    this.#memoryBytes -= held.memoryBytes;
    this.#ports = withPorts(this.#ports, held.ports, -1);
  }

  #shortage(wanted: Held): Rejection | undefined {
    const { pods, cpuMillis, memoryBytes } = this.#allocatable;
    return (
      shortage('pods', [1, this.#held.size, pods]) ??
      shortage('cpu', [wanted.cpuMillis, this.#cpuMillis, cpuMillis]) ??
      shortage('memory', [wanted.memoryBytes, this.#memoryBytes, memoryBytes])
    );
  }

  #mismatch({ spec }: Pod, { ports }: Held, { metadata, spec: { taints = [] } }: Node): Rejection | undefined {
    const { name, labels = {} } = metadata;
    if (!selectsNode(nodeDemandOf(spec), { name, labels }))
      return failed('NodeAffinity', "node(s) didn't match Pod's node affinity/selector");
    if (hostPortsConflict(ports, this.#ports))
      return failed('NodePorts', "node(s) didn't have free ports for the requested pod ports");
    const driving = taints.filter(({ effect }) => effect === 'NoExecute');
    return driving.every((taint) => isTolerated(taint, spec.tolerations ?? []))
      ? undefined
      : failed('TaintToleration', "node(s) had taints that the pod didn't tolerate");
  }

  #hold({ metadata: { uid } }: Pod, wanted: Held): void {
    if (this.#held.has(uid)) return;
    this.#held.set(uid, wanted);
    this.#cpuMillis += wanted.cpuMillis;
    this.#memoryBytes += wanted.memoryBytes;
    this.#ports = withPorts(this.#ports, wanted.ports, 1);
  }
}

function needsOf({ spec }: Pod): Held {
  return { ...podRequests(spec), ports: hostPortsOf(spec) };
}

function shortage(
  resource: string,
  amounts: readonly [requested: number, used: number, capacity: number],
): Rejection | undefined {
  const [requested, used, capacity] = amounts;
  if (requested === 0 || requested <= capacity - used) return undefined;
  const numbers = `requested: ${requested}, used: ${used}, capacity: ${capacity}`;
  return { reason: `OutOf${resource}`, message: `Node didn't have enough resource: ${resource}, ${numbers}` };
}

function failed(predicate: string, why: string): Rejection {
  return { reason: predicate, message: `Predicate ${predicate} failed: ${why}` };
}
