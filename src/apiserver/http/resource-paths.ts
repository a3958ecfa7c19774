import { failure, type ApiError } from '../../api/index.ts';
import type { Attributes } from '../authorization/index.ts';
import type { KindDefinition } from '../kind.ts';
import type { KindCatalog } from '../operations.ts';
import type { ReviewDefinition } from '../review.ts';
import { attributesOf, type Question } from './attributes.ts';
import type { Call, Services } from './call.ts';
import { serveDelete, serveDeleteCollection } from './delete.ts';
import { parseResourcePath, type ResourcePath } from './path.ts';
import { flagOf, type Query } from './query.ts';
import { serveGet, serveList } from './read.ts';
import { serveReview } from './review.ts';
import { findSubresource } from './subresources.ts';
import type { NamedTarget, Target } from './target.ts';
import { serveWatch } from './watch.ts';
import { serveCreate, servePatch, serveUpdate } from './write.ts';

type Serve = (call: Call, services: Services) => Promise<void>;

/** A request about objects: what it needs permission for, and how it is answered once that is given. */
export interface ResourceRoute {
  readonly attributes: Attributes;
  /** For the metrics: `pods`, `pods/log`. */
  readonly label: string;
  readonly serve: Serve;
}

/** A path below a group and version that is served. */
export interface ResourceLocation {
  readonly group: string;
  readonly version: string;
  /** What follows group and version. */
  readonly parts: readonly string[];
}

/** Takes `/api/v1/…` and `/apis/<group>/<version>/…` apart. Undefined: a path of another sort. */
export function locateResource(parts: readonly string[]): ResourceLocation | undefined {
  if (parts[0] === 'api' && parts.length > 2) return { group: '', version: parts[1] as string, parts: parts.slice(2) };
  if (parts[0] !== 'apis' || parts.length < 4) return undefined;
  return { group: parts[1] as string, version: parts[2] as string, parts: parts.slice(3) };
}

/** Finds out what a request on objects means. Unknown resources and methods throw only when they are served. */
export function routeResource(request: Question, location: ResourceLocation, catalog: KindCatalog): ResourceRoute {
  const path = parseResourcePath(location.parts);
  if (path === undefined) return refused(request, location, undefined, resourceNotFound());
  const kind = catalog.find(location.group, location.version, path.resource);
  const review = kind === undefined ? catalog.findReview(location.group, location.version, path.resource) : undefined;
  if (review !== undefined) return reviewRoute(request, location, path, review);
  const where = kind === undefined ? undefined : checkScope(kind, path);
  if (kind === undefined || where === undefined) return refused(request, location, path, resourceNotFound());
  const target: Target = { kind, ...where, subresource: writablePart(kind, path.subresource) };
  const action = actionOf(request, target, path);
  if (action === undefined) return refused(request, location, path, methodNotAllowed());
  if (action === 'unknown') return refused(request, location, path, resourceNotFound());
  return {
    attributes: attributesOf(request, location.group, path, action.verb),
    label: labelOf(path),
    serve: action.serve,
  };
}

/** The subresource, if it is a part of the object that can be read and written as the object can. */
function writablePart({ hasStatus, parts = {} }: KindDefinition, subresource: string | undefined): string | undefined {
  if (subresource === 'status') return hasStatus ? subresource : undefined;
  return subresource !== undefined && Object.hasOwn(parts, subresource) ? subresource : undefined;
}

/** A kind that is only asked has one path, and one method there. */
function reviewRoute(
  request: Question,
  location: ResourceLocation,
  path: ResourcePath,
  review: ReviewDefinition,
): ResourceRoute {
  const { namespace } = path;
  if (path.name !== undefined || path.watch || review.resource.namespaced !== (namespace !== undefined))
    return refused(request, location, path, resourceNotFound());
  if (request.method !== 'POST') return refused(request, location, path, methodNotAllowed());
  return {
    attributes: attributesOf(request, location.group, path),
    label: labelOf(path),
    serve: (call, services) => serveReview(call, { review, namespace }, services),
  };
}

