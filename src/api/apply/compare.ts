import { leaf, newNode, self, type FieldSet } from './field-set.ts';
import { itemsOf } from './list-items.ts';
import { fieldElement } from './path-element.ts';
import type { ListShape, MapShape, Shape, StructShape } from './shape.ts';
import { isObject, type Json, type View } from './view.ts';

/** What is different in the second of two values. No field is in more than one of the sets. */
export interface Comparison {
  readonly added: FieldSet;
  readonly modified: FieldSet;
  readonly removed: FieldSet;
}

type Node = ReturnType<typeof newNode>;

/** The nodes of one place in the three sets; undefined where there is nothing. */
interface Difference {
  added?: FieldSet | undefined;
  modified?: FieldSet | undefined;
  removed?: FieldSet | undefined;
}

const allAdded: Difference = { added: leaf };
const allModified: Difference = { modified: leaf };
const allRemoved: Difference = { removed: leaf };

/** Compares two objects of one kind (structured-merge-diff `Compare`). What they share by reference costs nothing. */
export function compareObjects(before: Json, after: Json, shape: StructShape, view: View): Comparison {
  const found = compare(before, after, shape, view) ?? {};
  return { added: found.added ?? leaf, modified: found.modified ?? leaf, removed: found.removed ?? leaf };
}

/** Undefined: absent. Null is a value. */
function compare(before: unknown, after: unknown, shape: Shape, view: View): Difference | undefined {
  if (before === after) return undefined;
  switch (shape.kind) {
    case 'scalar':
      return compareLeaves(before, after, shape, view);
    case 'struct':
    case 'map': {
      const [mine, other] = [isObject(before) ? before : undefined, isObject(after) ? after : undefined];
      if (shape.atomic || (isEmptyMap(mine, shape, view) && isEmptyMap(other, shape, view))) {
        return compareLeaves(before, after, shape, view);
      }
      const found = new Differences();
      if (shape.kind === 'map') compareEntries(mine, other, { shape, view, found });
      else compareMembers(mine, other, { shape, view, found });
      return found.finished(before, after);
    }
    case 'list':
      if (shape.relation === 'atomic' || (isEmptyList(before) && isEmptyList(after))) {
        return compareLeaves(before, after, shape, view);
      }
      return compareLists(before, after, { shape, view, found: new Differences() });
  }
}

function compareLeaves(before: unknown, after: unknown, shape: Shape, view: View): Difference | undefined {
  if (before === undefined) return allAdded;
  if (after === undefined) return allRemoved;
  return sameValue(before, after, shape, view) ? undefined : allModified;
}

/** Gathers what is below a place. */
class Differences {
  #added: Node | undefined;
  #modified: Node | undefined;
  #removed: Node | undefined;

