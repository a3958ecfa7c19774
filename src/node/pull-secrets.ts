import type { Pod } from '../api/index.ts';
import type { ContainerSources } from './environment.ts';

/** The registry configurations among a Pod's imagePullSecrets; Secrets that are missing or of another type count as none. */
export async function pullSecretsOf(pod: Pod, sources: Pick<ContainerSources, 'secret'>): Promise<readonly string[]> {
  const found = await Promise.all((pod.spec.imagePullSecrets ?? []).map(({ name }) => sources.secret(name ?? '')));
  return found.flatMap((secret) => {
    const { '.dockerconfigjson': current, '.dockercfg': old } = secret?.data ?? {};
    if (current !== undefined) return [Buffer.from(current, 'base64').toString()];
    // The older form is what now lies below `auths`.
    return old === undefined ? [] : [`{"auths":${Buffer.from(old, 'base64').toString()}}`];
  });
}
