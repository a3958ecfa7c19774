import { messages, type FieldEntry } from '../../api/index.ts';

/** An OpenAPI v3 schema, as plain JSON. */
export type Schema = Readonly<Record<string, unknown>>;

/** Messages of meta/v1: upstream names their schemas after apimachinery, whichever kind uses them. */
const metaMessages = new Set([
  'DeleteOptions',
  'LabelSelector',
  'LabelSelectorRequirement',
  'ManagedFieldsEntry',
  'ObjectMeta',
  'OwnerReference',
  'Preconditions',
]);

const scalars: Readonly<Record<string, Schema>> = {
  string: { type: 'string' },
  int32: { type: 'integer', format: 'int32' },
  int64: { type: 'integer', format: 'int64' },
  double: { type: 'number', format: 'double' },
  bool: { type: 'boolean' },
  bytes: { type: 'string', format: 'byte' },
  Time: { type: 'string', format: 'date-time' },
  MicroTime: { type: 'string', format: 'date-time' },
  Quantity: { oneOf: [{ type: 'string' }, { type: 'number' }], description: 'A fixed-point number, as 500m or 2Gi.' },
  IntOrString: { oneOf: [{ type: 'integer' }, { type: 'string' }], format: 'int-or-string' },
  Raw: { type: 'object' },
  ExtraValue: { type: 'array', items: { type: 'string' } },
};

/** The messages that can be reached from one, itself included. */
export function reachableFrom(message: string, found = new Set<string>()): Set<string> {
  const entry = messages[message];
  if (entry === undefined || found.has(message)) return found;
  found.add(message);
  for (const field of Object.values(entry.fields)) reachableFrom(field.type, found);
  return found;
}

/** Gives each message the name of its schema: `io.k8s.api.batch.v1.Job`. */
export type SchemaNames = (message: string) => string;

/**
 * Names as upstream's: what a kind of the core group uses belongs to core, everything else to the group asked for.
 * `corePrefix` and `prefix` are like `io.k8s.api.batch.v1`.
 */
export function schemaNames(coreMessages: ReadonlySet<string>, prefix: string): SchemaNames {
  return (message) => {
    if (metaMessages.has(message)) return `io.k8s.apimachinery.pkg.apis.meta.v1.${message}`;
    return coreMessages.has(message) ? `io.k8s.api.core.v1.${message}` : `${prefix}.${message}`;
  };
}

/** The schema of one message, with references to the others. */
export function schemaOf(message: string, names: SchemaNames, kind: string | undefined): Schema {
  const properties: Record<string, Schema> = {};
  const required: string[] = [];
  if (kind !== undefined) {
    properties['apiVersion'] = { type: 'string', description: 'The version of this representation of the object.' };
    properties['kind'] = { type: 'string', description: 'The kind of object this is.' };
  }
  for (const [name, field] of fieldsOf(message)) {
    properties[name] = fieldSchema(field, names);
    if (field.omitEmpty !== true && field.pointer !== true) required.push(name);
  }
  return { type: 'object', ...(required.length === 0 ? {} : { required }), properties };
}

/** The fields as they stand in JSON: those of inlined messages are the parent's. */
function fieldsOf(message: string): [string, FieldEntry][] {
  return Object.entries(messages[message]?.fields ?? {}).flatMap(([name, field]): [string, FieldEntry][] =>
    field.inline === true ? fieldsOf(field.type) : [[name, field]],
  );
}

function fieldSchema(field: FieldEntry, names: SchemaNames): Schema {
  const scalar = scalars[field.type];
  const reference = { $ref: `#/components/schemas/${names(field.type)}` };
  if (field.map === true) return { type: 'object', additionalProperties: scalar ?? reference };
  if (field.repeated === true) return { type: 'array', items: scalar ?? reference, ...patchHints(field) };
  return scalar ?? { allOf: [reference], default: {} };
}

function patchHints(field: FieldEntry): Schema {
  if (field.merge !== true) return {};
  return {
    'x-kubernetes-patch-strategy': field.retainKeys === true ? 'merge,retainKeys' : 'merge',
    ...(field.mergeKey === undefined ? {} : { 'x-kubernetes-patch-merge-key': field.mergeKey }),
  };
}
