import { checkDepth } from './depth.ts';
import { cannotConvert } from './decode-wording.ts';
import { messages } from './generated/fields.ts';
import type { FieldEntry } from './field-table.ts';
import { parseQuantity } from './quantity.ts';
import { badRequest } from './status.ts';
import { canonicalMicroTime, canonicalTime } from './time.ts';

export interface Decoded {
  /**
   * The value without unknown fields and nulls, its times in UTC; the given object itself when that changes nothing.
   */
  readonly object: Record<string, unknown>;
  /** Paths like `spec.template.spec.containers[0].comand`; the first hundred. */
  readonly unknownFields: string[];
}

/** Where the decoder is: paths are only put together when something is wrong. */
interface Place {
  readonly parent: Place | undefined;
  readonly step: string | number;
  /** The message whose field the step is; undefined for indexes of lists and keys of maps. */
  readonly owner: string | undefined;
}

interface Decoder {
  readonly decode: (value: unknown, place: Place) => unknown;
}

const dropped = Symbol('dropped');
const maxUnknownFields = 100;

/**
 * In whose words wrong types are told: upstream decodes bodies with Go's `encoding/json`, but objects that a strategic
 * merge patch has made with a converter of its own (apimachinery `runtime.DefaultUnstructuredConverter`).
 */
export type Wording = 'json' | 'unstructured';

/**
 * Checks a JSON value against the field table of a message.
 * @throws ApiError 400 that names the field whose JSON type is wrong; Error for a message that the table does not have
 */
export function decodeObject(value: unknown, messageName: string, wording: Wording = 'json'): Decoded {
  if (!Object.hasOwn(messages, messageName)) throw new Error(`the field table has no message ${messageName}`);
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw badRequest(`json: cannot unmarshal ${jsonType(value)} into Go value of type ${goType(messageName)}`);
  const run = new DecodeRun();
  try {
    const object = run.message(value as Record<string, unknown>, messageName, undefined);
    return { object, unknownFields: run.unknownFields };
  } catch (error) {
    if (error instanceof WrongType) throw badRequest(wording === 'json' ? error.message : cannotConvert(error));
    throw error;
  }
}

class DecodeRun {
  readonly unknownFields: string[] = [];

  message(value: Record<string, unknown>, name: string, place: Place | undefined): Record<string, unknown> {
    const fields = fieldsOf(name);
    let copy: Record<string, unknown> | undefined;
    for (const key in value) {
      const field = fields.get(key);
      const at: Place = { parent: place, step: key, owner: name };
      let decoded: unknown = dropped;
      if (field === undefined) this.#unknown(at);
      else if (value[key] !== null && value[key] !== undefined) decoded = this.#field(value[key], field, at);
      if (decoded === value[key]) continue;
      copy ??= { ...value };
      if (decoded === dropped) delete copy[key];
      else copy[key] = decoded;
    }
    return copy ?? value;
  }

  #unknown(at: Place): void {
    if (this.unknownFields.length < maxUnknownFields) this.unknownFields.push(pathOf(at));
  }

  #field(value: unknown, field: FieldEntry, at: Place): unknown {
    if (field.map) return this.#map(value, field, at);
    if (field.repeated) return this.#list(value, field, at);
    return this.#single(value, field.type, at);
  }

  #list(value: unknown, field: FieldEntry, at: Place): unknown {
    if (!Array.isArray(value)) throw wrongType(value, `[]${goType(field.type)}`, at);
    let copy: unknown[] | undefined;
    for (let i = 0; i < value.length; i++) {
      const decoded = this.#single(value[i], field.type, { parent: at, step: i, owner: undefined });
      if (decoded === value[i]) continue;
      copy ??= [...(value as unknown[])];
      copy[i] = decoded;
    }
    return copy ?? value;
  }

  #map(value: unknown, field: FieldEntry, at: Place): unknown {
    if (typeof value !== 'object' || Array.isArray(value)) throw wrongType(value, goMapType(field.type), at);
    const map = value as Record<string, unknown>;
    let copy: Record<string, unknown> | undefined;
    for (const key in map) {
      const decoded = this.#single(map[key], field.type, { parent: at, step: key, owner: undefined });
      if (decoded === map[key]) continue;
      copy ??= { ...map };
      copy[key] = decoded;
    }
    return copy ?? map;
  }

  #single(value: unknown, type: string, at: Place): unknown {
    const scalar = scalars[type];
    if (scalar !== undefined) return scalar.decode(value, at);
    // A null element of a list or map is the zero value.
    if (value === null) return {};
    if (typeof value !== 'object' || Array.isArray(value)) throw wrongType(value, goType(type), at);
    return this.message(value as Record<string, unknown>, type, at);
  }
}

const scalars: Record<string, Decoder> = {
  string: { decode: (value, at) => (value === null ? '' : expectType(value, 'string', at)) },
  bool: { decode: (value, at) => (value === null ? false : expectType(value, 'boolean', at, 'bool')) },
  int32: { decode: (value, at) => integer(value, { type: 'int32', limit: 2 ** 31 }, at) },
  int64: { decode: (value, at) => integer(value, { type: 'int64', limit: 2 ** 63 }, at) },
  double: { decode: (value, at) => (value === null ? 0 : expectType(value, 'number', at, 'float64')) },
  bytes: { decode: bytes },
  Time: { decode: (value, at) => time(value, at, canonicalTime) },
  MicroTime: { decode: (value, at) => time(value, at, canonicalMicroTime) },
  Quantity: { decode: quantity },
  IntOrString: {
    decode: (value, at) => (typeof value === 'string' ? value : integer(value, { type: 'int32', limit: 2 ** 31 }, at)),
  },
  Raw: { decode: raw },
  ExtraValue: { decode: texts },
};

