import { badRequest } from '../../api/index.ts';
import type { UserInfo } from '../kind.ts';
import { forbiddenError, type Attributes, type Authorize } from './authorize.ts';
import type { Exchange } from './exchange.ts';

/**
 * Who a request acts as: the user of the Impersonate-User header, if the sender may impersonate that user and those
 * groups. Never ignored: acting with the sender's own rights instead would be a nasty surprise.
 * @throws ApiError 400 for groups without a user, 403
 */
export function impersonatedUser(exchange: Exchange, user: UserInfo, authorize: Authorize): UserInfo {
  const name = exchange.header('impersonate-user');
  const groupsHeader = exchange.header('impersonate-group');
  if (name === undefined || name === '') {
    if (groupsHeader === undefined && exchange.header('impersonate-uid') === undefined) return user;
    throw badRequest('requested impersonation of groups or a uid without impersonating a user');
  }
  const groups = (groupsHeader ?? '').split(',').flatMap((group) => (group.trim() === '' ? [] : [group.trim()]));
  for (const [resource, wanted] of [['users', name], ...groups.map((group) => ['groups', group] as const)] as const) {
    const attributes: Attributes = {
      verb: 'impersonate',
      path: exchange.target,
      resource: { group: '', resource, subresource: undefined, namespace: undefined, name: wanted },
    };
    if (!authorize(user, attributes)) throw forbiddenError(user, attributes);
  }
  const extra = name === 'system:anonymous' ? 'system:unauthenticated' : 'system:authenticated';
  return { name, groups: groups.includes(extra) ? groups : [...groups, extra] };
}
