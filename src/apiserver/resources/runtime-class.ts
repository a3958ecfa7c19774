import {
  dns1123LabelErrors,
  dns1123SubdomainErrors,
  resources,
  type FieldError,
  type RuntimeClass,
} from '../../api/index.ts';
import { defineKind } from './define-kind.ts';
import { child, Problems, rootPath } from './field-path.ts';
import { checkResources } from './pod-template/resource-rules.ts';
import { checkLabels, checkTolerations } from './pod-template/scheduling-rules.ts';
import { age, ageColumn, column, nameColumn } from './table-columns.ts';
import { checkImmutable } from './value-rules.ts';

/** Upstream: node validation `ValidateRuntimeClass`. */
function validate({ handler = '', overhead, scheduling }: RuntimeClass): readonly FieldError[] {
  const problems = new Problems();
  problems.allInvalid(rootPath('handler'), handler, dns1123LabelErrors(handler));
  if (overhead?.podFixed !== undefined) {
    const claimNames = new Set<string>();
    checkResources({ limits: overhead.podFixed }, child(rootPath('overhead'), 'podFixed'), { problems, claimNames });
  }
  const path = rootPath('scheduling');
  if (scheduling?.nodeSelector !== undefined)
    checkLabels(scheduling.nodeSelector, child(path, 'nodeSelector'), problems);
  if (scheduling?.tolerations !== undefined)
    checkTolerations(scheduling.tolerations, child(path, 'tolerations'), problems);
  return problems.errors;
}

/** Upstream: `ValidateRuntimeClassUpdate`. */
function validateUpdate(next: RuntimeClass, old: RuntimeClass): readonly FieldError[] {
  const problems = new Problems();
  checkImmutable(next.handler, old.handler, rootPath('handler'), problems);
  return problems.errors;
}

export const runtimeClass = defineKind<RuntimeClass>({
  resource: resources.runtimeClasses,
  singular: 'runtimeclass',
  hasStatus: false,
  hasGeneration: false,
  allowUnconditionalUpdate: true,
  allowCreateOnUpdate: false,
  validateName: dns1123SubdomainErrors,
  validate,
  validateUpdate,
  table: {
    columns: [nameColumn, column('Handler', 'The runtime that runs Pods of this class.'), ageColumn],
    cells: (object, nowMs) => [object.metadata.name, object.handler ?? '', age(object, nowMs)],
  },
});