function expectType(value: unknown, type: string, at: Place, goType = type): unknown {
  if (typeof value !== type) throw wrongType(value, goType, at);
  return value;
}

function integer(value: unknown, kind: { readonly type: string; readonly limit: number }, at: Place): unknown {
  if (value === null) return 0;
  if (typeof value !== 'number') throw wrongType(value, kind.type, at);
  if (!Number.isInteger(value) || value >= kind.limit || value < -kind.limit)
    throw new WrongType(value, kind.type, at, `number ${value}`);
  return value;
}

/** Base64 as Go reads it: line breaks may stand in it, unused bits count for nothing. Stored in one form. */
function bytes(value: unknown, at: Place): unknown {
  if (value === null) return '';
  if (typeof value !== 'string') throw wrongType(value, '[]uint8', at);
  const padding = value.endsWith('==') ? 2 : value.endsWith('=') ? 1 : 0;
  const bad = value.search(/[^A-Za-z0-9+/]/);
  if (bad === (padding === 0 ? -1 : value.length - padding) && value.length % 4 === 0)
    return padding === 0 ? value : withExactEnd(value);
  if (/[\r\n]/.test(value)) return bytes(value.replace(/[\r\n]+/g, ''), at);
  const position = bad >= 0 ? bad : value.length - (value.length % 4);
  throw badRequest(`illegal base64 data at input byte ${position} in field ${pathOf(at)}`);
}

function withExactEnd(text: string): string {
  const last = text.slice(-4);
  const exact = Buffer.from(last, 'base64').toString('base64');
  return exact === last ? text : text.slice(0, -4) + exact;
}

function time(value: unknown, at: Place, canonical: (text: string) => string | undefined): unknown {
  if (value === null) return value;
  if (typeof value !== 'string') throw wrongType(value, 'string', at);
  const text = canonical(value);
  if (text === undefined)
    throw badRequest(
      `parsing time ${JSON.stringify(value)} as "2006-01-02T15:04:05Z07:00" failed in field ${pathOf(at)}`,
    );
  return text;
}

const quantityForm = '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$';

function quantity(value: unknown, at: Place): unknown {
  if (value === null) return '0';
  const text = typeof value === 'string' || typeof value === 'number' ? String(value).trim() : '';
  if (parseQuantity(text) !== undefined) return text;
  const fault = new RegExp(quantityForm).test(text)
    ? "unable to parse quantity's suffix"
    : `quantities must match the regular expression '${quantityForm}'`;
  throw badRequest(`${fault}, found ${JSON.stringify(text)} in field ${pathOf(at)}`);
}

function texts(value: unknown, at: Place): unknown {
  if (value === null) return [];
  if (!Array.isArray(value)) throw wrongType(value, 'v1.ExtraValue', at);
  const list: readonly unknown[] = value;
  list.forEach((text, step) => expectType(text, 'string', { parent: at, step, owner: undefined }));
  return list;
}

function raw(value: unknown): unknown {
  checkDepth(value);
  return value;
}

const fieldMaps = new Map<string, ReadonlyMap<string, FieldEntry>>();

/** Field name to entry, inlined members included, apiVersion and kind for kinds; made once per message. */
function fieldsOf(name: string): ReadonlyMap<string, FieldEntry> {
  let fields = fieldMaps.get(name);
  if (fields === undefined) {
    const made = new Map<string, FieldEntry>();
    const message = messages[name]!;
    if (message.apiVersion !== undefined) {
      made.set('apiVersion', { number: 0, type: 'string' });
      made.set('kind', { number: 0, type: 'string' });
    }
    for (const [key, field] of Object.entries(message.fields)) {
      if (field.inline) for (const [inner, entry] of fieldsOf(field.type)) made.set(inner, entry);
      else made.set(key, field);
    }
    fields = made;
    fieldMaps.set(name, fields);
  }
  return fields;
}

function wrongType(value: unknown, type: string, at: Place): Error {
  return new WrongType(value, type, at, jsonType(value));
}

/** Its message is Go's: it names the innermost struct, and the fields that lead there without indexes and keys. */
class WrongType extends Error {
  readonly value: unknown;
  readonly type: string;

  constructor(value: unknown, type: string, at: Place, what: string) {
    const fields: string[] = [];
    let struct = '';
    for (let place: Place | undefined = at; place !== undefined; place = place.parent) {
      if (place.owner === undefined) continue;
      if (struct === '') struct = place.owner;
      fields.unshift(String(place.step));
    }
    super(`json: cannot unmarshal ${what} into Go struct field ${struct}.${fields.join('.')} of type ${type}`);
    this.value = value;
    this.type = type;
  }
}

const goNames = new Map([
  ['double', 'float64'],
  ['bytes', '[]uint8'],
  ['Quantity', 'resource.Quantity'],
  ['IntOrString', 'intstr.IntOrString'],
]);

/** All our kinds are of versions named v1. */
function goType(type: string): string {
  return goNames.get(type) ?? (Object.hasOwn(messages, type) || type.endsWith('Time') ? `v1.${type}` : type);
}

function goMapType(type: string): string {
  return type === 'Quantity' ? 'v1.ResourceList' : `map[string]${goType(type)}`;
}

function jsonType(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  return typeof value === 'boolean' ? 'bool' : typeof value;
}

function pathOf(place: Place): string {
  const { parent, step } = place;
  if (typeof step === 'number') return `${parent === undefined ? '' : pathOf(parent)}[${step}]`;
  return parent === undefined ? step : `${pathOf(parent)}.${step}`;
}
