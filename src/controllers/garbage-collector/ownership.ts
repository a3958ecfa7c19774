import {
  hasFinalizer,
  objectKey,
  qualifiedName,
  type KubeObject,
  type OwnerReference,
  type Resource,
} from '../../api/index.ts';
import type { Informer, Informers } from '../../client/index.ts';

/** One object of the graph, as the caches know it. */
export interface Item {
  readonly resource: Resource;
  readonly object: KubeObject;
}

const ownerIndex = 'garbage-collector.owner-uid';

/**
 * Who owns what, answered from the shared caches: nothing is held here but one index by owner uid per kind. The caches
 * may be slim, as long as they keep metadata's uid, ownerReferences, finalizers and deletionTimestamp.
 */
export class Ownership {
  readonly #kinds: readonly { readonly resource: Resource; readonly informer: Informer<KubeObject> }[];
  readonly #byName = new Map<string, { readonly resource: Resource; readonly informer: Informer<KubeObject> }>();

  constructor(informers: Informers, resources: readonly Resource[]) {
    this.#kinds = resources.map((resource) => ({
      resource,
      informer: informers.of(resource, { [ownerIndex]: ownerUids }),
    }));
    for (const kind of this.#kinds) this.#byName.set(qualifiedName(kind.resource), kind);
  }

  forEachKind(call: (resource: Resource, informer: Informer<KubeObject>) => void): void {
    for (const { resource, informer } of this.#kinds) call(resource, informer);
  }

  /** The item of a queue key. */
  find(key: string): Item | undefined {
    const slash = key.indexOf('/');
    const kind = this.#byName.get(key.slice(0, slash));
    const object = kind?.informer.get(key.slice(slash + 1));
    return kind === undefined || object === undefined ? undefined : { resource: kind.resource, object };
  }

  dependentsOf(uid: string): readonly Item[] {
    return this.#kinds.flatMap(({ resource, informer }) =>
      informer.byIndex(ownerIndex, uid).map((object) => ({ resource, object })),
    );
  }

  /** The kind a reference names; undefined if it is none of those watched. Versions of one group are the same kind. */
  kindOf(reference: OwnerReference): Resource | undefined {
    const slash = reference.apiVersion.indexOf('/');
    const group = slash < 0 ? '' : reference.apiVersion.slice(0, slash);
    const match = this.#kinds.find(({ resource }) => resource.kind === reference.kind && resource.group === group);
    return match?.resource;
  }

  /** The owner as cached, if it is there with the uid that the reference names. */
  cachedOwner(dependent: KubeObject, reference: OwnerReference): Item | undefined {
    const resource = this.kindOf(reference);
    if (resource === undefined) return undefined;
    const namespace = resource.namespaced ? dependent.metadata.namespace : undefined;
    const object = this.#byName
      .get(qualifiedName(resource))
      ?.informer.get(objectKey({ namespace, name: reference.name }));
    return object?.metadata.uid === reference.uid ? { resource, object } : undefined;
  }

  /** Whether an object with this uid lives anywhere. A scan, only for references that look wrong. */
  existsAnywhere(resource: Resource, uid: string): boolean {
    const informer = this.#byName.get(qualifiedName(resource))?.informer;
    for (const object of informer?.values() ?? []) if (object.metadata.uid === uid) return true;
    return false;
  }
}

/** `jobs.batch/default/name`: key of the collector's queue. */
export function itemKey({ resource, object }: Item): string {
  return `${qualifiedName(resource)}/${objectKey(object.metadata)}`;
}

export function ownersOf(object: KubeObject): readonly OwnerReference[] {
  return object.metadata.ownerReferences ?? [];
}

export const foregroundFinalizer = 'foregroundDeletion';
export const orphanFinalizer = 'orphan';

export function isDeleting(object: KubeObject): boolean {
  return object.metadata.deletionTimestamp !== undefined;
}

/** Being deleted, and waiting for its dependents to go first. */
export function isDeletingForeground(object: KubeObject): boolean {
  return isDeleting(object) && hasFinalizer(object, foregroundFinalizer);
}

/** Whether `dependent` keeps the owner with this uid from going in a foreground deletion. */
export function blocks(dependent: KubeObject, ownerUid: string): boolean {
  return ownersOf(dependent).some((owner) => owner.uid === ownerUid && owner.blockOwnerDeletion === true);
}

function ownerUids(object: KubeObject): readonly string[] {
  const owners = ownersOf(object);
  const [first] = owners;
  if (first === undefined) return none;
  return owners.length === 1 ? [first.uid] : [...new Set(owners.map((owner) => owner.uid))];
}

const none: readonly string[] = [];
