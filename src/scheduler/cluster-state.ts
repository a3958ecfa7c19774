import type { Node } from '../api/index.ts';
import { rejection, shortages, type Usage } from './filters.ts';
import { isSameView, nodeViewOf, type NodeView } from './node-view.ts';
import type { PodNeeds } from './pod-needs.ts';

export type Placement =
  | { readonly type: 'fits'; readonly nodeName: string }
  /** `room`: an emptier node would do. `never`: no node there is would do. */
  | { readonly type: 'waits'; readonly reason: 'room' | 'never'; readonly message: string };

interface Charge {
  readonly nodeName: string;
  readonly cpuMillis: number;
  readonly memoryBytes: number;
}

type MutableUsage = { -readonly [key in keyof Usage]: number };

/**
 * The nodes and what is taken of each: sums that are kept with every change, never counted anew. A Pod is charged from
 * the decision on (before its binding is written, let alone seen) until it is finished or gone.
 */
export class ClusterState {
  readonly #nodes = new Map<string, NodeView>();
  readonly #used = new Map<string, MutableUsage>();
  readonly #charges = new Map<string, Charge>();
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
  charge(uid: string, nodeName: string, needs: Pick<PodNeeds, 'cpuMillis' | 'memoryBytes'>): void {
    this.release(uid);
    const { cpuMillis, memoryBytes } = needs;
    this.#charges.set(uid, { nodeName, cpuMillis, memoryBytes });
    this.#add(nodeName, { cpuMillis, memoryBytes, pods: 1 });
  }

  /** True if the Pod was charged. */
  release(uid: string): boolean {
    const charge = this.#charges.get(uid);
    if (charge === undefined) return false;
    this.#charges.delete(uid);
    this.#add(charge.nodeName, { cpuMillis: -charge.cpuMillis, memoryBytes: -charge.memoryBytes, pods: -1 });
    return true;
  }

  /** The node a Pod is charged to. */
  chargedTo(uid: string): string | undefined {
    return this.#charges.get(uid)?.nodeName;
  }

  usageOf(nodeName: string): Usage {
    return this.#used.get(nodeName) ?? { cpuMillis: 0, memoryBytes: 0, pods: 0 };
  }

  /** The nodes that such Pods may run on. */
  eligibleNodes(needs: PodNeeds): readonly NodeView[] {
    return this.nodes().filter((node) => rejection(needs, node) === undefined);
  }

  /** Of the eligible nodes with room the one that would be least used (upstream's LeastAllocated score). */
  bestOf(eligible: readonly NodeView[], needs: PodNeeds): string | undefined {
    let best: NodeView | undefined;
    let bestScore = -Infinity;
    for (const node of eligible) {
      const used = this.usageOf(node.name);
      if (shortages(needs, node, used).length > 0) continue;
      const score = freeShare(node, used, needs);
      if (score <= bestScore) continue;
      best = node;
      bestScore = score;
    }
    return best?.name;
  }

  place(needs: PodNeeds): Placement {
    const nodeName = this.bestOf(this.eligibleNodes(needs), needs);
    return nodeName === undefined ? this.#whyNot(needs) : { type: 'fits', nodeName };
  }

  /** Upstream's FitError: how many nodes there are, and how many fail for each reason. */
  #whyNot(needs: PodNeeds): Placement {
    const total = this.#nodes.size;
    if (total === 0) return { type: 'waits', reason: 'never', message: 'no nodes available to schedule pods' };
    const counts = new Map<string, number>();
    let reason: 'room' | 'never' = 'never';
    for (const node of this.#nodes.values()) {
      const rejected = rejection(needs, node);
      if (rejected === undefined) reason = 'room';
      const texts = rejected === undefined ? shortages(needs, node, this.usageOf(node.name)) : [rejected];
      for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1);
    }
    const list = [...counts].map(([text, count]) => `${count} ${text}`).toSorted();
    return { type: 'waits', reason, message: `0/${total} nodes are available: ${list.join(', ')}.` };
  }

  #add(nodeName: string, { cpuMillis, memoryBytes, pods }: Usage): void {
    const used = this.#used.get(nodeName);
    if (used === undefined) {
      this.#used.set(nodeName, { cpuMillis, memoryBytes, pods });
      return;
    }
    used.cpuMillis += cpuMillis;
    used.memoryBytes += memoryBytes;
    used.pods += pods;
    if (used.pods === 0) this.#used.delete(nodeName);
  }
}

function freeShare(node: NodeView, used: Usage, needs: PodNeeds): number {
  const cpu = (node.cpuMillis - used.cpuMillis - needs.cpuMillis) / Math.max(1, node.cpuMillis);
  const memory = (node.memoryBytes - used.memoryBytes - needs.memoryBytes) / Math.max(1, node.memoryBytes);
  const pods = (node.pods - used.pods - 1) / Math.max(1, node.pods);
  return cpu + memory + pods;
}
