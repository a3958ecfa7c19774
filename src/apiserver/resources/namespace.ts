import { dns1123LabelErrors, resources } from '../../api/index.ts';
import type { FieldError, Namespace } from '../../api/index.ts';
import { defineKind } from './define-kind.ts';
import { child, item, Problems, rootPath } from './field-path.ts';
import { age, ageColumn, column, nameColumn } from './table-columns.ts';
import { qualifiedFinalizerErrors } from './finalizer-names.ts';

const nameLabel = 'kubernetes.io/metadata.name';
const undeletable: ReadonlySet<string> = new Set(['default', 'kube-system', 'kube-public']);

function setDefaults(draft: Namespace): void {
  draft.spec ??= {};
  draft.status ??= {};
  if (draft.status.phase === undefined || draft.status.phase === '')
    draft.status = { ...draft.status, phase: 'Active' };
  const name = draft.metadata.name;
  // The name of a generated one is not known yet; prepareForCreate labels it.
  if (name !== undefined && name !== '') labelWithName(draft, name);
}

function labelWithName(draft: Namespace, name: string): void {
  if (draft.metadata.labels?.[nameLabel] === name) return;
  draft.metadata = { ...draft.metadata, labels: { ...draft.metadata.labels, [nameLabel]: name } };
}

function prepareForCreate(draft: Namespace): void {
  draft.status = { phase: 'Active' };
  const finalizers = draft.spec.finalizers ?? [];
  if (!finalizers.includes('kubernetes')) draft.spec = { ...draft.spec, finalizers: [...finalizers, 'kubernetes'] };
  labelWithName(draft, draft.metadata.name);
}

function validate(object: Namespace): readonly FieldError[] {
  const problems = new Problems();
  const path = child(rootPath('spec'), 'finalizers');
  for (const [position, name] of (object.spec.finalizers ?? []).entries()) {
    problems.allInvalid(item(path, position), name, qualifiedFinalizerErrors(name));
  }
  return problems.errors;
}

/** Upstream: core validation `ValidateNamespaceStatusUpdate`. */
function validateStatusUpdate(next: Namespace): readonly FieldError[] {
  const problems = new Problems();
  const path = child(rootPath('status'), 'Phase');
  const isDeleted = next.metadata.deletionTimestamp !== undefined;
  if (isDeleted && next.status.phase !== 'Terminating') {
    problems.invalid(path, next.status.phase, "may only be 'Terminating' if `deletionTimestamp` is not empty");
  }
  if (!isDeleted && next.status.phase !== 'Active') {
    problems.invalid(path, next.status.phase, "may only be 'Active' if `deletionTimestamp` is empty");
  }
  return problems.errors;
}

export const namespace = defineKind<Namespace>({
  resource: resources.namespaces,
  singular: 'namespace',
  shortNames: ['ns'],
  hasStatus: true,
  hasGeneration: false,
  allowUnconditionalUpdate: true,
  allowCreateOnUpdate: false,
  validateName: dns1123LabelErrors,
  setDefaults,
  prepareForCreate,
  prepareForUpdate: (next, old) => {
    // Only `namespaces/finalize` takes spec.finalizers.
    next.spec = { ...next.spec, finalizers: old.spec.finalizers };
  },
  validate,
  validateStatusUpdate,
  fieldLabels: { 'status.phase': (object) => object.status.phase ?? '' },
  table: {
    columns: [nameColumn, column('Status', 'Whether the namespace is in use or being emptied.'), ageColumn],
    cells: (object, nowMs) => [object.metadata.name, object.status.phase ?? '', age(object, nowMs)],
  },
  deletion: {
    answersObject: true,
    oneByOne: true,
    forbid: (object) => (undeletable.has(object.metadata.name) ? 'this namespace may not be deleted' : undefined),
    onDeletionStart: (next) => {
      next.status = { ...next.status, phase: 'Terminating' };
    },
    heldBack: (object) => (object.spec.finalizers?.length ?? 0) > 0,
  },
});
