import { failure, forbidden, type ApiError, type PolicyRule } from '../../api/index.ts';
import type { UserInfo } from '../kind.ts';
import { combinedResource, type Attributes } from './attributes.ts';

/** What was decided; a refusal has a reason only where something stood in its way (a role that does not exist). */
export interface Decision {
  readonly allowed: boolean;
  readonly reason?: string;
}

/** The rules that apply to a user, and what went wrong while they were gathered. */
export interface UserRules {
  readonly rules: readonly PolicyRule[];
  readonly errors: readonly string[];
}

/** Decides whether a user may do something. At once, for every request asks. */
export interface Authorizer {
  decide(user: UserInfo, attributes: Attributes): Decision;
  /** In a namespace; without one: cluster-wide. */
  rulesFor(user: UserInfo, namespace: string | undefined): UserRules;
}

/** Members may do everything, whatever is stored: so nobody can lock out the administrator. */
export const mastersGroup = 'system:masters';

export function isMaster({ groups }: UserInfo): boolean {
  return groups.includes(mastersGroup);
}

/** Health and version need no credentials and no permission: clients and probes ask for them before they have any. */
const openPaths = /^\/(?:version|(?:healthz|livez|readyz)(?:\/.*)?)\/?$/;

export function isOpenPath(path: string): boolean {
  return openPaths.test(path);
}

/** 403, with upstream's text. */
export function forbiddenError(user: UserInfo, attributes: Attributes, reason?: string): ApiError {
  const { verb, path, resource: of } = attributes;
  const why = reason === undefined ? '' : `: ${reason}`;
  if (of === undefined) {
    const message = escaped(`User ${quoted(user.name)} cannot ${verb} path ${quoted(path)}`);
    return failure({ code: 403, reason: 'Forbidden', message: `forbidden: ${message}${why}`, details: {} });
  }
  const where = of.namespace === undefined ? 'at the cluster scope' : `in the namespace ${quoted(of.namespace)}`;
  const what = `resource ${quoted(combinedResource(of))} in API group ${quoted(of.group)}`;
  const detail = escaped(`User ${quoted(user.name)} cannot ${verb} ${what} ${where}`);
  return forbidden(of, of.name ?? '', `${detail}${why}`);
}

function quoted(text: string): string {
  return JSON.stringify(text);
}

/** Names come from clients, and messages end up in pages (upstream: responsewriters `sanitizer`). */
function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
