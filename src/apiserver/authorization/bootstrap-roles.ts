import type { AggregationRule, PolicyRule } from '../../api/index.ts';

/**
 * The roles and bindings of every cluster, for the kinds that this server has and for those whose absence would surprise
 * manifests (upstream: bootstrappolicy). `admin`, `edit` and `view` are gathered from the roles that carry their label, so
 * that others can add to them.
 */
export interface BootstrapRole {
  readonly name: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly rules?: readonly PolicyRule[];
  readonly aggregationRule?: AggregationRule;
}

export interface BootstrapBinding {
  /** Also the name of its role. */
  readonly name: string;
  readonly groups?: readonly string[];
  readonly users?: readonly string[];
}

const read = ['get', 'list', 'watch'];
const write = ['create', 'delete', 'deletecollection', 'patch', 'update'];
const report = ['create', 'patch', 'update'];
const change = ['patch', 'update'];

/** `rule(read, '', 'pods', 'pods/log')`; several groups in one text, with commas. */
function rule(verbs: readonly string[], groups: string, ...resources: readonly string[]): PolicyRule {
  return { verbs, apiGroups: groups.split(','), resources };
}

function urls(...nonResourceURLs: readonly string[]): PolicyRule {
  return { verbs: ['get'], nonResourceURLs };
}

const label = (to: string): string => `rbac.authorization.k8s.io/aggregate-to-${to}`;

function gathered(from: string): AggregationRule {
  return { clusterRoleSelectors: [{ matchLabels: { [label(from)]: 'true' } }] };
}

const apps = ['daemonsets', 'deployments', 'replicasets', 'statefulsets'];
const scales = ['deployments/scale', 'replicasets/scale', 'statefulsets/scale'];
const withStatus = (...names: readonly string[]): string[] => names.flatMap((name) => [name, `${name}/status`]);

