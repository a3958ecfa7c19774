import { labelSelectorToSelector, type ClusterRole, type PolicyRule } from '../../api/index.ts';

/**
 * The rules that a ClusterRole gathers: those of all others that one of its selectors chooses, by selector and name, each
 * once (upstream: pkg/controller/clusterroleaggregation). Undefined: it gathers nothing, or has exactly these.
 */
export function gatheredRules(role: ClusterRole, all: readonly ClusterRole[]): readonly PolicyRule[] | undefined {
  if (role.aggregationRule === undefined) return undefined;
  const others = all
    .filter(({ metadata }) => metadata.name !== role.metadata.name)
    .toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
  const gathered = new Map<string, PolicyRule>();
  for (const selector of role.aggregationRule.clusterRoleSelectors ?? []) {
    const chosen = labelSelectorToSelector(selector);
    for (const { metadata, rules = [] } of others) {
      if (!chosen.matches(metadata.labels)) continue;
      for (const rule of rules) gathered.set(JSON.stringify(sorted(rule)), rule);
    }
  }
  const rules = [...gathered.values()];
  const present = (role.rules ?? []).map((rule) => JSON.stringify(sorted(rule)));
  return JSON.stringify(present) === JSON.stringify([...gathered.keys()]) ? undefined : rules;
}

/** The same rule in the same words, whatever order its fields came in. */
function sorted({ verbs, apiGroups, resources, resourceNames, nonResourceURLs }: PolicyRule): readonly unknown[] {
  return [verbs, apiGroups ?? [], resources ?? [], resourceNames ?? [], nonResourceURLs ?? []];
}
