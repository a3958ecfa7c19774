import {
  compareQuantities,
  dns1123SubdomainErrors,
  qualifiedNameErrors,
  quantityMillis,
  resources,
  type Amounts,
  type FieldError,
  type LimitRange,
  type LimitRangeItem,
} from '../../api/index.ts';
import { defineKind } from './define-kind.ts';
import { child, item, keyed, Problems, rootPath, type Path } from './field-path.ts';
import { checkContainerResourceName, checkResourceName, isExtendedResource } from './resource-names.ts';
import { ageColumn, nameColumn } from './table-columns.ts';
import { listOf } from './value-rules.ts';

const types = ['Pod', 'Container', 'PersistentVolumeClaim'];
const sides = ['max', 'min', 'default', 'defaultRequest', 'maxLimitRequestRatio'] as const;

/** Upstream: core validation `ValidateLimitRange`. */
function validate({ spec }: LimitRange): readonly FieldError[] {
  const problems = new Problems();
  const path = child(rootPath('spec'), 'limits');
  const seen = new Set<string>();
  for (const [position, limit] of listOf(spec?.limits).entries()) {
    const at = item(path, position);
    checkType(limit.type, child(at, 'type'), problems);
    if (seen.has(limit.type)) problems.duplicate(child(at, 'type'), limit.type);
    seen.add(limit.type);
    checkNames(limit, at, problems);
    for (const name of namesIn(limit)) checkOrder(limit, name, { at, problems });
  }
  return problems.errors;
}

function checkType(type: string, path: Path, problems: Problems): void {
  const errors = qualifiedNameErrors(type);
  problems.allInvalid(path, type, errors);
  if (errors.length === 0 && !type.includes('/') && !types.includes(type))
    problems.invalid(path, type, 'must be a standard limit type or fully qualified');
}

function checkNames(limit: LimitRangeItem, at: Path, problems: Problems): void {
  const isCompute = limit.type === 'Pod' || limit.type === 'Container';
  for (const side of sides) {
    const path = child(at, side);
    if (limit.type === 'Pod' && side.startsWith('default')) {
      const given = Object.keys(limit[side] ?? {}).length > 0;
      if (given) problems.forbidden(path, "may not be specified when `type` is 'Pod'");
      continue;
    }
    for (const name of Object.keys(limit[side] ?? {}))
      (isCompute ? checkContainerResourceName : checkResourceName)(name, keyed(path, name), problems);
  }
  const isStorage = limit.type === 'PersistentVolumeClaim';
  if (isStorage && limit.min?.['storage'] === undefined && limit.max?.['storage'] === undefined)
    problems.required(
      child(at, 'limits'),
      'either minimum or maximum storage value is required, but neither was provided',
    );
}

function namesIn(limit: LimitRangeItem): readonly string[] {
  return [...new Set(sides.flatMap((side) => Object.keys(limit[side] ?? {})))].toSorted();
}

type Side = (typeof sides)[number];
/** The smaller side, the larger one, which of both is named, which value is shown, and the text. */
const orders: readonly (readonly [Side, Side, Side, Side, (low: string, high: string) => string])[] = [
  ['min', 'max', 'min', 'min', (low, high) => `min value ${low} is greater than max value ${high}`],
  [
    'min',
    'defaultRequest',
    'defaultRequest',
    'defaultRequest',
    (low, high) => `min value ${low} is greater than default request value ${high}`,
  ],
  [
    'defaultRequest',
    'max',
    'defaultRequest',
    'defaultRequest',
    (low, high) => `default request value ${low} is greater than max value ${high}`,
  ],
  [
    'defaultRequest',
    'default',
    'defaultRequest',
    'defaultRequest',
    (low, high) => `default request value ${low} is greater than default limit value ${high}`,
  ],
  ['min', 'default', 'default', 'min', (low, high) => `min value ${low} is greater than default value ${high}`],
  ['default', 'max', 'default', 'max', (low, high) => `default value ${low} is greater than max value ${high}`],
];

function checkOrder(limit: LimitRangeItem, name: string, to: { readonly at: Path; readonly problems: Problems }): void {
  const { at, problems } = to;
  const amount = (side: Side): string | undefined =>
    limit.type === 'Pod' && side.startsWith('default') ? undefined : limit[side]?.[name];
  for (const [lower, upper, named, shown, text] of orders) {
    const [low, high] = [amount(lower), amount(upper)];
    if (low === undefined || high === undefined || compareQuantities(low, high) <= 0) continue;
    problems.invalid(keyed(child(at, named), name), amount(shown), text(low, high));
  }
  checkRatio(amount('maxLimitRequestRatio'), [amount('min'), amount('max')], {
    path: keyed(child(at, 'maxLimitRequestRatio'), name),
    problems,
  });
  const [limitValue, request] = [amount('default'), amount('defaultRequest')];
  if (limitValue === undefined || request === undefined || mayOvercommit(name)) return;
  if (compareQuantities(limitValue, request) !== 0)
    problems.invalid(
      keyed(child(at, 'defaultRequest'), name),
      request,
      `default value ${limitValue} must equal to defaultRequest value ${request} in ${name}`,
    );
}

function checkRatio(
  ratio: string | undefined,
  [min, max]: readonly [string | undefined, string | undefined],
  { path, problems }: { readonly path: Path; readonly problems: Problems },
): void {
  if (ratio === undefined) return;
  if (compareQuantities(ratio, '1') < 0) problems.invalid(path, ratio, `ratio ${ratio} is less than 1`);
  if (min === undefined || max === undefined) return;
  const most = quantityMillis(max) / quantityMillis(min);
  if (quantityMillis(ratio) / 1000 > most)
    problems.invalid(path, ratio, `ratio ${ratio} is greater than max/min = ${most.toFixed(6)}`);
}

function mayOvercommit(name: string): boolean {
  return !name.startsWith('hugepages-') && !isExtendedResource(name);
}

/** Upstream: `SetDefaults_LimitRangeItem`. */
function withDefaults(limit: LimitRangeItem): LimitRangeItem {
  if (limit.type !== 'Container') return limit;
  const fallback: Amounts = { ...limit.max, ...limit.default };
  const request: Amounts = { ...limit.min, ...fallback, ...limit.defaultRequest };
  return {
    ...limit,
    ...(Object.keys(fallback).length > 0 && { default: fallback }),
    ...(Object.keys(request).length > 0 && { defaultRequest: request }),
  };
}

export const limitRange = defineKind<LimitRange>({
  resource: resources.limitRanges,
  singular: 'limitrange',
  shortNames: ['limits'],
  hasStatus: false,
  hasGeneration: false,
  allowUnconditionalUpdate: true,
  allowCreateOnUpdate: true,
  validateName: dns1123SubdomainErrors,
  setDefaults: (draft) => {
    if (draft.spec?.limits !== undefined) draft.spec = { ...draft.spec, limits: draft.spec.limits.map(withDefaults) };
  },
  validate,
  table: {
    columns: [nameColumn, { ...ageColumn, name: 'Created At', type: 'date' }],
    cells: ({ metadata }) => [metadata.name, metadata.creationTimestamp],
  },
});
