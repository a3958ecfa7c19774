import { dns1123SubdomainErrors, resources } from '../../api/index.ts';
import type { FieldError, PodDisruptionBudget } from '../../api/index.ts';
import { defineKind } from './define-kind.ts';
import { child, Problems, rootPath, type Path } from './field-path.ts';
import { checkLabelSelector } from './label-selector-rules.ts';
import { age, ageColumn, column, nameColumn } from './table-columns.ts';
import { checkFieldNotNegative } from './value-rules.ts';

const policies = ['AlwaysAllow', 'IfHealthyBudget'];
const counts = ['disruptionsAllowed', 'currentHealthy', 'desiredHealthy', 'expectedPods'] as const;

/** Upstream: policy validation `ValidatePodDisruptionBudgetSpec`. */
function validate({ spec }: PodDisruptionBudget): readonly FieldError[] {
  const problems = new Problems();
  const path = rootPath('spec');
  const { minAvailable, maxUnavailable, selector, unhealthyPodEvictionPolicy: policy } = spec ?? {};
  if (minAvailable !== undefined && maxUnavailable !== undefined)
    problems.invalid(path, spec, 'minAvailable and maxUnavailable cannot be both set');
  if (minAvailable !== undefined) checkAmount(minAvailable, child(path, 'minAvailable'), problems);
  if (maxUnavailable !== undefined) checkAmount(maxUnavailable, child(path, 'maxUnavailable'), problems);
  if (selector !== undefined) checkLabelSelector(selector, child(path, 'selector'), problems);
  if (policy !== undefined && !policies.includes(policy))
    problems.notSupported(child(path, 'unhealthyPodEvictionPolicy'), policy, policies);
  return problems.errors;
}

const percent = /^[0-9]+%$/;

/** Upstream: apps validation `ValidatePositiveIntOrPercent` and `IsNotMoreThan100Percent`. */
function checkAmount(amount: number | string, path: Path, problems: Problems): void {
  if (typeof amount === 'number') {
    if (amount < 0) problems.invalid(path, amount, 'must be greater than or equal to 0');
  } else if (!percent.test(amount)) {
    const example = "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', ";
    problems.invalid(path, amount, `${example}regex used for validation is '[0-9]+%')`);
  } else if (Number.parseInt(amount, 10) > 100) problems.invalid(path, amount, 'must not be greater than 100%');
}

function validateStatus({ status }: PodDisruptionBudget): readonly FieldError[] {
  const problems = new Problems();
  for (const field of counts) checkFieldNotNegative(status[field], rootPath('status'), field, problems);
  return problems.errors;
}

export const podDisruptionBudget = defineKind<PodDisruptionBudget>({
  resource: resources.podDisruptionBudgets,
  singular: 'poddisruptionbudget',
  shortNames: ['pdb'],
  hasStatus: true,
  hasGeneration: true,
  allowUnconditionalUpdate: false,
  allowCreateOnUpdate: false,
  validateName: dns1123SubdomainErrors,
  setDefaults: (draft) => {
    const { disruptionsAllowed = 0, currentHealthy = 0, desiredHealthy = 0, expectedPods = 0 } = draft.status ?? {};
    draft.status = { ...draft.status, disruptionsAllowed, currentHealthy, desiredHealthy, expectedPods };
  },
  validate,
  validateStatusUpdate: validateStatus,
  table: {
    columns: [
      nameColumn,
      column('Min Available', 'How many must stay.'),
      column('Max Unavailable', 'How many may be missing.'),
      column('Allowed Disruptions', 'How many may be evicted now.', 'integer'),
      ageColumn,
    ],
    cells: ({ metadata, spec, status, ...object }, nowMs) => [
      metadata.name,
      String(spec?.minAvailable ?? 'N/A'),
      String(spec?.maxUnavailable ?? 'N/A'),
      status?.disruptionsAllowed ?? 0,
      age({ metadata, ...object }, nowMs),
    ],
  },
});
