/**
 * A set of fields of an object, as FieldsV1 spells it: path elements (`f:name`, `k:{"name":"c"}`, `v:"x"`, `i:0`) that
 * lead to more of them. A node without further elements is in the set itself; one that has some is when it has the
 * element `.`. The root stands for nothing, so the empty root is the empty set.
 */
export interface FieldSet {
  readonly [element: string]: FieldSet;
}

type Building = { [element: string]: FieldSet };

export const self = '.';
/** A field that is in the set, and nothing below it. */
export const leaf: FieldSet = Object.freeze({});
export const emptySet: FieldSet = leaf;

/** A new set out of the elements that a caller puts in. */
export function newNode(): Building {
  return {};
}

export function isEmptySet(set: FieldSet): boolean {
  for (const _ in set) return false;
  return true;
}

/** Whether the field that this node stands for is in the set. */
export function isMember(node: FieldSet): boolean {
  return node[self] !== undefined || isEmptySet(node);
}

/** Whether there is anything in the set below the field of this node. */
export function hasChildren(node: FieldSet): boolean {
  for (const element in node) if (element !== self) return true;
  return false;
}

/** What two sets have together. */
export function union(a: FieldSet, b: FieldSet): FieldSet {
  if (a === b || isEmptySet(b)) return a;
  if (isEmptySet(a)) return b;
  const result: Building = { ...a };
  for (const element in b) {
    const [mine, other] = [a[element], b[element] as FieldSet];
    result[element] = mine === undefined ? other : unionOfNodes(mine, other);
  }
  return result;
}

function unionOfNodes(a: FieldSet, b: FieldSet): FieldSet {
  if (a === b) return a;
  const both = union(a, b);
  if (both[self] !== undefined || (!isEmptySet(a) && !isEmptySet(b)) || !hasChildren(both)) return both;
  return { [self]: leaf, ...both };
}

/** What is in the first set and not in the second. A field is not taken away with the one above it. */
export function difference(a: FieldSet, b: FieldSet): FieldSet {
  return subtract(a, b, differenceOfNodes);
}

/** What is neither in the second set nor below a field that is. */
export function recursiveDifference(a: FieldSet, b: FieldSet): FieldSet {
  return subtract(a, b, (mine, other) =>
    isMember(other) ? undefined : present(recursiveDifference(mine, other), isMember(mine)),
  );
}

function subtract(a: FieldSet, b: FieldSet, of: (mine: FieldSet, other: FieldSet) => FieldSet | undefined): FieldSet {
  let result: Building | undefined;
  for (const element in a) {
    const [mine, other] = [a[element] as FieldSet, b[element]];
    if (element === self || other === undefined) continue;
    const left = of(mine, other);
    if (left === mine) continue;
    result ??= { ...a };
    if (left === undefined) delete result[element];
    else result[element] = left;
  }
  return result ?? a;
}

function differenceOfNodes(a: FieldSet, b: FieldSet): FieldSet | undefined {
  return present(difference(a, b), isMember(a) && !isMember(b));
}

/** The node with exactly this membership; undefined if then nothing is left of it. */
function present(node: FieldSet, member: boolean): FieldSet | undefined {
  const children = hasChildren(node);
  if (!children) return member ? leaf : undefined;
  if ((node[self] !== undefined) === member) return node;
  const { [self]: _self, ...rest } = node;
  return member ? { [self]: leaf, ...rest } : rest;
}

/** What both sets have. */
export function intersection(a: FieldSet, b: FieldSet): FieldSet {
  const result: Building = {};
  for (const element in a) {
    const [mine, other] = [a[element] as FieldSet, b[element]];
    if (element === self || other === undefined) continue;
    const node = present(intersection(mine, other), isMember(mine) && isMember(other));
    if (node !== undefined) result[element] = node;
  }
  return result;
}

export function hasPath(set: FieldSet, path: readonly string[]): boolean {
  let node: FieldSet | undefined = set;
  for (const element of path) node = node?.[element];
  return node !== undefined && path.length > 0 && isMember(node);
}

/** The set of one field. */
export function setOfPath(...path: readonly string[]): FieldSet {
  return path.reduceRight<FieldSet>((node, element) => ({ [element]: node }), leaf);
}

export function sameSet(a: FieldSet, b: FieldSet): boolean {
  if (a === b) return true;
  let count = 0;
  for (const element in a) {
    const other = b[element];
    if (other === undefined || !sameSet(a[element] as FieldSet, other)) return false;
    count++;
  }
  for (const _ in b) count--;
  return count === 0;
}
