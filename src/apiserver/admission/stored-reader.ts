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
  return {
    objectOf,
    read: <T extends KubeObject>(resource: Resource<T>, ref: ObjectRef): T | undefined => {
      const entry = store.get(storeKey(resource, ref));
      return entry === undefined ? undefined : (objectOf(entry) as T);
    },
    list: <T extends KubeObject>(resource: Resource<T>, namespace?: string): readonly T[] => {
      const start = keyPrefix(resource, namespace);
      return store.range({ start, end: prefixEnd(start) }).entries.map((entry) => objectOf(entry) as T);
    },
  };
}
