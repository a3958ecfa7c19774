import { asksForIdentity, automaticTokenVolume, serviceAccountPath, type Pod } from '../../api/index.ts';
import type { Announcement, Runtime } from '../runtime.ts';
import { volumeVariable } from '../wrapped/index.ts';
import type { Abilities } from './admission.ts';
import { needsOverlay } from './sandbox.ts';

/**
 * A mount costs a container its plain start and an overlay of /run: only Pods that somebody meant to speak to the API
 * pay for it. Where there are no such mounts, their containers get the files by way of their environment.
 */
export function identityIn(
  pod: Pod,
  { mounts }: Pick<Abilities, 'mounts'>,
): ReturnType<NonNullable<Runtime['identityOf']>> {
  if (!asksForIdentity(pod)) return 'none';
  if (mounts === 'none') return 'files';
  return mounts === 'anywhere' || !needsOverlay(serviceAccountPath) ? 'mounted' : 'files';
}

/** Where tools find their way without looking at the usual path. */
export function identityVariables(
  pod: Pod,
  { abilities, volumes }: { readonly abilities: Pick<Abilities, 'mounts'>; readonly volumes: string },
): Readonly<Record<string, string>> {
  const volume = automaticTokenVolume(pod.spec);
  if (volume === undefined || identityIn(pod, abilities) !== 'files') return {};
  return { KUBECONFIG: `${volumes}/${volume}/kubeconfig` };
}

export function identityAnnouncements(pod: Pod, abilities: Pick<Abilities, 'mounts'>): readonly Announcement[] {
  const volume = automaticTokenVolume(pod.spec);
  if (volume === undefined || identityIn(pod, abilities) !== 'files') return [];
  const message =
    `This machine cannot mount below /var/run: the token of the ServiceAccount is not at ${serviceAccountPath} but in ` +
    `the directory that $${volumeVariable(volume)} names, and $KUBECONFIG names a file for tools`;
  return [{ reason: 'ServiceAccountNotMounted', message }];
}
