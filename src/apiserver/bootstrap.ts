import {
  isAlreadyExists,
  localProvisioner,
  resources,
  systemPriorityClasses,
  type Draft,
  type KubeObject,
  type Namespace,
  type PriorityClass,
  type Resource,
  type Service,
  type StorageClass,
} from '../api/index.ts';
import type { Client } from '../client/index.ts';
import { bootstrapRbac } from './bootstrap-rbac.ts';

/** The namespaces of every cluster. The kind itself adds their label, finalizer and phase. */
const namespaces = ['default', 'kube-system', 'kube-public', 'kube-node-lease'] as const;

/** First address of upstream's default service range. An object only: nothing listens there. */
const kubernetesServiceIp = '10.96.0.1';

const kubernetesService = {
  metadata: {
    name: 'kubernetes',
    namespace: 'default',
    labels: { component: 'apiserver', provider: 'kubernetes' },
  },
  spec: {
    type: 'ClusterIP',
    clusterIP: kubernetesServiceIp,
    clusterIPs: [kubernetesServiceIp],
    ipFamilies: ['IPv4'],
    ipFamilyPolicy: 'SingleStack',
    internalTrafficPolicy: 'Cluster',
    sessionAffinity: 'None',
    ports: [{ name: 'https', port: 443, protocol: 'TCP', targetPort: 6443 }],
  },
};

/** Volumes as directories of the node. A cluster has a default class of its own, so that claims move unchanged. */
const standardClass = {
  metadata: { name: 'standard', annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
  provisioner: localProvisioner,
  reclaimPolicy: 'Delete',
  volumeBindingMode: 'WaitForFirstConsumer',
};

/** Creates what must always be there, and leaves alone what is. */
export async function bootstrap(client: Client): Promise<void> {
  await Promise.all(
    namespaces.map((name) =>
      ensure<Namespace>(client, resources.namespaces, { metadata: { name } } as Draft<Namespace>),
    ),
  );
  await ensure<Service>(client, resources.services, kubernetesService as Draft<Service>);
  await Promise.all(systemPriorityClasses.map((one) => ensure<PriorityClass>(client, resources.priorityClasses, one)));
  await ensure<StorageClass>(client, resources.storageClasses, standardClass);
  await bootstrapRbac(client);
}

async function ensure<T extends KubeObject>(client: Client, resource: Resource<T>, draft: Draft<T>): Promise<void> {
  try {
    await client.create(resource, draft);
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
  }
}
