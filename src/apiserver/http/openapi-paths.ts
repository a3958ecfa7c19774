import type { KindDefinition } from '../kind.ts';
import type { ReviewDefinition } from '../review.ts';
import { subresourcesOf, verbsOf, type SubresourceEntry } from './discovery.ts';
import { hasSchema, referenceTo, type Schema, type SchemaNames } from './openapi-schemas.ts';

/** Where a document's paths begin, and how its schemas are named. */
export interface PathsContext {
  /** `/apis/batch/v1`. */
  readonly root: string;
  readonly names: SchemaNames;
}

interface OperationParts {
  readonly method: 'get' | 'put' | 'post' | 'patch' | 'delete';
  readonly action: string;
  /** `NamespacedJobStatus`: what the id of the operation ends with. */
  readonly subject: string;
  readonly type: { readonly group: string; readonly version: string; readonly kind: string };
  readonly query: readonly string[];
  /** Names of schemas; undefined stands for plain text. */
  readonly body?: Schema;
  readonly answer: Schema;
}

/** Every path of a kind with its operations, those of its subresources too. */
export function pathsOf(kind: KindDefinition, context: PathsContext): Record<string, Schema> {
  const { namespaced, resource, kind: name } = kind.resource;
  const collection = `${context.root}${namespaced ? '/namespaces/{namespace}' : ''}/${resource}`;
  const message = kind.message ?? name;
  const list = { $ref: `#/components/schemas/${context.names(message)}List` };
  const shared = { type: typeOf(kind.resource), answer: referenceTo(message, context.names) };
  const scoped = `${namespaced ? 'Namespaced' : ''}${name}`;
  const listing = { ...shared, action: 'list', answer: list, method: 'get', query: listParameters } as const;
  const object = { ...shared, subject: scoped };
  const status = { ...shared, answer: statusAnswer };
  const paths: Record<string, Schema> = {
    [collection]: pathItem(context, namespaced ? ['namespace'] : [], [
      { ...listing, subject: scoped },
      { ...object, method: 'post', action: 'post', query: writeParameters, body: shared.answer },
      ...(verbsOf(kind).includes('deletecollection')
        ? [
            {
              ...status,
              method: 'delete',
              action: 'deletecollection',
              subject: `Collection${scoped}`,
              query: [...deleteParameters, ...selectParameters],
            } as const,
          ]
        : []),
    ]),
    [`${collection}/{name}`]: pathItem(context, namespaced ? ['name', 'namespace'] : ['name'], [
      ...readAndWrite(object),
      { ...status, subject: scoped, method: 'delete', action: 'delete', query: deleteParameters },
    ]),
  };
  if (namespaced) {
    const everywhere = { ...listing, subject: `${name}ForAllNamespaces` };
    paths[`${context.root}/${resource}`] = pathItem(context, [], [everywhere]);
  }
  for (const entry of subresourcesOf(kind)) {
    const parameters = namespaced ? ['name', 'namespace'] : ['name'];
    const operations = subresourceOperations(kind, entry, context.names);
    paths[`${collection}/{name}/${entry.name}`] = pathItem(context, parameters, operations);
  }
  return paths;
}

/** A kind that is only asked: its one operation. */
export function reviewPaths({ resource }: ReviewDefinition, context: PathsContext): Record<string, Schema> {
  const schema = referenceTo(resource.kind, context.names);
  const subject = `${resource.namespaced ? 'Namespaced' : ''}${resource.kind}`;
  const path = `${context.root}${resource.namespaced ? '/namespaces/{namespace}' : ''}/${resource.resource}`;
  const type = typeOf(resource);
  const post = { method: 'post', action: 'post', subject, type, query: writeParameters } as const;
  return {
    [path]: pathItem(context, resource.namespaced ? ['namespace'] : [], [{ ...post, body: schema, answer: schema }]),
  };
}

type Shared = Pick<OperationParts, 'subject' | 'type' | 'answer'>;

function readAndWrite(object: Shared): OperationParts[] {
  return [
    { ...object, method: 'get', action: 'get', query: [] },
    { ...object, method: 'put', action: 'put', query: writeParameters, body: object.answer },
    { ...object, method: 'patch', action: 'patch', query: [...writeParameters, 'force'], body: patchBody },
  ];
}

const methodOfVerb = { get: 'get', create: 'post', update: 'put', patch: 'patch' } as const;

