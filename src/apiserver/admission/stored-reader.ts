import type { KubeObject, ObjectRef, Resource } from '../../api/index.ts';
import type { Entry, Store } from '../../store/index.ts';
import { storeKey } from '../registry/store-keys.ts';
import { StoredVersion } from '../registry/stored-version.ts';

/** Looks one stored object up by its key. Undefined: not there. */
export type StoredReader = <T extends KubeObject>(resource: Resource<T>, ref: ObjectRef) => T | undefined;

/**
 * Reads straight from the store: admission comes before the operations that it is given to. The decoded object is
 * kept for as long as the store keeps the entry, so that a namespace is decoded once and not once per Pod.
 */
export function storedReader(store: Store): StoredReader {
  const decoded = new WeakMap<Entry, KubeObject>();
  return <T extends KubeObject>(resource: Resource<T>, ref: ObjectRef): T | undefined => {
    const entry = store.get(storeKey(resource, ref));
    if (entry === undefined) return undefined;
    if (entry.memo instanceof StoredVersion) return entry.memo.object as T;
    let object = decoded.get(entry);
    if (object === undefined) {
      object = JSON.parse(entry.value.toString()) as KubeObject;
      decoded.set(entry, object);
    }
    return object as T;
  };
}
