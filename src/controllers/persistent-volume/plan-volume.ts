import { formatTime, type PersistentVolume, type PersistentVolumeClaim } from '../../api/index.ts';

/**
 * The status that a volume should have: free, bound, or released when the claim that it was bound to is gone. Upstream:
 * `syncVolume`. Undefined: it has it already.
 */
export function volumeStatus(
  volume: PersistentVolume,
  claim: PersistentVolumeClaim | undefined,
  nowMs: number,
): PersistentVolume['status'] | undefined {
  const wanted = wantedPhase(volume, claim);
  const { phase, reason, message } = volume.status;
  if (wanted.phase === phase && wanted.reason === reason && wanted.message === message) return undefined;
  const lastPhaseTransitionTime = wanted.phase === phase ? volume.status.lastPhaseTransitionTime : formatTime(nowMs);
  return { ...wanted, lastPhaseTransitionTime };
}

type Phase = Pick<PersistentVolume['status'], 'phase' | 'reason' | 'message'>;

function wantedPhase(volume: PersistentVolume, claim: PersistentVolumeClaim | undefined): Phase {
  const { claimRef, persistentVolumeReclaimPolicy } = volume.spec;
  if (claimRef === undefined) return { phase: 'Available' };
  // Reserved by name, and nobody has come yet.
  if ((claimRef.uid ?? '') === '') return { phase: 'Available' };
  if (claim !== undefined && claim.metadata.uid === claimRef.uid) {
    const isBound = claim.spec.volumeName === volume.metadata.name;
    return { phase: isBound ? 'Bound' : (volume.status.phase ?? 'Available') };
  }
  if (persistentVolumeReclaimPolicy === 'Recycle')
    return {
      phase: 'Failed',
      reason: 'VolumeFailedRecycle',
      message: 'volumes are not recycled here: use Delete or Retain',
    };
  return { phase: 'Released' };
}
