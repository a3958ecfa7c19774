import type { KubeObject, ObjectRef, Resource } from '../../api/index.ts';
import { prefixEnd, type Entry, type Store } from '../../store/index.ts';
import { keyPrefix, storeKey } from '../registry/store-keys.ts';
import { StoredVersion } from '../registry/stored-version.ts';

/** Looks one stored object up by its key. Undefined: not there. */
export type StoredReader = <T extends KubeObject>(resource: Resource<T>, ref: ObjectRef) => T | undefined;

/** All objects of a kind (in a namespace) of which there are few. */
export type StoredLister = <T extends KubeObject>(resource: Resource<T>, namespace?: string) => readonly T[];

export interface StoredObjects {
  readonly read: StoredReader;
  readonly list: StoredLister;
  /** What an entry holds. */
  readonly objectOf: (entry: Entry) => KubeObject;
}

/**
 * Reads straight from the store: admission comes before the operations that it is given to. The decoded object is
 * kept for as long as the store keeps the entry, so that a namespace is decoded once and not once per Pod.
 */
export function storedObjects(store: Store): StoredObjects {
  const decoded = new WeakMap<Entry, KubeObject>();
  const objectOf = (entry: Entry): KubeObject => {
    if (entry.memo instanceof StoredVersion) return entry.memo.object;
    let object = decoded.get(entry);
    if (object === undefined) {
      object = JSON.parse(entry.value.toString()) as KubeObject;
      decoded.set(entry, object);
    }
    return object;
  };
  const lists = new KeptLists(store, objectOf);
  return {
    objectOf,
    read: <T extends KubeObject>(resource: Resource<T>, ref: ObjectRef): T | undefined => {
      const entry = store.get(storeKey(resource, ref));
      return entry === undefined ? undefined : (objectOf(entry) as T);
    },
    list: <T extends KubeObject>(resource: Resource<T>, namespace?: string): readonly T[] =>
      lists.of(resource, namespace) as readonly T[],
  };
}

/** Lists of kinds that hardly ever change, each kept until something of its kind does. */
class KeptLists {
  readonly #store: Store;
  readonly #objectOf: (entry: Entry) => KubeObject;
  readonly #byKind = new Map<Resource, Map<string | undefined, readonly KubeObject[]>>();

  constructor(store: Store, objectOf: (entry: Entry) => KubeObject) {
    this.#store = store;
    this.#objectOf = objectOf;
  }

  of(resource: Resource, namespace: string | undefined): readonly KubeObject[] {
    let lists = this.#byKind.get(resource);
    if (lists === undefined) this.#byKind.set(resource, (lists = this.#watched(resource)));
    let list = lists.get(namespace);
    if (list === undefined) {
      const start = keyPrefix(resource, namespace);
      list = this.#store.range({ start, end: prefixEnd(start) }).entries.map(this.#objectOf);
      lists.set(namespace, list);
    }
    return list;
  }

  /** A change is told in the turn in which it becomes visible. The watch ends with the store. */
  #watched(resource: Resource): Map<string | undefined, readonly KubeObject[]> {
    const lists = new Map<string | undefined, readonly KubeObject[]>();
    const afterRevision = this.#store.revision;
    this.#store.watch({ prefix: keyPrefix(resource), afterRevision, onEvents: () => lists.clear() });
    return lists;
  }
}
