import {
  dns1123SubdomainErrors,
  resources,
  type Amounts,
  type FieldError,
  type ResourceQuota,
  type ResourceQuotaSpec,
} from '../../api/index.ts';
import { defineKind } from './define-kind.ts';
import { child, keyed, Problems, rootPath, type Path } from './field-path.ts';
import { checkAmount, checkResourceName, isQuotaName } from './resource-names.ts';
import { age, ageColumn, column, nameColumn } from './table-columns.ts';
import { checkImmutable, listOf } from './value-rules.ts';

const podScopes = ['Terminating', 'NotTerminating', 'BestEffort', 'NotBestEffort'];
const scopes = [...podScopes, 'PriorityClass', 'CrossNamespacePodAffinity'];
const conflicts = [
  ['BestEffort', 'NotBestEffort'],
  ['Terminating', 'NotTerminating'],
] as const;
const podCompute = ['cpu', 'memory'].flatMap((name) => [name, `limits.${name}`, `requests.${name}`]);

/** Upstream: core validation `ValidateResourceQuotaSpec`. */
function validate({ spec }: ResourceQuota): readonly FieldError[] {
  const problems = new Problems();
  const path = rootPath('spec');
  checkAmounts(spec?.hard, child(path, 'hard'), problems);
  checkScopes(spec ?? {}, child(path, 'scopes'), problems);
  checkSelector(spec ?? {}, child(child(path, 'scopeSelector'), 'matchExpressions'), problems);
  return problems.errors;
}

function checkAmounts(amounts: Amounts | undefined, path: Path, problems: Problems): void {
  for (const [name, amount] of Object.entries(amounts ?? {})) {
    checkResourceName(name, keyed(path, name), problems);
    if (!name.includes('/') && !isQuotaName(name))
      problems.invalid(keyed(path, name), name, 'must be a standard resource for quota');
    checkAmount(name, amount, keyed(path, name), problems);
  }
}

function checkScopes(spec: ResourceQuotaSpec, path: Path, problems: Problems): void {
  for (const scope of listOf(spec.scopes)) {
    if (!scopes.includes(scope)) problems.invalid(path, spec.scopes, 'unsupported scope');
    for (const _name of unscoped(scope, spec))
      problems.invalid(path, spec.scopes, 'unsupported scope applied to resource');
  }
  checkConflicts(listOf(spec.scopes), spec.scopes, { path, problems });
}

/** What a quota of this scope cannot count (upstream: `IsResourceQuotaScopeValidForResource`). */
function unscoped(scope: string, spec: ResourceQuotaSpec): readonly string[] {
  const standard = Object.keys(spec.hard ?? {}).filter(isQuotaName);
  if (!scopes.includes(scope)) return [];
  const countable = scope === 'BestEffort' ? ['pods'] : ['pods', ...podCompute];
  return standard.filter((name) => !countable.includes(name));
}

function checkConflicts(
  given: readonly string[],
  shown: unknown,
  to: { readonly path: Path; readonly problems: Problems },
): void {
  for (const pair of conflicts)
    if (pair.every((scope) => given.includes(scope))) to.problems.invalid(to.path, shown, 'conflicting scopes');
}

/** Upstream: `validateScopedResourceSelectorRequirement`. */
function checkSelector(spec: ResourceQuotaSpec, path: Path, problems: Problems): void {
  const requirements = listOf(spec.scopeSelector?.matchExpressions);
  for (const { scopeName, operator, values } of requirements) {
    if (!scopes.includes(scopeName)) problems.invalid(child(path, 'scopeName'), scopeName, 'unsupported scope');
    for (const _name of unscoped(scopeName, spec))
      problems.invalid(path, spec.scopeSelector, 'unsupported scope applied to resource');
    if ([...podScopes, 'CrossNamespacePodAffinity'].includes(scopeName) && operator !== 'Exists')
      problems.invalid(
        child(path, 'operator'),
        operator,
        "must be 'Exist' only operator when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity",
      );
    checkValues(operator, listOf(values), { path, problems });
  }
  checkConflicts(
    requirements.map(({ scopeName }) => scopeName),
    spec.scopes,
    { path, problems },
  );
}

function checkValues(
  operator: string,
  values: readonly string[],
  { path, problems }: { readonly path: Path; readonly problems: Problems },
): void {
  if (operator === 'In' || operator === 'NotIn') {
    const text = "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector";
    if (values.length === 0) problems.required(child(path, 'values'), text);
  } else if (operator === 'Exists' || operator === 'DoesNotExist') {
    const text = "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector";
    if (values.length > 0) problems.invalid(child(path, 'values'), values, text);
  } else problems.invalid(child(path, 'operator'), operator, 'not a valid selector operator');
}

/** Upstream: `ValidateResourceQuotaUpdate`. */
function validateUpdate(next: ResourceQuota, old: ResourceQuota): readonly FieldError[] {
  const problems = new Problems();
  const path = child(rootPath('spec'), 'scopes');
  checkImmutable(listOf(next.spec?.scopes).toSorted(), listOf(old.spec?.scopes).toSorted(), path, problems);
  return problems.errors;
}

/** Upstream: `ValidateResourceQuotaStatusUpdate`. */
function validateStatusUpdate({ status }: ResourceQuota): readonly FieldError[] {
  const problems = new Problems();
  for (const side of ['hard', 'used'] as const) checkAmounts(status?.[side], child(rootPath('status'), side), problems);
  return problems.errors;
}

/** Upstream: `printResourceQuota`. */
function usageText({ status = {} }: ResourceQuota, side: 'requests' | 'limits'): string {
  const names = Object.keys(status.hard ?? {}).filter((name) => name.includes('limits') === (side === 'limits'));
  return names
    .toSorted()
    .map((name) => `${name}: ${status.used?.[name] ?? '0'}/${status.hard?.[name] ?? '0'}`)
    .join(', ');
}

export const resourceQuota = defineKind<ResourceQuota>({
  resource: resources.resourceQuotas,
  singular: 'resourcequota',
  shortNames: ['quota'],
  hasStatus: true,
  hasGeneration: false,
  allowUnconditionalUpdate: true,
  allowCreateOnUpdate: false,
  validateName: dns1123SubdomainErrors,
  prepareForCreate: (draft) => {
    draft.status = {};
  },
  validate,
  validateUpdate,
  validateStatusUpdate,
  table: {
    columns: [
      nameColumn,
      column('Request', 'What is used and allowed, but for limits.'),
      column('Limit', 'What the limits of all containers come to, and may.'),
      ageColumn,
    ],
    cells: (object, nowMs) => [
      object.metadata.name,
      usageText(object, 'requests'),
      usageText(object, 'limits'),
      age(object, nowMs),
    ],
  },
  deletion: { answersObject: true },
});
