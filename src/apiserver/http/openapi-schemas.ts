import { descriptions, messages, type FieldEntry } from '../../api/index.ts';

/** An OpenAPI v3 schema, as plain JSON. */
export type Schema = Readonly<Record<string, unknown>>;

/** Messages of meta/v1: upstream names their schemas after apimachinery, whichever kind uses them. */
const metaMessages = new Set([
  'Condition',
  'DeleteOptions',
  'LabelSelector',
  'LabelSelectorRequirement',
  'ListMeta',
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
  ExtraValue: { type: 'array', items: { type: 'string' } },
};

interface NamedScalar {
  readonly name: string;
  readonly schema: Schema;
}

/** Values with a schema of their own: `kubectl explain` prints its name as the type. */
const namedScalars: Readonly<Record<string, NamedScalar>> = {
  Time: {
    name: 'io.k8s.apimachinery.pkg.apis.meta.v1.Time',
    schema: { type: 'string', format: 'date-time', description: 'A time in RFC 3339, to the second.' },
  },
  MicroTime: {
    name: 'io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime',
    schema: { type: 'string', format: 'date-time', description: 'A time in RFC 3339, to the microsecond.' },
  },
  Quantity: {
    name: 'io.k8s.apimachinery.pkg.api.resource.Quantity',
    schema: {
      description: 'An amount: a decimal number with an optional unit, such as 500m, 2, 1.5G or 64Mi.',
      oneOf: [{ type: 'string' }, { type: 'number' }],
    },
  },
  IntOrString: {
    name: 'io.k8s.apimachinery.pkg.util.intstr.IntOrString',
    schema: {
      description: 'A whole number, or a text such as the name of a port or a percentage.',
      format: 'int-or-string',
      oneOf: [{ type: 'integer' }, { type: 'string' }],
    },
  },
  Raw: {
    name: 'io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1',
    schema: { type: 'object', description: 'A set of fields: a tree whose keys say f:name, k:{key} or v:value.' },
  },
};

/** Whether a type has a schema of its own that others refer to. */
export function hasSchema(type: string): boolean {
  return messages[type] !== undefined || namedScalars[type] !== undefined;
}

/** The messages and named values that can be reached from one, itself included. */
export function reachableFrom(type: string, found = new Set<string>()): Set<string> {
  if (!hasSchema(type) || found.has(type)) return found;
  found.add(type);
  for (const field of Object.values(messages[type]?.fields ?? {})) reachableFrom(field.type, found);
  return found;
}

/** Gives each message the name of its schema: `io.k8s.api.batch.v1.Job`. */
export type SchemaNames = (message: string) => string;

/** Names as upstream's. `homes` says for each message under which prefix it belongs, like `io.k8s.api.batch.v1`. */
export function schemaNames(homes: ReadonlyMap<string, string>): SchemaNames {
  return (message) => {
    const scalar = namedScalars[message];
    if (scalar !== undefined) return scalar.name;
    if (metaMessages.has(message)) return `io.k8s.apimachinery.pkg.apis.meta.v1.${message}`;
    return `${homes.get(message) ?? 'io.k8s.api.core.v1'}.${message}`;
  };
}

/** Fields that every object has, beside those of its message. */
const typeFields: Readonly<Record<string, Schema>> = {
  apiVersion: { type: 'string', description: 'Group and version of the API that this object is written in.' },
  kind: { type: 'string', description: 'What sort of object this is. It cannot be changed.' },
};

/** The schema of one message, with references to the others. */
export function schemaOf(message: string, names: SchemaNames): Schema {
  const scalar = namedScalars[message];
  if (scalar !== undefined) return scalar.schema;
  const entry = messages[message];
  const properties: Record<string, Schema> = entry?.apiVersion === undefined ? {} : { ...typeFields };
  const required: string[] = [];
  for (const { owner, name, field } of fieldsOf(message)) {
    properties[name] = fieldSchema(field, names, descriptions[`${owner}.${name}`]);
    if (field.omitEmpty !== true && field.pointer !== true) required.push(name);
  }
  return {
    ...describedBy(descriptions[message]),
    type: 'object',
    ...(required.length === 0 ? {} : { required }),
    properties,
    ...(entry?.atomic === true ? { 'x-kubernetes-map-type': 'atomic' } : {}),
  };
}

/** The schema of the list of a kind. */
export function listSchemaOf(message: string, names: SchemaNames): Schema {
  return {
    description: `A page of objects of the kind ${message}.`,
    type: 'object',
    required: ['items'],
    properties: {
      ...typeFields,
      metadata: { allOf: [referenceTo('ListMeta', names)], default: {}, description: 'What is told about the list.' },
      items: { type: 'array', items: referenceTo(message, names), description: 'The objects.' },
    },
  };
}

/** A reference to the schema of a message. */
export function referenceTo(message: string, names: SchemaNames): Schema {
  return { $ref: `#/components/schemas/${names(message)}` };
}

interface OwnField {
  /** The message that declares it. */
  readonly owner: string;
  readonly name: string;
  readonly field: FieldEntry;
}

/** The fields as they stand in JSON: those of inlined messages are the parent's. */
function fieldsOf(message: string): OwnField[] {
  return Object.entries(messages[message]?.fields ?? {}).flatMap(([name, field]): OwnField[] =>
    field.inline === true ? fieldsOf(field.type) : [{ owner: message, name, field }],
  );
}

function fieldSchema(field: FieldEntry, names: SchemaNames, description: string | undefined): Schema {
  const value = scalars[field.type] ?? referenceTo(field.type, names);
  const hints = { ...describedBy(description), ...ownershipHints(field), ...patchHints(field) };
  if (field.map === true) return { type: 'object', additionalProperties: value, ...hints };
  if (field.repeated === true) return { type: 'array', items: value, ...hints };
  const otherwise = field.default === undefined ? {} : { default: field.default };
  if (value['$ref'] === undefined) return { ...value, ...otherwise, ...hints };
  // A struct that is no pointer upstream is always there: what is absent is the empty one.
  const empty = messages[field.type] !== undefined && field.pointer !== true ? { default: {} } : {};
  return { allOf: [value], ...empty, ...hints };
}

function describedBy(description: string | undefined): Schema {
  return description === undefined ? {} : { description };
}

/** For server-side apply: who owns what of a list or a map. */
function ownershipHints(field: FieldEntry): Schema {
  if (field.granular === true) return { 'x-kubernetes-map-type': 'granular' };
  if (field.repeated !== true) return field.atomic === true ? { 'x-kubernetes-map-type': 'atomic' } : {};
  if (field.keys !== undefined) return { 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': field.keys };
  return { 'x-kubernetes-list-type': field.set === true ? 'set' : 'atomic' };
}

/** For strategic merge patches. */
function patchHints(field: FieldEntry): Schema {
  if (field.merge !== true) return {};
  return {
    'x-kubernetes-patch-strategy': field.retainKeys === true ? 'merge,retainKeys' : 'merge',
    ...(field.mergeKey === undefined ? {} : { 'x-kubernetes-patch-merge-key': field.mergeKey }),
  };
}
