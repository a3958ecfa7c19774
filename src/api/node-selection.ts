import type {
  NodeSelector,
  NodeSelectorRequirement,
  NodeSelectorTerm,
  PodSpec,
  Taint,
  Toleration,
} from './generated/types.ts';

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

/** What a Pod demands of the node that it runs on. */
export interface NodeDemand {
  readonly nodeSelector: Readonly<Record<string, string>>;
  readonly requiredAffinity: NodeSelector | undefined;
}

export function nodeDemandOf({ nodeSelector = {}, affinity }: PodSpec): NodeDemand {
  return { nodeSelector, requiredAffinity: affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution };
}

interface NamedNode {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** Whether a node is one that such a Pod may run on (component-helpers `nodeaffinity`). */
export function selectsNode(demand: NodeDemand, node: NamedNode): boolean {
  if (!Object.entries(demand.nodeSelector).every(([key, value]) => node.labels[key] === value)) return false;
  const terms = demand.requiredAffinity?.nodeSelectorTerms;
  return terms === undefined || terms.some((term) => matchesTerm(term, node));
}

/** All requirements of a term must hold; a term without any matches nothing. */
function matchesTerm(term: NodeSelectorTerm, node: NamedNode): boolean {
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
