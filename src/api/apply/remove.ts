import { setKey } from '../patch-merge.ts';
import { hasChildren, hasPath, leaf, newNode, self, type FieldSet } from './field-set.ts';
import { elementOf } from './list-items.ts';
import { fieldElement } from './path-element.ts';
import type { ListShape, MapShape, Shape, StructShape } from './shape.ts';
import { isObject, written, type Json } from './view.ts';

/** The object without the fields and items in the set (structured-merge-diff `RemoveItems`); null if nothing is left. */
export function withoutFields(object: Json, fields: FieldSet, shape: StructShape): Json {
  return (without(object, fields, shape) ?? {}) as Json;
}

function without(value: unknown, fields: FieldSet, shape: Shape): unknown {
  switch (shape.kind) {
    case 'scalar':
      return value;
    case 'list':
      if (!Array.isArray(value) || value.length === 0 || shape.relation === 'atomic') return null;
      return withoutItems(value, fields, shape);
    case 'struct':
    case 'map':
      if (!isObject(value) || Object.keys(value).length === 0 || shape.atomic) return null;
      return withoutMembers(value, fields, shape);
  }
}

function withoutItems(list: unknown[], fields: FieldSet, shape: ListShape): unknown {
  const kept: unknown[] = [];
  for (const item of list) {
    const element = elementOf(item, shape, written);
    const node = fields[element];
    if (node === undefined) kept.push(item);
    else if (!hasPath(fields, [element])) kept.push(without(item, node, shape.element));
  }
  return kept.length > 0 ? kept : null;
}

function withoutMembers(value: Json, fields: FieldSet, shape: StructShape | MapShape): unknown {
  const kept: Record<string, unknown> = {};
  for (const name of Object.keys(value)) {
    const node = fields[fieldElement(name)];
    const element = shape.kind === 'map' ? shape.element : shape.fields.get(name)?.shape;
    if (node === undefined || element === undefined) setKey(kept, name, value[name]);
    else if (!hasPath(fields, [fieldElement(name)])) setKey(kept, name, without(value[name], node, element));
  }
  return Object.keys(kept).length > 0 ? kept : null;
}

/** The set with every declared field in it of which it has something below. */
export function withNamedFields(fields: FieldSet, shape: Shape | undefined): FieldSet {
  const result = newNode();
  for (const element in fields) {
    const node = fields[element] as FieldSet;
    if (element === self || !hasChildren(node)) {
      result[element] = node;
      continue;
    }
    const { named, inner } = step(element, shape);
    const below = withNamedFields(node, inner);
    result[element] = named ? { [self]: leaf, ...below } : below;
  }
  return result;
}

function step(element: string, shape: Shape | undefined): { named: boolean; inner: Shape | undefined } {
  if (element.startsWith('f:') && shape?.kind === 'struct') {
    const field = shape.fields.get(element.slice(2));
    return { named: field !== undefined, inner: field?.shape };
  }
  if (element.startsWith('f:') && shape?.kind === 'map') return { named: false, inner: shape.element };
  if (element.startsWith('k:') && shape?.kind === 'list') return { named: false, inner: shape.element };
  return { named: false, inner: undefined };
}