  put(element: string, found: Difference | undefined): void {
    if (found === undefined) return;
    if (found.added !== undefined) (this.#added ??= newNode())[element] = found.added;
    if (found.modified !== undefined) (this.#modified ??= newNode())[element] = found.modified;
    if (found.removed !== undefined) (this.#removed ??= newNode())[element] = found.removed;
  }

  /** What is new or gone as a whole is so itself, besides what is in it. */
  finished(before: unknown, after: unknown): Difference {
    if (before === undefined) this.#added = withSelf(this.#added);
    else if (after === undefined) this.#removed = withSelf(this.#removed);
    return { added: this.#added, modified: this.#modified, removed: this.#removed };
  }
}

function withSelf(node: Node | undefined): Node {
  return node === undefined ? newNode() : { [self]: leaf, ...node };
}

interface Comparing<T extends Shape> {
  readonly shape: T;
  readonly view: View;
  readonly found: Differences;
}

function compareMembers(
  before: Json | undefined,
  after: Json | undefined,
  { shape, view, found }: Comparing<StructShape>,
): void {
  const visit = (name: string): void => {
    const field = shape.fields.get(name);
    if (field === undefined) return;
    const mine = before === undefined ? undefined : view(field, before[name]);
    const other = after === undefined ? undefined : view(field, after[name]);
    if (mine !== other) found.put(fieldElement(name), compare(mine, other, field.shape, view));
  };
  for (const name in after) visit(name);
  for (const name in before) if (after === undefined || !(name in after)) visit(name);
  if (before !== undefined && after !== undefined) return;
  const written = before ?? after ?? {};
  for (const { name } of shape.always) if (!(name in written)) visit(name);
}

function compareEntries(
  before: Json | undefined,
  after: Json | undefined,
  { shape, view, found }: Comparing<MapShape>,
): void {
  const visit = (key: string): void =>
    found.put(fieldElement(key), compare(ownValue(before, key), ownValue(after, key), shape.element, view));
  for (const key in after) visit(key);
  for (const key in before) if (after === undefined || !Object.hasOwn(after, key)) visit(key);
}

function ownValue(map: Json | undefined, key: string): unknown {
  return map !== undefined && Object.hasOwn(map, key) ? map[key] : undefined;
}

function compareLists(before: unknown, after: unknown, { shape, view, found }: Comparing<ListShape>): Difference {
  const [mine, others] = [itemsOf(before, shape, view), itemsOf(after, shape, view)];
  for (const [element, items] of mine) {
    found.put(element, compareItems(items, others.get(element) ?? [], shape.element, view));
  }
  for (const [element, items] of others) {
    if (!mine.has(element)) found.put(element, compareItems([], items, shape.element, view));
  }
  return found.finished(before, after);
}

/** Items with the same element, which are usually one: several are compared as a whole. */
function compareItems(
  before: readonly unknown[],
  after: readonly unknown[],
  shape: Shape,
  view: View,
): Difference | undefined {
  if (before.length <= 1 && after.length <= 1) return compare(before[0], after[0], shape, view);
  if (before.length >= 2 && after.length >= 2) {
    const same = before.length === after.length && before.every((item, at) => sameValue(item, after[at], shape, view));
    return same ? undefined : allModified;
  }
  if (before.length >= 2) {
    const added = after.length === 0 ? undefined : compare(undefined, after[0], shape, view)?.added;
    return { added, removed: leaf };
  }
  const removed = before.length === 0 ? undefined : compare(before[0], undefined, shape, view)?.removed;
  return { added: leaf, removed };
}

function isEmptyMap(map: Json | undefined, shape: StructShape | MapShape, view: View): boolean {
  if (shape.kind === 'struct' && map !== undefined) {
    for (const field of shape.always) if (view(field, map[field.name]) !== undefined) return false;
    for (const name in map) {
      const field = shape.fields.get(name);
      if (field !== undefined && view(field, map[name]) !== undefined) return false;
    }
    return true;
  }
  for (const _ in map) return false;
  return true;
}

function isEmptyList(list: unknown): boolean {
  return !Array.isArray(list) || list.length === 0;
}

/** Whether two values that are there are equal as a whole. */
function sameValue(a: unknown, b: unknown, shape: Shape, view: View): boolean {
  if (a === b) return true;
  if (Array.isArray(a)) {
    if (!Array.isArray(b) || a.length !== b.length) return false;
    const element = shape.kind === 'list' ? shape.element : anything;
    return a.every((item: unknown, at) => sameValue(item, b[at], element, view));
  }
  if (!isObject(a) || !isObject(b)) return false;
  if (shape.kind === 'struct') return sameMembers(a, b, shape, view);
  const element = shape.kind === 'map' ? shape.element : anything;
  const keys = Object.keys(a);
  return (
    keys.length === Object.keys(b).length &&
    keys.every((key) => Object.hasOwn(b, key) && sameValue(a[key], b[key], element, view))
  );
}

const anything: Shape = { kind: 'scalar', scalar: 'any' };

function sameMembers(a: Json, b: Json, shape: StructShape, view: View): boolean {
  for (const field of shape.fields.values()) {
    const [mine, other] = [view(field, a[field.name]), view(field, b[field.name])];
    if (mine === other) continue;
    if (mine === undefined || other === undefined || !sameValue(mine, other, field.shape, view)) return false;
  }
  return true;
}
