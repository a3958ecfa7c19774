import type { PolicyRule } from '../../api/index.ts';
import { combinedResource, type Attributes, type RequestedResource } from './attributes.ts';

const all = '*';

/** Whether one rule permits a request (upstream: rbac `RuleAllows`). */
export function ruleAllows(rule: PolicyRule, { verb, path, resource }: Attributes): boolean {
  if (!includes(rule.verbs, verb)) return false;
  if (resource === undefined) return (rule.nonResourceURLs ?? []).some((pattern) => urlCovers(pattern, path));
  return (
    includes(rule.apiGroups, resource.group) &&
    hasResource(rule, resource) &&
    hasName(rule.resourceNames, resource.name)
  );
}

function includes(list: readonly string[] | undefined, wanted: string): boolean {
  return list !== undefined && (list.includes(wanted) || list.includes(all));
}

function hasResource({ resources = [] }: PolicyRule, wanted: RequestedResource): boolean {
  const { subresource } = wanted;
  const combined = combinedResource(wanted);
  return resources.some((one) => one === all || one === combined || (subresource && one === `*/${subresource}`));
}

function hasName(names: readonly string[] | undefined, wanted: string | undefined): boolean {
  return names === undefined || names.length === 0 || names.includes(wanted ?? '');
}

/** A pattern ends in a star, or is meant to the letter. */
export function urlCovers(pattern: string, path: string): boolean {
  return pattern === path || (pattern.endsWith(all) && path.startsWith(pattern.replace(/\*+$/, '')));
}
