import type { PolicyRule } from '../../../api/index.ts';
import { child, item, rootPath, type Path, type Problems } from '../field-path.ts';
import { listOf } from '../value-rules.ts';

const empty = (list: readonly unknown[] | undefined): boolean => listOf(list).length === 0;

/** Upstream: rbac validation `ValidatePolicyRule`, for all rules of a Role (`namespaced`) or ClusterRole. */
export function checkRules(
  rules: readonly PolicyRule[] | undefined,
  problems: Problems,
  scope: 'namespaced' | 'cluster',
): void {
  listOf(rules).forEach((rule, position) => checkRule(rule, item(rootPath('rules'), position), { problems, scope }));
}

function checkRule(
  rule: PolicyRule,
  path: Path,
  { problems, scope }: { readonly problems: Problems; readonly scope: 'namespaced' | 'cluster' },
): void {
  const { verbs, nonResourceURLs, apiGroups, resources, resourceNames } = rule;
  if (empty(verbs)) problems.required(child(path, 'verbs'), 'verbs must contain at least one value');
  if (!empty(nonResourceURLs)) {
    const urls = child(path, 'nonResourceURLs');
    if (scope === 'namespaced')
      problems.invalid(urls, nonResourceURLs, 'namespaced rules cannot apply to non-resource URLs');
    if (!empty(apiGroups) || !empty(resources) || !empty(resourceNames))
      problems.invalid(urls, nonResourceURLs, 'rules cannot apply to both regular resources and non-resource URLs');
    return;
  }
  if (empty(apiGroups))
    problems.required(child(path, 'apiGroups'), 'resource rules must supply at least one api group');
  if (empty(resources)) problems.required(child(path, 'resources'), 'resource rules must supply at least one resource');
}
