import type { PolicyRule } from '../../api/index.ts';
import { urlCovers } from './rule-matching.ts';

/** Everything there is. */
export const fullAuthority: readonly PolicyRule[] = [
  { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
  { verbs: ['*'], nonResourceURLs: ['*'] },
];

/** What of `wanted` no rule of `owned` holds, in the smallest pieces (upstream: rbac validation `Covers`). */
export function uncovered(owned: readonly PolicyRule[], wanted: readonly PolicyRule[]): readonly PolicyRule[] {
  return wanted.flatMap(pieces).filter((piece) => !owned.some((rule) => covers(rule, piece)));
}

/** One verb, one resource of one group, and one name if there are names; or one verb and one URL. */
function pieces({ verbs, apiGroups, resources, resourceNames, nonResourceURLs }: PolicyRule): PolicyRule[] {
  const named = (resourceNames ?? []).map((name): Partial<PolicyRule> => ({ resourceNames: [name] }));
  const found: PolicyRule[] = [];
  for (const group of apiGroups ?? []) {
    for (const resource of resources ?? []) {
      for (const verb of verbs ?? []) {
        for (const more of named.length === 0 ? [{}] : named)
          found.push({ apiGroups: [group], resources: [resource], verbs: [verb], ...more });
      }
    }
  }
  for (const url of nonResourceURLs ?? [])
    for (const verb of verbs ?? []) found.push({ nonResourceURLs: [url], verbs: [verb] });
  return found;
}

function covers(rule: PolicyRule, piece: PolicyRule): boolean {
  const { resourceNames = [] } = rule;
  return (
    hasAll(rule.verbs, piece.verbs) &&
    hasAll(rule.apiGroups, piece.apiGroups) &&
    (piece.resources ?? []).every((resource) => hasResource(rule.resources ?? [], resource)) &&
    (resourceNames.length === 0 ||
      (piece.resourceNames !== undefined && piece.resourceNames.every((name) => resourceNames.includes(name)))) &&
    (piece.nonResourceURLs ?? []).every((url) =>
      (rule.nonResourceURLs ?? []).some((pattern) => urlCovers(pattern, url)),
    )
  );
}

function hasAll(list: readonly string[] = [], wanted: readonly string[] = []): boolean {
  return list.includes('*') || wanted.every((one) => list.includes(one));
}

function hasResource(list: readonly string[], wanted: string): boolean {
  if (list.includes('*') || list.includes(wanted)) return true;
  const slash = wanted.indexOf('/');
  return slash >= 0 && list.includes(`*${wanted.slice(slash)}`);
}

/** Puts verbs of the same resource together again, for people to read (upstream: `CompactRules`, `CompactString`). */
export function describeRules(rules: readonly PolicyRule[]): string {
  const simple = new Map<string, PolicyRule>();
  const compact: PolicyRule[] = [];
  for (const rule of rules) {
    if (rule.resourceNames !== undefined || rule.nonResourceURLs !== undefined) {
      compact.push(rule);
      continue;
    }
    const key = `${rule.apiGroups?.[0]} ${rule.resources?.[0]}`;
    const before = simple.get(key);
    simple.set(key, before === undefined ? rule : { ...before, verbs: [...before.verbs, ...rule.verbs] });
  }
  const lines = [...compact, ...simple.values()].map(describeRule);
  return [...new Set(lines)].toSorted().join('\n');
}

function describeRule({ apiGroups, resources, nonResourceURLs, resourceNames, verbs }: PolicyRule): string {
  const parts = Object.entries({
    APIGroups: apiGroups,
    Resources: resources,
    NonResourceURLs: nonResourceURLs,
    ResourceNames: resourceNames,
    Verbs: verbs,
  });
  const shown = parts.flatMap(([name, list]) =>
    list === undefined || list.length === 0 ? [] : [`${name}:${goList(list)}`],
  );
  return `{${shown.join(', ')}}`;
}

/** `["a" "b"]`, as Go prints a list of texts. */
export function goList(texts: readonly string[]): string {
  return `[${texts.map((text) => JSON.stringify(text)).join(' ')}]`;
}
