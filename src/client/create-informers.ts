import { qualifiedName, type KubeObject, type Resource } from '../api/index.ts';
import type { Client } from './client.ts';
import { CachingInformer, type InformerContext } from './create-informer.ts';
import type { Informer, Informers, InformerOptions } from './informer.ts';

/** Shared informers: one cache and one watch per kind, however many controllers read it. */
export function createInformers(options: InformerContext & { readonly client: Client }): Informers {
  return new SharedInformers(options.client, options);
}

class SharedInformers implements Informers {
  readonly #client: Client;
  readonly #context: InformerContext;
  readonly #byResource = new Map<string, CachingInformer<KubeObject>>();
  #started = false;

  constructor(client: Client, context: InformerContext) {
    this.#client = client;
    this.#context = context;
  }

  of<T extends KubeObject>(resource: Resource<T>, indexes?: InformerOptions<T>['indexes']): Informer<T> {
    const informer = this.#find(resource);
    if (indexes !== undefined) informer.configure({ indexes });
    if (this.#started) void informer.start();
    return informer;
  }

  configure<T extends KubeObject>(resource: Resource<T>, options: InformerOptions<T>): void {
    this.#find(resource).configure(options);
  }

  async start(): Promise<void> {
    this.#started = true;
    await Promise.all([...this.#byResource.values()].map((informer) => informer.start()));
  }

  stop(): void {
    for (const informer of this.#byResource.values()) informer.stop();
  }

  #find<T extends KubeObject>(resource: Resource<T>): CachingInformer<T> {
    const name = qualifiedName(resource);
    let informer = this.#byResource.get(name);
    if (informer === undefined) {
      informer = new CachingInformer<KubeObject>(this.#client, resource, this.#context);
      this.#byResource.set(name, informer);
    }
    // The map's key decides the object type: each resource is only ever asked for with its own.
    return informer as unknown as CachingInformer<T>;
  }
}
