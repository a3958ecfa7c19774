import { apiVersionOf, resources, type KubeObject, type Resource } from '../../api/index.ts';

/** Kinds that people keep in files, in the order in which they are created: what others name comes before them. */
const inOrder: readonly Resource[] = [
  resources.namespaces,
  resources.priorityClasses,
  resources.storageClasses,
  resources.runtimeClasses,
  resources.clusterRoles,
  resources.roles,
  resources.clusterRoleBindings,
  resources.roleBindings,
  resources.serviceAccounts,
  resources.limitRanges,
  resources.resourceQuotas,
  resources.configMaps,
  resources.secrets,
  resources.services,
  resources.persistentVolumes,
  resources.persistentVolumeClaims,
  resources.pods,
  resources.jobs,
  resources.cronJobs,
];

const byKind = new Map(inOrder.map((resource) => [resource.kind, resource]));

/** The resource of a kind that manifests may have; undefined for others. */
export function manifestResource(kind: unknown): Resource<KubeObject> | undefined {
  return typeof kind === 'string' ? byKind.get(kind) : undefined;
}

/** When a kind's turn comes, among those of the other manifests. */
export function creationOrder(kind: string): number {
  return inOrder.findIndex((resource) => resource.kind === kind);
}

/** `batch/v1 Job, …`, for messages. */
export const manifestKinds = inOrder.map((resource) => `${apiVersionOf(resource)} ${resource.kind}`).join(', ');
