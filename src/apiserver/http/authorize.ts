import { isMaster, isOpenPath, type Authorizer } from '../authorization/index.ts';

/** What every authenticated user may read. */
const discoveryPaths = /^\/(?:api|apis|openapi)(?:\/.*)?$/;

/** For servers without roles: `system:masters` may do everything, whoever is authenticated may look around. */
export const mastersOnly: Authorizer = {
  decide: (user, { verb, path, resource }) => {
    if (isMaster(user)) return { allowed: true };
    if (resource !== undefined || verb !== 'get') return { allowed: false };
    const known = user.groups.includes('system:authenticated');
    return { allowed: isOpenPath(path) || (known && discoveryPaths.test(path)) };
  },
  rulesFor: () => ({ rules: [], errors: [] }),
};
