/** One field of a message: what protobuf, strict decoding, patches and OpenAPI need to know about it. */
export interface FieldEntry {
  /** Protobuf field number. */
  readonly number: number;
  /**
   * A scalar (`string`, `int32`, `int64`, `double`, `bool`, `bytes`, `Time`, `MicroTime`, `Quantity`,
   * `IntOrString`, `Raw` for embedded JSON, `ExtraValue` for a list of texts as the value of a map) or the name of another
   * message in the table.
   */
  readonly type: string;
  /** The content stands in the parent: in JSON there is no key of this name. */
  readonly inline?: true;
  /** A Go pointer upstream: a zero value is kept, absence is null. */
  readonly pointer?: true;
  readonly omitEmpty?: true;
  readonly repeated?: true;
  /** A string-keyed map whose values are of `type`. */
  readonly map?: true;
  /** Strategic merge: lists merge instead of being replaced; by `mergeKey` unless a list of scalars. */
  readonly merge?: true;
  readonly mergeKey?: string;
  readonly retainKeys?: true;
  /** Server-side apply: who owns what of a list. By these keys, or each scalar by itself; else the list as a whole. */
  readonly keys?: readonly string[];
  readonly set?: true;
  /** A map that is owned as a whole. */
  readonly atomic?: true;
  /** Owned field by field, though its message is atomic. */
  readonly granular?: true;
  /** Left out when it is zero, although it is a struct upstream. */
  readonly omitZero?: true;
  /** What upstream's schema gives an absent value. */
  readonly default?: string;
}

/** `apiVersion` is set for kinds, i.e. messages that travel on their own. */
export interface MessageEntry {
  readonly apiVersion?: string;
  /** Server-side apply: owned as a whole. */
  readonly atomic?: true;
  readonly fields: Readonly<Record<string, FieldEntry>>;
}

export type MessageTable = Readonly<Record<string, MessageEntry>>;
