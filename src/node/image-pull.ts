import type { Pod } from '../api/index.ts';
import type { RuntimeError } from '../runtimes/index.ts';
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

/** What a container that cannot start shows: after the first failed pull it waits for the next one (upstream's words). */
export function waitingReason(
  { reason, message }: RuntimeError,
  container: { readonly image: string; readonly failures: number },
): { readonly reason: string; readonly message: string } {
  if (reason !== 'ErrImagePull' || container.failures < 2) return { reason, message };
  return {
    reason: 'ImagePullBackOff',
    message: `Back-off pulling image "${container.image}": ErrImagePull: ${message}`,
  };
}
