import { hasChildren, leaf, newNode, self, type FieldSet } from './field-set.ts';
import type { Shape } from './shape.ts';

/**
 * The set under the present schema: of what is owned as a whole now, nothing below it is in the set any more, but it
 * itself (structured-merge-diff `ReconcileFieldSetWithSchema`). The very same set if nothing changes.
 */
export function reconciled(fields: FieldSet, shape: Shape): FieldSet {
  let result: ReturnType<typeof newNode> | undefined;
  for (const element in fields) {
    const node = fields[element] as FieldSet;
    if (element === self || !hasChildren(node)) continue;
    const inner = step(element, shape);
    const next = inner === undefined ? node : isWhole(inner) ? leaf : reconciled(node, inner);
    if (next !== node) (result ??= { ...fields })[element] = next;
  }
  return result ?? fields;
}

function isWhole(shape: Shape): boolean {
  if (shape.kind === 'scalar') return false;
  return shape.kind === 'list' ? shape.relation === 'atomic' : shape.atomic;
}

function step(element: string, shape: Shape): Shape | undefined {
  if (shape.kind === 'list') return shape.element;
  if (shape.kind === 'map') return shape.element;
  return shape.kind === 'struct' ? shape.fields.get(element.slice(2))?.shape : undefined;
}
