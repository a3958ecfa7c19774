import { createHash } from 'node:crypto';
import { messages } from '../../api/index.ts';
import type { KindDefinition } from '../kind.ts';
import type { KindCatalog } from '../operations.ts';
import { groupsOf, subresourcesOf, type ApiGroup, type ApiGroupVersion } from './discovery.ts';
import { pathsOf, reviewPaths } from './openapi-paths.ts';
import {
  listSchemaOf,
  reachableFrom,
  schemaNames,
  schemaOf,
  type Schema,
  type SchemaNames,
} from './openapi-schemas.ts';

/** One document per group and version. It never changes while its hash is the same. */
export interface OpenApiDocument {
  /** `api/v1` or `apis/batch/v1`. */
  readonly path: string;
  readonly hash: string;
  readonly body: Buffer;
  /** The body compressed, once a client took it so. */
  compressed?: Buffer;
}

/** What a document says, before it is written out. */
export interface OpenApiContent {
  readonly path: string;
  readonly paths: Readonly<Record<string, Schema>>;
  readonly schemas: Readonly<Record<string, Schema>>;
}

/** All documents, by path. */
export function openApiDocuments(catalog: KindCatalog): ReadonlyMap<string, OpenApiDocument> {
  return new Map(openApiContents(catalog).map((content) => [content.path, written(content)]));
}

/** `/openapi/v3`: where the documents are. */
export function openApiIndex(documents: ReadonlyMap<string, OpenApiDocument>): string {
  const entries = [...documents.values()].map(({ path, hash }) => [
    path,
    { serverRelativeURL: `/openapi/v3/${path}?hash=${hash}` },
  ]);
  return JSON.stringify({ paths: Object.fromEntries(entries) });
}

/** What all documents say. */
export function openApiContents(catalog: KindCatalog): readonly OpenApiContent[] {
  const groups = groupsOf(catalog);
  const names = schemaNames(homesOf(groups));
  return groups.flatMap((group) => group.versions.map((version) => contentOf(group, version, names)));
}

function written({ path, paths, schemas }: OpenApiContent): OpenApiDocument {
  const info = { title: 'Rondo', version: 'v1.35.0' };
  const body = Buffer.from(JSON.stringify({ openapi: '3.0.0', info, paths, components: { schemas } }));
  return { path, body, hash: createHash('sha256').update(body).digest('hex').toUpperCase() };
}

function contentOf(group: ApiGroup, of: ApiGroupVersion, names: SchemaNames): OpenApiContent {
  const path = `${group.name === '' ? 'api' : `apis/${group.name}`}/${of.version}`;
  const context = { root: `/${path}`, names };
  const paths = Object.assign(
    {},
    ...of.kinds.map((kind) => pathsOf(kind, context)),
    ...of.reviews.map((review) => reviewPaths(review, context)),
  ) as Record<string, Schema>;
  return { path, paths, schemas: schemasOf(of, names) };
}

/** Where each message belongs: what a kind of the core group uses to core, everything else to the first that uses it. */
function homesOf(groups: readonly ApiGroup[]): ReadonlyMap<string, string> {
  const homes = new Map<string, string>();
  for (const group of groups)
    for (const of of group.versions)
      for (const kind of [...of.kinds, ...of.reviews])
        for (const message of reachableFrom(messageOf(kind)))
          if (!homes.has(message)) homes.set(message, prefixOf(group.name, of.version));
  // Kinds of subresources may belong to another group than the object.
  for (const [message, { apiVersion }] of Object.entries(messages)) {
    const [group = '', version] = apiVersion?.split('/') ?? [];
    if (version !== undefined && !homes.has(message)) homes.set(message, prefixOf(group, version));
  }
  return homes;
}

function prefixOf(group: string, version: string): string {
  if (group === 'rondo.dev') return `dev.rondo.${version}`;
  return `io.k8s.api.${group === '' ? 'core' : (group.split('.', 1)[0] as string)}.${version}`;
}

function schemasOf({ kinds, reviews }: ApiGroupVersion, names: SchemaNames): Record<string, Schema> {
  const kindsByMessage = new Map([...kinds, ...reviews].map((kind) => [messageOf(kind), kind] as const));
  const listed = new Set(kinds.map(messageOf));
  const reached = reachableFrom('ListMeta');
  for (const message of kindsByMessage.keys()) reachableFrom(message, reached);
  for (const kind of kinds) for (const entry of subresourcesOf(kind)) reachableFrom(entry.kind, reached);
  const schemas: Record<string, Schema> = {};
  for (const message of [...reached].sort()) {
    const type = typeOf(message, kindsByMessage.get(message));
    const schema = schemaOf(message, names);
    schemas[names(message)] = type === undefined ? schema : ofType(schema, type);
    if (type === undefined || !listed.has(message)) continue;
    schemas[`${names(message)}List`] = ofType(listSchemaOf(message, names), { ...type, kind: `${type.kind}List` });
  }
  return schemas;
}

interface Type {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

function ofType(schema: Schema, type: Type): Schema {
  return { ...schema, 'x-kubernetes-group-version-kind': [type] };
}

/** Of a kind that is served, or of one that only subresources take. */
function typeOf(message: string, kind: Named | undefined): Type | undefined {
  if (kind !== undefined) {
    const { group, version, kind: name } = kind.resource;
    return { group, version, kind: name };
  }
  const apiVersion = messages[message]?.apiVersion;
  if (apiVersion === undefined) return undefined;
  const [first = '', second] = apiVersion.split('/');
  return second === undefined
    ? { group: '', version: first, kind: message }
    : { group: first, version: second, kind: message };
}

/** A kind, stored or only asked. */
type Named = Pick<KindDefinition, 'message' | 'resource'>;

function messageOf(kind: Named): string {
  return kind.message ?? kind.resource.kind;
}