const forPeople: readonly BootstrapRole[] = [
  {
    name: 'cluster-admin',
    rules: [
      { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
      { verbs: ['*'], nonResourceURLs: ['*'] },
    ],
  },
  { name: 'admin', aggregationRule: gathered('admin') },
  { name: 'edit', labels: { [label('admin')]: 'true' }, aggregationRule: gathered('edit') },
  { name: 'view', labels: { [label('edit')]: 'true' }, aggregationRule: gathered('view') },
  {
    name: 'system:aggregate-to-admin',
    labels: { [label('admin')]: 'true' },
    rules: [
      rule(['create'], 'authorization.k8s.io', 'localsubjectaccessreviews'),
      rule([...write, ...read], 'rbac.authorization.k8s.io', 'rolebindings', 'roles'),
    ],
  },
  {
    name: 'system:aggregate-to-edit',
    labels: { [label('edit')]: 'true' },
    rules: [
      rule(read, '', 'pods/attach', 'pods/exec', 'pods/portforward', 'pods/proxy', 'secrets', 'services/proxy'),
      rule(['impersonate'], '', 'serviceaccounts'),
      rule(write, '', 'pods', 'pods/attach', 'pods/exec', 'pods/portforward', 'pods/proxy'),
      rule(['create'], '', 'pods/eviction', 'serviceaccounts/token'),
      rule(write, '', 'configmaps', 'events', 'persistentvolumeclaims', 'replicationcontrollers'),
      rule(write, '', 'replicationcontrollers/scale', 'secrets', 'serviceaccounts', 'services', 'services/proxy'),
      rule(write, 'apps', ...apps, ...scales, 'deployments/rollback'),
      rule(write, 'autoscaling', 'horizontalpodautoscalers'),
      rule(write, 'batch', 'cronjobs', 'jobs'),
      rule(write, 'policy', 'poddisruptionbudgets'),
      rule(write, 'networking.k8s.io', 'ingresses', 'networkpolicies'),
      rule([...write, ...read], 'coordination.k8s.io', 'leases'),
    ],
  },
  {
    name: 'system:aggregate-to-view',
    labels: { [label('view')]: 'true' },
    rules: [
      rule(read, '', 'configmaps', 'endpoints', 'pods', 'serviceaccounts'),
      rule(read, '', ...withStatus('persistentvolumeclaims', 'replicationcontrollers', 'resourcequotas', 'services')),
      rule(read, '', 'bindings', 'events', 'limitranges', 'namespaces', 'namespaces/status', 'pods/log', 'pods/status'),
      rule(read, '', 'replicationcontrollers/scale'),
      rule(read, 'discovery.k8s.io', 'endpointslices'),
      rule(read, 'apps', 'controllerrevisions', ...withStatus(...apps), ...scales),
      rule(read, 'autoscaling', ...withStatus('horizontalpodautoscalers')),
      rule(read, 'batch', ...withStatus('cronjobs', 'jobs')),
      rule(read, 'policy', ...withStatus('poddisruptionbudgets')),
      rule(read, 'networking.k8s.io', ...withStatus('ingresses'), 'networkpolicies'),
    ],
  },
];

/** What the metrics server brings with it to a cluster. */
const forMetrics: readonly BootstrapRole[] = [
  {
    name: 'system:aggregated-metrics-reader',
    labels: { [label('view')]: 'true' },
    rules: [rule(read, 'metrics.k8s.io', 'nodes', 'pods')],
  },
];

/** What this server has beside the Kubernetes API. */
const forOwnKinds: readonly BootstrapRole[] = [
  {
    name: 'rondo:aggregate-to-view',
    labels: { [label('view')]: 'true' },
    rules: [rule(read, 'rondo.dev', 'tickrecords'), urls('/rondo.dev/v1alpha1/namespaces/*')],
  },
];

const forEverybody: readonly BootstrapRole[] = [
  {
    name: 'system:basic-user',
    rules: [
      rule(['create'], 'authorization.k8s.io', 'selfsubjectaccessreviews', 'selfsubjectrulesreviews'),
      rule(['create'], 'authentication.k8s.io', 'selfsubjectreviews'),
    ],
  },
  {
    name: 'system:discovery',
    rules: [
      urls('/api', '/api/*', '/apis', '/apis/*', '/healthz', '/livez', '/openapi', '/openapi/*', '/readyz'),
      urls('/version', '/version/'),
    ],
  },
  { name: 'system:public-info-viewer', rules: [urls('/healthz', '/livez', '/readyz', '/version', '/version/')] },
  {
    name: 'system:monitoring',
    rules: [urls('/healthz', '/healthz/*', '/livez', '/livez/*', '/readyz', '/readyz/*', '/metrics', '/metrics/slis')],
  },
  {
    name: 'system:service-account-issuer-discovery',
    rules: [urls('/.well-known/openid-configuration', '/openid/v1/jwks')],
  },
];

const events = rule(report, ',events.k8s.io', 'events');
const tokenReviews = rule(['create'], 'authentication.k8s.io', 'tokenreviews');
const accessReviews = rule(['create'], 'authorization.k8s.io', 'subjectaccessreviews');

/** `view` for the parts of a cluster that others may run: controllers, schedulers, nodes, provisioners. */
const forComponents: readonly BootstrapRole[] = [
  { name: 'system:auth-delegator', rules: [tokenReviews, accessReviews] },
  {
    name: 'system:kube-controller-manager',
    rules: [
      events,
      rule(['create'], 'coordination.k8s.io', 'leases'),
      { ...rule(['get', 'update'], 'coordination.k8s.io', 'leases'), resourceNames: ['kube-controller-manager'] },
      rule(['create', 'update'], '', 'secrets', 'serviceaccounts'),
      rule(['delete'], '', 'secrets'),
      rule(['get'], '', 'configmaps', 'namespaces', 'secrets', 'serviceaccounts'),
      ...[tokenReviews, accessReviews],
      rule(['list', 'watch'], '*', '*'),
      rule(['create'], '', 'serviceaccounts/token'),
    ],
  },
  {
    name: 'system:kube-scheduler',
    rules: [
      events,
      rule(['create'], 'coordination.k8s.io', 'leases'),
      { ...rule(['get', 'update'], 'coordination.k8s.io', 'leases'), resourceNames: ['kube-scheduler'] },
      rule(read, '', 'namespaces', 'nodes', 'persistentvolumeclaims', 'persistentvolumes', 'services'),
      rule(['delete', ...read], '', 'pods'),
      rule(['create'], '', 'bindings', 'pods/binding'),
      rule(change, '', 'pods/status'),
      rule(read, '', 'replicationcontrollers'),
      rule(read, 'apps', 'replicasets', 'statefulsets'),
      rule(read, 'policy', 'poddisruptionbudgets'),
      rule(read, 'storage.k8s.io', 'csidrivers', 'csinodes', 'csistoragecapacities', 'volumeattachments'),
      ...[tokenReviews, accessReviews],
    ],
  },
  {
    name: 'system:volume-scheduler',
    rules: [
      rule([...read, ...change], '', 'persistentvolumeclaims', 'persistentvolumes'),
      rule(read, 'storage.k8s.io', 'storageclasses'),
    ],
  },
  {
    name: 'system:persistent-volume-provisioner',
    rules: [
      rule(['create', 'delete', ...read], '', 'persistentvolumes'),
      rule(['update', ...read], '', 'persistentvolumeclaims'),
      rule(read, 'storage.k8s.io', 'storageclasses'),
      rule(['watch'], '', 'events'),
      events,
    ],
  },
  {
    name: 'system:node',
    rules: [
      ...[tokenReviews, accessReviews, rule(['create'], 'authorization.k8s.io', 'localsubjectaccessreviews')],
      rule(read, '', 'configmaps', 'pods', 'secrets', 'services'),
      rule([...report, ...read], '', 'nodes'),
      rule(change, '', 'nodes/status', 'pods/status'),
      rule(['create', 'delete'], '', 'pods'),
      rule(['create'], '', 'pods/eviction', 'serviceaccounts/token'),
      rule(report, '', 'events'),
      rule(['get'], '', 'endpoints', 'persistentvolumeclaims', 'persistentvolumes'),
      rule(['get', ...change], '', 'persistentvolumeclaims/status'),
      rule(['create', ...read], 'certificates.k8s.io', 'certificatesigningrequests'),
      rule(['delete', 'get', ...report], 'coordination.k8s.io', 'leases'),
      rule(['get'], 'storage.k8s.io', 'volumeattachments'),
      rule(read, 'storage.k8s.io', 'csidrivers'),
      rule(['delete', 'get', ...report], 'storage.k8s.io', 'csinodes'),
      rule(read, 'node.k8s.io', 'runtimeclasses'),
    ],
  },
  {
    name: 'system:node-proxier',
    rules: [
      rule(['list', 'watch'], '', 'endpoints', 'services'),
      rule(read, '', 'nodes'),
      events,
      rule(['list', 'watch'], 'discovery.k8s.io', 'endpointslices'),
    ],
  },
  {
    name: 'system:node-problem-detector',
    rules: [rule(['get'], '', 'nodes'), rule(['patch'], '', 'nodes/status'), events],
  },
];

export const bootstrapClusterRoles: readonly BootstrapRole[] = [
  ...forPeople,
  ...forMetrics,
  ...forOwnKinds,
  ...forEverybody,
  ...forComponents,
];

/** `system:node` is bound to nobody: on a cluster another authorizer looks after nodes. */
export const bootstrapClusterRoleBindings: readonly BootstrapBinding[] = [
  { name: 'cluster-admin', groups: ['system:masters'] },
  { name: 'system:basic-user', groups: ['system:authenticated'] },
  { name: 'system:discovery', groups: ['system:authenticated'] },
  { name: 'system:public-info-viewer', groups: ['system:authenticated', 'system:unauthenticated'] },
  { name: 'system:monitoring', groups: ['system:monitoring'] },
  { name: 'system:service-account-issuer-discovery', groups: ['system:serviceaccounts'] },
  { name: 'system:kube-controller-manager', users: ['system:kube-controller-manager'] },
  { name: 'system:kube-scheduler', users: ['system:kube-scheduler'] },
  { name: 'system:volume-scheduler', users: ['system:kube-scheduler'] },
  { name: 'system:node', groups: [] },
  { name: 'system:node-proxier', users: ['system:kube-proxy'] },
];
