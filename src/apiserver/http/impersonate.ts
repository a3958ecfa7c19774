import { badRequest, dns1123LabelErrors, dns1123SubdomainErrors } from '../../api/index.ts';
import { forbiddenError, type Attributes, type Authorizer, type RequestedResource } from '../authorization/index.ts';
import type { UserInfo } from '../kind.ts';
import { serviceAccountGroups } from '../tokens/index.ts';
import type { Exchange } from './exchange.ts';

const extraPrefix = 'impersonate-extra-';
const authenticationGroup = 'authentication.k8s.io';

/** Everything about a user that the headers ask for. */
interface Wish {
  readonly name: string;
  readonly groups: readonly string[];
  readonly uid: string | undefined;
  readonly extra: Readonly<Record<string, readonly string[]>>;
}

/**
 * Who a request acts as: the user of the Impersonate-User header with groups, uid and extra of the others, if the sender may
 * impersonate each of them. Never ignored: acting with the sender's own rights instead would be a nasty surprise (upstream:
 * apiserver filter `WithImpersonation`).
 * @throws ApiError 400 for groups, a uid or extra without a user, 403
 */
export function impersonatedUser(exchange: Exchange, user: UserInfo, authorizer: Authorizer): UserInfo {
  const wish = wishOf(exchange);
  if (wish === undefined) return user;
  for (const resource of resourcesOf(wish)) {
    const attributes: Attributes = { verb: 'impersonate', path: exchange.target, resource };
    const { allowed, reason } = authorizer.decide(user, attributes);
    if (!allowed) throw forbiddenError(user, attributes, reason);
  }
  const { name, uid, extra } = wish;
  return {
    name,
    groups: groupsOf(wish),
    ...(uid !== undefined && { uid }),
    ...(Object.keys(extra).length > 0 && { extra }),
  };
}

function wishOf(exchange: Exchange): Wish | undefined {
  const name = exchange.header('impersonate-user') ?? '';
  const groups = listOf(exchange.header('impersonate-group'));
  const uid = exchange.header('impersonate-uid');
  const extra: Record<string, readonly string[]> = {};
  for (const header of exchange.headerNames()) {
    if (header.startsWith(extraPrefix)) extra[extraKey(header)] = listOf(exchange.header(header));
  }
  if (name !== '') return { name, groups, uid, extra };
  if (groups.length === 0 && uid === undefined && Object.keys(extra).length === 0) return undefined;
  throw badRequest('requested impersonation of groups, a uid or extra fields without impersonating a user');
}

/** Several headers of one name come as one, with commas between. */
function listOf(header: string | undefined): readonly string[] {
  return (header ?? '').split(',').flatMap((part) => (part.trim() === '' ? [] : [part.trim()]));
}

/** Keys hold what header names cannot: it comes percent-encoded. */
function extraKey(header: string): string {
  const key = header.slice(extraPrefix.length);
  try {
    return decodeURIComponent(key);
  } catch (error) {
    if (error instanceof URIError) return key;
    throw error;
  }
}

/** What the sender must be allowed to impersonate, one by one. */
function* resourcesOf({ name, groups, uid, extra }: Wish): Generator<RequestedResource> {
  const plain = { group: '', subresource: undefined, namespace: undefined };
  const account = serviceAccountOf(name);
  if (account === undefined) yield { ...plain, resource: 'users', name };
  else yield { ...plain, resource: 'serviceaccounts', ...account };
  for (const group of groups) yield { ...plain, resource: 'groups', name: group };
  const special = { ...plain, group: authenticationGroup };
  for (const [subresource, values] of Object.entries(extra))
    for (const value of values) yield { ...special, resource: 'userextras', subresource, name: value };
  if (uid !== undefined) yield { ...special, resource: 'uids', name: uid };
}

/** Whoever names no groups gets those that such a user always has. */
function groupsOf({ name, groups }: Wish): readonly string[] {
  const account = serviceAccountOf(name);
  const named = groups.length > 0 || account === undefined ? groups : serviceAccountGroups(account.namespace);
  const ofAll = name === 'system:anonymous' ? 'system:unauthenticated' : 'system:authenticated';
  const decided = named.includes('system:authenticated') || named.includes('system:unauthenticated');
  return decided ? named : [...named, ofAll];
}

function serviceAccountOf(user: string): { readonly namespace: string; readonly name: string } | undefined {
  const [, namespace = '', name = ''] = /^system:serviceaccount:([^:]*):([^:]*)$/.exec(user) ?? [];
  if (dns1123LabelErrors(namespace).length > 0 || dns1123SubdomainErrors(name).length > 0) return undefined;
  return { namespace, name };
}
