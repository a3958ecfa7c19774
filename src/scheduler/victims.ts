import { withPorts } from '../api/index.ts';
import { shortages, type Usage } from './filters.ts';
import type { NodeView } from './node-view.ts';
import type { PodNeeds } from './pod-needs.ts';

/** A Pod that has a node. */
export interface PlacedPod extends Pick<PodNeeds, 'cpuMillis' | 'memoryBytes' | 'priority' | 'hostPorts'> {
  readonly uid: string;
  readonly key: string;
  /** RFC 3339; later than all others if it has not started. */
  readonly startTime: string;
  /** Its PodDisruptionBudget allows no disruption (or no further one). */
  readonly isProtected: boolean;
}

export interface Victims {
  readonly nodeName: string;
  /** The most important ones first. */
  readonly pods: readonly PlacedPod[];
}

/**
 * The fewest and least important Pods that must go from a node so that a more important one fits; undefined if that
 * does not help. Those whose PodDisruptionBudget would be violated are spared first. (Upstream: plugin
 * DefaultPreemption, `SelectVictimsOnNode`.)
 */
export function victimsOn(
  node: NodeView,
  needs: PodNeeds,
  placed: { readonly pods: readonly PlacedPod[]; readonly used: Usage },
): Victims | undefined {
  const lower = placed.pods.filter((pod) => pod.priority < needs.priority);
  if (lower.length === 0) return undefined;
  let used = lower.reduce((sum, pod) => plus(sum, pod, -1), placed.used);
  if (shortages(needs, node, used).length > 0) return undefined;
  const victims: PlacedPod[] = [];
  for (const pod of lower.toSorted((a, b) => Number(b.isProtected) - Number(a.isProtected) || byImportance(a, b))) {
    const withIt = plus(used, pod, 1);
    if (shortages(needs, node, withIt).length === 0) used = withIt;
    else victims.push(pod);
  }
  return { nodeName: node.name, pods: victims.toSorted(byImportance) };
}

/**
 * Where the least is lost: fewest violated budgets, then the lowest of the highest priorities, the smallest sum of
 * priorities, the fewest Pods, the most important one that started last. (Upstream: `pickOneNodeForPreemption`.)
 */
export function leastLoss(candidates: readonly Victims[]): Victims | undefined {
  return candidates.toSorted((a, b) => {
    const [x, y] = [lossOf(a), lossOf(b)];
    for (const [at, value] of x.entries()) if (value !== y[at]) return value - (y[at] ?? 0);
    return startOf(b).localeCompare(startOf(a));
  })[0];
}

/** Priorities are counted from the lowest there can be, so that more Pods always weigh more. */
const lowestPriority = -(2 ** 31);

function lossOf({ pods }: Victims): readonly number[] {
  return [
    pods.filter((pod) => pod.isProtected).length,
    pods[0]?.priority ?? lowestPriority,
    pods.reduce((sum, pod) => sum + pod.priority - lowestPriority + 1, 0),
    pods.length,
  ];
}

/** When the first of the Pods of the highest priority started. */
function startOf({ pods }: Victims): string {
  return pods[0]?.startTime ?? '';
}

/** Upstream: `MoreImportantPod`. */
function byImportance(a: PlacedPod, b: PlacedPod): number {
  return b.priority - a.priority || a.startTime.localeCompare(b.startTime) || a.key.localeCompare(b.key);
}

function plus(used: Usage, pod: PlacedPod, times: 1 | -1): Usage {
  return {
    cpuMillis: used.cpuMillis + times * pod.cpuMillis,
    memoryBytes: used.memoryBytes + times * pod.memoryBytes,
    pods: used.pods + times,
    ports: withPorts(used.ports, pod.hostPorts, times),
  };
}
