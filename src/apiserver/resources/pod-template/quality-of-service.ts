import type { Container, PodSpec } from '../../../api/index.ts';
import { listOf } from '../value-rules.ts';
import { quantityOf } from './known-quantities.ts';

const counted = ['cpu', 'memory'] as const;

/** Guaranteed, Burstable or BestEffort. Upstream: core helper/qos `ComputePodQOS`. */
export function qualityOfService(spec: PodSpec): string {
  const containers = [...listOf(spec.containers), ...listOf(spec.initContainers)];
  if (spec.resources !== undefined && hasAny({ name: '', resources: spec.resources })) {
    return isGuaranteed({ name: '', resources: spec.resources }) ? 'Guaranteed' : 'Burstable';
  }
  if (!containers.some(hasAny)) return 'BestEffort';
  return containers.every(isGuaranteed) ? 'Guaranteed' : 'Burstable';
}

function amount(list: Readonly<Record<string, string>> | undefined, name: string): bigint {
  const text = list?.[name];
  return text === undefined ? 0n : (quantityOf(text) ?? 0n);
}

function hasAny(container: Container): boolean {
  const { resources } = container;
  if (resources?.limits === undefined && resources?.requests === undefined) return false;
  return counted.some((name) => amount(resources.limits, name) > 0n || amount(resources.requests, name) > 0n);
}

/** Limits for all that is counted, and requests (which default to the limits) equal to them. */
function isGuaranteed(container: Container): boolean {
  return counted.every((name) => {
    const limit = amount(container.resources?.limits, name);
    return limit > 0n && amount(container.resources?.requests, name) === limit;
  });
}
