import { isClaimBound, type Container, type PersistentVolume, type Pod } from '../api/index.ts';
import { RuntimeError } from '../runtimes/index.ts';
import type { ContainerSources } from './environment.ts';

/**
 * Where the volume of a claim lies on this machine.
 * @throws RuntimeError ContainerCreating while the claim has no volume; CreateContainerConfigError if it belongs to
 *   somebody else, or cannot be mounted here
 */
export async function claimPath(
  pod: Pod,
  claimName: string,
  sources: Pick<ContainerSources, 'claim' | 'volume'>,
): Promise<{ readonly path: string; readonly type: string }> {
  const claim = await sources.claim(claimName);
  if (claim === undefined) throw waiting(`persistentvolumeclaim "${claimName}" not found`);
  if (!isClaimBound(claim)) throw waiting(`PVC is not bound: ${claimName}`);
  const owner = claim.metadata.ownerReferences?.find(({ controller }) => controller === true);
  const isEphemeral = pod.spec.volumes?.some(
    ({ ephemeral, name }) => ephemeral && `${pod.metadata.name}-${name}` === claimName,
  );
  if (isEphemeral === true && owner?.uid !== pod.metadata.uid)
    throw refused(`PVC ${claimName} was not created for pod ${pod.metadata.name} (pod is not owner)`);
  const volume = await sources.volume(claim.spec.volumeName ?? '');
  if (volume?.spec.claimRef?.uid !== claim.metadata.uid)
    throw waiting(`volume "${claim.spec.volumeName}" is not bound to the claim "${claimName}"`);
  return pathOf(volume);
}

function pathOf({ metadata, spec }: PersistentVolume): { readonly path: string; readonly type: string } {
  if (spec.volumeMode === 'Block') throw refused(`volume "${metadata.name}": block devices cannot be mounted here`);
  if (spec.hostPath) return { path: spec.hostPath.path, type: spec.hostPath.type ?? '' };
  // Made beforehand: a directory that is gone must not come back empty.
  if (spec.local) return { path: spec.local.path, type: 'Directory' };
  const source = spec.csi ? `csi driver ${spec.csi.driver}` : spec.nfs ? 'nfs' : 'its source';
  throw refused(`volume "${metadata.name}": ${source} is not supported here`);
}

/** A container whose mounts of claims that are used read-only are read-only, whatever the mounts say themselves. */
export function withReadOnlyClaims(pod: Pod, container: Container): Container {
  const names = new Set<string>();
  for (const { name, persistentVolumeClaim } of pod.spec.volumes ?? [])
    if (persistentVolumeClaim?.readOnly === true) names.add(name);
  if (names.size === 0) return container;
  const volumeMounts = container.volumeMounts?.map((mount) =>
    names.has(mount.name) ? { ...mount, readOnly: true } : mount,
  );
  return { ...container, volumeMounts };
}

function waiting(message: string): RuntimeError {
  return new RuntimeError('ContainerCreating', message);
}

function refused(message: string): RuntimeError {
  return new RuntimeError('CreateContainerConfigError', message);
}
