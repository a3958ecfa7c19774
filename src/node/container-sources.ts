import {
  isNotFound,
  resources,
  type ConfigMap,
  type KubeObject,
  type PersistentVolume,
  type PersistentVolumeClaim,
  type Pod,
  type Resource,
  type Secret,
} from '../api/index.ts';
import type { Client } from '../client/index.ts';
import type { Runtime } from '../runtimes/index.ts';
import type { ContainerSources } from './environment.ts';
import { podAddressOf } from './pod-address.ts';
import type { ServerAddress } from './pod-identity.ts';
import type { ServiceAccountTokens } from './service-account-tokens.ts';

interface SourcesOptions {
  readonly client: Client;
  readonly tokens: ServiceAccountTokens;
  readonly runtime: Runtime;
  readonly server: ServerAddress | undefined;
}

/** The objects that a Pod names, asked of the API server each time. */
export function containerSources(pod: Pod, { client, tokens, runtime, server }: SourcesOptions): ContainerSources {
  const { namespace } = pod.metadata;
  const { capabilities } = runtime;
  const find = async <T extends KubeObject>(resource: Resource<T>, name: string): Promise<T | undefined> => {
    try {
      return await client.get(resource, resource.namespaced ? { namespace, name } : { name });
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  };
  return {
    configMap: (name) => find<ConfigMap>(resources.configMaps, name),
    secret: (name) => find<Secret>(resources.secrets, name),
    claim: (name) => find<PersistentVolumeClaim>(resources.persistentVolumeClaims, name),
    volume: (name) => find<PersistentVolume>(resources.persistentVolumes, name),
    token: (projection) => tokens.tokenFor(pod, projection),
    server,
    allocatable: capabilities,
    hostAddress: capabilities.hostAddress,
    podAddress: podAddressOf(pod, runtime),
  };
}
