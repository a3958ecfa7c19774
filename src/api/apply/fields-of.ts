import { leaf, newNode, self, type FieldSet } from './field-set.ts';
import { itemsOf } from './list-items.ts';
import { fieldElement } from './path-element.ts';
import type { ListShape, Shape } from './shape.ts';
import { isObject, written } from './view.ts';

/**
 * The fields that an object mentions: what whoever applies it will own (structured-merge-diff `ToFieldSet`). Structs and
 * lists that are fields are not in the set themselves, unless they are empty.
 */
export function fieldsOf(object: unknown, shape: Shape): FieldSet {
  return below(object, shape) ?? leaf;
}

/** What is in the set at and below a value; `leaf`: the value itself. Undefined: nothing. */
function below(value: unknown, shape: Shape): FieldSet | undefined {
  switch (shape.kind) {
    case 'scalar':
      return leaf;
    case 'list':
      if (shape.relation === 'atomic') return leaf;
      return Array.isArray(value) ? belowList(value, shape) : undefined;
    case 'struct':
    case 'map': {
      if (shape.atomic) return leaf;
      if (!isObject(value)) return undefined;
      const node = newNode();
      for (const name of Object.keys(value)) {
        const field = shape.kind === 'struct' ? shape.fields.get(name) : undefined;
        const element = shape.kind === 'map' ? shape.element : field?.shape;
        if (element === undefined) continue;
        const member = value[name];
        const named = field === undefined || member === null || isEmptyObject(member);
        put(node, fieldElement(name), below(member, element), named);
      }
      return nodeOrNothing(node);
    }
  }
}

/** Items with one element in common are in the set without what is in them: nobody could tell them apart. */
function belowList(list: unknown[], shape: ListShape): FieldSet | undefined {
  const node = newNode();
  for (const [element, items] of itemsOf(list, shape, written)) {
    put(node, element, items.length === 1 ? below(items[0], shape.element) : undefined, true);
  }
  return nodeOrNothing(node);
}

function put(node: ReturnType<typeof newNode>, element: string, found: FieldSet | undefined, isMember: boolean): void {
  if (found === undefined || found === leaf) {
    if (isMember || found === leaf) node[element] = leaf;
  } else node[element] = isMember ? { [self]: leaf, ...found } : found;
}

function nodeOrNothing(node: FieldSet): FieldSet | undefined {
  for (const _ in node) return node;
  return undefined;
}

function isEmptyObject(value: unknown): boolean {
  if (!isObject(value)) return false;
  for (const _ in value) return false;
  return true;
}
