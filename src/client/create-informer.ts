import { qualifiedName, type KubeObject, type Resource } from '../api/index.ts';
import type { Clock, Random } from '../clock/index.ts';
import type { Logger } from '../log/index.ts';
import type { Client } from './client.ts';
import type { Informer, InformerHandler, InformerOptions } from './informer.ts';
import { keyOf, ObjectCache } from './object-cache.ts';
import { Reflector } from './reflector.ts';

export interface InformerContext {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

export interface RunnableInformer<T extends KubeObject> extends Informer<T> {
  /** Lists and watches from now on; resolves when synced (or stopped). Starting again does nothing. */
  start(): Promise<void>;
  stop(): void;
}

/** A cache of one kind, with its own list and watch. Objects that the client gives out are taken to be deep-frozen. */
export function createInformer<T extends KubeObject>(
  client: Client,
  resource: Resource<T>,
  options: InformerOptions<T>,
  context: InformerContext,
): RunnableInformer<T> {
  const informer = new CachingInformer(client, resource, context);
  informer.configure(options);
  return informer;
}

/** An informer whose options can be completed until it starts. */
export class CachingInformer<T extends KubeObject> implements RunnableInformer<T> {
  readonly synced: Promise<void>;
  readonly #client: Client;
  readonly #resource: Resource<T>;
  readonly #context: InformerContext;
  readonly #cache = new ObjectCache<T>();
  readonly #handlers: InformerHandler<T>[] = [];
  /** Keys that were cached before the list under way and that it has not named yet. */
  #unlisted = new Set<string>();
  #transform: (object: T) => T = (object) => object;
  #selectors: { labelSelector?: string; fieldSelector?: string } = {};
  #reflector: Reflector<T> | undefined;
  #markSynced: () => void = () => undefined;
  #release: () => void = () => undefined;
  readonly #stopped: Promise<void>;

  constructor(client: Client, resource: Resource<T>, context: InformerContext) {
    this.#client = client;
    this.#resource = resource;
    this.#context = context;
    this.synced = new Promise((resolve) => (this.#markSynced = resolve));
    this.#stopped = new Promise((resolve) => (this.#release = resolve));
  }

  /** @throws Error after the start */
  configure(options: InformerOptions<T>): void {
    if (this.#reflector !== undefined) throw new Error(`the informer of ${qualifiedName(this.#resource)} runs already`);
    if (options.transform !== undefined) this.#transform = options.transform;
    if (options.labelSelector !== undefined) this.#selectors.labelSelector = options.labelSelector;
    if (options.fieldSelector !== undefined) this.#selectors.fieldSelector = options.fieldSelector;
    for (const [name, valuesOf] of Object.entries(options.indexes ?? {})) this.#cache.addIndex(name, valuesOf);
  }

  start(): Promise<void> {
    if (this.#reflector === undefined) {
      const { clock, random, log } = this.#context;
      const options = {
        client: this.#client,
        resource: this.#resource,
        selectors: this.#selectors,
        clock,
        random,
        log,
      };
      this.#reflector = new Reflector(options, {
        listBegan: () => (this.#unlisted = new Set(this.#cache.keys())),
        listed: (object) => this.#listed(object),
        listEnded: () => this.#listEnded(),
        watched: ({ type, object }) => (type === 'DELETED' ? this.#delete(keyOf(object), object) : this.#put(object)),
      });
      void this.#reflector.run();
    }
    return Promise.race([this.synced, this.#stopped]);
  }

  stop(): void {
    this.#reflector?.stop();
    this.#release();
  }

  get(key: string): T | undefined {
    return this.#cache.get(key);
  }

  byIndex(index: string, value: string): readonly T[] {
    return this.#cache.byIndex(index, value);
  }

  values(): Iterable<T> {
    return this.#cache.values();
  }

  get size(): number {
    return this.#cache.size;
  }

  addHandler(handler: InformerHandler<T>): void {
    this.#handlers.push(handler);
    for (const object of this.#cache.values()) this.#notify(handler, object, undefined);
  }

  #listed(object: T): void {
    this.#unlisted.delete(keyOf(object));
    this.#put(object);
  }

  #listEnded(): void {
    for (const key of this.#unlisted) this.#delete(key, undefined);
    this.#unlisted.clear();
    this.#markSynced();
  }

  #put(fresh: T): void {
    const key = keyOf(fresh);
    const before = this.#cache.get(key);
    if (before !== undefined && before.metadata.uid !== fresh.metadata.uid) this.#delete(key, undefined);
    const same = before !== undefined && before.metadata.resourceVersion === fresh.metadata.resourceVersion;
    const object = same ? before : this.#transformed(fresh);
    const previous = this.#cache.put(key, object);
    for (const handler of this.#handlers) this.#notify(handler, object, previous);
  }

  #delete(key: string, last: T | undefined): void {
    const previous = this.#cache.delete(key);
    if (previous === undefined) return;
    const object = last === undefined ? previous : this.#transformed(last);
    for (const handler of this.#handlers) this.#notify(handler, undefined, object);
  }

  /** A transform only saves memory: where it throws, the whole object is kept, and no event is lost. */
  #transformed(object: T): T {
    try {
      return this.#transform(object);
    } catch (error) {
      this.#context.log.error('informer transform failed', { resource: qualifiedName(this.#resource), error });
      return object;
    }
  }

  /** A handler that throws has a broken invariant; the cache and the other handlers go on. */
  #notify(handler: InformerHandler<T>, object: T | undefined, previous: T | undefined): void {
    try {
      if (object === undefined) {
        if (previous !== undefined) handler.onDelete?.(previous);
      } else if (previous === undefined) handler.onAdd?.(object);
      else handler.onUpdate?.(object, previous);
    } catch (error) {
      this.#context.log.error('informer handler failed', { resource: qualifiedName(this.#resource), error });
    }
  }
}
