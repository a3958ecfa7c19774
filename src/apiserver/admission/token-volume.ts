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

/** What is added to Pods. Of one name in all of them, so that most Pods share the very lists that hold it. */
export interface TokenMounting {
  readonly volume: Volume;
  readonly volumes: readonly Volume[];
  readonly mounts: readonly VolumeMount[];
}

/** Upstream gives the volume another random name in every Pod; nothing depends on it. */
export function tokenMounting(random: Random): TokenMounting {
  const name = generateName(tokenVolumePrefix, random);
  const volume: Volume = { name, projected: content };
  return deepFreeze({ volume, volumes: [volume], mounts: [mountOf(name)] });
}

function mountOf(name: string): VolumeMount {
  return { name, readOnly: true, mountPath: serviceAccountPath };
}

/**
 * A Pod's spec in which every container finds token, CA and namespace at the usual path; containers that mount something
 * else there keep that (upstream: plugin ServiceAccount `mountServiceAccountToken`).
 */
export function withTokenVolume(spec: PodSpec, mounting: TokenMounting): PodSpec {
  const { volumes = [], containers, initContainers } = spec;
  if (!containers.some(lacksMount) && initContainers?.some(lacksMount) !== true) return spec;
  const present = volumes.find(({ name }) => name.startsWith(tokenVolumePrefix));
  const mounts = present === undefined ? mounting.mounts : [mountOf(present.name)];
  const added = volumes.length === 0 ? mounting.volumes : [...volumes, mounting.volume];
  return {
    ...spec,
    volumes: present === undefined ? added : volumes,
    ...(initContainers && { initContainers: initContainers.map((container) => withMount(container, mounts)) }),
    containers: containers.map((container) => withMount(container, mounts)),
  };
}

function lacksMount({ volumeMounts }: Container): boolean {
  return volumeMounts?.some(({ mountPath }) => mountPath === serviceAccountPath) !== true;
}

function withMount(container: Container, mounts: readonly VolumeMount[]): Container {
  if (!lacksMount(container)) return container;
  const { volumeMounts = [] } = container;
  return { ...container, volumeMounts: volumeMounts.length === 0 ? mounts : [...volumeMounts, ...mounts] };
}
