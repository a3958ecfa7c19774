import type { NodeSelectorRequirement, NodeSelectorTerm, Taint, Toleration } from '../api/index.ts';
import { conflict, type HostPort } from './host-ports.ts';
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
  if (!isSelected(needs, node)) return "node(s) didn't match Pod's node affinity/selector";
  return undefined;
}

/** What there is too little of (upstream's nodeports, then noderesources fit); empty if the Pod fits now. */
export function shortages(needs: PodNeeds, node: NodeView, used: Usage): readonly string[] {
  if (conflict(needs.hostPorts, used.ports)) return ["node(s) didn't have free ports for the requested pod ports"];
  const short: string[] = [];
  if (used.pods + 1 > node.pods) short.push('Too many pods');
  if (needs.cpuMillis > 0 && needs.cpuMillis > node.cpuMillis - used.cpuMillis) short.push('Insufficient cpu');
  if (needs.memoryBytes > 0 && needs.memoryBytes > node.memoryBytes - used.memoryBytes) {
    short.push('Insufficient memory');
  }
  return short;
}

/** core/v1 Toleration.ToleratesTaint. */
export function isTolerated(taint: Taint, tolerations: readonly Toleration[]): boolean {
  return tolerations.some((toleration) => {
    const { key = '', operator = 'Equal', value = '', effect = '' } = toleration;
    if (effect !== '' && effect !== taint.effect) return false;
    if (key !== '' && key !== taint.key) return false;
    if (operator === 'Exists') return true;
    return key !== '' && (operator === 'Equal' || operator === '') && value === (taint.value ?? '');
  });
}

function isSelected(needs: PodNeeds, node: NodeView): boolean {
  if (!Object.entries(needs.nodeSelector).every(([key, value]) => node.labels[key] === value)) return false;
  const terms = needs.requiredAffinity?.nodeSelectorTerms;
  return terms === undefined || terms.some((term) => matchesTerm(term, node));
}

/** All requirements of a term must hold; a term without any matches nothing. */
function matchesTerm(term: NodeSelectorTerm, node: NodeView): boolean {
  const { matchExpressions = [], matchFields = [] } = term;
  if (matchExpressions.length + matchFields.length === 0) return false;
  const fields: Readonly<Record<string, string>> = { 'metadata.name': node.name };
  return (
    matchExpressions.every((requirement) => meets(requirement, node.labels)) &&
    matchFields.every((requirement) => meets(requirement, fields))
  );
}

function meets(requirement: NodeSelectorRequirement, labels: Readonly<Record<string, string>>): boolean {
  const { key, operator, values = [] } = requirement;
  const value = labels[key];
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    case 'Gt':
    case 'Lt':
      return value !== undefined && compares(operator, value, values[0] ?? '');
    default:
      return false;
  }
}

/** Both sides must be whole numbers. */
function compares(operator: 'Gt' | 'Lt', value: string, bound: string): boolean {
  if (!/^[+-]?\d+$/.test(value) || !/^[+-]?\d+$/.test(bound)) return false;
  return operator === 'Gt' ? BigInt(value) > BigInt(bound) : BigInt(value) < BigInt(bound);
}
