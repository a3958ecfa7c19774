import { checkDepth } from './depth.ts';
import { messages } from './generated/fields.ts';
import type { FieldEntry } from './field-table.ts';
import { isMap, setKey } from './patch-merge.ts';
import { badRequest } from './status.ts';

type Json = Record<string, unknown>;

const directive = '$patch';
const retainKeys = '$retainKeys';
const deletePrefix = '$deleteFromPrimitiveList/';
const orderPrefix = '$setElementOrder/';

/**
 * Applies a strategic merge patch by the merge keys of the field table (apimachinery `strategicpatch`). Neither argument
 * is modified; untouched parts of the original are shared with the result.
 * @throws ApiError 400 for unknown directives and list elements without their merge key
 */
export function strategicMergePatch(original: object, patch: object, messageName: string): Json {
  checkDepth(patch);
  return mergeMap(original as Json, patch as Json, messageName);
}

function mergeMap(original: Json, patch: Json, messageName: string | undefined): Json {
  const command = patch[directive];
  if (command === 'replace') {
    const { [directive]: _replace, ...replacement } = patch;
    return mergeMap({}, replacement, messageName);
  }
  if (command === 'delete') return {};
  if (command !== undefined) throw unknownDirective(command);
  const result = retained(original, patch);
  for (const key of Object.keys(patch)) {
    if (key.startsWith('$')) {
      checkDirectiveKey(key, patch);
      continue;
    }
    mergeField({ result, patch, key, field: fieldOf(messageName, key) });
  }
  for (const key of Object.keys(patch)) {
    if (key.startsWith(deletePrefix)) deleteScalars(result, key.slice(deletePrefix.length), patch[key]);
    else if (key.startsWith(orderPrefix) && !(key.slice(orderPrefix.length) in patch))
      orderUnpatched(result, key.slice(orderPrefix.length), { order: patch[key], messageName });
  }
  return result;
}

function checkDirectiveKey(key: string, patch: Json): void {
  const known = key === directive || key === retainKeys || key.startsWith(deletePrefix) || key.startsWith(orderPrefix);
  if (!known) throw unknownDirective(key);
  if (key !== directive && !Array.isArray(patch[key])) throw badRequest(`invalid patch: ${key} must be a list`);
}

/** A copy of the original with only the keys that `$retainKeys` names, or with all. */
function retained(original: Json, patch: Json): Json {
  const keep = patch[retainKeys];
  if (keep === undefined) return { ...original };
  if (!Array.isArray(keep)) throw badRequest(`invalid patch: ${retainKeys} must be a list`);
  const kept = new Set<unknown>(keep);
  return Object.fromEntries(Object.entries(original).filter(([key]) => kept.has(key)));
}

interface FieldMerge {
  readonly result: Json;
  readonly patch: Json;
  readonly key: string;
  readonly field: FieldEntry | undefined;
}

function mergeField({ result, patch, key, field }: FieldMerge): void {
  const before = Object.hasOwn(result, key) ? result[key] : undefined;
  const value = patch[key];
  if (value === null) delete result[key];
  else if (isMap(value)) {
    const inner = field === undefined || field.map ? undefined : field.type;
    setKey(result, key, mergeMap(isMap(before) ? before : {}, value, inner));
  } else if (Array.isArray(value) && field?.merge === true) {
    const order = orderOf(patch[orderPrefix + key]);
    result[key] = mergeList(Array.isArray(before) ? before : [], value, { field, order });
  } else setKey(result, key, value);
}

function orderOf(order: unknown): readonly unknown[] | undefined {
  return Array.isArray(order) ? (order as unknown[]) : undefined;
}

interface ListRules {
  readonly field: FieldEntry;
  readonly order: readonly unknown[] | undefined;
}

function mergeList(before: readonly unknown[], patch: readonly unknown[], rules: ListRules): unknown[] {
  const { mergeKey } = rules.field;
  if (mergeKey === undefined) return mergeScalars(before, patch, rules.order);
  const { bodies, deleted, replaces } = readElements(patch, mergeKey);
  const order = rules.order?.map((element) => keyOf(element, mergeKey));
  const patched = bodies.map((body) => keyOf(body, mergeKey));
  // Like upstream, of a list that is new nothing is asked.
  if (order !== undefined && before.length > 0) checkOrder(patched, order);
  if (replaces) return bodies.map((body) => mergeMap({}, body, rules.field.type));
  // The original may have several elements of one key (port 53 of TCP and of UDP): patches go to the first of them.
  const items = before
    .map((value): Item => ({ id: keyOf(value, mergeKey), value }))
    .filter(({ id }) => !deleted.has(id));
  const kept = items.map(({ id }) => id);
  const positions = firstPositions(kept);
  bodies.forEach((body, index) => {
    const id = patched[index];
    const at = positions.get(id);
    const old = at === undefined ? {} : (items[at]!.value as Json);
    const item: Item = { id, value: mergeMap(old, body, rules.field.type) };
    if (at === undefined) positions.set(id, items.push(item) - 1);
    else items[at] = item;
  });
  if (order === undefined) return ordered(items, patched, kept);
  // Upstream appends in place, so as many new elements as were deleted count as old ones when it orders by a directive.
  return ordered(
    items,
    order,
    items.slice(0, before.length).map(({ id }) => id),
  );
}

