import { dns1123LabelErrors, qualifiedNameErrors } from '../../../api/index.ts';
import type { ResourceRequirements } from '../../../api/index.ts';
import { child, item, keyed } from '../field-path.ts';
import type { Path, Problems } from '../field-path.ts';
import { isUnset, listOf } from '../value-rules.ts';
import { quantityOf } from './known-quantities.ts';

const hugePages = 'hugepages-';
const standard: ReadonlySet<string> = new Set(['cpu', 'memory', 'ephemeral-storage']);
const unitNanos = 1_000_000_000n;
const malformedText = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";

/** Upstream: core validation `ValidateContainerResourceRequirements`. */
export function checkResources(resources: ResourceRequirements | undefined, path: Path, scope: ResourceScope): void {
  if (resources === undefined) return;
  const { limits, requests } = resources;
  if (limits !== undefined) checkAmounts(limits, child(path, 'limits'), scope.problems);
  if (requests !== undefined) checkAmounts(requests, child(path, 'requests'), scope.problems);
  if (requests !== undefined) checkRequests(requests, limits ?? {}, path, scope.problems);
  checkHugePages(resources, path, scope.problems);
  if (resources.claims !== undefined) checkClaims(resources, child(path, 'claims'), scope);
}

export interface ResourceScope {
  readonly problems: Problems;
  /** Names in spec.resourceClaims. */
  readonly claimNames: ReadonlySet<string>;
}

type Amounts = Readonly<Record<string, string>>;

function checkAmounts(amounts: Amounts, path: Path, problems: Problems): void {
  for (const [name, text] of Object.entries(amounts)) {
    const at = keyed(path, name);
    if (!standard.has(name)) checkResourceName(name, at, problems);
    const amount = quantityOf(text);
    if (amount === undefined) problems.invalid(at, text, malformedText);
    else if (amount < 0n) problems.invalid(at, text, 'must be greater than or equal to 0');
    else if (isExtended(name) && amount % unitNanos !== 0n) problems.invalid(at, text, 'must be an integer');
  }
}

function isExtended(name: string): boolean {
  return name.includes('/') && !name.includes('kubernetes.io/');
}

function isHugePages(name: string): boolean {
  return name.startsWith(hugePages);
}

function checkResourceName(name: string, path: Path, problems: Problems): void {
  const errors = qualifiedNameErrors(name);
  if (errors.length > 0) {
    problems.allInvalid(path, name, errors);
  } else if (!name.includes('/')) {
    if (!isHugePages(name)) problems.invalid(path, name, 'must be a standard resource for containers');
  } else if (!name.includes('kubernetes.io/') && (name.startsWith('requests.') || name.length > 253)) {
    problems.invalid(path, name, "doesn't follow extended resource name standard");
  }
}

/** Only cpu, memory and the like may be overcommitted; all else is given out whole. */
function mayOvercommit(name: string): boolean {
  return !isHugePages(name) && !isExtended(name);
}

function checkRequests(requests: Amounts, limits: Amounts, path: Path, problems: Problems): void {
  for (const [name, text] of Object.entries(requests)) {
    const limitText = limits[name];
    if (limitText === undefined) {
      if (!mayOvercommit(name)) {
        problems.required(child(path, 'limits'), 'Limit must be set for non overcommitable resources');
      }
      continue;
    }
    const request = quantityOf(text);
    const limit = quantityOf(limitText);
    if (request === undefined || limit === undefined || request === limit) continue;
    const at = child(path, 'requests');
    if (!mayOvercommit(name)) problems.invalid(at, text, `must be equal to ${name} limit of ${limitText}`);
    else if (request > limit) {
      problems.invalid(at, text, `must be less than or equal to ${name} limit of ${limitText}`);
    }
  }
}

function checkHugePages({ limits, requests }: ResourceRequirements, path: Path, problems: Problems): void {
  if (limits === undefined && requests === undefined) return;
  const names = [...Object.keys(limits ?? {}), ...Object.keys(requests ?? {})];
  if (!names.some(isHugePages) || names.includes('cpu') || names.includes('memory')) return;
  problems.forbidden(path, 'HugePages require cpu or memory');
}

/** Upstream: core validation `validateResourceClaimNames`. */
function checkClaims(resources: ResourceRequirements, path: Path, scope: ResourceScope): void {
  const { problems, claimNames } = scope;
  const seen = new Set<string>();
  for (const [position, claim] of listOf(resources.claims).entries()) {
    const at = item(path, position);
    if (isUnset(claim.name)) {
      problems.required(at);
      continue;
    }
    const key = isUnset(claim.request) ? claim.name : `${claim.name}/${claim.request}`;
    if (!isUnset(claim.request)) {
      problems.allInvalid(child(at, 'request'), claim.request, dns1123LabelErrors(claim.request));
    }
    if (seen.has(claim.name) || seen.has(key)) problems.duplicate(at, key);
    seen.add(key);
    if (!claimNames.has(claim.name)) problems.notFound(at, claim.name);
  }
}
