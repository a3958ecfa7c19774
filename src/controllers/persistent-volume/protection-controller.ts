import {
  claimKeysOf,
  claimProtectionFinalizer,
  hasFinalizer,
  isConflict,
  isNotFound,
  objectKey,
  resources,
  volumeProtectionFinalizer,
  type KubeObject,
  type PersistentVolume,
  type PersistentVolumeClaim,
  type Pod,
  type Resource,
} from '../../api/index.ts';
import type { Informer } from '../../client/index.ts';
import {
  createWorkqueue,
  runController,
  type Controller,
  type ControllerContext,
  type Workqueue,
} from '../../controlloop/index.ts';

const byClaim = 'storage-protection.claim';
const claimPrefix = 'claim:';
const volumePrefix = 'volume:';

/**
 * Lets deleted claims go once no unfinished Pod uses them, and deleted volumes once they are not bound. Upstream:
 * `pkg/controller/volume/pvcprotection` and `pvprotection`.
 */
export function createStorageProtectionController(context: ControllerContext): Controller {
  return new StorageProtectionController(context);
}

class StorageProtectionController implements Controller {
  readonly name = 'storage-protection';
  readonly #context: ControllerContext;
  readonly #pods: Informer<Pod>;
  readonly #claims: Informer<PersistentVolumeClaim>;
  readonly #volumes: Informer<PersistentVolume>;
  readonly #queue: Workqueue;
  #runner: { stop(): Promise<void> } | undefined;

  constructor(context: ControllerContext) {
    const { informers, clock } = context;
    this.#context = context;
    this.#pods = informers.of(resources.pods, { [byClaim]: claimKeysOf });
    this.#claims = informers.of(resources.persistentVolumeClaims);
    this.#volumes = informers.of(resources.persistentVolumes);
    this.#queue = createWorkqueue({ clock });
  }

  start(): void {
    const claimSeen = (claim: PersistentVolumeClaim): void => {
      if (claim.metadata.deletionTimestamp !== undefined) this.#queue.add(claimPrefix + objectKey(claim.metadata));
    };
    const volumeSeen = (volume: PersistentVolume): void => {
      if (volume.metadata.deletionTimestamp !== undefined) this.#queue.add(volumePrefix + volume.metadata.name);
    };
    this.#claims.addHandler({ onAdd: claimSeen, onUpdate: claimSeen });
    this.#volumes.addHandler({ onAdd: volumeSeen, onUpdate: volumeSeen });
    // A Pod that has finished no longer names its claims in a slim cache: what it was before tells.
    const released = (pod: Pod): void => claimKeysOf(pod).forEach((key) => this.#queue.add(claimPrefix + key));
    this.#pods.addHandler({ onUpdate: (_, previous) => released(previous), onDelete: released });
    const { clock, log, metrics } = this.#context;
    const reconcile = (key: string): Promise<void> => this.#reconcile(key);
    this.#runner = runController({ name: this.name, queue: this.#queue, workers: 2, reconcile, clock, log, metrics });
  }

  async stop(): Promise<void> {
    await this.#runner?.stop();
  }

  async #reconcile(key: string): Promise<void> {
    if (key.startsWith(claimPrefix)) {
      const claimKey = key.slice(claimPrefix.length);
      const claim = this.#claims.get(claimKey);
      if (claim?.metadata.deletionTimestamp === undefined || this.#pods.byIndex(byClaim, claimKey).length > 0) return;
      await this.#release(resources.persistentVolumeClaims, claim, claimProtectionFinalizer);
    } else {
      const volume = this.#volumes.get(key.slice(volumePrefix.length));
      if (volume?.metadata.deletionTimestamp === undefined || volume.status.phase === 'Bound') return;
      await this.#release(resources.persistentVolumes, volume, volumeProtectionFinalizer);
    }
  }

  async #release<T extends KubeObject>(resource: Resource<T>, object: T, finalizer: string): Promise<void> {
    if (!hasFinalizer(object, finalizer)) return;
    const finalizers = object.metadata.finalizers?.filter((name) => name !== finalizer);
    try {
      await this.#context.client.update(resource, { ...object, metadata: { ...object.metadata, finalizers } });
    } catch (error) {
      if (!isNotFound(error) && !isConflict(error)) throw error;
    }
  }
}
