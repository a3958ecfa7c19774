import { messages } from '../generated/fields.ts';
import type { FieldEntry } from '../field-table.ts';

/** How values of one type are compared, merged and owned (structured-merge-diff's schema, from the field table). */
export type Shape = ScalarShape | StructShape | MapShape | ListShape;

export interface ScalarShape {
  readonly kind: 'scalar';
  /** `untyped`: any scalar (quantities, times); `any`: whatever JSON, owned as a whole. */
  readonly scalar: 'string' | 'numeric' | 'boolean' | 'untyped' | 'any';
}

export interface StructShape {
  readonly kind: 'struct';
  readonly message: string;
  readonly atomic: boolean;
  readonly fields: ReadonlyMap<string, ShapedField>;
  /** The fields that are seen even where nothing is written. */
  readonly always: readonly ShapedField[];
}

export interface MapShape {
  readonly kind: 'map';
  readonly atomic: boolean;
  readonly element: Shape;
}

export interface ListShape {
  readonly kind: 'list';
  readonly relation: 'atomic' | 'set' | 'keyed';
  /** Of a keyed list: the fields that tell its items apart. */
  readonly keys: readonly string[];
  readonly element: Shape;
}

export interface ShapedField {
  readonly name: string;
  readonly shape: Shape;
  /**
   * What upstream's structs show where nothing is written: `''`, 0, false, `{}`, or null for lists, maps and times.
   * Undefined: nothing.
   */
  readonly zero: unknown;
  /** Zero values are left out: they count as not written. */
  readonly omitsEmpty: boolean;
  /** What an absent key of a keyed list stands for. */
  readonly default: unknown;
}

const structs = new Map<string, StructShape>();
const granularStructs = new Map<string, StructShape>();

/** The shape of a message; made once. @throws Error for a message that the field table does not have */
export function shapeOfMessage(name: string): StructShape {
  return structs.get(name) ?? makeStruct(name, structs, messages[name]?.atomic === true);
}

function makeStruct(name: string, known: Map<string, StructShape>, atomic: boolean): StructShape {
  const message = messages[name];
  if (message === undefined) throw new Error(`the field table has no message ${name}`);
  const fields = new Map<string, ShapedField>();
  const always: ShapedField[] = [];
  const shape: StructShape = { kind: 'struct', message: name, atomic, fields, always };
  // Known before its fields are: messages may contain themselves.
  known.set(name, shape);
  if (message.apiVersion !== undefined) {
    for (const member of ['apiVersion', 'kind']) fields.set(member, shapeField(member, typeMember));
  }
  for (const [member, entry] of plainFields(name)) fields.set(member, shapeField(member, entry));
  for (const field of fields.values()) if (field.zero !== undefined) always.push(field);
  return shape;
}

const typeMember: FieldEntry = { number: 0, type: 'string', omitEmpty: true };

/** Fields as they stand in JSON: those of inlined messages are the parent's. */
function plainFields(name: string): [string, FieldEntry][] {
  return Object.entries(messages[name]?.fields ?? {}).flatMap(([member, entry]): [string, FieldEntry][] =>
    entry.inline === true ? plainFields(entry.type) : [[member, entry]],
  );
}

function shapeField(name: string, entry: FieldEntry): ShapedField {
  const shape = shapeOf(entry);
  const pointer = entry.pointer === true;
  const zero = zeroOf(entry, shape);
  return {
    name,
    shape,
    zero,
    omitsEmpty: entry.omitEmpty === true && !pointer && zero === undefined,
    default: entry.default ?? (pointer || entry.omitEmpty === true ? undefined : (zero ?? undefined)),
  };
}

function shapeOf(entry: FieldEntry): Shape {
  const element = scalars[entry.type] ?? structOf(entry);
  if (entry.map === true) return { kind: 'map', atomic: entry.atomic === true, element };
  if (entry.repeated !== true) return element;
  const relation = entry.keys !== undefined ? 'keyed' : entry.set === true ? 'set' : 'atomic';
  return { kind: 'list', relation, keys: [...(entry.keys ?? [])].sort(), element };
}

function structOf({ type, granular }: FieldEntry): StructShape {
  if (granular !== true) return shapeOfMessage(type);
  return granularStructs.get(type) ?? makeStruct(type, granularStructs, false);
}

const scalars: Readonly<Record<string, ScalarShape>> = {
  string: { kind: 'scalar', scalar: 'string' },
  bytes: { kind: 'scalar', scalar: 'string' },
  int32: { kind: 'scalar', scalar: 'numeric' },
  int64: { kind: 'scalar', scalar: 'numeric' },
  double: { kind: 'scalar', scalar: 'numeric' },
  bool: { kind: 'scalar', scalar: 'boolean' },
  Time: { kind: 'scalar', scalar: 'untyped' },
  MicroTime: { kind: 'scalar', scalar: 'untyped' },
  Quantity: { kind: 'scalar', scalar: 'untyped' },
  IntOrString: { kind: 'scalar', scalar: 'untyped' },
  Raw: { kind: 'scalar', scalar: 'any' },
};

const scalarZeros: Readonly<Record<string, unknown>> = {
  string: '',
  int32: 0,
  int64: 0,
  double: 0,
  bool: false,
  IntOrString: 0,
  Quantity: '0',
};

/** Go leaves out empty values only of fields that say so, and structs that are no pointers never. */
function zeroOf(entry: FieldEntry, shape: Shape): unknown {
  if (entry.omitZero === true) return undefined;
  if (entry.pointer === true) return entry.omitEmpty === true ? undefined : null;
  if (entry.repeated === true || entry.map === true) return entry.omitEmpty === true ? undefined : null;
  if (shape.kind === 'struct') return emptyStruct;
  const isStruct = entry.type === 'Time' || entry.type === 'MicroTime' || entry.type === 'Quantity';
  if (entry.omitEmpty === true && !isStruct && entry.type !== 'IntOrString') return undefined;
  return scalarZeros[entry.type] ?? null;
}

const emptyStruct = Object.freeze({});
