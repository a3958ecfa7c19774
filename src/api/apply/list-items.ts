import { keyElement, valueElement } from './path-element.ts';
import type { ListShape, ShapedField } from './shape.ts';
import { isObject, type View } from './view.ts';

/** The items of a list under their path elements, in order of appearance. */
export type Items = Map<string, unknown[]>;

/** @throws Error for an item that has no path element */
export function itemsOf(list: unknown, shape: ListShape, view: View): Items {
  const items: Items = new Map();
  if (!Array.isArray(list)) return items;
  for (const item of list as unknown[]) {
    const element = elementOf(item, shape, view);
    const same = items.get(element);
    if (same === undefined) items.set(element, [item]);
    else same.push(item);
  }
  return items;
}

/** The path element of an item. @throws ItemError */
export function elementOf(item: unknown, shape: ListShape, view: View): string {
  return shape.relation === 'set' ? elementOfScalar(item) : elementOfObject(item, shape, view);
}

/** An item of a list that cannot be told from the others. The message is upstream's. */
export class ItemError extends Error {}

function elementOfScalar(item: unknown): string {
  if (item === null) throw new ItemError("associative list without keys has an element that's an explicit null");
  if (Array.isArray(item)) throw new ItemError('not supported: associative list with lists as elements');
  if (typeof item === 'object') throw new ItemError("associative list without keys has an element that's a map type");
  return valueElement(item);
}

function elementOfObject(item: unknown, { keys, element }: ListShape, view: View): string {
  if (item === null) throw new ItemError('associative list with keys may not have a null element');
  if (!isObject(item)) throw new ItemError('associative list with keys may not have non-map elements');
  const found: Record<string, unknown> = {};
  let empty = true;
  for (const key of keys) {
    const field = element.kind === 'struct' ? element.fields.get(key) : undefined;
    const value = keyValue(item[key], field, view);
    if (value === undefined) continue;
    found[key] = value;
    empty = false;
  }
  if (!empty) return keyElement(found);
  const list = keys.map((key) => JSON.stringify(key)).join(' ');
  throw new ItemError(
    `associative list with keys has an element that omits all key fields [${list}] (and doesn't have default values for any key fields)`,
  );
}

function keyValue(value: unknown, field: ShapedField | undefined, view: View): unknown {
  const seen = field === undefined ? value : view(field, value);
  return seen === undefined ? field?.default : seen;
}
