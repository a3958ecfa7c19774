import { failure, type ApiError, type StatusCause } from '../status.ts';
import { hasPath, type FieldSet } from './field-set.ts';
import { forEachPath, managerId, type Manager } from './managers.ts';
import { compareTexts, printPath } from './path-element.ts';

/** A field that somebody applies and another manager owns with another value. */
export interface Conflict {
  readonly manager: Manager;
  readonly path: readonly string[];
}

/** By manager, in the order of their identities. */
export function conflictsOf(sets: readonly { readonly manager: Manager; readonly fields: FieldSet }[]): Conflict[] {
  const sorted = [...sets].sort((a, b) => compareTexts(managerId(a.manager), managerId(b.manager)));
  const conflicts: Conflict[] = [];
  for (const { manager, fields } of sorted) forEachPath(fields, (path) => conflicts.push({ manager, path }));
  return conflicts;
}

export function conflictsOutside(conflicts: readonly Conflict[], allowed: FieldSet): readonly Conflict[] {
  return conflicts.filter(({ path }) => !hasPath(allowed, path));
}

/** Upstream's answer to an apply that is not forced: 409 with one cause a field. */
export function applyConflict(conflicts: readonly Conflict[]): ApiError {
  const causes = conflicts.map(({ manager, path }): StatusCause => ({
    reason: 'FieldManagerConflict',
    message: `conflict with ${printManager(manager)}`,
    field: printPath(path),
  }));
  return failure({ code: 409, reason: 'Conflict', message: messageOf(conflicts), details: { causes } });
}

function messageOf(conflicts: readonly Conflict[]): string {
  const [first] = conflicts;
  if (first !== undefined && conflicts.length === 1) {
    return `Apply failed with 1 conflict: conflict with ${printManager(first.manager)}: ${printPath(first.path)}`;
  }
  const lines: string[] = [];
  let last: Manager | undefined;
  for (const { manager, path } of conflicts) {
    if (manager !== last) lines.push(`conflicts with ${printManager(manager)}:`);
    lines.push(`- ${printPath(path)}`);
    last = manager;
  }
  return `Apply failed with ${conflicts.length} conflicts: ${lines.join('\n')}`;
}

function printManager({ manager, operation, apiVersion, subresource }: Manager): string {
  const name = JSON.stringify(manager);
  const where = subresource === undefined ? name : `${name} with subresource ${JSON.stringify(subresource)}`;
  return operation === 'Update' ? `${where} using ${apiVersion}` : where;
}
