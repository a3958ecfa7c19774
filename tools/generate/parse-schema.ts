/** One field of a message, as a line of a `.schema` file declares it. */
export interface SchemaField {
  readonly number: number;
  readonly name: string;
  readonly type: string;
  readonly inline: boolean;
  readonly pointer: boolean;
  readonly omitEmpty: boolean;
  readonly repeated: boolean;
  readonly map: boolean;
  readonly mergeKey?: string;
  readonly merge: boolean;
  readonly retainKeys: boolean;
  /** Server-side apply: the keys of an associative list; lists that say nothing are atomic. */
  readonly keys?: readonly string[];
  readonly set: boolean;
  readonly atomic: boolean;
  readonly granular: boolean;
  readonly omitZero: boolean;
  readonly default?: string;
  /** What stands after ` -- `: what the field means, for OpenAPI. */
  readonly description?: string;
}

/** One message; `apiVersion` is set for kinds, i.e. messages that travel on their own. */
export interface SchemaMessage {
  readonly name: string;
  readonly apiVersion?: string;
  readonly atomic: boolean;
  readonly description?: string;
  readonly fields: readonly SchemaField[];
}

const fieldLine = /^ {2}(\d+) (\.\.\.)?(\w+) (map<)?(\w+)>?(\[\])?(\?)?(~)?((?: [\w(),/]+)*)$/;

/** Parses one `.schema` file. Throws with the line number on anything it does not understand. */
export function parseSchema(text: string): SchemaMessage[] {
  const messages: (SchemaMessage & { fields: SchemaField[] })[] = [];
  text.split('\n').forEach((whole, index) => {
    if (whole === '' || whole.startsWith('#')) return;
    const [line = '', description] = whole.split(/ -- (.*)/, 2);
    const described = description === undefined ? {} : { description };
    const head = /^(?:kind (\w+) (\S+)|type (\w+)( atomic)?)$/.exec(line);
    if (head) {
      const atomic = head[4] !== undefined;
      const apiVersion = head[2] ? { apiVersion: head[2] } : {};
      messages.push({ name: (head[1] ?? head[3])!, ...apiVersion, atomic, ...described, fields: [] });
      return;
    }
    const m = fieldLine.exec(line);
    const message = messages.at(-1);
    if (!m || !message) throw new Error(`line ${index + 1}: cannot read ${JSON.stringify(line)}`);
    const flags = m[9]!;
    const merge = / merge(?:\((\w+)\))?/.exec(flags);
    const keys = / keys\(([\w,]+)\)/.exec(flags)?.[1];
    const otherwise = / default\(([^)]*)\)/.exec(flags)?.[1];
    const has = (flag: string): boolean => flags.split(' ').includes(flag);
    message.fields.push({
      number: Number(m[1]),
      name: m[3]!,
      type: m[5]!,
      inline: m[2] !== undefined,
      map: m[4] !== undefined,
      repeated: m[6] !== undefined,
      pointer: m[7] !== undefined,
      omitEmpty: m[8] !== undefined,
      merge: merge !== null,
      ...(merge?.[1] ? { mergeKey: merge[1] } : {}),
      retainKeys: has('retainKeys'),
      ...(keys === undefined ? {} : { keys: keys.split(',') }),
      set: has('set'),
      atomic: has('atomic'),
      granular: has('granular'),
      omitZero: has('omitzero'),
      ...(otherwise === undefined ? {} : { default: otherwise }),
      ...described,
    });
  });
  return messages;
}
