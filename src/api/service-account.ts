import type { Pod, PodSpec } from './generated/types.ts';

/** Where containers find token, CA and namespace; client libraries look nowhere else. */
export const serviceAccountPath = '/var/run/secrets/kubernetes.io/serviceaccount';

/** How the volume that the admission plugin ServiceAccount adds is called, but for the last five characters. */
export const tokenVolumePrefix = 'kube-api-access-';

export const defaultServiceAccount = 'default';

/** The name of the volume that gives a Pod the identity of its ServiceAccount without having been asked for. */
export function automaticTokenVolume(spec: Pick<PodSpec, 'volumes'>): string | undefined {
  return spec.volumes?.find(({ name, projected }) => projected !== undefined && name.startsWith(tokenVolumePrefix))
    ?.name;
}

/**
 * Whether somebody meant this Pod to speak to the API: it has a ServiceAccount of its own, or says that it wants the
 * token. The ServiceAccount `default` is what everybody gets who says nothing.
 */
export function asksForIdentity({ spec }: Pick<Pod, 'spec'>): boolean {
  if (spec.automountServiceAccountToken === true) return true;
  return (spec.serviceAccountName ?? defaultServiceAccount) !== defaultServiceAccount;
}
