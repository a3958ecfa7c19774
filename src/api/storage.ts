import type { PersistentVolume, PersistentVolumeClaim, Pod, StorageClass, Volume } from './generated/types.ts';
import { isPodFinished } from './pod.ts';

/** Keeps a claim that Pods use, and a volume that is bound, from vanishing (admission StorageObjectInUseProtection). */
export const claimProtectionFinalizer = 'kubernetes.io/pvc-protection';
export const volumeProtectionFinalizer = 'kubernetes.io/pv-protection';
/** Set by the scheduler on claims that wait for their first consumer. */
export const selectedNodeAnnotation = 'volume.kubernetes.io/selected-node';
/** Whose turn it is to make a volume for a claim. */
export const storageProvisionerAnnotation = 'volume.kubernetes.io/storage-provisioner';
/** Who made a volume. */
export const provisionedByAnnotation = 'pv.kubernetes.io/provisioned-by';

/** The provisioner of directories on the node. */
export const localProvisioner = 'rondo.dev/local';

const defaultClassAnnotation = 'storageclass.kubernetes.io/is-default-class';

/** Claims that name no class get the newest class that says this of itself. */
export function isDefaultStorageClass(object: StorageClass): boolean {
  return object.metadata.annotations?.[defaultClassAnnotation] === 'true';
}

/** A class whose claims are bound when a Pod that uses them has been given a node. */
export function waitsForConsumer(object: StorageClass | undefined): boolean {
  return object?.volumeBindingMode === 'WaitForFirstConsumer';
}

/** The claim of a volume of a Pod: named, or made for it alone. */
export function claimNameOf(pod: Pick<Pod, 'metadata'>, volume: Volume): string | undefined {
  if (volume.persistentVolumeClaim) return volume.persistentVolumeClaim.claimName;
  return volume.ephemeral ? `${pod.metadata.name}-${volume.name}` : undefined;
}

/** Keys (`namespace/name`) of the claims that a Pod uses now; none once it is finished. For informer indexes. */
export function claimKeysOf(pod: Pod): readonly string[] {
  const { volumes } = pod.spec;
  if (volumes === undefined) return none;
  let keys: string[] | undefined;
  for (const volume of volumes) {
    const name = claimNameOf(pod, volume);
    if (name !== undefined) (keys ??= []).push(`${pod.metadata.namespace}/${name}`);
  }
  return keys === undefined || isPodFinished(pod) ? none : keys;
}

/** Of most Pods, and asked at each of their events. */
const none: readonly string[] = [];

/** The claim and its volume know each other. */
export function isClaimBound(claim: PersistentVolumeClaim): boolean {
  return (claim.spec.volumeName ?? '') !== '' && claim.status.phase === 'Bound';
}

/** `namespace/name` of the claim that a volume is, or is to be, bound to. */
export function claimKeyOfVolume(volume: PersistentVolume): string | undefined {
  const { claimRef } = volume.spec;
  return claimRef === undefined ? undefined : `${claimRef.namespace}/${claimRef.name}`;
}