function subresourceOperations(kind: KindDefinition, entry: SubresourceEntry, names: SchemaNames): OperationParts[] {
  const { group, version, namespaced } = kind.resource;
  const type = typeOf({ ...(entry.kindIn ?? { group, version }), kind: entry.kind });
  const message = entry.kind === kind.resource.kind ? (kind.message ?? entry.kind) : entry.kind;
  const last = `${entry.name.slice(0, 1).toUpperCase()}${entry.name.slice(1)}`;
  const subject = `${namespaced ? 'Namespaced' : ''}${kind.resource.kind}${last}`;
  const connects = !hasSchema(message);
  const isText = connects || entry.name === 'log';
  const answer = isText ? { type: 'string' } : referenceTo(message, names);
  return entry.verbs.flatMap((verb): OperationParts[] => {
    const method = methodOfVerb[verb as keyof typeof methodOfVerb];
    const shared = { subject, type, answer, method, action: connects ? 'connect' : method };
    if (isText) return [{ ...shared, query: textParameters[entry.name] ?? [] }];
    if (method === 'get') return [{ ...shared, query: [] }];
    if (method === 'patch') return [{ ...shared, query: [...writeParameters, 'force'], body: patchBody }];
    return [{ ...shared, query: writeParameters, body: answer }];
  });
}

function pathItem(context: PathsContext, path: readonly string[], operations: readonly OperationParts[]): Schema {
  const entries = operations.map((parts) => [parts.method, operationOf(parts, context)]);
  return { ...(Object.fromEntries(entries) as Schema), parameters: path.map(pathParameter) };
}

const verbOfAction: Readonly<Record<string, string>> = {
  get: 'read',
  post: 'create',
  put: 'replace',
  deletecollection: 'delete',
};

/** `createBatchV1NamespacedJob`: unique in all documents together, as code generators need it. */
function operationIdOf(parts: OperationParts, root: string): string {
  const [, first = '', second = '', third = ''] = root.split('/');
  const [group, version] = first === 'api' ? ['core', second] : [second.split('.', 1)[0] as string, third];
  const upper = (text: string): string => text.slice(0, 1).toUpperCase() + text.slice(1);
  const verb =
    parts.action === 'connect' ? `connect${upper(parts.method)}` : (verbOfAction[parts.action] ?? parts.action);
  return `${verb}${upper(group)}${upper(version)}${parts.subject}`;
}

function operationOf(parts: OperationParts, { root }: PathsContext): Schema {
  const { action, body, answer, query, type } = parts;
  const bodyTypes = action === 'patch' ? patchTypes : ['application/json', 'application/yaml'];
  const content = Object.fromEntries(bodyTypes.map((one) => [one, { schema: body }]));
  const answerType = answer['type'] === 'string' ? 'text/plain' : 'application/json';
  return {
    operationId: operationIdOf(parts, root),
    parameters: query.map(queryParameter),
    ...(body === undefined ? {} : { requestBody: { required: true, content } }),
    responses: { '200': { description: 'OK', content: { [answerType]: { schema: answer } } } },
    'x-kubernetes-action': action,
    'x-kubernetes-group-version-kind': type,
  };
}

const patchBody: Schema = {
  type: 'object',
  description: 'What is to be changed, in the form that the content type names.',
};
const patchTypes = [
  'application/apply-patch+yaml',
  'application/json-patch+json',
  'application/merge-patch+json',
  'application/strategic-merge-patch+json',
];
const statusAnswer: Schema = { type: 'object', description: 'A Status, or the object as it was last.' };
const writeParameters = ['dryRun', 'fieldManager', 'fieldValidation'];
const deleteParameters = ['dryRun', 'gracePeriodSeconds', 'orphanDependents', 'propagationPolicy'];
const selectParameters = ['labelSelector', 'fieldSelector', 'limit', 'continue', 'resourceVersion'];
const listParameters = [
  ...selectParameters,
  'resourceVersionMatch',
  'watch',
  'allowWatchBookmarks',
  'sendInitialEvents',
  'timeoutSeconds',
];
const commandParameters = ['command', 'container', 'stdin', 'stdout', 'stderr', 'tty'];
const textParameters: Readonly<Record<string, readonly string[]>> = {
  attach: commandParameters.slice(1),
  exec: commandParameters,
  log: ['container', 'follow', 'previous', 'limitBytes', 'sinceSeconds', 'sinceTime', 'tailLines', 'timestamps'],
  portforward: ['ports'],
};
const flags = new Set(
  'watch allowWatchBookmarks sendInitialEvents force orphanDependents stdin stdout stderr tty follow previous timestamps'.split(
    ' ',
  ),
);
const numbers = new Set('limit timeoutSeconds gracePeriodSeconds limitBytes sinceSeconds tailLines ports'.split(' '));

function queryParameter(name: string): Schema {
  const type = flags.has(name) ? 'boolean' : numbers.has(name) ? 'integer' : 'string';
  return { name, in: 'query', schema: { type, uniqueItems: true } };
}

function pathParameter(name: string): Schema {
  return { name, in: 'path', required: true, schema: { type: 'string', uniqueItems: true } };
}

function typeOf(of: OperationParts['type']): OperationParts['type'] {
  return { group: of.group, version: of.version, kind: of.kind };
}
