import type { KubeObject } from '../../api/index.ts';
import type { KindDefinition } from '../kind.ts';

/** Makes tables of rules readable: for the tests of this folder only. */
export interface RuleCase {
  readonly rule: string;
  /** Paths (`spec.containers.0.name`) and what is put there; undefined removes. */
  readonly set: Readonly<Record<string, unknown>>;
  /** `field: message`, in order. */
  readonly errors: readonly string[];
}

export interface UpdateCase extends RuleCase {
  /** Put into the old object before `set` makes the new one of it. */
  readonly old?: Readonly<Record<string, unknown>>;
}

/** A copy of plain data in which the values at some paths are others. */
export function withValues<T>(object: T, values: Readonly<Record<string, unknown>>): T {
  const copy: T = structuredClone(object);
  for (const [path, value] of Object.entries(values)) setValue(copy, path.split('.'), value);
  return copy;
}

function setValue(target: unknown, path: readonly string[], value: unknown): void {
  const [key, ...rest] = path;
  if (typeof target !== 'object' || target === null || key === undefined)
    throw new Error(`no object at ${path.join()}`);
  if (rest.length === 0) {
    if (value === undefined) Reflect.deleteProperty(target, key);
    else Reflect.set(target, key, value);
    return;
  }
  if (Reflect.get(target, key) === undefined) Reflect.set(target, key, {});
  setValue(Reflect.get(target, key), rest, value);
}

const context = {
  nowMs: 0,
  random: { float: () => 0.5, uuid: () => 'a-uid', bytes: (length: number) => new Uint8Array(length) },
};

/** What the generic code makes of a new object that is valid. */
export function created<T extends KubeObject>(kind: KindDefinition, draft: T): T {
  const object = prepared(kind, draft);
  kind.setDefaults?.(object);
  return object;
}

/** What the generic code does with a new object before it is validated. */
function prepared<T extends KubeObject>(kind: KindDefinition, draft: T): T {
  const object = structuredClone(draft);
  kind.setDefaults?.(object);
  kind.prepareForCreate?.(object, context);
  return object;
}

/** What is wrong with a new object, as texts. */
export function createErrors(kind: KindDefinition, draft: KubeObject): readonly string[] {
  return texts(kind.validate?.(prepared(kind, draft)) ?? []);
}

/** What is wrong with an update of the main resource. */
export function updateErrors(kind: KindDefinition, next: KubeObject, old: KubeObject): readonly string[] {
  const object = structuredClone(next);
  kind.setDefaults?.(object);
  const errors = [...(kind.validate?.(object, old) ?? []), ...(kind.validateUpdate?.(object, old) ?? [])];
  return [...new Set(texts(errors))];
}

export function statusErrors(kind: KindDefinition, next: KubeObject, old: KubeObject): readonly string[] {
  return texts(kind.validateStatusUpdate?.(next, old) ?? []);
}

function texts(errors: readonly { readonly field: string; readonly message: string }[]): readonly string[] {
  return errors.map(({ field, message }) => `${field}: ${message}`);
}

/** Names and cells of a table's row, as pairs. */
export function rowOf(kind: KindDefinition, object: KubeObject, nowMs: number): Readonly<Record<string, unknown>> {
  const cells = kind.table.cells(object, nowMs);
  if (cells.length !== kind.table.columns.length) throw new Error('cells and columns differ in number');
  return Object.fromEntries(kind.table.columns.map((column, position) => [column.name, cells[position]]));
}
