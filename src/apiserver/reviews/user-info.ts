import type { UserInfo as ApiUserInfo } from '../../api/index.ts';
import type { UserInfo } from '../kind.ts';

/** A user as the API tells it. */
export function asApiUser({ name, uid, groups, extra }: UserInfo): ApiUserInfo {
  return {
    username: name,
    ...(uid !== undefined && uid !== '' && { uid }),
    ...(groups.length > 0 && { groups }),
    ...(extra !== undefined && Object.keys(extra).length > 0 && { extra }),
  };
}
