import {
  isAlreadyExists,
  isNotFound,
  resources,
  type ClusterRole,
  type ClusterRoleBinding,
  type Draft,
  type KubeObject,
  type ObjectMeta,
  type Resource,
  type Subject,
} from '../api/index.ts';
import type { Client } from '../client/index.ts';
import { uncovered } from './authorization/index.ts';
import {
  bootstrapClusterRoleBindings,
  bootstrapClusterRoles,
  type BootstrapBinding,
  type BootstrapRole,
} from './authorization/bootstrap-roles.ts';

const group = resources.roles.group;
const autoUpdate = 'rbac.authorization.kubernetes.io/autoupdate';

/**
 * Makes the roles and bindings of every cluster, and gives those that are there what they lack, unless somebody said that
 * they are to stay as they are (upstream: rbac `PostStartHook`, `EnsureRBACPolicy`). What was added to them stays.
 */
export async function bootstrapRbac(client: Client): Promise<void> {
  await Promise.all(bootstrapClusterRoles.map((role) => ensureRole(client, role)));
  await Promise.all(bootstrapClusterRoleBindings.map((binding) => ensureBinding(client, binding)));
}

async function ensureRole(client: Client, { name, labels, rules = [], aggregationRule }: BootstrapRole): Promise<void> {
  const draft: Draft<ClusterRole> = {
    metadata: metadataOf(name, labels),
    rules,
    ...(aggregationRule && { aggregationRule }),
  };
  const present = await ensure(client, resources.clusterRoles, draft);
  if (present === undefined) return;
  const missing = uncovered(present.rules ?? [], rules);
  if (missing.length > 0)
    await client.update(resources.clusterRoles, { ...present, rules: [...(present.rules ?? []), ...missing] });
}

async function ensureBinding(client: Client, { name, groups = [], users = [] }: BootstrapBinding): Promise<void> {
  const subjects: Subject[] = [
    ...groups.map((of) => ({ kind: 'Group', apiGroup: group, name: of })),
    ...users.map((of) => ({ kind: 'User', apiGroup: group, name: of })),
  ];
  const roleRef = { apiGroup: group, kind: 'ClusterRole', name };
  const draft: Draft<ClusterRoleBinding> = { metadata: metadataOf(name), roleRef, subjects };
  const present = await ensure(client, resources.clusterRoleBindings, draft);
  if (present === undefined) return;
  const { subjects: bound = [] } = present;
  const missing = subjects.filter(({ kind, name: of }) => !bound.some((one) => one.kind === kind && one.name === of));
  if (missing.length > 0)
    await client.update(resources.clusterRoleBindings, { ...present, subjects: [...bound, ...missing] });
}

function metadataOf(name: string, labels: Readonly<Record<string, string>> = {}): Partial<ObjectMeta> {
  return {
    name,
    labels: { 'kubernetes.io/bootstrapping': 'rbac-defaults', ...labels },
    annotations: { [autoUpdate]: 'true' },
  };
}

/** Creates it, or gives what is there if that may be changed. */
async function ensure<T extends KubeObject>(
  client: Client,
  resource: Resource<T>,
  draft: Draft<T>,
): Promise<T | undefined> {
  const present = await find(client, resource, draft.metadata.name ?? '');
  if (present !== undefined) return present.metadata.annotations?.[autoUpdate] === 'true' ? present : undefined;
  try {
    await client.create(resource, draft);
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
  }
  return undefined;
}

async function find<T extends KubeObject>(client: Client, resource: Resource<T>, name: string): Promise<T | undefined> {
  try {
    return await client.get(resource, { name });
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}
