import { failure, forbidden, type ApiError } from '../../api/index.ts';
import type { UserInfo } from '../kind.ts';

/** What a request wants to do: on a resource, or on another path. */
export interface Attributes {
  /** get, list, watch, create, update, patch, delete, deletecollection, impersonate; else the method in lower case. */
  readonly verb: string;
  readonly path: string;
  /** Absent for paths that are no resources (discovery, health, …). */
  readonly resource?: ResourceAttributes;
}

export interface ResourceAttributes {
  readonly group: string;
  readonly resource: string;
  readonly subresource: string | undefined;
  readonly namespace: string | undefined;
  readonly name: string | undefined;
}

/** Decides whether a user may do something. RBAC will be another implementation. */
export type Authorize = (user: UserInfo, attributes: Attributes) => boolean;

/** Paths that need no credentials: clients and probes ask for them before they have any. */
const openPaths = /^\/(?:version|(?:healthz|livez|readyz)(?:\/.*)?)\/?$/;
/** What every authenticated user may read. */
const discoveryPaths = /^\/(?:api|apis|openapi)(?:\/.*)?$/;

export function isOpenPath(path: string): boolean {
  return openPaths.test(path);
}

/** `system:masters` may do everything; whoever is authenticated may read discovery, version and health. */
export const authorizeMasters: Authorize = (user, attributes) => {
  if (user.groups.includes('system:masters')) return true;
  if (attributes.resource !== undefined || attributes.verb !== 'get') return false;
  if (isOpenPath(attributes.path)) return true;
  return user.groups.includes('system:authenticated') && discoveryPaths.test(attributes.path);
};

/** 403, with upstream's text. */
export function forbiddenError(user: UserInfo, attributes: Attributes): ApiError {
  const { verb, path, resource: of } = attributes;
  if (of === undefined) {
    const message = `forbidden: User "${user.name}" cannot ${verb} path "${path}"`;
    return failure({ code: 403, reason: 'Forbidden', message, details: {} });
  }
  const resource = of.subresource === undefined ? of.resource : `${of.resource}/${of.subresource}`;
  const where = of.namespace === undefined ? 'at the cluster scope' : `in the namespace "${of.namespace}"`;
  const detail = `User "${user.name}" cannot ${verb} resource "${resource}" in API group "${of.group}" ${where}`;
  return forbidden(of, of.name ?? '', detail);
}
