import {
  deepFreeze,
  generateName,
  serviceAccountPath,
  tokenVolumePrefix,
  type Container,
  type Pod,
  type PodSpec,
  type ServiceAccount,
  type Volume,
  type VolumeMount,
} from '../../api/index.ts';
import type { Random } from '../../clock/index.ts';
import { automaticExpirationSeconds } from '../tokens/index.ts';

/** One for all Pods: it is the same in each, and never changed. */
const content: NonNullable<Volume['projected']> = deepFreeze({
  sources: [
    { serviceAccountToken: { expirationSeconds: automaticExpirationSeconds, path: 'token' } },
    { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
    {
      downwardAPI: { items: [{ path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } }] },
    },
  ],
  defaultMode: 0o644,
});

/** The Pod decides, then its ServiceAccount; without a word of either it is mounted. */
export function wantsToken({ spec }: Pick<Pod, 'spec'>, account: ServiceAccount): boolean {
  return spec.automountServiceAccountToken ?? account.automountServiceAccountToken ?? true;
}

/**
 * A Pod's spec in which every container finds token, CA and namespace at the usual path; containers that mount something
 * else there keep that (upstream: plugin ServiceAccount `mountServiceAccountToken`).
 */
export function withTokenVolume(spec: PodSpec, random: Random): PodSpec {
  const { volumes = [], containers, initContainers } = spec;
  const present = volumes.find(({ name }) => name.startsWith(tokenVolumePrefix));
  if (![...(initContainers ?? []), ...containers].some(lacksMount)) return spec;
  const name = present?.name ?? generateName(tokenVolumePrefix, random);
  const mount: VolumeMount = { name, readOnly: true, mountPath: serviceAccountPath };
  return {
    ...spec,
    volumes: present === undefined ? [...volumes, { name, projected: content }] : volumes,
    ...(initContainers && { initContainers: initContainers.map((container) => withMount(container, mount)) }),
    containers: containers.map((container) => withMount(container, mount)),
  };
}

function lacksMount({ volumeMounts = [] }: Container): boolean {
  return !volumeMounts.some(({ mountPath }) => mountPath === serviceAccountPath);
}

function withMount(container: Container, mount: VolumeMount): Container {
  return lacksMount(container) ? { ...container, volumeMounts: [...(container.volumeMounts ?? []), mount] } : container;
}
