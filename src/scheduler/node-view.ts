import { quantityMillis, quantityValue, type Node, type Taint } from '../api/index.ts';

/** What scheduling sees of a Node. */
export interface NodeView {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Those that keep Pods away, with the ones that stand for `unschedulable` and not being ready. */
  readonly taints: readonly Taint[];
  readonly unschedulable: boolean;
  readonly cpuMillis: number;
  readonly memoryBytes: number;
  readonly pods: number;
}

/** Upstream: `pkg/apis/core/well_known_labels` and the node lifecycle controller, which turns conditions into taints. */
const notReadyTaint = 'node.kubernetes.io/not-ready';
export const unschedulableTaint: Taint = { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' };

export function nodeViewOf(node: Node): NodeView {
  const { allocatable = {}, conditions = [] } = node.status;
  const ready = conditions.some((condition) => condition.type === 'Ready' && condition.status === 'True');
  const taints = (node.spec.taints ?? []).filter((taint) => taint.effect !== 'PreferNoSchedule');
  // No controller of ours writes this taint, so a node that is not ready is taken to have it.
  const tainted = ready || taints.some((taint) => taint.key === notReadyTaint);
  return {
    name: node.metadata.name,
    labels: node.metadata.labels ?? {},
    taints: tainted ? taints : [...taints, { key: notReadyTaint, effect: 'NoSchedule' }],
    unschedulable: node.spec.unschedulable === true,
    cpuMillis: quantityMillis(allocatable['cpu'] ?? '0'),
    memoryBytes: quantityValue(allocatable['memory'] ?? '0'),
    pods: quantityValue(allocatable['pods'] ?? '0'),
  };
}

/** Heartbeats change a Node every few seconds; only what is in the view can make a Pod fit. */
export function isSameView(a: NodeView, b: NodeView): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
