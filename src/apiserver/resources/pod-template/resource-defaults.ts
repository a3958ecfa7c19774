import type { Container, ResourceRequirements } from '../../../api/index.ts';
import { withFields } from './copy-on-write.ts';
import { canonicalQuantity } from './known-quantities.ts';

type ResourceList = Readonly<Record<string, string>>;

/** Quantities in canonical form, as upstream's decoding leaves them (`1000m` is `1`). Bad ones stay for validation. */
function canonicalList(list: ResourceList | undefined): Record<string, string> | undefined {
  if (list === undefined || list === null) return undefined;
  let result: Record<string, string> | undefined;
  for (const [name, text] of Object.entries(list)) {
    const canonical = canonicalQuantity(text);
    if (canonical === text) continue;
    result ??= { ...list };
    result[name] = canonical;
  }
  return result ?? list;
}

export function withResourceDefaults(resources: ResourceRequirements | undefined): ResourceRequirements {
  if (resources === undefined || resources === null) return {};
  return withFields(resources, {
    limits: canonicalList(resources.limits),
    requests: canonicalList(resources.requests),
  });
}

/** Requests that are not given equal the limits. Upstream does this on Pods only, not in templates. */
export function withRequestsFromLimits(container: Container): Container {
  const limits = container.resources?.limits;
  if (limits === undefined || limits === null) return container;
  const requests = container.resources?.requests;
  if (Object.keys(limits).every((name) => requests?.[name] !== undefined)) return container;
  return { ...container, resources: { ...container.resources, requests: { ...limits, ...requests } } };
}
