import {
  isClaimBound,
  selectedNodeAnnotation,
  storageProvisionerAnnotation,
  waitsForConsumer,
  type PersistentVolume,
  type PersistentVolumeClaim,
  type StorageClass,
} from '../../api/index.ts';
import { isReservedFor, matchVolume } from './match-volume.ts';

export interface ClaimFacts {
  readonly claim: PersistentVolumeClaim;
  /** The volume that `spec.volumeName` names, if it is there. */
  readonly named: PersistentVolume | undefined;
  /** Volumes of the claim's class, and those reserved for it. */
  readonly candidates: readonly PersistentVolume[];
  /** The class that the claim names, if it is there. */
  readonly storageClass: StorageClass | undefined;
}

/** What is to be done for a claim now. */
export type ClaimStep =
  | { readonly type: 'none' }
  /** Both point to each other already: only the claim's status is missing. */
  | { readonly type: 'complete'; readonly volume: PersistentVolume }
  /** The volume takes the claim, then the claim takes the volume. */
  | { readonly type: 'bind'; readonly volume: PersistentVolume }
  | { readonly type: 'lose'; readonly message: string }
  /** Somebody else has to make a volume. */
  | { readonly type: 'provision'; readonly provisioner: string }
  | {
      readonly type: 'wait';
      readonly eventType: 'Normal' | 'Warning';
      readonly reason: string;
      readonly message: string;
    };

const noProvisioner = 'kubernetes.io/no-provisioner';

/** Upstream: `pkg/controller/volume/persistentvolume` `syncClaim`, without its annotations for migration. */
export function planClaim(facts: ClaimFacts): ClaimStep {
  const { claim, named } = facts;
  if (claim.metadata.deletionTimestamp !== undefined && !isClaimBound(claim)) return { type: 'none' };
  if ((claim.spec.volumeName ?? '') === '') return planUnbound(facts);
  if (named === undefined) return planMissing(claim);
  if (
    named.spec.claimRef === undefined ||
    (isReservedFor(named, claim) && named.spec.claimRef.uid !== claim.metadata.uid)
  )
    return { type: 'bind', volume: named };
  if (named.spec.claimRef.uid === claim.metadata.uid)
    return isClaimBound(claim) ? { type: 'none' } : { type: 'complete', volume: named };
  if (isClaimBound(claim))
    return { type: 'lose', message: 'Two claims are bound to the same volume, this one is bound incorrectly' };
  const message = `volume "${named.metadata.name}" already bound to a different claim.`;
  return { type: 'wait', eventType: 'Warning', reason: 'FailedBinding', message };
}

function planMissing(claim: PersistentVolumeClaim): ClaimStep {
  if (claim.status.phase === 'Lost') return { type: 'none' };
  if (claim.status.phase === 'Bound')
    return { type: 'lose', message: 'Bound claim has lost its PersistentVolume. Data on the volume is lost!' };
  const message = `volume "${claim.spec.volumeName}" not found`;
  return { type: 'wait', eventType: 'Warning', reason: 'FailedBinding', message };
}

function planUnbound({ claim, candidates, storageClass }: ClaimFacts): ClaimStep {
  const volume = matchVolume(claim, candidates);
  const selected = claim.metadata.annotations?.[selectedNodeAnnotation] !== undefined;
  const waits = waitsForConsumer(storageClass) && !selected;
  if (volume !== undefined && (!waits || isReservedFor(volume, claim))) return { type: 'bind', volume };
  if (waits) {
    const message = 'waiting for first consumer to be created before binding';
    return { type: 'wait', eventType: 'Normal', reason: 'WaitForFirstConsumer', message };
  }
  const className = claim.spec.storageClassName ?? '';
  if (className !== '' && storageClass === undefined) {
    const message = `storageclass.storage.k8s.io "${className}" not found`;
    return { type: 'wait', eventType: 'Warning', reason: 'ProvisioningFailed', message };
  }
  if (storageClass === undefined || storageClass.provisioner === noProvisioner) {
    const message = 'no persistent volumes available for this claim and no storage class is set';
    return { type: 'wait', eventType: 'Normal', reason: 'FailedBinding', message };
  }
  const { provisioner } = storageClass;
  return claim.metadata.annotations?.[storageProvisionerAnnotation] === provisioner
    ? { type: 'none' }
    : { type: 'provision', provisioner };
}