interface Action {
  readonly verb: string;
  readonly serve: Serve;
}

/** Where the object lives. Undefined: the path does not exist for this kind. */
function checkScope(
  kind: KindDefinition,
  path: ResourcePath,
): { namespace: string | undefined; name: string | undefined } | undefined {
  const { namespaced } = kind.resource;
  if (!namespaced && path.namespace !== undefined) return undefined;
  // Only collections can be asked for across all namespaces.
  if (namespaced && path.namespace === undefined && path.name !== undefined) return undefined;
  return { namespace: path.namespace, name: path.name };
}

function actionOf(
  request: { readonly method: string; readonly query: Query },
  target: Target,
  path: ResourcePath,
): Action | 'unknown' | undefined {
  const { name } = target;
  if (path.watch) return request.method === 'GET' && path.subresource === undefined ? watchOf(target) : undefined;
  if (name === undefined) return collectionAction(request, target);
  const named: NamedTarget = { ...target, name };
  if (path.subresource === undefined) return objectAction(request.method, named);
  if (target.subresource !== undefined) return statusAction(request.method, named);
  const subresource = findSubresource(target.kind, path.subresource);
  if (subresource === undefined) return 'unknown';
  const method = subresource.methods[request.method];
  return method && { verb: method.verb, serve: (call, services) => method.serve(call, named, services) };
}

function watchOf(target: Target): Action {
  return { verb: 'watch', serve: async (call, services) => serveWatch(call, target, services) };
}

function collectionAction(request: { method: string; query: Query }, target: Target): Action | undefined {
  const everywhere = target.kind.resource.namespaced && target.namespace === undefined;
  switch (request.method) {
    case 'GET':
      if (flagOf(request.query, 'watch') === true) return watchOf(target);
      return { verb: 'list', serve: (call, services) => serveList(call, target, services) };
    case 'POST':
      if (everywhere) return undefined;
      return { verb: 'create', serve: (call, services) => serveCreate(call, target, services) };
    case 'DELETE':
      if (everywhere || target.kind.deletion?.oneByOne === true) return undefined;
      return { verb: 'deletecollection', serve: (call, services) => serveDeleteCollection(call, target, services) };
    default:
      return undefined;
  }
}

function objectAction(method: string, target: NamedTarget): Action | undefined {
  if (method === 'DELETE') return { verb: 'delete', serve: (call, services) => serveDelete(call, target, services) };
  return statusAction(method, target);
}

function statusAction(method: string, target: NamedTarget): Action | undefined {
  switch (method) {
    case 'GET':
      return { verb: 'get', serve: (call, services) => serveGet(call, target, services) };
    case 'PUT':
      return { verb: 'update', serve: (call, services) => serveUpdate(call, target, services) };
    case 'PATCH':
      return { verb: 'patch', serve: (call, services) => servePatch(call, target, services) };
    default:
      return undefined;
  }
}

function refused(
  request: Question,
  location: ResourceLocation,
  path: ResourcePath | undefined,
  error: ApiError,
): ResourceRoute {
  const attributes = attributesOf(request, location.group, path);
  return { attributes, label: '', serve: () => Promise.reject(error) };
}

function labelOf(path: ResourcePath): string {
  return path.subresource === undefined ? path.resource : `${path.resource}/${path.subresource}`;
}

function resourceNotFound(): ApiError {
  const message = 'the server could not find the requested resource';
  return failure({ code: 404, reason: 'NotFound', message, details: {} });
}

/** A group or version that is not served: those who may not ask for it are not told so. */
export function unknownAttributes(request: Question, location: ResourceLocation): Attributes {
  return attributesOf(request, location.group, parseResourcePath(location.parts));
}

/** 405, with upstream's text. */
export function methodNotAllowed(): ApiError {
  const message = 'the server does not allow this method on the requested resource';
  return failure({ code: 405, reason: 'MethodNotAllowed', message, details: {} });
}
