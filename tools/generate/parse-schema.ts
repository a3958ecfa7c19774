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
}

/** One message; `apiVersion` is set for kinds, i.e. messages that travel on their own. */
export interface SchemaMessage {
  readonly name: string;
  readonly apiVersion?: string;
  readonly fields: readonly SchemaField[];
}

const fieldLine = /^ {2}(\d+) (\.\.\.)?(\w+) (map<)?(\w+)>?(\[\])?(\?)?(~)?((?: [\w()]+)*)$/;

/** Parses one `.schema` file. Throws with the line number on anything it does not understand. */
export function parseSchema(text: string): SchemaMessage[] {
  const messages: { name: string; apiVersion?: string; fields: SchemaField[] }[] = [];
  text.split('\n').forEach((line, index) => {
    if (line === '' || line.startsWith('#')) return;
    const head = /^(kind|type) (\w+)(?: (\S+))?$/.exec(line);
    if (head) {
      messages.push({ name: head[2]!, ...(head[3] ? { apiVersion: head[3] } : {}), fields: [] });
      return;
    }
    const m = fieldLine.exec(line);
    const message = messages.at(-1);
    if (!m || !message) throw new Error(`line ${index + 1}: cannot read ${JSON.stringify(line)}`);
    const merge = / merge(?:\((\w+)\))?/.exec(m[9]!);
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
      retainKeys: m[9]!.includes(' retainKeys'),
    });
  });
  return messages;
}
