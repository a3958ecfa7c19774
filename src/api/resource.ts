import type { KubeObject } from './object.ts';
import type {
  CertificateSigningRequest,
  ClusterRole,
  ClusterRoleBinding,
  ConfigMap,
  CronJob,
  Endpoints,
  EndpointSlice,
  Event,
  Job,
  Lease,
  LimitRange,
  Namespace,
  Node,
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
  PodDisruptionBudget,
  PriorityClass,
  ResourceQuota,
  Role,
  RoleBinding,
  RuntimeClass,
  Secret,
  Service,
  ServiceAccount,
  StorageClass,
  TickRecord,
} from './generated/types.ts';

/** Where a kind lives in the API. The type parameter only ties the object type to it. */
export interface Resource<T extends KubeObject = KubeObject> {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  /** Plural, as in URLs. */
  readonly resource: string;
  readonly kind: string;
  readonly namespaced: boolean;
  readonly type?: T;
}

function resource<T extends KubeObject>(group: string, plural: string, kind: string, scope: string): Resource<T> {
  return { group, version: 'v1', resource: plural, kind, namespaced: scope === 'namespaced' };
}

const rbac = 'rbac.authorization.k8s.io';

/** The kinds that Rondo's own rooms speak of. */
export const resources = {
  namespaces: resource<Namespace>('', 'namespaces', 'Namespace', 'cluster'),
  nodes: resource<Node>('', 'nodes', 'Node', 'cluster'),
  pods: resource<Pod>('', 'pods', 'Pod', 'namespaced'),
  configMaps: resource<ConfigMap>('', 'configmaps', 'ConfigMap', 'namespaced'),
  secrets: resource<Secret>('', 'secrets', 'Secret', 'namespaced'),
  serviceAccounts: resource<ServiceAccount>('', 'serviceaccounts', 'ServiceAccount', 'namespaced'),
  services: resource<Service>('', 'services', 'Service', 'namespaced'),
  endpoints: resource<Endpoints>('', 'endpoints', 'Endpoints', 'namespaced'),
  endpointSlices: resource<EndpointSlice>('discovery.k8s.io', 'endpointslices', 'EndpointSlice', 'namespaced'),
  events: resource<Event>('', 'events', 'Event', 'namespaced'),
  persistentVolumes: resource<PersistentVolume>('', 'persistentvolumes', 'PersistentVolume', 'cluster'),
  persistentVolumeClaims: resource<PersistentVolumeClaim>(
    '',
    'persistentvolumeclaims',
    'PersistentVolumeClaim',
    'namespaced',
  ),
  storageClasses: resource<StorageClass>('storage.k8s.io', 'storageclasses', 'StorageClass', 'cluster'),
  runtimeClasses: resource<RuntimeClass>('node.k8s.io', 'runtimeclasses', 'RuntimeClass', 'cluster'),
  limitRanges: resource<LimitRange>('', 'limitranges', 'LimitRange', 'namespaced'),
  resourceQuotas: resource<ResourceQuota>('', 'resourcequotas', 'ResourceQuota', 'namespaced'),
  priorityClasses: resource<PriorityClass>('scheduling.k8s.io', 'priorityclasses', 'PriorityClass', 'cluster'),
  podDisruptionBudgets: resource<PodDisruptionBudget>(
    'policy',
    'poddisruptionbudgets',
    'PodDisruptionBudget',
    'namespaced',
  ),
  leases: resource<Lease>('coordination.k8s.io', 'leases', 'Lease', 'namespaced'),
  certificateSigningRequests: resource<CertificateSigningRequest>(
    'certificates.k8s.io',
    'certificatesigningrequests',
    'CertificateSigningRequest',
    'cluster',
  ),
  roles: resource<Role>(rbac, 'roles', 'Role', 'namespaced'),
  roleBindings: resource<RoleBinding>(rbac, 'rolebindings', 'RoleBinding', 'namespaced'),
  clusterRoles: resource<ClusterRole>(rbac, 'clusterroles', 'ClusterRole', 'cluster'),
  clusterRoleBindings: resource<ClusterRoleBinding>(rbac, 'clusterrolebindings', 'ClusterRoleBinding', 'cluster'),
  jobs: resource<Job>('batch', 'jobs', 'Job', 'namespaced'),
  cronJobs: resource<CronJob>('batch', 'cronjobs', 'CronJob', 'namespaced'),
  tickRecords: {
    ...resource<TickRecord>('rondo.dev', 'tickrecords', 'TickRecord', 'namespaced'),
    version: 'v1alpha1',
  },
} as const;

/** `v1` or `group/version`. */
export function apiVersionOf(of: Pick<Resource, 'group' | 'version'>): string {
  return of.group === '' ? of.version : `${of.group}/${of.version}`;
}

/** `jobs.batch`, or `pods` for the core group: how messages name a resource. */
export function qualifiedName(of: Pick<Resource, 'group' | 'resource'>): string {
  return of.group === '' ? of.resource : `${of.resource}.${of.group}`;
}
