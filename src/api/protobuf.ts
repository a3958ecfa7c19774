import { checkDepth } from './depth.ts';
import { messages } from './generated/fields.ts';
import type { FieldEntry } from './field-table.ts';
import { setKey } from './patch-merge.ts';
import { malformed, Reader, wireBytes, wireFixed64, wireVarint } from './protobuf-reader.ts';
import { parseQuantity } from './quantity.ts';
import { ApiError, badRequest } from './status.ts';
import { canonicalMicroTime, formatTime, parseTime } from './time.ts';

export interface DecodedProtobuf {
  readonly apiVersion: string;
  readonly kind: string;
  readonly object: Record<string, unknown>;
}

type Json = Record<string, unknown>;

const magic = [0x6b, 0x38, 0x73, 0x00];
const maxDepth = 64;

/**
 * Decodes a body of type `application/vnd.kubernetes.protobuf`: the envelope and the message of its kind, by the field
 * table, into the JSON form.
 * @throws ApiError 400 for anything that is cut off, malformed or of a kind that the table does not have
 */
export function decodeProtobuf(body: Uint8Array): DecodedProtobuf {
  if (!magic.every((byte, index) => body[index] === byte))
    throw badRequest('provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]');
  const envelope = readEnvelope(new Reader(body.subarray(magic.length)));
  if (!isKind(envelope))
    throw badRequest(`no kind "${envelope.kind}" is registered for version "${envelope.apiVersion}"`);
  const object = readMessage(new Reader(envelope.raw), envelope.kind, 0);
  return {
    apiVersion: envelope.apiVersion,
    kind: envelope.kind,
    object: { apiVersion: envelope.apiVersion, kind: envelope.kind, ...object },
  };
}

/** DeleteOptions belong to every group. */
function isKind({ apiVersion, kind }: Envelope): boolean {
  if (!Object.hasOwn(messages, kind)) return false;
  const served = messages[kind]!.apiVersion;
  return served !== undefined && (served === apiVersion || kind === 'DeleteOptions');
}

interface Envelope {
  apiVersion: string;
  kind: string;
  raw: Uint8Array;
}

function readEnvelope(reader: Reader): Envelope {
  const envelope: Envelope = { apiVersion: '', kind: '', raw: new Uint8Array() };
  while (!reader.done) {
    const { number, wire } = reader.tag();
    if (number === 1) {
      const type = new Reader(reader.bytes(wire));
      while (!type.done) {
        const { number: part, wire: partWire } = type.tag();
        if (part === 1) envelope.apiVersion = type.text(partWire);
        else if (part === 2) envelope.kind = type.text(partWire);
        else type.skip(partWire);
      }
    } else if (number === 2) envelope.raw = reader.bytes(wire);
    else reader.skip(wire);
  }
  return envelope;
}

type FieldByNumber = ReadonlyMap<number, readonly [name: string, field: FieldEntry]>;
const byNumber = new Map<string, FieldByNumber>();

function fieldsByNumber(message: string): FieldByNumber {
  let fields = byNumber.get(message);
  if (fields === undefined) {
    fields = new Map(Object.entries(messages[message]!.fields).map((entry) => [entry[1].number, entry]));
    byNumber.set(message, fields);
  }
  return fields;
}

function readMessage(reader: Reader, message: string, depth: number): Json {
  if (depth > maxDepth) throw malformed('exceeded max depth');
  const object: Json = {};
  const fields = fieldsByNumber(message);
  while (!reader.done) {
    const { number, wire } = reader.tag();
    const known = fields.get(number);
    if (known === undefined) reader.skip(wire);
    else readField({ reader, wire, object, depth }, known);
  }
  return object;
}

interface FieldPlace {
  readonly reader: Reader;
  readonly wire: number;
  readonly object: Json;
  readonly depth: number;
}

function readField(place: FieldPlace, [name, field]: readonly [string, FieldEntry]): void {
  const { reader, wire, object, depth } = place;
  if (field.map) {
    const [key, value] = readMapEntry(new Reader(reader.bytes(wire)), field, depth);
    // In place: a copy per entry would make large maps quadratic.
    setKey((object[name] ??= {}) as Json, key, value);
    return;
  }
  if (field.repeated) {
    const list = (object[name] ??= []) as unknown[];
    if (wire === wireBytes && numbers.has(field.type)) readPacked(new Reader(reader.bytes(wire)), field.type, list);
    else list.push(readValue(reader, { type: field.type, wire, depth }));
    return;
  }
  const value = readValue(reader, { type: field.type, wire, depth });
  if (field.inline) Object.assign(object, value as Json);
  else if (!isDropped(value, field)) object[name] = value;
}

const numbers = new Set(['int32', 'int64', 'bool', 'double']);

