import { withPorts, type Node } from '../api/index.ts';
import { rejection, shortages, type Usage } from './filters.ts';
import { isSameView, nodeViewOf, type NodeView } from './node-view.ts';
import type { PodNeeds } from './pod-needs.ts';

export type Placement =
  | { readonly type: 'fits'; readonly nodeName: string }
  /** `room`: an emptier node would do. `never`: no node there is would do. */
  | { readonly type: 'waits'; readonly reason: 'room' | 'never'; readonly message: string };

/** Who asks for a node, as far as that matters for what is kept free for others. */
export type Asking = Pick<PodNeeds, 'priority'> & { readonly uid: string };

interface Charge extends Pick<PodNeeds, 'cpuMillis' | 'memoryBytes' | 'priority' | 'hostPorts'> {
  readonly nodeName: string;
  readonly key: string;
}

interface Nomination {
  readonly nodeName: string;
  readonly key: string;
  readonly needs: PodNeeds;
}

type MutableUsage = { -readonly [key in keyof Usage]: Usage[key] };

/**
 * The nodes and what is taken of each: sums that are kept with every change, never counted anew. A Pod is charged from
 * the decision on (before its binding is written, let alone seen) until it is finished or gone.
 */
export class ClusterState {
  readonly #nodes = new Map<string, NodeView>();
  readonly #used = new Map<string, MutableUsage>();
  readonly #charges = new Map<string, Charge>();
  /** Pods that others make room for, by uid. */
  readonly #nominations = new Map<string, Nomination>();
  /** How many charged Pods there are of each priority. */
  readonly #priorities = new Map<number, number>();
  /** Changes whenever the set of nodes or one of their views does. */
  generation = 0;

  /** True if anything that matters for scheduling has changed. */
  setNode(node: Node): boolean {
    const view = nodeViewOf(node);
    const old = this.#nodes.get(view.name);
    if (old !== undefined && isSameView(old, view)) return false;
    this.#nodes.set(view.name, view);
    this.generation++;
    return true;
  }

