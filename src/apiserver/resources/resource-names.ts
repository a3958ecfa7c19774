import { qualifiedNameErrors } from '../../api/index.ts';
import type { Path, Problems } from './field-path.ts';
import { quantityOf } from './pod-template/known-quantities.ts';

const compute = ['cpu', 'memory', 'ephemeral-storage'];
const objects = [
  'pods',
  'resourcequotas',
  'services',
  'replicationcontrollers',
  'secrets',
  'configmaps',
  'persistentvolumeclaims',
  'services.nodeports',
  'services.loadbalancers',
];
const quotaNames: ReadonlySet<string> = new Set([
  ...compute.flatMap((name) => [name, `requests.${name}`, `limits.${name}`]),
  ...objects,
  'requests.storage',
]);
const unitNanos = 1_000_000_000n;

/** Upstream: `IsStandardQuotaResourceName`. */
export function isQuotaName(name: string): boolean {
  return quotaNames.has(name) || name.startsWith('hugepages-') || name.startsWith('requests.hugepages-');
}

/** Upstream: core validation `validateResourceName`. */
export function checkResourceName(name: string, path: Path, problems: Problems): void {
  const errors = qualifiedNameErrors(name);
  problems.allInvalid(path, name, errors);
  if (errors.length === 0 && !name.includes('/') && name !== 'storage' && !isQuotaName(name))
    problems.invalid(path, name, 'must be a standard resource type or fully qualified');
}

/** Upstream: `validateContainerResourceName`. */
export function checkContainerResourceName(name: string, path: Path, problems: Problems): void {
  const errors = qualifiedNameErrors(name);
  problems.allInvalid(path, name, errors);
  if (errors.length === 0 && !name.includes('/') && !compute.includes(name) && !name.startsWith('hugepages-'))
    problems.invalid(path, name, 'must be a standard resource for containers');
}

/** Upstream: `ValidateResourceQuantityValue`. */
export function checkAmount(name: string, text: string, path: Path, problems: Problems): void {
  const amount = quantityOf(text) ?? 0n;
  if (amount < 0n) problems.invalid(path, text, 'must be greater than or equal to 0');
  const isCount = objects.includes(name) || name.startsWith('count/') || isExtendedResource(name);
  if (isCount && amount % unitNanos !== 0n) problems.invalid(path, text, 'must be an integer');
}

/** Whether this is a resource that nodes offer besides the usual ones. Upstream: `IsExtendedResourceName`. */
export function isExtendedResource(name: string): boolean {
  if (!name.includes('/') || name.includes('kubernetes.io/') || name.startsWith('requests.')) return false;
  return qualifiedNameErrors(`requests.${name}`).length === 0;
}
