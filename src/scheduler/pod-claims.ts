import {
  claimKeysOf,
  isClaimBound,
  isConflict,
  isNotFound,
  parseObjectKey,
  refOf,
  resources,
  selectedNodeAnnotation,
  waitsForConsumer,
  type PersistentVolumeClaim,
  type Pod,
  type StorageClass,
} from '../api/index.ts';
import type { Client, Informer } from '../client/index.ts';
import type { ControllerContext } from '../controlloop/index.ts';

/**
 * The claims of Pods, as far as they decide when a Pod gets its node (upstream's plugin VolumeBinding). Volumes that
 * wait for a first consumer are asked for once a node is chosen, and the binding of the Pod waits for them.
 */
export class PodClaims {
  readonly #client: Client;
  readonly #claims: Informer<PersistentVolumeClaim>;
  readonly #classes: Informer<StorageClass>;

  constructor({ client, informers }: ControllerContext) {
    this.#client = client;
    this.#claims = informers.of(resources.persistentVolumeClaims);
    this.#classes = informers.of(resources.storageClasses);
  }

  /** Calls with the key of each claim that has changed. */
  onChange(listener: (claimKey: string) => void): void {
    const call = (claim: PersistentVolumeClaim): void => listener(`${claim.metadata.namespace}/${claim.metadata.name}`);
    this.#claims.addHandler({ onAdd: call, onUpdate: call, onDelete: call });
  }

  /** Why no node will do for the Pod until its claims (or those who use them) change; upstream's words. */
  problemOf(pod: Pod, usersOf: (claimKey: string) => readonly Pod[]): string | undefined {
    for (const key of claimKeysOf(pod)) {
      const { name } = parseObjectKey(key);
      const claim = this.#claims.get(key);
      if (claim === undefined) return `persistentvolumeclaim "${name}" not found`;
      if (claim.metadata.deletionTimestamp !== undefined) return `persistentvolumeclaim "${name}" is being deleted`;
      if (claim.status.phase === 'Lost')
        return `persistentvolumeclaim "${name}" bound to non-existent persistentvolume "${claim.spec.volumeName}"`;
      if (isTaken(claim, pod, usersOf(key)))
        return 'node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode';
      if (!isClaimBound(claim) && !this.#waits(claim)) return 'pod has unbound immediate PersistentVolumeClaims';
    }
    return undefined;
  }

  /** True if all claims have their volumes; else they have been asked for, and a change of a claim will tell. */
  async bindOn(pod: Pod, nodeName: string): Promise<boolean> {
    const unbound = claimKeysOf(pod).flatMap((key) => {
      const claim = this.#claims.get(key);
      return claim === undefined || isClaimBound(claim) ? [] : [claim];
    });
    for (const claim of unbound) await this.#select(claim, nodeName);
    return unbound.length === 0;
  }

  #waits(claim: PersistentVolumeClaim): boolean {
    return waitsForConsumer(this.#classes.get(claim.spec.storageClassName ?? ''));
  }

  async #select(claim: PersistentVolumeClaim, nodeName: string): Promise<void> {
    if (claim.metadata.annotations?.[selectedNodeAnnotation] === nodeName) return;
    const { uid } = claim.metadata;
    const body = { metadata: { uid, annotations: { [selectedNodeAnnotation]: nodeName } } };
    try {
      await this.#client.patch(resources.persistentVolumeClaims, refOf(claim), { type: 'merge', body });
    } catch (error) {
      // Gone, or another one of that name by now: the change of the claim brings the Pod back.
      if (!isNotFound(error) && !isConflict(error)) throw error;
    }
  }
}

/** Whether a claim for one Pod at a time is in use by another one. */
function isTaken(claim: PersistentVolumeClaim, pod: Pod, users: readonly Pod[]): boolean {
  if (claim.spec.accessModes?.includes('ReadWriteOncePod') !== true) return false;
  return users.some((user) => user.metadata.uid !== pod.metadata.uid && (user.spec.nodeName ?? '') !== '');
}
