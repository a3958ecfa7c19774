import { objectKey, resources, type Pod, type Service } from '../../api/index.ts';
import type { Informer, Informers } from '../../client/index.ts';
import { reachablePods } from '../../controllers/endpoints/index.ts';
import type { NamedObjects } from './cluster-names.ts';

/** Services and Pods for names, from the caches; made before these are filled. */
export class CachedObjects {
  readonly #services: Informer<Service>;
  readonly #pods: Informer<Pod>;

  constructor(informers: Informers) {
    this.#services = informers.of(resources.services);
    this.#pods = informers.of(resources.pods, { [reachablePods.name]: reachablePods.valuesOf });
  }

  at(apiServer: string): NamedObjects {
    return {
      apiServer,
      service: (namespace, name) => this.#services.get(objectKey({ namespace, name })),
      pods: (namespace) => this.#pods.byIndex(reachablePods.name, namespace),
    };
  }
}
