import {
  badRequest,
  findDuplicateFields,
  parseYamlDocuments,
  type Draft,
  type KubeObject,
  type ObjectMeta,
} from '../../api/index.ts';
import type { Patch } from '../../client/index.ts';
import { parseMediaType } from './accept.ts';
import { answerJson, maxBodyBytes } from './answer.ts';
import type { Call, Services } from './call.ts';
import { bodyFormatOf, decodeBody, unsupportedMediaType, type Expected } from './decode-body.ts';
import { patchQueryOf, writeQueryOf, type PatchQuery, type WriteQuery } from './query.ts';
import { renderObject } from './render.ts';
import { renderingOf, type Rendering } from './rendering.ts';
import { expectedOf, mayCreate, refOfTarget, writeRequestOf, type NamedTarget, type Target } from './target.ts';

export async function serveCreate(call: Call, target: Target, services: Services): Promise<void> {
  const query = writeQueryOf(call.query, 'CreateOptions', call.exchange.header('user-agent'));
  const rendering = renderingOf(target.kind, call.exchange, call.query, services.clock.now());
  const object = await readObject(call, expectedOf(target.kind), query);
  matchNamespace(object, target);
  const draft = object as unknown as Draft<KubeObject>;
  const stored = await services.operations.create(writeRequestOf(call, target, query), draft);
  answerJson(call, 201, renderObject(stored, rendering));
}

export async function serveUpdate(call: Call, target: NamedTarget, services: Services): Promise<void> {
  const query = writeQueryOf(call.query, 'UpdateOptions', call.exchange.header('user-agent'));
  const rendering = renderingOf(target.kind, call.exchange, call.query, services.clock.now());
  const object = await readNamedObject(call, target, query);
  const request = { ...writeRequestOf(call, target, query), mayCreate: mayCreate(call, target, services) };
  const written = await services.operations.update(request, refOfTarget(target), object);
  answerJson(call, written.created === true ? 201 : 200, renderObject(written, rendering));
}

export async function servePatch(call: Call, target: NamedTarget, services: Services): Promise<void> {
  const type = patchTypeOf(call.exchange.header('content-type'));
  const query = patchQueryOf(call.query, call.exchange.header('user-agent'), type === 'apply');
  const rendering = renderingOf(target.kind, call.exchange, call.query, services.clock.now());
  const text = (await call.exchange.readBody(maxBodyBytes)).toString();
  if (type === 'apply') return serveApply(call, target, services, { query, rendering, text });
  const patch = parsePatch(type, text);
  const faults = query.fieldValidation === 'Ignore' ? [] : findDuplicateFields(text);
  const duplicateFields = faults.map((field) => `duplicate field ${JSON.stringify(field)}`);
  const request = { ...writeRequestOf(call, target, query), duplicateFields };
  const written = await services.operations.patch(request, refOfTarget(target), patch);
  answerJson(call, written.created === true ? 201 : 200, renderObject(written, rendering));
}

interface Applying {
  readonly query: PatchQuery;
  readonly rendering: Rendering;
  /** YAML or JSON. */
  readonly text: string;
}

/** Server-side apply, which creates what is not there. */
async function serveApply(
  call: Call,
  target: NamedTarget,
  services: Services,
  { query, rendering, text }: Applying,
): Promise<void> {
  const { body, duplicateFields } = parseConfiguration(text);
  if (query.fieldValidation === 'Strict' && duplicateFields.length > 0)
    throw badRequest(`error strict decoding YAML: ${duplicateFields.join(', ')}`);
  if (query.fieldValidation === 'Warn') call.warnings.push(...duplicateFields);
  const request = { ...writeRequestOf(call, target, query), mayCreate: mayCreate(call, target, services) };
  const patch: Patch = { type: 'apply', body, force: query.force };
  const written = await services.operations.patch(request, refOfTarget(target), patch);
  answerJson(call, written.created === true ? 201 : 200, renderObject(written, rendering));
}

function parseConfiguration(text: string): { body: Record<string, unknown>; duplicateFields: readonly string[] } {
  const { documents, duplicateFields } = parseYamlDocuments(text);
  const [body] = documents;
  if (!isObject(body)) throw badRequest('error decoding YAML: the configuration must be one object');
  return { body, duplicateFields: duplicateFields.map((field) => `duplicate field ${JSON.stringify(field)}`) };
}

/** Reads a body and decodes it. @throws ApiError 400, 413, 415 */
export async function readObject(
  call: Call,
  expected: Expected,
  query: Pick<WriteQuery, 'fieldValidation'>,
): Promise<Record<string, unknown>> {
  const contentType = call.exchange.header('content-type');
  bodyFormatOf(contentType);
  const body = await call.exchange.readBody(maxBodyBytes);
  const warn = (text: string): number => call.warnings.push(text);
  return decodeBody(body, expected, { contentType, fieldValidation: query.fieldValidation, warn });
}

/** As `readObject`, for a body that must be about the object that the URL names. */
export async function readNamedObject(call: Call, target: NamedTarget, query: WriteQuery): Promise<KubeObject> {
  const object = await readObject(call, expectedOf(target.kind), query);
  const { name = '' } = matchNamespace(object, target);
  if (name === '') {
    throw badRequest(`the name of the object (${target.name} based on URL) was undeterminable: name must be provided`);
  }
  if (name !== target.name) {
    throw badRequest(`the name of the object (${name}) does not match the name on the URL (${target.name})`);
  }
  return object as unknown as KubeObject;
}

/** The namespace comes from the URL; a body may repeat it, or leave it out. Gives back the metadata. */
function matchNamespace(object: Record<string, unknown>, target: Target): Partial<ObjectMeta> {
  const metadata: Partial<ObjectMeta> = (object['metadata'] ??= {});
  const namespace = metadata.namespace ?? '';
  if (namespace !== '' && namespace !== (target.namespace ?? '')) {
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  }
  if (target.namespace === undefined) delete metadata.namespace;
  else metadata.namespace = target.namespace;
  return metadata;
}

const patchTypes: Readonly<Record<string, Patch['type']>> = {
  'application/json-patch+json': 'json',
  'application/merge-patch+json': 'merge',
  'application/strategic-merge-patch+json': 'strategic',
  'application/apply-patch+yaml': 'apply',
};

function patchTypeOf(contentType: string | undefined): Patch['type'] {
  const mediaType = parseMediaType(contentType ?? '').type;
  const type = patchTypes[mediaType];
  if (type !== undefined) return type;
  throw unsupportedMediaType(Object.keys(patchTypes));
}

function parsePatch(type: Exclude<Patch['type'], 'apply'>, text: string): Patch {
  const body = parsePatchText(text);
  if (type === 'json') {
    if (!Array.isArray(body) || !body.every(isObject)) {
      throw badRequest('error decoding patch: a JSON patch must be a list of operations');
    }
    return { type, body };
  }
  if (!isObject(body)) throw badRequest('error decoding patch: a merge patch must be an object');
  return { type, body };
}

function parsePatchText(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    if (error instanceof SyntaxError) throw badRequest(`error decoding patch: ${error.message}`);
    throw error;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
