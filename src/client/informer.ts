import type { KubeObject, Resource } from '../api/index.ts';

/** What a kind's index files an object under: no, one or several values. */
export type IndexFunction<T> = (object: T) => readonly string[];

export interface InformerOptions<T extends KubeObject> {
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  /**
   * What the cache keeps of an object (pure; must keep apiVersion, kind, metadata.name, namespace, uid and
   * resourceVersion). Lets 100 000 finished objects cost little.
   */
  readonly transform?: (object: T) => T;
  readonly indexes?: Readonly<Record<string, IndexFunction<T>>>;
}

/** Called after the cache has changed. `onUpdate` also runs for relists where nothing changed in between. */
export interface InformerHandler<T> {
  onAdd?(object: T): void;
  onUpdate?(object: T, previous: T): void;
  /** The last known state. */
  onDelete?(object: T): void;
}

/**
 * A cache of all objects of one kind, kept true by list and watch; it lists again when the server says so and never
 * misses a state, only intermediate ones. Look-ups are O(1); objects are deep-frozen.
 */
export interface Informer<T extends KubeObject> {
  /** By `namespace/name` (or `name`). */
  get(key: string): T | undefined;
  byIndex(index: string, value: string): readonly T[];
  values(): Iterable<T>;
  readonly size: number;
  /** Handlers added late get `onAdd` for what is there already. */
  addHandler(handler: InformerHandler<T>): void;
  /** Resolves when the first list is in the cache and its handlers have run. */
  readonly synced: Promise<void>;
}

/** One informer per kind for all controllers of an engine. */
export interface Informers {
  /**
   * The shared informer of a kind. Several callers add to one cache, so `transform` and selectors must be given by one
   * caller only (the engine, through `configure`) and `indexes` under distinct names; after `start` no indexes are added.
   */
  of<T extends KubeObject>(resource: Resource<T>, indexes?: InformerOptions<T>['indexes']): Informer<T>;
  configure<T extends KubeObject>(resource: Resource<T>, options: InformerOptions<T>): void;
  /** Starts listing and watching; resolves when all are synced. */
  start(): Promise<void>;
  stop(): void;
}
