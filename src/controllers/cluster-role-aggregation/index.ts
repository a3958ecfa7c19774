// Gathers the rules of ClusterRoles for those that ask for it. Promises: only rules are written, and only when they differ.
// Must not know what rules permit.
export { createClusterRoleAggregationController } from './controller.ts';
