import {
  hasFinalizer,
  isConflict,
  isNotFound,
  refOf,
  resources as knownResources,
  type KubeObject,
  type OwnerReference,
  type Resource,
} from '../../api/index.ts';
import type { Client, PropagationPolicy } from '../../client/index.ts';
import {
  createWorkqueue,
  runController,
  type Controller,
  type ControllerContext,
  type Workqueue,
} from '../../controlloop/index.ts';
import { OwnerJudge } from './judge-owners.ts';
import {
  blocks,
  foregroundFinalizer,
  isDeleting,
  isDeletingForeground,
  itemKey,
  orphanFinalizer,
  Ownership,
  ownersOf,
  type Item,
} from './ownership.ts';

export interface GarbageCollectorOptions {
  /** The kinds to watch: as owners and as dependents. Default: all that Rondo's rooms know, but not Events. */
  readonly resources?: readonly Resource[];
}

const workers = 16;
/** Dependents of one owner that are written at the same time when it is orphaned. */
const orphansAtOnce = 32;
/** Failures are mostly conflicts with somebody who writes the same object; waiting long for them serves nobody. */
const backoff = { baseMs: 5, maxMs: 60_000 };

/** Deletes dependents of owners that are gone, in the background, in the foreground, or orphans them. */
export function createGarbageCollector(context: ControllerContext, options: GarbageCollectorOptions = {}): Controller {
  const all = Object.values(knownResources).filter((resource) => resource.resource !== 'events');
  return new GarbageCollector(context, options.resources ?? all);
}

class GarbageCollector implements Controller {
  readonly name = 'garbage-collector';
  readonly #context: ControllerContext;
  readonly #client: Client;
  readonly #ownership: Ownership;
  readonly #judge: OwnerJudge;
  readonly #queue: Workqueue;
  #runner: { stop(): Promise<void> } | undefined;

  constructor(context: ControllerContext, watched: readonly Resource[]) {
    this.#context = context;
    this.#client = context.client;
    this.#ownership = new Ownership(context.informers, watched);
    const recorder = context.recorderFor('garbage-collector-controller');
    this.#judge = new OwnerJudge({ client: context.client, ownership: this.#ownership, recorder, log: context.log });
    this.#queue = createWorkqueue({ clock: context.clock, backoff });
  }

