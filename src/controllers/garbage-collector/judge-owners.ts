import { isNotFound, type KubeObject, type OwnerReference, type Resource } from '../../api/index.ts';
import type { Client } from '../../client/index.ts';
import type { EventRecorder } from '../../controlloop/index.ts';
import type { Logger } from '../../log/index.ts';
import { AbsentOwners } from './absent-owners.ts';
import { isDeletingForeground, ownersOf, type Item, type Ownership } from './ownership.ts';

/** The owners of an object, by what they mean for it. */
export interface Judgement {
  /** There, or of a kind that is not watched: the object stays. */
  readonly solid: readonly OwnerReference[];
  /** Gone for certain. */
  readonly dangling: readonly OwnerReference[];
  /** Being deleted, but only after its dependents. */
  readonly waiting: readonly OwnerReference[];
}

type Verdict = keyof Judgement;

/**
 * Judges owner references. A cached owner counts as there (when it goes, its dependents are looked at again); one that
 * is not cached is read live, because the cache of its kind may only be behind. (Upstream:
 * `pkg/controller/garbagecollector/garbagecollector.go`, classifyReferences.)
 */
export class OwnerJudge {
  readonly #client: Client;
  readonly #ownership: Ownership;
  readonly #recorder: EventRecorder;
  readonly #log: Logger;
  readonly #absent = new AbsentOwners();
  /** Uids whose deletion was seen: their references were right, however empty the place is now. */
  readonly #seenDeleted = new AbsentOwners();

  constructor(options: { client: Client; ownership: Ownership; recorder: EventRecorder; log: Logger }) {
    this.#client = options.client;
    this.#ownership = options.ownership;
    this.#recorder = options.recorder;
    this.#log = options.log;
  }

  deletionSeen(uid: string): void {
    this.#seenDeleted.add(uid);
  }

  /** From the caches alone: whether every owner is there and stays, so that nothing has to be looked at. */
  isSafe(object: KubeObject): boolean {
    return ownersOf(object).every((reference) => {
      const owner = this.#ownership.cachedOwner(object, reference);
      return owner !== undefined && !isDeletingForeground(owner.object);
    });
  }

  async judge(item: Item): Promise<Judgement> {
    const result: Record<Verdict, OwnerReference[]> = { solid: [], dangling: [], waiting: [] };
    for (const reference of ownersOf(item.object)) result[await this.#judgeOne(item, reference)].push(reference);
    return result;
  }

  async #judgeOne(item: Item, reference: OwnerReference): Promise<Verdict> {
    const cached = this.#ownership.cachedOwner(item.object, reference);
    if (cached !== undefined) return isDeletingForeground(cached.object) ? 'waiting' : 'solid';
    const resource = this.#ownership.kindOf(reference);
    if (resource === undefined) {
      this.#log.debug('owner is of a kind that is not watched, keeping its dependent', { kind: reference.kind });
      return 'solid';
    }
    const { namespace } = item.object.metadata;
    if (resource.namespaced && namespace === undefined) {
      this.#reportInvalidNamespace(item.object, reference);
      return 'solid';
    }
    return this.#judgeLive(item, reference, resource);
  }

  async #judgeLive(item: Item, reference: OwnerReference, resource: Resource): Promise<Verdict> {
    const namespace = resource.namespaced ? item.object.metadata.namespace : undefined;
    const key = `${reference.uid}/${resource.kind}/${namespace ?? ''}/${reference.name}`;
    if (this.#absent.has(key)) return 'dangling';
    const owner = await this.#read(resource, { namespace, name: reference.name });
    if (owner?.metadata.uid === reference.uid) return isDeletingForeground(owner) ? 'waiting' : 'solid';
    this.#absent.add(key);
    if (!this.#seenDeleted.has(reference.uid) && this.#ownership.existsAnywhere(resource, reference.uid)) {
      this.#reportInvalidNamespace(item.object, reference);
    }
    return 'dangling';
  }

  async #read(
    resource: Resource,
    ref: { namespace: string | undefined; name: string },
  ): Promise<KubeObject | undefined> {
    try {
      return await this.#client.get(resource, ref);
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  #reportInvalidNamespace(dependent: KubeObject, reference: OwnerReference): void {
    const namespace = dependent.metadata.namespace ?? '';
    const { apiVersion, kind, name, uid } = reference;
    const owner = `[${apiVersion}/${kind}, namespace: ${namespace}, name: ${name}, uid: ${uid}]`;
    const message = `ownerRef ${owner} does not exist in namespace "${namespace}"`;
    this.#recorder.event(dependent, 'Warning', 'OwnerRefInvalidNamespace', message);
  }
}
