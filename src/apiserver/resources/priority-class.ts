import {
  defaultPreemptionPolicy,
  dns1123SubdomainErrors,
  highestUserPriority,
  resources,
  systemPriorityClasses,
} from '../../api/index.ts';
import type { FieldError, PriorityClass } from '../../api/index.ts';
import { defineKind } from './define-kind.ts';
import { child, Problems, rootPath } from './field-path.ts';
import { checkChoice } from './pod-template/container-rules.ts';
import { preemptionPolicies } from './pod-template/pod-spec-rules.ts';
import { age, ageColumn, column, nameColumn } from './table-columns.ts';
import { checkImmutable } from './value-rules.ts';

const systemPrefix = 'system-';

/** Upstream: scheduling validation `ValidatePriorityClass`. */
function validate(object: PriorityClass): readonly FieldError[] {
  const problems = new Problems();
  const { metadata, value, preemptionPolicy } = object;
  if (metadata.name.startsWith(systemPrefix)) {
    const problem = systemProblem(object);
    const text = `priority class names with '${systemPrefix}' prefix are reserved for system use only. error: ${problem}`;
    if (problem !== undefined) problems.forbidden(child(rootPath('metadata'), 'name'), text);
  } else if (value > highestUserPriority) {
    const text = `maximum allowed value of a user defined priority is ${highestUserPriority}`;
    problems.forbidden(rootPath('value'), text);
  }
  if (preemptionPolicy !== undefined)
    checkChoice(preemptionPolicy, preemptionPolicies, rootPath('preemptionPolicy'), problems);
  return problems.errors;
}

/** Upstream: `IsKnownSystemPriorityClass`. */
function systemProblem({ metadata: { name }, value, globalDefault }: PriorityClass): string | undefined {
  const known = systemPriorityClasses.find((one) => one.metadata.name === name);
  if (known === undefined) return `${name} is not a known system priority class`;
  if (value !== known.value) return `value of ${name} PriorityClass must be ${known.value}`;
  return globalDefault === true ? `globalDefault of ${name} PriorityClass must be false` : undefined;
}

/** Upstream: `ValidatePriorityClassUpdate`. */
function validateUpdate(next: PriorityClass, old: PriorityClass): readonly FieldError[] {
  const problems = new Problems();
  if (next.value !== old.value) problems.forbidden(rootPath('value'), 'may not be changed in an update.');
  checkImmutable(next.preemptionPolicy, old.preemptionPolicy, rootPath('preemptionPolicy'), problems);
  return problems.errors;
}

export const priorityClass = defineKind<PriorityClass>({
  resource: resources.priorityClasses,
  singular: 'priorityclass',
  shortNames: ['pc'],
  hasStatus: false,
  hasGeneration: true,
  allowUnconditionalUpdate: true,
  allowCreateOnUpdate: false,
  validateName: dns1123SubdomainErrors,
  setDefaults: (draft) => {
    draft.value ??= 0;
    draft.preemptionPolicy ??= defaultPreemptionPolicy;
  },
  validate,
  validateUpdate,
  table: {
    columns: [
      nameColumn,
      column('Value', 'The higher, the more important.', 'integer'),
      column('Global-Default', 'Whether Pods that name no class have this one.', 'boolean'),
      ageColumn,
      column('PreemptionPolicy', 'Whether Pods of this class may take the place of others.'),
    ],
    cells: (object, nowMs) => [
      object.metadata.name,
      object.value,
      object.globalDefault ?? false,
      age(object, nowMs),
      object.preemptionPolicy ?? '',
    ],
  },
  deletion: {
    forbid: ({ metadata: { name } }) =>
      systemPriorityClasses.some((one) => one.metadata.name === name)
        ? 'this is a system priority class and cannot be deleted'
        : undefined,
  },
});
