import { compareObjects, type Comparison } from './compare.ts';
import { difference, isEmptySet, recursiveDifference, setOfPath, union, type FieldSet } from './field-set.ts';
import { ItemError } from './list-items.ts';
import { managerId, type Manager } from './managers.ts';
import { reconciled } from './reconcile.ts';
import type { StructShape } from './shape.ts';
import type { Json, View } from './view.ts';

/** Who writes, and how. */
export interface Writer {
  readonly manager: string;
  readonly apiVersion: string;
  readonly subresource: string | undefined;
  /** RFC 3339. */
  readonly time: string;
  /** What a write of this resource or subresource leaves alone: nobody gets to own it by such a write. */
  readonly resetFields: FieldSet;
}

/** What nobody owns: it is the server's, or the object's identity. */
export const unownedFields: FieldSet = [
  ['f:apiVersion'],
  ['f:kind'],
  ...['name', 'namespace', 'creationTimestamp', 'selfLink', 'uid', 'clusterName', 'generation', 'managedFields']
    .concat('resourceVersion')
    .map((field) => ['f:metadata', `f:${field}`]),
].reduce<FieldSet>((set, path) => union(set, setOfPath(...path)), { 'f:metadata': { '.': {} } });

/** More managers than this are not kept for updates: the oldest become one. */
const maxUpdateManagers = 10;
const oldManagersName = 'ancient-changes';

/**
 * The managers after a write that is no apply: what it adds or changes is the writer's alone, what it removes is nobody's
 * (apimachinery `managedfields`, with structured-merge-diff's `Updater.Update`). The very same list if nothing changes.
 */
export function managersAfterUpdate(managers: readonly Manager[], change: Change, writer: Writer): readonly Manager[] {
  const compared = comparable(change);
  // As upstream 1.35: an object whose list items cannot be told apart is stored, and nobody owns anything of it any more.
  if (compared === undefined) return [];
  const { added, modified, removed } = withoutFields(compared, writer.resetFields);
  const taken = union(added, modified);
  const lost = union(taken, removed);
  const own = difference(taken, unownedFields);
  const others = ofVersion(reconciledManagers(managers, change.shape), writer.apiVersion);
  const next = isEmptySet(lost) ? others : others.flatMap((manager) => withoutLost(manager, lost));
  if (isEmptySet(own))
    return next.length === managers.length && next.every((one, at) => one === managers[at]) ? managers : next;
  return capped(withOwn(next, { ...identityOf(writer, 'Update'), time: writer.time, fields: own }));
}

interface Change {
  readonly before: Json;
  readonly after: Json;
  readonly shape: StructShape;
  readonly view: View;
}

function comparable({ before, after, shape, view }: Change): Comparison | undefined {
  try {
    return compareObjects(before, after, shape, view);
  } catch (error) {
    if (error instanceof ItemError) return undefined;
    throw error;
  }
}

export function identityOf(
  { manager, apiVersion, subresource }: Writer,
  operation: Manager['operation'],
): Omit<Manager, 'time' | 'fields'> {
  return { manager: manager === '' ? 'unknown' : manager, operation, apiVersion, subresource };
}

export function withoutFields(compared: Comparison, fields: FieldSet): Comparison {
  if (isEmptySet(fields)) return compared;
  return {
    added: recursiveDifference(compared.added, fields),
    modified: recursiveDifference(compared.modified, fields),
    removed: recursiveDifference(compared.removed, fields),
  };
}

/** Sets as they would be written under the present schema. */
export function reconciledManagers(managers: readonly Manager[], shape: StructShape): readonly Manager[] {
  return managers.map((manager) => {
    const fields = reconciled(manager.fields, shape);
    return fields === manager.fields ? manager : { ...manager, fields };
  });
}

/** Only one version of each kind is served; what was owned in others cannot be told any more. */
export function ofVersion(managers: readonly Manager[], apiVersion: string): readonly Manager[] {
  return managers.every((manager) => manager.apiVersion === apiVersion)
    ? managers
    : managers.filter((manager) => manager.apiVersion === apiVersion);
}

/** Nothing for a manager that is left without fields. */
export function withoutLost(manager: Manager, lost: FieldSet): readonly Manager[] {
  const fields = difference(manager.fields, lost);
  if (fields === manager.fields) return [manager];
  return isEmptySet(fields) ? [] : [{ ...manager, fields }];
}

function withOwn(managers: readonly Manager[], own: Manager): readonly Manager[] {
  const id = managerId(own);
  const previous = managers.find((manager) => managerId(manager) === id);
  if (previous === undefined) return [...managers, own];
  const merged = { ...own, fields: union(own.fields, previous.fields) };
  return managers.map((manager) => (manager === previous ? merged : manager));
}

/** Merges the oldest updaters into one until there are few enough. */
function capped(managers: readonly Manager[]): readonly Manager[] {
  const updaters = managers.filter(({ operation }) => operation === 'Update');
  if (updaters.length <= maxUpdateManagers) return managers;
  updaters.sort((a, b) => compare(a.time ?? '', b.time ?? '') || compare(managerId(a), managerId(b)));
  const merged = updaters.slice(0, updaters.length - maxUpdateManagers + 1);
  const newest = merged.at(-1) as Manager;
  const bucket: Manager = {
    manager: oldManagersName,
    operation: 'Update',
    apiVersion: newest.apiVersion,
    subresource: undefined,
    time: newest.time,
    fields: merged.reduce<FieldSet>((fields, manager) => union(fields, manager.fields), {}),
  };
  return withOwn(
    managers.filter((manager) => !merged.includes(manager)),
    bucket,
  );
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
