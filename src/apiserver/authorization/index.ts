// Who may do what, by Roles and their bindings. Promises: a decision looks only at what is bound to its user, never at all
// bindings; `system:masters` may do everything. Knows no HTTP, and no kinds but those of RBAC.
export { combinedResource, type Attributes, type RequestedResource } from './attributes.ts';
export {
  forbiddenError,
  isMaster,
  isOpenPath,
  mastersGroup,
  type Authorizer,
  type Decision,
  type UserRules,
} from './authorizer.ts';
export { RbacAuthorizer, joined, roleNotFound } from './rbac-authorizer.ts';
export { RoleIndex } from './role-index.ts';
export { describeRules, fullAuthority, goList, uncovered } from './rule-coverage.ts';
