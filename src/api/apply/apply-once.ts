import { compareObjects } from './compare.ts';
import { conflictsOf, type Conflict } from './conflicts.ts';
import { difference, intersection, isEmptySet, recursiveDifference, union, type FieldSet } from './field-set.ts';
import { fieldsOf } from './fields-of.ts';
import { managerId, type Manager } from './managers.ts';
import { mergeObjects } from './merge.ts';
import { withNamedFields, withoutFields as without } from './remove.ts';
import type { StructShape } from './shape.ts';
import {
  identityOf,
  ofVersion,
  reconciledManagers,
  unownedFields,
  withoutFields,
  withoutLost,
  type Writer,
} from './update-managers.ts';
import { written, type Json } from './view.ts';

/** What somebody applies to what. */
export interface Application {
  /** As it is stored, without managedFields; an object with nothing but its type if there is none yet. */
  readonly live: Json;
  readonly managers: readonly Manager[];
  /** What was sent, as it was written. */
  readonly config: Json;
  readonly shape: StructShape;
  readonly writer: Writer;
  /** Take what other managers own. */
  readonly force: boolean;
}

export interface Applied {
  /** As structs would be written, nulls included; undefined: the object stays as it is. */
  readonly object: Json | undefined;
  readonly managers: readonly Manager[];
}

/** `live` is as structs would be written. */
export function applyOnce(application: Application): Applied | { readonly conflicts: readonly Conflict[] } {
  const { live, config, shape, writer, force } = application;
  const managers = ofVersion(reconciledManagers(application.managers, shape), writer.apiVersion);
  const id = managerId(identityOf(writer, 'Apply'));
  const previous = managers.find((manager) => managerId(manager) === id);
  const others = managers.filter((manager) => manager !== previous);
  const fields = recursiveDifference(fieldsOf(config, shape), writer.resetFields);
  const merged = mergeObjects(live, config, shape);
  const owned = others.reduce((set, manager) => union(set, manager.fields), fields);
  const object = pruned(merged, { last: previous?.fields, owned, shape });
  const found = withoutFields(compareObjects(live, object, shape, written), writer.resetFields);
  const taken = union(found.modified, found.added);
  const conflicts = conflictsOf(others.map((manager) => ({ manager, fields: intersection(manager.fields, taken) })));
  if (!force && conflicts.length > 0) return { conflicts };
  const lost = union(taken, found.removed);
  const left = others.flatMap((manager) => withoutLost(manager, lost));
  const own = difference(fields, unownedFields);
  const same = sameObjects(live, object, shape);
  // As upstream: an apply that changes nothing leaves the time, and a new manager without one.
  const time = same ? previous?.time : writer.time;
  const next = isEmptySet(own) ? left : [...left, { ...identityOf(writer, 'Apply'), time, fields: own }];
  return { object: same ? undefined : object, managers: next };
}

function sameObjects(live: Json, object: Json, shape: StructShape): boolean {
  const { added, modified, removed } = compareObjects(live, object, shape, written);
  return isEmptySet(added) && isEmptySet(modified) && isEmptySet(removed);
}

interface Pruning {
  /** What the manager applied last time. */
  readonly last: FieldSet | undefined;
  /** What anybody owns now, the manager with what it applies this time. */
  readonly owned: FieldSet;
  readonly shape: StructShape;
}

/** The merged object without what the manager applied last time, does not apply now, and nobody else owns. */
function pruned(merged: Json, { last, owned, shape }: Pruning): Json {
  if (last === undefined || isEmptySet(last)) return merged;
  const named = (set: FieldSet): FieldSet => withNamedFields(set, shape);
  const all = named(fieldsOf(merged, shape));
  const cut = without(merged, named(last), shape);
  const kept = union(named(fieldsOf(cut, shape)), named(owned));
  const addedBack = without(merged, difference(all, kept), shape);
  const gone = difference(all, named(fieldsOf(addedBack, shape)));
  return without(merged, intersection(gone, named(last)), shape);
}
