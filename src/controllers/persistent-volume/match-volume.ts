import { claimKeyOfVolume, labelSelectorToSelector, objectKey, parseQuantity } from '../../api/index.ts';
import type { PersistentVolume, PersistentVolumeClaim } from '../../api/index.ts';

/**
 * The volume for a claim among the free ones: one that was made for it first, else the smallest that is large enough
 * (upstream `volume/persistentvolume/index.go`, `findBestMatchForClaim`).
 */
export function matchVolume(
  claim: PersistentVolumeClaim,
  volumes: readonly PersistentVolume[],
): PersistentVolume | undefined {
  const fitting = volumes.filter((volume) => volume.metadata.deletionTimestamp === undefined && fits(volume, claim));
  const reserved = fitting.find((volume) => isReservedFor(volume, claim));
  if (reserved !== undefined) return reserved;
  const free = fitting.filter(({ spec }) => spec.claimRef === undefined);
  return free.sort((a, b) => Number(capacityOf(a) - capacityOf(b)))[0];
}

/** Its claimRef names the claim, by uid or before the claim had one. */
export function isReservedFor(volume: PersistentVolume, claim: PersistentVolumeClaim): boolean {
  const uid = volume.spec.claimRef?.uid ?? '';
  return claimKeyOfVolume(volume) === objectKey(claim.metadata) && (uid === '' || uid === claim.metadata.uid);
}

function fits(volume: PersistentVolume, claim: PersistentVolumeClaim): boolean {
  const { spec } = volume;
  const wanted = claim.spec;
  if (isReservedFor(volume, claim)) return (spec.volumeMode ?? 'Filesystem') === (wanted.volumeMode ?? 'Filesystem');
  return (
    (spec.storageClassName ?? '') === (wanted.storageClassName ?? '') &&
    (spec.volumeMode ?? 'Filesystem') === (wanted.volumeMode ?? 'Filesystem') &&
    (wanted.accessModes ?? []).every((mode) => spec.accessModes?.includes(mode)) &&
    capacityOf(volume) >= (parseQuantity(wanted.resources?.requests?.['storage'] ?? '0') ?? 0n) &&
    (wanted.selector === undefined || labelSelectorToSelector(wanted.selector).matches(volume.metadata.labels ?? {}))
  );
}

function capacityOf(volume: PersistentVolume): bigint {
  return parseQuantity(volume.spec.capacity?.['storage'] ?? '0') ?? 0n;
}
