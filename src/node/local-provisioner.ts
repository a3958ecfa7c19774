import { chmod, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import {
  isAlreadyExists,
  isNotFound,
  localProvisioner,
  objectKey,
  provisionedByAnnotation,
  refOf,
  resources,
  storageProvisionerAnnotation,
  type Draft,
  type PersistentVolume,
  type PersistentVolumeClaim,
  type StorageClass,
} from '../api/index.ts';
import type { Informer } from '../client/index.ts';
import {
  createWorkqueue,
  runController,
  type Controller,
  type ControllerContext,
  type EventRecorder,
  type Workqueue,
} from '../controlloop/index.ts';

export interface LocalProvisionerOptions {
  readonly nodeName: string;
  /** Where volumes lie, one directory each. Undefined: nothing is mounted here, so volumes are objects only. */
  readonly directory: string | undefined;
}

const claimPrefix = 'claim:';
const volumePrefix = 'volume:';
/** Shown as the place of volumes that are objects only. */
const nowhere = '/var/lib/rondo/volumes';

/**
 * Makes and removes the volumes of the class `standard`: directories of this machine. Their capacity is what the claim
 * asked for and is not enforced, as with every provisioner of plain directories.
 */
export function createLocalProvisioner(context: ControllerContext, options: LocalProvisionerOptions): Controller {
  return new LocalProvisioner(context, options);
}

class LocalProvisioner implements Controller {
  readonly name = 'local-provisioner';
  readonly #context: ControllerContext;
  readonly #options: LocalProvisionerOptions;
  readonly #recorder: EventRecorder;
  readonly #claims: Informer<PersistentVolumeClaim>;
  readonly #volumes: Informer<PersistentVolume>;
  readonly #classes: Informer<StorageClass>;
  readonly #queue: Workqueue;
  #runner: { stop(): Promise<void> } | undefined;

  constructor(context: ControllerContext, options: LocalProvisionerOptions) {
    this.#context = context;
    this.#options = options;
    this.#recorder = context.recorderFor(localProvisioner);
    this.#claims = context.informers.of(resources.persistentVolumeClaims);
    this.#volumes = context.informers.of(resources.persistentVolumes);
    this.#classes = context.informers.of(resources.storageClasses);
    this.#queue = createWorkqueue({ clock: context.clock });
  }

  start(): void {
    const claimSeen = (claim: PersistentVolumeClaim): void => {
      if (wantsVolume(claim)) this.#queue.add(claimPrefix + objectKey(claim.metadata));
    };
    const volumeSeen = (volume: PersistentVolume): void => {
      if (isToBeRemoved(volume)) this.#queue.add(volumePrefix + volume.metadata.name);
    };
    this.#claims.addHandler({ onAdd: claimSeen, onUpdate: claimSeen });
    this.#volumes.addHandler({ onAdd: volumeSeen, onUpdate: volumeSeen });
    const { clock, log, metrics } = this.#context;
    const reconcile = (key: string): Promise<void> => this.#reconcile(key);
    this.#runner = runController({ name: this.name, queue: this.#queue, workers: 4, reconcile, clock, log, metrics });
  }

  async stop(): Promise<void> {
    await this.#runner?.stop();
  }

  async #reconcile(key: string): Promise<void> {
    if (key.startsWith(claimPrefix)) {
      const claim = this.#claims.get(key.slice(claimPrefix.length));
      if (claim !== undefined && wantsVolume(claim)) await this.#provision(claim);
    } else {
      const volume = this.#volumes.get(key.slice(volumePrefix.length));
      if (volume !== undefined && isToBeRemoved(volume)) await this.#remove(volume);
    }
  }

  async #provision(claim: PersistentVolumeClaim): Promise<void> {
    if (claim.spec.volumeMode === 'Block') {
      const message = `failed to provision volume with StorageClass "${claim.spec.storageClassName}": only volumes with a file system can be made here`;
      this.#recorder.event(claim, 'Warning', 'ProvisioningFailed', message);
      return;
    }
    const name = `pvc-${claim.metadata.uid}`;
    const path = join(this.#options.directory ?? nowhere, name);
    if (this.#options.directory !== undefined) {
      await mkdir(path, { recursive: true });
      // Pods run as anybody: who may use a volume is decided by who may use its claim.
      await chmod(path, 0o777);
    }
    try {
      await this.#context.client.create(resources.persistentVolumes, this.#draft(claim, name, path));
    } catch (error) {
      if (isAlreadyExists(error)) return;
      throw error;
    }
    this.#recorder.event(claim, 'Normal', 'ProvisioningSucceeded', `Successfully provisioned volume ${name}`);
  }

  #draft(claim: PersistentVolumeClaim, name: string, path: string): Draft<PersistentVolume> {
    const { namespace = '', uid, resourceVersion } = claim.metadata;
    const storageClass = this.#classes.get(claim.spec.storageClassName ?? '');
    const expression = { key: 'kubernetes.io/hostname', operator: 'In', values: [this.#options.nodeName] };
    return {
      metadata: { name, annotations: { [provisionedByAnnotation]: localProvisioner } },
      spec: {
        capacity: { storage: claim.spec.resources?.requests?.['storage'] ?? '0' },
        accessModes: claim.spec.accessModes,
        claimRef: {
          ...{ kind: 'PersistentVolumeClaim', apiVersion: 'v1' },
          ...{ namespace, name: claim.metadata.name, uid, resourceVersion },
        },
        persistentVolumeReclaimPolicy: storageClass?.reclaimPolicy ?? 'Delete',
        storageClassName: claim.spec.storageClassName,
        volumeMode: 'Filesystem',
        local: { path },
        nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [expression] }] } },
      },
    };
  }

  /** The files first: a volume whose object is still there is tried again, files without an object would stay. */
  async #remove(volume: PersistentVolume): Promise<void> {
    const { directory } = this.#options;
    // By its name, never by the path in the object, which others may write.
    if (directory !== undefined) await rm(join(directory, volume.metadata.name), { recursive: true, force: true });
    try {
      const preconditions = { uid: volume.metadata.uid };
      await this.#context.client.delete(resources.persistentVolumes, refOf(volume), { preconditions });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }
}

function wantsVolume({ metadata, spec }: PersistentVolumeClaim): boolean {
  if (metadata.deletionTimestamp !== undefined || (spec.volumeName ?? '') !== '') return false;
  return metadata.annotations?.[storageProvisionerAnnotation] === localProvisioner;
}

function isToBeRemoved({ metadata, spec, status }: PersistentVolume): boolean {
  if (metadata.annotations?.[provisionedByAnnotation] !== localProvisioner) return false;
  return (
    status.phase === 'Released' &&
    spec.persistentVolumeReclaimPolicy === 'Delete' &&
    metadata.deletionTimestamp === undefined
  );
}
