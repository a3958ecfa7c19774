import {
  claimKeyOfVolume,
  isConflict,
  isNotFound,
  objectKey,
  refOf,
  resources,
  storageProvisionerAnnotation,
  type PersistentVolume,
  type PersistentVolumeClaim,
  type StorageClass,
} from '../../api/index.ts';
import type { Client, Informer } from '../../client/index.ts';
import {
  createWorkqueue,
  runController,
  type Controller,
  type ControllerContext,
  type EventRecorder,
  type Workqueue,
} from '../../controlloop/index.ts';
import { planClaim, type ClaimStep } from './plan-claim.ts';
import { volumeStatus } from './plan-volume.ts';

const workers = 4;
const claimPrefix = 'claim:';
const volumePrefix = 'volume:';
/** Volumes by class, and by the claim they are for. */
const byClass = 'persistent-volume.class';
const byClaim = 'persistent-volume.claim';
/** Claims without a volume by class: they are looked at again when a volume of the class comes. */
const waitingByClass = 'persistent-volume.waiting';

/** Binds claims to volumes and tells both how they stand. Volumes are made and removed by provisioners. */
export function createPersistentVolumeController(context: ControllerContext): Controller {
  return new PersistentVolumeController(context);
}

class PersistentVolumeController implements Controller {
  readonly name = 'persistent-volume';
  readonly #context: ControllerContext;
  readonly #client: Client;
  readonly #recorder: EventRecorder;
  readonly #claims: Informer<PersistentVolumeClaim>;
  readonly #volumes: Informer<PersistentVolume>;
  readonly #classes: Informer<StorageClass>;
  readonly #queue: Workqueue;
  #runner: { stop(): Promise<void> } | undefined;

