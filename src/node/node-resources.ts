import { findCondition, podRequests, type Pod, type PodRequests } from '../api/index.ts';

/** What a node has for Pods. */
export interface Allocatable extends PodRequests {
  readonly pods: number;
}

/** Why a Pod that was put here by hand cannot run here. */
export interface Rejection {
  readonly reason: string;
  readonly message: string;
}

/** What the Pods of this node ask for together. Every change costs as much as one Pod has containers. */
export class NodeResources {
  readonly #allocatable: Allocatable;
  readonly #held = new Map<string, PodRequests>();
  #cpuMillis = 0;
  #memoryBytes = 0;

  constructor(allocatable: Allocatable) {
    this.#allocatable = allocatable;
  }

  /** Counts a Pod that the scheduler has found room for, or that has begun to run: it is not asked again. */
  holdKnown(pod: Pod): void {
    const scheduled = findCondition(pod.status.conditions, 'PodScheduled')?.status === 'True';
    if (scheduled || pod.status.startTime !== undefined) this.#hold(pod, podRequests(pod.spec));
  }

  /**
   * Counts a Pod, unless there is too little of something for it: what names its node itself has passed no scheduler
   * (kubelet `lifecycle/predicate.go`, its reasons, words and order).
   */
  admit(pod: Pod): Rejection | undefined {
    if (this.#held.has(pod.metadata.uid)) return undefined;
    const wanted = podRequests(pod.spec);
    const { pods, cpuMillis, memoryBytes } = this.#allocatable;
    const rejection =
      shortage('pods', [1, this.#held.size, pods]) ??
      shortage('cpu', [wanted.cpuMillis, this.#cpuMillis, cpuMillis]) ??
      shortage('memory', [wanted.memoryBytes, this.#memoryBytes, memoryBytes]);
    if (rejection === undefined) this.#hold(pod, wanted);
    return rejection;
  }

  release(uid: string): void {
    const held = this.#held.get(uid);
    if (held === undefined) return;
    this.#held.delete(uid);
    this.#cpuMillis -= held.cpuMillis;
    this.#memoryBytes -= held.memoryBytes;
  }

  #hold({ metadata: { uid } }: Pod, requests: PodRequests): void {
    if (this.#held.has(uid)) return;
    this.#held.set(uid, requests);
    this.#cpuMillis += requests.cpuMillis;
    this.#memoryBytes += requests.memoryBytes;
  }
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