interface PatchElements {
  /** Elements to merge. */
  readonly bodies: readonly Json[];
  /** Merge keys of elements to delete. */
  readonly deleted: ReadonlySet<unknown>;
  /** The bodies alone are the new list. */
  readonly replaces: boolean;
}

/** Sorts a patch's elements by their directive. One `$patch: replace`, whatever stands beside it, replaces the list. */
function readElements(patch: readonly unknown[], mergeKey: string): PatchElements {
  const bodies: Json[] = [];
  const deleted = new Set<unknown>();
  let replaces = false;
  for (const element of patch) {
    const command = isMap(element) ? element[directive] : undefined;
    if (command === 'delete') deleted.add(keyOf(element, mergeKey));
    else if (command === 'replace') replaces = true;
    else if (command !== undefined) throw unknownDirective(command);
    else {
      keyOf(element, mergeKey);
      bodies.push(element as Json);
    }
  }
  return { bodies, deleted, replaces };
}

/** What a patch has must stand in the order that it gives, in that order. */
function checkOrder(patched: readonly unknown[], order: readonly unknown[]): void {
  let next = 0;
  for (const id of order) if (next < patched.length && patched[next] === id) next++;
  if (order.length > 0 && next < patched.length)
    throw badRequest(
      `The order in patch list: ${JSON.stringify(patched)} doesn't match $setElementOrder list: ${JSON.stringify(order)}`,
    );
}

interface Item {
  readonly id: unknown;
  readonly value: unknown;
}

function firstPositions(ids: readonly unknown[]): Map<unknown, number> {
  const positions = new Map<unknown, number>();
  ids.forEach((id, index) => {
    if (!positions.has(id)) positions.set(id, index);
  });
  return positions;
}

/**
 * Upstream's order: the items that `$setElementOrder` (or the patch itself) names in that order, the others in their old
 * one; both lists are then woven together by the old positions, new items before untouched ones.
 */
function ordered(items: readonly Item[], order: readonly unknown[], before: readonly unknown[]): unknown[] {
  const rank = firstPositions(order);
  const first = items.filter(({ id }) => rank.has(id)).sort((a, b) => rank.get(a.id)! - rank.get(b.id)!);
  const rest = items.filter(({ id }) => !rank.has(id));
  const position = firstPositions(before);
  const result: unknown[] = [];
  let next = 0;
  for (const { id, value } of first) {
    const at = position.get(id) ?? -1;
    while (next < rest.length && position.get(rest[next]!.id)! < at) result.push(rest[next++]!.value);
    result.push(value);
  }
  for (; next < rest.length; next++) result.push(rest[next]!.value);
  return result;
}

function mergeScalars(
  before: readonly unknown[],
  patch: readonly unknown[],
  order: readonly unknown[] | undefined,
): unknown[] {
  if (order !== undefined && before.length > 0) checkOrder(patch, order);
  const items = [...new Set([...before, ...patch])].map((value): Item => ({ id: value, value }));
  return ordered(items, order ?? patch, before);
}

function deleteScalars(result: Json, key: string, values: unknown): void {
  const before = Object.hasOwn(result, key) ? result[key] : undefined;
  if (!Array.isArray(before) || !Array.isArray(values)) return;
  const gone = new Set<unknown>(values);
  result[key] = before.filter((value) => !gone.has(value));
}

/** `$setElementOrder` without a list in the patch only sorts. */
function orderUnpatched(
  result: Json,
  key: string,
  options: { readonly order: unknown; readonly messageName: string | undefined },
): void {
  const before = Object.hasOwn(result, key) ? result[key] : undefined;
  const field = fieldOf(options.messageName, key);
  const order = orderOf(options.order);
  if (!Array.isArray(before) || field?.merge !== true || order === undefined) return;
  result[key] = mergeList(before, [], { field, order });
}

function keyOf(element: unknown, mergeKey: string): unknown {
  const id = isMap(element) ? element[mergeKey] : undefined;
  if (id === undefined || id === null)
    throw badRequest(`map: ${JSON.stringify(element)} does not contain declared merge key: ${mergeKey}`);
  return id;
}

function unknownDirective(found: unknown): Error {
  return badRequest(`Invalid value for ${directive}: unknown patch directive ${JSON.stringify(found)}`);
}

/** The entry of a field, also when it comes from an inlined member. */
function fieldOf(messageName: string | undefined, key: string): FieldEntry | undefined {
  const fields = messageName === undefined ? undefined : messages[messageName]?.fields;
  if (fields === undefined) return undefined;
  if (Object.hasOwn(fields, key)) return fields[key];
  for (const field of Object.values(fields)) {
    const inner = field.inline ? fieldOf(field.type, key) : undefined;
    if (inner !== undefined) return inner;
  }
  return undefined;
}