  constructor(context: ControllerContext) {
    const { informers } = context;
    this.#context = context;
    this.#client = context.client;
    this.#recorder = context.recorderFor('persistentvolume-controller');
    this.#claims = informers.of(resources.persistentVolumeClaims, {
      [waitingByClass]: ({ spec }) => ((spec.volumeName ?? '') === '' ? [spec.storageClassName ?? ''] : []),
    });
    this.#volumes = informers.of(resources.persistentVolumes, {
      [byClass]: ({ spec }) => [spec.storageClassName ?? ''],
      [byClaim]: (volume) => [claimKeyOfVolume(volume) ?? ''],
    });
    this.#classes = informers.of(resources.storageClasses);
    this.#queue = createWorkqueue({ clock: context.clock });
  }

  start(): void {
    const claimSeen = (claim: PersistentVolumeClaim): void => this.#claimSeen(claim);
    this.#claims.addHandler({ onAdd: claimSeen, onUpdate: claimSeen, onDelete: claimSeen });
    const volumeSeen = (volume: PersistentVolume): void => this.#volumeSeen(volume);
    this.#volumes.addHandler({ onAdd: volumeSeen, onUpdate: volumeSeen, onDelete: volumeSeen });
    const classSeen = (storageClass: StorageClass): void => this.#wakeWaiting(storageClass.metadata.name);
    this.#classes.addHandler({ onAdd: classSeen, onUpdate: classSeen });
    const { clock, log, metrics } = this.#context;
    const reconcile = (key: string): Promise<void> => this.#reconcile(key);
    this.#runner = runController({ name: this.name, queue: this.#queue, workers, reconcile, clock, log, metrics });
  }

  async stop(): Promise<void> {
    await this.#runner?.stop();
  }

  #claimSeen(claim: PersistentVolumeClaim): void {
    const key = objectKey(claim.metadata);
    this.#queue.add(claimPrefix + key);
    for (const volume of this.#volumes.byIndex(byClaim, key)) this.#queue.add(volumePrefix + volume.metadata.name);
  }

  #volumeSeen(volume: PersistentVolume): void {
    this.#queue.add(volumePrefix + volume.metadata.name);
    const key = claimKeyOfVolume(volume);
    if (key === undefined) this.#wakeWaiting(volume.spec.storageClassName ?? '');
    else this.#queue.add(claimPrefix + key);
  }

  #wakeWaiting(className: string): void {
    for (const claim of this.#claims.byIndex(waitingByClass, className))
      this.#queue.add(claimPrefix + objectKey(claim.metadata));
  }

  async #reconcile(key: string): Promise<void> {
    try {
      if (key.startsWith(claimPrefix)) await this.#syncClaim(key.slice(claimPrefix.length));
      else await this.#syncVolume(key.slice(volumePrefix.length));
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }

  async #syncClaim(key: string): Promise<void> {
    const claim = this.#claims.get(key);
    if (claim === undefined) return;
    const className = claim.spec.storageClassName ?? '';
    const candidates = [...this.#volumes.byIndex(byClass, className), ...this.#volumes.byIndex(byClaim, key)];
    const named = this.#volumes.get(claim.spec.volumeName ?? '');
    const storageClass = this.#classes.get(className);
    await this.#act(claim, planClaim({ claim, named, candidates, storageClass }));
  }

  async #act(claim: PersistentVolumeClaim, step: ClaimStep): Promise<void> {
    switch (step.type) {
      case 'none':
        return;
      case 'wait':
        this.#recorder.event(claim, step.eventType, step.reason, step.message);
        return;
      case 'provision':
        await this.#askProvisioner(claim, step.provisioner);
        return;
      case 'lose':
        await this.#client.updateStatus(resources.persistentVolumeClaims, { ...claim, status: { phase: 'Lost' } });
        this.#recorder.event(claim, 'Warning', 'ClaimLost', step.message);
        return;
      case 'bind':
        await this.#bind(claim, step.volume);
        return;
      case 'complete':
        await this.#complete(claim, step.volume);
    }
  }

  async #askProvisioner(claim: PersistentVolumeClaim, provisioner: string): Promise<void> {
    const { uid, resourceVersion } = claim.metadata;
    const body = { metadata: { uid, resourceVersion, annotations: { [storageProvisionerAnnotation]: provisioner } } };
    await this.#client.patch(resources.persistentVolumeClaims, refOf(claim), { type: 'merge', body });
    const message = `Waiting for a volume to be created either by the external provisioner '${provisioner}' or manually by the system administrator. If volume creation is delayed, please verify that the provisioner is running and correctly registered.`;
    this.#recorder.event(claim, 'Normal', 'ExternalProvisioning', message);
  }

  /** The volume first: whoever loses a race for it gets a conflict there, and nothing was promised to the claim yet. */
  async #bind(claim: PersistentVolumeClaim, volume: PersistentVolume): Promise<void> {
    const { namespace = '', name, uid, resourceVersion } = claim.metadata;
    const claimRef = { kind: 'PersistentVolumeClaim', apiVersion: 'v1', namespace, name, uid, resourceVersion };
    const reserved = volume.spec.claimRef?.uid === uid;
    const bound = reserved
      ? volume
      : await this.#client.update(resources.persistentVolumes, { ...volume, spec: { ...volume.spec, claimRef } });
    await this.#complete(claim, bound);
  }

  async #complete(claim: PersistentVolumeClaim, volume: PersistentVolume): Promise<void> {
    const { name } = volume.metadata;
    let named = claim;
    if (claim.spec.volumeName !== name) {
      const annotations = { ...claim.metadata.annotations, 'pv.kubernetes.io/bind-completed': 'yes' };
      const metadata = { ...claim.metadata, annotations };
      const spec = { ...claim.spec, volumeName: name };
      named = await this.#client.update(resources.persistentVolumeClaims, { ...claim, metadata, spec });
    }
    const { accessModes, capacity } = volume.spec;
    const status = { phase: 'Bound', accessModes, capacity };
    await this.#client.updateStatus(resources.persistentVolumeClaims, { ...named, status });
  }

  async #syncVolume(name: string): Promise<void> {
    const volume = this.#volumes.get(name);
    if (volume === undefined) return;
    const claim = this.#claims.get(claimKeyOfVolume(volume) ?? '');
    const status = volumeStatus(volume, claim, this.#context.clock.now());
    if (status === undefined) return;
    try {
      await this.#client.updateStatus(resources.persistentVolumes, { ...volume, status });
    } catch (error) {
      // Somebody changed it: the cache is about to say so, and brings it back here.
      if (!isConflict(error)) throw error;
    }
  }
}