  removeNode(name: string): void {
    if (this.#nodes.delete(name)) this.generation++;
  }

  get size(): number {
    return this.#nodes.size;
  }

  nodes(): readonly NodeView[] {
    return [...this.#nodes.values()];
  }

  /** Charges a Pod to a node; a Pod that is charged to another one moves. */
  charge(pod: { readonly uid: string; readonly key: string }, nodeName: string, needs: PodNeeds): void {
    this.release(pod.uid);
    this.#nominations.delete(pod.uid);
    const { cpuMillis, memoryBytes, priority, hostPorts } = needs;
    this.#charges.set(pod.uid, { nodeName, key: pod.key, cpuMillis, memoryBytes, priority, hostPorts });
    this.#priorities.set(priority, (this.#priorities.get(priority) ?? 0) + 1);
    this.#add(nodeName, needs, 1);
  }

  /** True if the Pod was charged. */
  release(uid: string): boolean {
    const charge = this.#charges.get(uid);
    if (charge === undefined) return false;
    this.#charges.delete(uid);
    const left = (this.#priorities.get(charge.priority) ?? 0) - 1;
    if (left > 0) this.#priorities.set(charge.priority, left);
    else this.#priorities.delete(charge.priority);
    this.#add(charge.nodeName, charge, -1);
    return true;
  }

  /** Keeps room on a node for a Pod that others are leaving for; Pods of higher priority may take it still. */
  nominate(pod: { readonly uid: string; readonly key: string }, nodeName: string, needs: PodNeeds): void {
    this.#nominations.set(pod.uid, { nodeName, key: pod.key, needs });
  }

  withdraw(uid: string): void {
    this.#nominations.delete(uid);
  }

  nominatedTo(uid: string): string | undefined {
    return this.#nominations.get(uid)?.nodeName;
  }

  /** Withdraws the nominations of less important Pods to a node; returns their keys. */
  displace(nodeName: string, priority: number): readonly string[] {
    const displaced: string[] = [];
    for (const [uid, { nodeName: name, key, needs }] of this.#nominations) {
      if (name !== nodeName || needs.priority >= priority) continue;
      this.#nominations.delete(uid);
      displaced.push(key);
    }
    return displaced;
  }

  /** Whether anybody could have to go for a Pod of this priority. */
  hasBelow(priority: number): boolean {
    for (const present of this.#priorities.keys()) if (present < priority) return true;
    return false;
  }

  /** Who is charged to a node. Costs O(all charged Pods): asked only when somebody is to be preempted. */
  placedOn(nodeName: string): readonly (Charge & { readonly uid: string })[] {
    const placed: (Charge & { readonly uid: string })[] = [];
    for (const [uid, charge] of this.#charges) if (charge.nodeName === nodeName) placed.push({ uid, ...charge });
    return placed;
  }

  /** The node a Pod is charged to. */
  chargedTo(uid: string): string | undefined {
    return this.#charges.get(uid)?.nodeName;
  }

  /** What is taken of a node for somebody who asks: also what is kept free for Pods that are not less important. */
  usageOf(nodeName: string, asking: Asking): Usage {
    const used = this.#used.get(nodeName) ?? { cpuMillis: 0, memoryBytes: 0, pods: 0 };
    if (this.#nominations.size === 0) return used;
    const sum = { ...used };
    for (const [uid, { nodeName: name, needs }] of this.#nominations) {
      if (name !== nodeName || uid === asking.uid || needs.priority < asking.priority) continue;
      sum.cpuMillis += needs.cpuMillis;
      sum.memoryBytes += needs.memoryBytes;
      sum.pods++;
      sum.ports = withPorts(sum.ports, needs.hostPorts, 1);
    }
    return sum;
  }

  /** The nodes that such Pods may run on. */
  eligibleNodes(needs: PodNeeds): readonly NodeView[] {
    return this.nodes().filter((node) => rejection(needs, node) === undefined);
  }

  /** Of the eligible nodes with room the one that would be least used (upstream's LeastAllocated score). */
  bestOf(eligible: readonly NodeView[], needs: PodNeeds, uid: string): string | undefined {
    const asking = { uid, priority: needs.priority };
    let best: NodeView | undefined;
    let bestScore = -Infinity;
    for (const node of eligible) {
      const used = this.usageOf(node.name, asking);
      if (shortages(needs, node, used).length > 0) continue;
      const score = freeShare(node, used, needs);
      if (score <= bestScore) continue;
      best = node;
      bestScore = score;
    }
    return best?.name;
  }

  place(needs: PodNeeds, uid: string): Placement {
    const nodeName = this.bestOf(this.eligibleNodes(needs), needs, uid);
    return nodeName === undefined ? this.#whyNot(needs, uid) : { type: 'fits', nodeName };
  }

  /** Upstream's FitError: how many nodes there are, and how many fail for each reason. */
  #whyNot(needs: PodNeeds, uid: string): Placement {
    const total = this.#nodes.size;
    if (total === 0) return { type: 'waits', reason: 'never', message: 'no nodes available to schedule pods' };
    const asking = { uid, priority: needs.priority };
    const counts = new Map<string, number>();
    let reason: 'room' | 'never' = 'never';
    for (const node of this.#nodes.values()) {
      const rejected = rejection(needs, node);
      if (rejected === undefined) reason = 'room';
      const texts = rejected === undefined ? shortages(needs, node, this.usageOf(node.name, asking)) : [rejected];
      for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1);
    }
    const list = [...counts].map(([text, count]) => `${count} ${text}`).toSorted();
    return { type: 'waits', reason, message: `0/${total} nodes are available: ${list.join(', ')}.` };
  }

  #add(nodeName: string, pod: Pick<PodNeeds, 'cpuMillis' | 'memoryBytes' | 'hostPorts'>, times: 1 | -1): void {
    const used = this.#used.get(nodeName) ?? { cpuMillis: 0, memoryBytes: 0, pods: 0 };
    used.cpuMillis += times * pod.cpuMillis;
    used.memoryBytes += times * pod.memoryBytes;
    used.pods += times;
    if (pod.hostPorts !== undefined) used.ports = withPorts(used.ports, pod.hostPorts, times);
    if (used.pods === 0) this.#used.delete(nodeName);
    else this.#used.set(nodeName, used);
  }
}

/** Whether a node is large enough when it is empty. */
export function couldFit(needs: PodNeeds, node: NodeView): boolean {
  return shortages(needs, node, { cpuMillis: 0, memoryBytes: 0, pods: 0 }).length === 0;
}

function freeShare(node: NodeView, used: Usage, needs: PodNeeds): number {
  const cpu = (node.cpuMillis - used.cpuMillis - needs.cpuMillis) / Math.max(1, node.cpuMillis);
  const memory = (node.memoryBytes - used.memoryBytes - needs.memoryBytes) / Math.max(1, node.memoryBytes);
  const pods = (node.pods - used.pods - 1) / Math.max(1, node.pods);
  return cpu + memory + pods;
}
