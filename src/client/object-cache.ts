import type { KubeObject } from '../api/index.ts';
import { objectKey } from '../api/index.ts';
import type { IndexFunction } from './informer.ts';

/** One object, or several by key: most index values name a single object, which then needs no Map of its own. */
type Bucket<T> = T | Map<string, T>;

interface Index<T> {
  readonly valuesOf: IndexFunction<T>;
  readonly buckets: Map<string, Bucket<T>>;
}

export const keyOf = (object: KubeObject): string => objectKey(object.metadata);

/** The same key as a string of one piece: what `+` makes keeps its parts as well, which is 50 bytes more for each. */
const compactKey = ({ metadata }: KubeObject): string =>
  metadata.namespace === undefined || metadata.namespace === ''
    ? metadata.name
    : [metadata.namespace, metadata.name].join('/');

/** Objects by key and by index. Every change costs as much as the object has index values, however many are held. */
export class ObjectCache<T extends KubeObject> {
  readonly #objects = new Map<string, T>();
  readonly #indexes = new Map<string, Index<T>>();

  get size(): number {
    return this.#objects.size;
  }

  get(key: string): T | undefined {
    return this.#objects.get(key);
  }

  keys(): Iterable<string> {
    return this.#objects.keys();
  }

  values(): Iterable<T> {
    return this.#objects.values();
  }

  /** @throws Error if another function has this name, or objects are held already */
  addIndex(name: string, valuesOf: IndexFunction<T>): void {
    const existing = this.#indexes.get(name);
    if (existing?.valuesOf === valuesOf) return;
    if (existing !== undefined) throw new Error(`there are two indexes named ${name}`);
    if (this.#objects.size > 0) throw new Error(`index ${name} was added after the start`);
    this.#indexes.set(name, { valuesOf, buckets: new Map() });
  }

  /** @throws Error if there is no such index */
  byIndex(name: string, value: string): readonly T[] {
    const index = this.#indexes.get(name);
    if (index === undefined) throw new Error(`there is no index named ${name}`);
    const bucket = index.buckets.get(value);
    if (bucket === undefined) return [];
    return bucket instanceof Map ? [...bucket.values()] : [bucket];
  }

  /** Puts an object in the place of the one with its key, which is returned. */
  put(key: string, object: T): T | undefined {
    const previous = this.#objects.get(key);
    if (previous === undefined) this.#objects.set(compactKey(object), object);
    else this.#objects.set(key, object);
    for (const index of this.#indexes.values()) {
      const values = index.valuesOf(object);
      if (previous !== undefined) {
        for (const value of index.valuesOf(previous)) if (!values.includes(value)) remove(index, value, key);
      }
      for (const value of values) insert(index, value, key, object);
    }
    return previous;
  }

  delete(key: string): T | undefined {
    const previous = this.#objects.get(key);
    if (previous === undefined) return undefined;
    this.#objects.delete(key);
    for (const index of this.#indexes.values()) {
      for (const value of index.valuesOf(previous)) remove(index, value, key);
    }
    return previous;
  }
}

function insert<T extends KubeObject>(index: Index<T>, value: string, key: string, object: T): void {
  const bucket = index.buckets.get(value);
  if (bucket instanceof Map) {
    bucket.set(key, object);
    return;
  }
  const otherKey = bucket === undefined ? key : keyOf(bucket);
  if (bucket === undefined || otherKey === key) index.buckets.set(value, object);
  else {
    const several = new Map([
      [otherKey, bucket],
      [key, object],
    ]);
    index.buckets.set(value, several);
  }
}

function remove<T extends KubeObject>(index: Index<T>, value: string, key: string): void {
  const bucket = index.buckets.get(value);
  if (bucket instanceof Map) {
    bucket.delete(key);
    if (bucket.size > 0) return;
  }
  index.buckets.delete(value);
}
