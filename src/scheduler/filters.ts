import { hostPortsConflict, isTolerated, selectsNode, type HostPort } from '../api/index.ts';
import { unschedulableTaint, type NodeView } from './node-view.ts';
import type { PodNeeds } from './pod-needs.ts';

/** What the Pods on a node ask for together. */
export interface Usage {
  readonly cpuMillis: number;
  readonly memoryBytes: number;
  readonly pods: number;
  /** Of the host. Absent: none. */
  readonly ports?: readonly HostPort[] | undefined;
}

/**
 * Why this node will not do for such Pods however empty it is, in upstream's words and order of its default filters
 * (`pkg/scheduler/framework/plugins`: nodeunschedulable, tainttoleration, nodeaffinity); undefined if it will.
 */
export function rejection(needs: PodNeeds, node: NodeView): string | undefined {
  if (node.unschedulable && !isTolerated(unschedulableTaint, needs.tolerations)) return 'node(s) were unschedulable';
  const taint = node.taints.find((candidate) => !isTolerated(candidate, needs.tolerations));
  if (taint !== undefined) return `node(s) had untolerated taint {${taint.key}: ${taint.value ?? ''}}`;
  if (!selectsNode(needs, node)) return "node(s) didn't match Pod's node affinity/selector";
  return undefined;
}

/** What there is too little of (upstream's nodeports, then noderesources fit); empty if the Pod fits now. */
export function shortages(needs: PodNeeds, node: NodeView, used: Usage): readonly string[] {
  if (hostPortsConflict(needs.hostPorts, used.ports))
    return ["node(s) didn't have free ports for the requested pod ports"];
  const short: string[] = [];
  if (used.pods + 1 > node.pods) short.push('Too many pods');
  if (needs.cpuMillis > 0 && needs.cpuMillis > node.cpuMillis - used.cpuMillis) short.push('Insufficient cpu');
  if (needs.memoryBytes > 0 && needs.memoryBytes > node.memoryBytes - used.memoryBytes) {
    short.push('Insufficient memory');
  }
  return short;
}
