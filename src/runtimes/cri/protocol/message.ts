import protobuf from 'protobufjs/minimal.js';

type Writer = protobuf.Writer;
type Reader = protobuf.Reader;

/** One field of a message: its number, how it is written and read, and what it is where nothing was sent (proto3). */
interface Field<Read, Write = Read> {
  readonly number: number;
  empty(): Read;
  write(writer: Writer, value: Write): void;
  /** The value after one more occurrence on the wire, which was announced as of this wire type. */
  read(reader: Reader, before: Read, wireType: number): Read;
}

type Fields = Readonly<Record<string, Field<unknown>>>;
type ReadOf<F> = { readonly [K in keyof F]: F[K] extends Field<infer Read, infer _> ? Read : never };
type WriteOf<F> = { readonly [K in keyof F]?: (F[K] extends Field<infer _, infer Write> ? Write : never) | undefined };

/** A kind of message: reads with all fields filled in, writes what is given. */
export interface Message<Read, Write> {
  readonly encode: (value: Write) => Buffer;
  /** Fields that the table lacks are left out. @throws Error for bytes that are no message of this kind */
  readonly decode: (bytes: Uint8Array) => Read;
}

/** What is read of a message. */
export type Received<M> = M extends Message<infer Read, infer _> ? Read : never;
/** What is written as a message. */
export type Sent<M> = M extends Message<infer _, infer Write> ? Write : never;

/** Declares a message by its fields; their order does not matter. */
export function message<F extends Fields>(fields: F): Message<ReadOf<F>, WriteOf<F>> {
  const entries = Object.entries(fields);
  const byNumber = new Map(entries.map(([name, field]) => [field.number, { name, field }]));
  return {
    encode: (value) => {
      const writer = protobuf.Writer.create();
      for (const [name, field] of entries) {
        const given = (value as Record<string, unknown>)[name];
        if (given !== undefined) field.write(writer, given);
      }
      return Buffer.from(writer.finish());
    },
    decode: (bytes) => {
      // Not by `create`: the reader that it makes for a Buffer takes texts that are cut off.
      const reader = new protobuf.Reader(bytes);
      const value: Record<string, unknown> = Object.fromEntries(entries.map(([name, field]) => [name, field.empty()]));
      while (reader.pos < reader.len) {
        const tag = reader.uint32();
        const known = byNumber.get(tag >>> 3);
        if (known === undefined) reader.skipType(tag & 7);
        else value[known.name] = known.field.read(reader, value[known.name], tag & 7);
      }
      return value as ReadOf<F>;
    },
  };
}

const wire = { varint: 0, bytes: 2 };

function scalar<T>(
  number: number,
  kind: number,
  parts: {
    readonly empty: T;
    readonly write: (writer: Writer, value: T) => void;
    readonly read: (reader: Reader) => T;
  },
): Field<T> {
  return {
    number,
    empty: () => parts.empty,
    write: (writer, value) => parts.write(writer.uint32((number << 3) | kind), value),
    read: (reader) => parts.read(reader),
  };
}

export function text(number: number): Field<string> {
  const write = (writer: Writer, value: string): void => void writer.string(value);
  return scalar(number, wire.bytes, { empty: '', write, read: (reader) => reader.string() });
}

export function flag(number: number): Field<boolean> {
  const write = (writer: Writer, value: boolean): void => void writer.bool(value);
  return scalar(number, wire.varint, { empty: false, write, read: (reader) => reader.bool() });
}

/** Any of int32, int64, uint32 and uint64; beyond 2^53 the next number that there is. */
export function integer(number: number): Field<number> {
  const write = (writer: Writer, value: number): void => void writer.int64(value);
  return scalar(number, wire.varint, { empty: 0, write, read: (reader) => Number(reader.int64()) });
}

export function bytes(number: number): Field<Uint8Array> {
  const write = (writer: Writer, value: Uint8Array): void => void writer.bytes(value);
  return scalar(number, wire.bytes, { empty: new Uint8Array(), write, read: (reader) => reader.bytes() });
}

/** An enum, by names in the order of their numbers. A number without a name is read as the last one. */
export function choice<const Names extends readonly string[]>(number: number, names: Names): Field<Names[number]> {
  const write = (writer: Writer, value: Names[number]): void => void writer.int32(names.indexOf(value));
  const read = (reader: Reader): Names[number] => names[reader.int32()] ?? names.at(-1)!;
  return scalar<Names[number]>(number, wire.varint, { empty: names[0]!, write, read });
}

/** A message within; undefined where none was sent. */
export function child<Read, Write>(number: number, kind: Message<Read, Write>): Field<Read | undefined, Write> {
  return {
    number,
    empty: () => undefined,
    write: (writer, value) => void writer.uint32((number << 3) | wire.bytes).bytes(kind.encode(value)),
    read: (reader) => kind.decode(reader.bytes()),
  };
}

/** A number that may be absent: messages of one number, as Int64Value and UInt64Value are. */
export function optionalInteger(number: number): Field<number | undefined, number> {
  const inner = child(number, message({ value: integer(1) }));
  return {
    number,
    empty: () => undefined,
    write: (writer, value) => inner.write(writer, { value }),
    read: (reader, _before, wireType) => inner.read(reader, undefined, wireType)?.value,
  };
}

/** Texts or messages, any number of them. */
export function list<Read, Write>(
  field: Field<Read, Write>,
): Field<readonly NonNullable<Read>[], readonly NonNullable<Write>[]> {
  return {
    number: field.number,
    empty: () => [],
    write: (writer, values) => {
      for (const value of values) field.write(writer, value);
    },
    read: (reader, before, wireType) => {
      (before as NonNullable<Read>[]).push(field.read(reader, field.empty(), wireType)!);
      return before;
    },
  };
}

/** Numbers, any number of them: written as one block, read in either form. */
export function integers(number: number): Field<readonly number[]> {
  return {
    number,
    empty: () => [],
    write: (writer, values) => {
      writer.uint32((number << 3) | wire.bytes).fork();
      for (const value of values) writer.int64(value);
      writer.ldelim();
    },
    read: (reader, before, wireType) => {
      if (wireType !== wire.bytes) return [...before, Number(reader.int64())];
      const end = reader.uint32() + reader.pos;
      const values = [...before];
      while (reader.pos < end) values.push(Number(reader.int64()));
      return values;
    },
  };
}

const entry = message({ key: text(1), value: text(2) });

/** Texts by texts. */
export function map(number: number): Field<Readonly<Record<string, string>>> {
  const entries = list(child(number, entry));
  return {
    number,
    empty: () => ({}),
    write: (writer, value) =>
      entries.write(
        writer,
        Object.entries(value).map(([key, text]) => ({ key, value: text })),
      ),
    read: (reader, before) => {
      const { key, value } = entry.decode(reader.bytes());
      return { ...before, [key]: value };
    },
  };
}
