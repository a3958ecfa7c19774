import type { KindCatalog } from '../operations.ts';
import type { Schema } from './openapi-schemas.ts';
import { openApiContents } from './openapi-v3.ts';

/**
 * The smallest document that kubectl 1.27 and 1.28 take: a gnostic `openapi.v2.Document` with swagger "2.0", a title and
 * a version, and no paths nor definitions. They then read /openapi/v3.
 */
const protobufDocument = Buffer.from('0a03322e3012070a014b1202763142004a00', 'hex');

/** The type of the document in protobuf, if an Accept header asks for that. */
export function openApiV2Protobuf(accept: string | undefined): { contentType: string; body: Buffer } | undefined {
  if (accept === undefined || !/proto-openapi\.spec\.v2|googleapis\.gnostic/.test(accept)) return undefined;
  return { contentType: 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf', body: protobufDocument };
}

/** Everything of the documents of version 3 in one Swagger 2.0 document. */
export function openApiV2(catalog: KindCatalog): Buffer {
  const paths: Record<string, unknown> = {};
  const definitions: Record<string, unknown> = {};
  for (const content of openApiContents(catalog)) {
    for (const [path, item] of Object.entries(content.paths)) paths[path] = itemV2(item);
    for (const [name, schema] of Object.entries(content.schemas)) definitions[name] = schemaV2(schema);
  }
  const info = { title: 'Rondo', version: 'v1.35.0' };
  return Buffer.from(JSON.stringify({ swagger: '2.0', info, paths, definitions }));
}

function itemV2(item: Schema): Schema {
  const entries = Object.entries(item).map(([method, value]) => [
    method,
    method === 'parameters' ? (value as Schema[]).map(parameterV2) : operationV2(value as Schema),
  ]);
  return Object.fromEntries(entries) as Schema;
}

type Content = Readonly<Record<string, { readonly schema: Schema }>>;

function operationV2({ requestBody, responses, parameters, ...rest }: Schema): Schema {
  const body = (requestBody as { content: Content } | undefined)?.content;
  const answer = (responses as { '200': { content: Content } })['200'].content;
  const schema = schemaV2(Object.values(answer)[0]?.schema);
  const bodySchema = body && schemaV2(Object.values(body)[0]?.schema);
  return {
    ...rest,
    ...(body === undefined ? {} : { consumes: Object.keys(body) }),
    produces: Object.keys(answer),
    parameters: [
      ...(body === undefined ? [] : [{ name: 'body', in: 'body', required: true, schema: bodySchema }]),
      ...(parameters as Schema[]).map(parameterV2),
    ],
    responses: { '200': { description: 'OK', schema } },
  };
}

/** In version 2 the type of a parameter stands in the parameter itself. */
function parameterV2({ schema, ...rest }: Schema): Schema {
  return { ...rest, ...(schema as Schema) };
}

/** References stand beside their descriptions, and a value of two types is a string, as upstream. */
function schemaV2(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(schemaV2);
  if (typeof value !== 'object' || value === null) return value;
  const { allOf, oneOf, ...rest } = value as Schema;
  const converted: Record<string, unknown> = {};
  for (const [key, inner] of Object.entries(rest)) {
    const isReference = key === '$ref' && typeof inner === 'string';
    converted[key] = isReference ? inner.replace('#/components/schemas/', '#/definitions/') : schemaV2(inner);
  }
  if (oneOf !== undefined) converted['type'] = 'string';
  if (Array.isArray(allOf)) {
    delete converted['default'];
    Object.assign(converted, schemaV2(allOf[0]));
  }
  return converted;
}
