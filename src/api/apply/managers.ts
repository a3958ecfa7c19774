import { isMap } from '../patch-merge.ts';
import { badRequest } from '../status.ts';
import type { ManagedFieldsEntry } from '../generated/types.ts';
import { isEmptySet, isMember, leaf, newNode, self, type FieldSet } from './field-set.ts';
import { canonicalElement, compareTexts, sortedElements } from './path-element.ts';

export type Operation = 'Apply' | 'Update';

/** Who owns which fields of an object: one entry of metadata.managedFields. */
export interface Manager {
  readonly manager: string;
  readonly operation: Operation;
  readonly apiVersion: string;
  readonly subresource: string | undefined;
  /** RFC 3339; undefined: an entry that never changed anything. */
  readonly time: string | undefined;
  readonly fields: FieldSet;
}

/** What tells managers apart: appliers keep theirs when they change the version. */
export function managerId(of: Pick<Manager, 'manager' | 'operation' | 'apiVersion' | 'subresource'>): string {
  const { manager, operation, apiVersion, subresource } = of;
  return JSON.stringify({
    ...(manager === '' ? {} : { manager }),
    operation,
    ...(operation === 'Apply' ? {} : { apiVersion }),
    ...(subresource === undefined ? {} : { subresource }),
  });
}

/**
 * Reads metadata.managedFields.
 * @throws ApiError 400 for entries that say nothing that can be understood
 */
export function decodeManagers(entries: readonly ManagedFieldsEntry[]): readonly Manager[] {
  const byId = new Map<string, Manager>();
  entries.forEach((entry, index) => {
    const manager = decodeManager(entry, index);
    byId.set(managerId(manager), manager);
  });
  return [...byId.values()];
}

function decodeManager(entry: ManagedFieldsEntry, index: number): Manager {
  const { manager = '', operation, apiVersion = '', time, fieldsType = '', fieldsV1, subresource = '' } = entry;
  if (operation !== 'Apply' && operation !== 'Update') throw badRequest('operation must be `Apply` or `Update`');
  if (apiVersion === '') throw badRequest('apiVersion must not be empty');
  if (fieldsType !== 'FieldsV1') {
    const problem = fieldsType === '' ? 'missing fieldsType' : `invalid fieldsType ${JSON.stringify(fieldsType)}`;
    throw badRequest(`${problem} in managed fields entry ${index}`);
  }
  return {
    manager,
    operation,
    apiVersion,
    subresource: subresource === '' ? undefined : subresource,
    time: time ?? undefined,
    fields: decodeFields(fieldsV1 ?? {}),
  };
}

/** Reads FieldsV1 into the one form in which sets are kept. @throws ApiError 400 */
export function decodeFields(fields: unknown): FieldSet {
  const node = decodeNode(fields);
  if (node[self] === undefined) return node;
  const { [self]: _self, ...rest } = node;
  return rest;
}

function decodeNode(value: unknown): FieldSet {
  if (value === null) return leaf;
  if (!isMap(value)) throw badRequest(`a field set must be an object, got ${JSON.stringify(value)}`);
  const node = newNode();
  let children = false;
  for (const [key, below] of Object.entries(value)) {
    if (key === self) continue;
    const element = canonicalElement(key);
    if (element === undefined) continue;
    node[element] = decodeNode(below);
    children = true;
  }
  if (!children) return leaf;
  return value[self] === undefined ? node : { [self]: leaf, ...node };
}

/** The entries as they stand in metadata.managedFields, in upstream's order: appliers first, then by time and name. */
export function encodeManagers(managers: readonly Manager[]): ManagedFieldsEntry[] {
  return sortedManagers(managers).map(({ manager, operation, apiVersion, time, subresource, fields }) => ({
    ...(manager === '' ? {} : { manager }),
    operation,
    apiVersion,
    ...(time === undefined ? {} : { time }),
    fieldsType: 'FieldsV1',
    fieldsV1: sortedFields(fields),
    ...(subresource === undefined ? {} : { subresource }),
  }));
}

export function sortedManagers(managers: readonly Manager[]): readonly Manager[] {
  return managers.length < 2 ? managers : [...managers].sort(compareManagers);
}

/** RFC 3339 texts in UTC without fractions sort like the times they stand for. */
export function compareManagers(a: Omit<Manager, 'fields'>, b: Omit<Manager, 'fields'>): number {
  return (
    compareTexts(a.operation, b.operation) ||
    compareTexts(a.time ?? '', b.time ?? '') ||
    compareTexts(a.manager, b.manager) ||
    compareTexts(a.apiVersion, b.apiVersion) ||
    compareTexts(a.subresource ?? '', b.subresource ?? '')
  );
}

/** The same set with its elements in upstream's order. */
function sortedFields(node: FieldSet): FieldSet {
  if (isEmptySet(node)) return node;
  const sorted = newNode();
  if (node[self] !== undefined) sorted[self] = leaf;
  for (const element of sortedElements(node)) sorted[element] = sortedFields(node[element] as FieldSet);
  return sorted;
}

/** Calls with the path of every field in the set: those of a place before what is below. */
export function forEachPath(set: FieldSet, call: (path: readonly string[]) => void): void {
  walk(set, [], call);
}

function walk(node: FieldSet, path: readonly string[], call: (path: readonly string[]) => void): void {
  const elements = sortedElements(node);
  for (const element of elements) if (isMember(node[element] as FieldSet)) call([...path, element]);
  for (const element of elements) walk(node[element] as FieldSet, [...path, element], call);
}