  start(): void {
    this.#ownership.forEachKind((resource, informer) =>
      informer.addHandler({
        onAdd: (object) => this.#seen({ resource, object }),
        onUpdate: (object, previous) => this.#changed({ resource, object }, previous),
        onDelete: (object) => this.#gone(object),
      }),
    );
    const { clock, log, metrics } = this.#context;
    const reconcile = (key: string): Promise<void> => this.#reconcile(key);
    this.#runner = runController({
      ...{ name: this.name, queue: this.#queue, workers, reconcile, clock, log, metrics },
      givesWayTo: this.#context.dueFirst,
    });
  }

  async stop(): Promise<void> {
    await this.#runner?.stop();
  }

  #seen(item: Item): void {
    const { object } = item;
    const asked = isDeleting(object) && (isDeletingForeground(object) || hasFinalizer(object, orphanFinalizer));
    if (asked || !this.#judge.isSafe(object)) this.#queue.add(itemKey(item));
  }

  #changed(item: Item, previous: KubeObject): void {
    const { metadata } = item.object;
    const old = previous.metadata;
    const sameOwners = metadata.ownerReferences === old.ownerReferences;
    if (sameOwners && metadata.finalizers === old.finalizers && metadata.deletionTimestamp === old.deletionTimestamp) {
      return;
    }
    this.#seen(item);
    // It may have been what a foreground deletion waited for.
    if (!sameOwners) this.#wakeOwners(previous);
  }

  #gone(object: KubeObject): void {
    const dependents = this.#ownership.dependentsOf(object.metadata.uid);
    if (dependents.length > 0) this.#judge.deletionSeen(object.metadata.uid);
    for (const dependent of dependents) this.#queue.add(itemKey(dependent));
    this.#wakeOwners(object);
  }

  #wakeOwners(dependent: KubeObject): void {
    for (const reference of ownersOf(dependent)) {
      const owner = this.#ownership.cachedOwner(dependent, reference);
      if (owner !== undefined && isDeletingForeground(owner.object)) this.#queue.add(itemKey(owner));
    }
  }

  async #reconcile(key: string): Promise<void> {
    const item = this.#ownership.find(key);
    if (item === undefined) return;
    if (isDeletingForeground(item.object)) await this.#deleteForeground(item);
    else if (isDeleting(item.object)) {
      if (hasFinalizer(item.object, orphanFinalizer)) await this.#orphan(item);
    } else if (!this.#judge.isSafe(item.object)) await this.#collect(item);
  }

  /** Dependents that block go first; when none is left, the owner's finalizer is removed and it goes itself. */
  async #deleteForeground(item: Item): Promise<void> {
    const { uid } = item.object.metadata;
    const blocking = this.#ownership.dependentsOf(uid).filter((dependent) => blocks(dependent.object, uid));
    if (blocking.length === 0) await this.#removeFinalizer(item, foregroundFinalizer);
    for (const dependent of blocking) if (!isDeleting(dependent.object)) this.#queue.add(itemKey(dependent));
  }

  async #orphan(item: Item): Promise<void> {
    const { uid } = item.object.metadata;
    const dependents = this.#ownership.dependentsOf(uid);
    for (let from = 0; from < dependents.length; from += orphansAtOnce) {
      const some = dependents.slice(from, from + orphansAtOnce);
      await Promise.all(some.map((dependent) => this.#dropOwners(dependent, (owner) => owner.uid === uid)));
    }
    await this.#removeFinalizer(item, orphanFinalizer);
  }

  /** Deletes an object whose owners are all gone or waiting for it; drops the gone ones if others are left. */
  async #collect(cached: Item): Promise<void> {
    const object = await this.#readAgain(cached);
    if (object === undefined || isDeleting(object)) return;
    const item = { ...cached, object };
    const { solid, dangling, waiting } = await this.#judge.judge(item);
    const lost = new Set([...dangling, ...waiting].map((reference) => reference.uid));
    if (lost.size === 0) return;
    if (solid.length > 0) {
      await this.#dropOwners(item, (owner) => lost.has(owner.uid));
      return;
    }
    const dependents = waiting.length > 0 ? this.#ownership.dependentsOf(object.metadata.uid) : [];
    // Two objects that own one another would wait for each other for ever.
    if (dependents.some((dependent) => isDeletingForeground(dependent.object))) {
      await this.#stopBlocking(item);
      return;
    }
    await this.#delete(item, dependents.length > 0 ? 'Foreground' : policyOf(object));
  }

  async #delete({ resource, object }: Item, propagationPolicy: PropagationPolicy): Promise<void> {
    const { uid, resourceVersion } = object.metadata;
    const options = { propagationPolicy, preconditions: { uid, resourceVersion } };
    await ignoringNotFound(this.#client.delete(resource, refOf(object), options));
  }

  async #dropOwners(item: Item, isLost: (owner: OwnerReference) => boolean): Promise<void> {
    await this.#rewriteOwners(item, (owners) => owners.filter((owner) => !isLost(owner)));
  }

  async #stopBlocking(item: Item): Promise<void> {
    await this.#rewriteOwners(item, (owners) => owners.map((owner) => ({ ...owner, blockOwnerDeletion: false })));
    await this.#delete({ ...item, object: (await this.#readAgain(item)) ?? item.object }, 'Foreground');
  }

  async #rewriteOwners(item: Item, rewrite: (owners: readonly OwnerReference[]) => OwnerReference[]): Promise<void> {
    await this.#patchFresh(item, (object) => ({ ownerReferences: rewrite(ownersOf(object)) }));
  }

  async #removeFinalizer(item: Item, finalizer: string): Promise<void> {
    await this.#patchFresh(item, (object) => {
      const finalizers = object.metadata.finalizers ?? [];
      return finalizers.includes(finalizer) ? { finalizers: finalizers.filter((other) => other !== finalizer) } : {};
    });
  }

  /** Patches metadata at exactly the version it was decided on; with a fresh read if the cached version is too old. */
  async #patchFresh(item: Item, change: (object: KubeObject) => Record<string, unknown>): Promise<void> {
    try {
      await this.#patchAt(item, item.object, change);
    } catch (error) {
      if (!isConflict(error)) throw error;
      const object = await this.#readAgain(item);
      if (object !== undefined) await this.#patchAt(item, object, change);
    }
  }

  async #patchAt(
    item: Item,
    object: KubeObject,
    change: (object: KubeObject) => Record<string, unknown>,
  ): Promise<void> {
    const changes = change(object);
    if (Object.keys(changes).length === 0) return;
    const { uid, resourceVersion } = object.metadata;
    const body = { metadata: { uid, resourceVersion, ...changes } };
    await ignoringNotFound(this.#client.patch(item.resource, refOf(object), { type: 'merge', body }));
  }

  /** The object now, if it is still the same one. */
  async #readAgain({ resource, object }: Item): Promise<KubeObject | undefined> {
    const fresh = await ignoringNotFound(this.#client.get(resource, refOf(object)));
    return fresh?.metadata.uid === object.metadata.uid ? fresh : undefined;
  }
}

/** An earlier deletion may have left the wish in the finalizers. */
function policyOf(object: KubeObject): PropagationPolicy {
  if (hasFinalizer(object, orphanFinalizer)) return 'Orphan';
  return hasFinalizer(object, foregroundFinalizer) ? 'Foreground' : 'Background';
}

async function ignoringNotFound<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}
