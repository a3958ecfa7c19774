import {
  claimNameOf,
  isNotFound,
  isPodFinished,
  objectKey,
  resources,
  type PersistentVolumeClaim,
  type Pod,
  type Volume,
} from '../../api/index.ts';
import type { Informer } from '../../client/index.ts';
import {
  createWorkqueue,
  runController,
  type Controller,
  type ControllerContext,
  type EventRecorder,
  type Workqueue,
} from '../../controlloop/index.ts';

/** Makes the claim of each `ephemeral` volume; the Pod owns it. Upstream: `pkg/controller/volume/ephemeral`. */
export function createEphemeralVolumeController(context: ControllerContext): Controller {
  return new EphemeralVolumeController(context);
}

class EphemeralVolumeController implements Controller {
  readonly name = 'ephemeral-volume';
  readonly #context: ControllerContext;
  readonly #recorder: EventRecorder;
  readonly #pods: Informer<Pod>;
  readonly #claims: Informer<PersistentVolumeClaim>;
  readonly #queue: Workqueue;
  #runner: { stop(): Promise<void> } | undefined;

  constructor(context: ControllerContext) {
    this.#context = context;
    this.#recorder = context.recorderFor('ephemeral_volume');
    this.#pods = context.informers.of(resources.pods);
    this.#claims = context.informers.of(resources.persistentVolumeClaims);
    this.#queue = createWorkqueue({ clock: context.clock });
  }

  start(): void {
    const seen = (pod: Pod): void => {
      if (ephemeralVolumes(pod).length > 0) this.#queue.add(objectKey(pod.metadata));
    };
    this.#pods.addHandler({ onAdd: seen });
    const { clock, log, metrics } = this.#context;
    const reconcile = (key: string): Promise<void> => this.#reconcile(key);
    this.#runner = runController({ name: this.name, queue: this.#queue, workers: 2, reconcile, clock, log, metrics });
  }

  async stop(): Promise<void> {
    await this.#runner?.stop();
  }

  async #reconcile(key: string): Promise<void> {
    const pod = this.#pods.get(key);
    if (pod === undefined || pod.metadata.deletionTimestamp !== undefined) return;
    for (const volume of ephemeralVolumes(pod)) await this.#ensure(pod, volume);
  }

  async #ensure(pod: Pod, volume: Volume): Promise<void> {
    const { client } = this.#context;
    const name = claimNameOf(pod, volume) ?? '';
    const { namespace, uid } = pod.metadata;
    const existing =
      this.#claims.get(`${namespace}/${name}`) ??
      (await client.get(resources.persistentVolumeClaims, { namespace, name }).catch((error: unknown) => {
        if (isNotFound(error)) return undefined;
        throw error;
      }));
    if (existing !== undefined) {
      const owned = existing.metadata.ownerReferences?.some((owner) => owner.uid === uid && owner.controller === true);
      if (owned === true) return;
      const message = `PVC ${namespace}/${name} was not created for pod ${namespace}/${pod.metadata.name} (pod is not owner)`;
      this.#recorder.event(pod, 'Warning', 'EphemeralVolumeFailed', message);
      return;
    }
    const template = volume.ephemeral?.volumeClaimTemplate;
    if (template === undefined) return;
    const { labels, annotations } = template.metadata ?? {};
    const owner = {
      apiVersion: 'v1',
      kind: 'Pod',
      name: pod.metadata.name,
      uid,
      controller: true,
      blockOwnerDeletion: true,
    };
    const metadata = { namespace, name, labels, annotations, ownerReferences: [owner] };
    await client.create(resources.persistentVolumeClaims, { metadata, spec: template.spec });
  }
}

function ephemeralVolumes(pod: Pod): readonly Volume[] {
  if (isPodFinished(pod)) return [];
  return pod.spec.volumes?.filter((volume) => volume.ephemeral !== undefined) ?? [];
}