/** Numbers of a list in one block: Go's decoder takes both forms. */
function readPacked(reader: Reader, type: string, list: unknown[]): void {
  const wire = type === 'double' ? wireFixed64 : wireVarint;
  while (!reader.done) list.push(readValue(reader, { type, wire, depth: 0 }));
}

/** A zero of a field that Go omits when empty was never there; a pointer's zero was. */
function isDropped(value: unknown, field: FieldEntry): boolean {
  if (value === null) return field.pointer === true || field.omitEmpty === true || field.type.endsWith('Time');
  if (field.pointer === true || field.omitEmpty !== true) return false;
  return value === '' || value === 0 || value === false;
}

function readMapEntry(reader: Reader, field: FieldEntry, depth: number): [string, unknown] {
  let key = '';
  let value: unknown = emptyValue(field.type);
  while (!reader.done) {
    const { number, wire } = reader.tag();
    if (number === 1) key = reader.text(wire);
    else if (number === 2) value = readValue(reader, { type: field.type, wire, depth });
    else reader.skip(wire);
  }
  return [key, value];
}

/** What a map holds under a key whose value was left out. */
function emptyValue(type: string): unknown {
  switch (type) {
    case 'string':
    case 'bytes':
      return '';
    case 'Quantity':
      return '0';
    case 'ExtraValue':
      return [];
    default:
      return {};
  }
}

interface ValuePlace {
  readonly type: string;
  readonly wire: number;
  readonly depth: number;
}

function readValue(reader: Reader, { type, wire, depth }: ValuePlace): unknown {
  switch (type) {
    case 'string':
      return reader.text(wire);
    case 'bytes':
      return Buffer.from(reader.bytes(wire)).toString('base64');
    case 'bool':
      return reader.integer(wire) !== 0;
    case 'int32':
      return reader.integer(wire) | 0;
    case 'int64':
      return reader.integer(wire);
    case 'double':
      return reader.double(wire);
    case 'Time':
    case 'MicroTime':
      return readTime(new Reader(reader.bytes(wire)), type);
    case 'Quantity':
      return readQuantity(new Reader(reader.bytes(wire)));
    case 'IntOrString': {
      const parts = readParts(new Reader(reader.bytes(wire)), '');
      return parts.first === 0 ? parts.second : parts.text;
    }
    case 'ExtraValue':
      return readTexts(new Reader(reader.bytes(wire)));
    case 'Raw':
      return readRaw(new Reader(reader.bytes(wire)));
    default:
      return readMessage(new Reader(reader.bytes(wire)), type, depth + 1);
  }
}

/** seconds and nanoseconds; nothing at all is null. */
function readTime(reader: Reader, type: 'Time' | 'MicroTime'): string | null {
  if (reader.done) return null;
  const { first: seconds, second: nanos } = readParts(reader, '');
  // JavaScript has dates of 8.64e12 seconds around 1970.
  const text = Math.abs(seconds) <= 8.64e12 ? formatTime(seconds * 1000) : '';
  if (Number.isNaN(parseTime(text)) || nanos < 0 || nanos > 999_999_999) throw malformed('time out of range');
  if (type === 'Time') return text;
  return canonicalMicroTime(`${text.slice(0, -1)}.${String(nanos).padStart(9, '0')}Z`) ?? text;
}

function readQuantity(reader: Reader): string {
  const text = readParts(reader, '').text || '0';
  if (parseQuantity(text) === undefined) throw malformed(`${JSON.stringify(text)} is no quantity`);
  return text;
}

/** The members of the small messages: integers 1 and 2, and whichever member is a string. */
function readParts(reader: Reader, initial: string): { first: number; second: number; text: string } {
  const parts = { first: 0, second: 0, text: initial };
  while (!reader.done) {
    const { number, wire } = reader.tag();
    if (wire === wireBytes) parts.text = reader.text(wire);
    else if (number === 1) parts.first = reader.integer(wire);
    else if (number === 2) parts.second = reader.integer(wire);
    else reader.skip(wire);
  }
  return parts;
}

/** A message whose only field is a list of strings; in JSON it is that list. */
function readTexts(reader: Reader): readonly string[] {
  const texts: string[] = [];
  while (!reader.done) {
    const { number, wire } = reader.tag();
    if (number === 1) texts.push(reader.text(wire));
    else reader.skip(wire);
  }
  return texts;
}

function readRaw(reader: Reader): unknown {
  const { text: json } = readParts(reader, '');
  if (json === '') return null;
  try {
    const value: unknown = JSON.parse(json);
    checkDepth(value);
    return value;
  } catch (cause) {
    if (cause instanceof ApiError) throw cause;
    throw badRequest(`proto: embedded JSON is malformed (${(cause as Error).message})`);
  }
}
