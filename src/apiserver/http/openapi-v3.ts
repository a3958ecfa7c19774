import { createHash } from 'node:crypto';
import type { KindDefinition } from '../kind.ts';
import type { KindCatalog } from '../operations.ts';
import type { ReviewDefinition } from '../review.ts';
import { groupsOf, type ApiGroup, type ApiGroupVersion } from './discovery.ts';
import { reachableFrom, schemaNames, schemaOf, type Schema, type SchemaNames } from './openapi-schemas.ts';

/** One document per group and version. It never changes while its hash is the same. */
export interface OpenApiDocument {
  /** `api/v1` or `apis/batch/v1`. */
  readonly path: string;
  readonly hash: string;
  readonly body: Buffer;
}

/** All documents, by path. */
export function openApiDocuments(catalog: KindCatalog): ReadonlyMap<string, OpenApiDocument> {
  const core = new Set<string>();
  for (const kind of catalog.all) if (kind.resource.group === '') reachableFrom(messageOf(kind), core);
  const documents = groupsOf(catalog).flatMap((group) =>
    group.versions.map((version) => documentOf(group, version, core)),
  );
  return new Map(documents.map((document) => [document.path, document]));
}

/** `/openapi/v3`: where the documents are. */
export function openApiIndex(documents: ReadonlyMap<string, OpenApiDocument>): string {
  const entries = [...documents.values()].map(({ path, hash }) => [
    path,
    { serverRelativeURL: `/openapi/v3/${path}?hash=${hash}` },
  ]);
  return JSON.stringify({ paths: Object.fromEntries(entries) });
}

function documentOf(group: ApiGroup, of: ApiGroupVersion, core: ReadonlySet<string>): OpenApiDocument {
  const path = `${group.name === '' ? 'api' : `apis/${group.name}`}/${of.version}`;
  const shortGroup = group.name === '' ? 'core' : (group.name.split('.', 1)[0] as string);
  const names = schemaNames(core, `io.k8s.api.${shortGroup}.${of.version}`);
  const document = {
    openapi: '3.0.0',
    info: { title: 'Rondo', version: 'v1.35.0' },
    paths: Object.assign(
      {},
      ...of.kinds.map((kind) => pathsOf(kind, `/${path}`, names)),
      ...of.reviews.map((review) => reviewPaths(review, `/${path}`, names)),
    ) as Schema,
    components: { schemas: schemasOf(of, names) },
  };
  const body = Buffer.from(JSON.stringify(document));
  return { path, body, hash: createHash('sha256').update(body).digest('hex').toUpperCase() };
}

function schemasOf({ kinds, reviews }: ApiGroupVersion, names: SchemaNames): Record<string, Schema> {
  const kindsByMessage = new Map([...kinds, ...reviews].map((kind) => [messageOf(kind), kind] as const));
  const listed = new Set<object>(kinds);
  const reached = new Set<string>();
  for (const message of kindsByMessage.keys()) reachableFrom(message, reached);
  const schemas: Record<string, Schema> = {};
  for (const message of [...reached].sort()) {
    const kind = kindsByMessage.get(message);
    const schema = schemaOf(message, names, kind?.resource.kind);
    schemas[names(message)] =
      kind === undefined ? schema : { ...schema, 'x-kubernetes-group-version-kind': [typeOf(kind)] };
    if (kind !== undefined && listed.has(kind)) schemas[`${names(message)}List`] = listSchema(kind, names);
  }
  return schemas;
}

function listSchema(kind: Named, names: SchemaNames): Schema {
  return {
    type: 'object',
    required: ['items'],
    properties: {
      apiVersion: { type: 'string' },
      kind: { type: 'string' },
      metadata: { type: 'object' },
      items: { type: 'array', items: { $ref: `#/components/schemas/${names(messageOf(kind))}` } },
    },
    'x-kubernetes-group-version-kind': [{ ...typeOf(kind), kind: `${kind.resource.kind}List` }],
  };
}

/** A kind that is only asked: its one operation. */
function reviewPaths(review: ReviewDefinition, root: string, names: SchemaNames): Record<string, Schema> {
  const { namespaced, resource } = review.resource;
  const schema = { $ref: `#/components/schemas/${names(messageOf(review))}` };
  return {
    [`${root}${namespaced ? '/namespaces/{namespace}' : ''}/${resource}`]: {
      post: operationOf(review, { action: 'post', schema, query: writeParameters }),
      parameters: namespaced ? [pathParameter('namespace')] : [],
    },
  };
}

/** What clients look for: the operations of a kind, with the parameter that tells them the server validates fields. */
function pathsOf(kind: KindDefinition, root: string, names: SchemaNames): Record<string, Schema> {
  const { namespaced, resource } = kind.resource;
  const collection = `${root}${namespaced ? '/namespaces/{namespace}' : ''}/${resource}`;
  const parameters = [...(namespaced ? [pathParameter('namespace')] : [])];
  const schema = { $ref: `#/components/schemas/${names(messageOf(kind))}` };
  const operation = (action: string, query: readonly string[]): Schema => operationOf(kind, { action, schema, query });
  return {
    [collection]: {
      get: operation('list', listParameters),
      post: operation('post', writeParameters),
      parameters,
    },
    [`${collection}/{name}`]: {
      get: operation('get', []),
      put: operation('put', writeParameters),
      patch: operation('patch', [...writeParameters, 'force']),
      delete: operation('delete', deleteParameters),
      parameters: [pathParameter('name'), ...parameters],
    },
  };
}

interface OperationParts {
  readonly action: string;
  readonly schema: Schema;
  readonly query: readonly string[];
}

function operationOf(kind: Named, { action, schema, query }: OperationParts): Schema {
  return {
    operationId: `${action}${kind.resource.kind}`,
    parameters: query.map(queryParameter),
    responses: { '200': { description: 'OK', content: { 'application/json': { schema } } } },
    'x-kubernetes-action': action,
    'x-kubernetes-group-version-kind': typeOf(kind),
  };
}

const writeParameters = ['dryRun', 'fieldManager', 'fieldValidation'];
const deleteParameters = ['dryRun', 'gracePeriodSeconds', 'orphanDependents', 'propagationPolicy'];
const listParameters = ['labelSelector', 'fieldSelector', 'limit', 'continue', 'resourceVersion', 'watch'];

function queryParameter(name: string): Schema {
  return { name, in: 'query', schema: { type: 'string', uniqueItems: true } };
}

function pathParameter(name: string): Schema {
  return { name, in: 'path', required: true, schema: { type: 'string' } };
}

/** A kind, stored or only asked. */
type Named = Pick<KindDefinition, 'message' | 'resource'>;

function messageOf(kind: Named): string {
  return kind.message ?? kind.resource.kind;
}

function typeOf(kind: Named): { group: string; version: string; kind: string } {
  const { group, version, kind: name } = kind.resource;
  return { group, version, kind: name };
}
