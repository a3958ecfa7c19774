import { isPodFinished, objectKey, resources, type Pod, type Service } from '../../api/index.ts';
import type { Informer, Informers } from '../../client/index.ts';
import type { NamedObjects } from './cluster-names.ts';

const byNamespace = 'dns/namespace';

/** Services and Pods for names, from the caches; made before these are filled. */
export class CachedObjects {
  readonly #services: Informer<Service>;
  readonly #pods: Informer<Pod>;

  constructor(informers: Informers) {
    this.#services = informers.of(resources.services);
    this.#pods = informers.of(resources.pods, { [byNamespace]: namespaceOf });
  }

  at(apiServer: string): NamedObjects {
    return {
      apiServer,
      service: (namespace, name) => this.#services.get(objectKey({ namespace, name })),
      pods: (namespace) => this.#pods.byIndex(byNamespace, namespace),
    };
  }
}

/** Of Pods that can be reached: a hundred thousand that are over cost nothing. */
function namespaceOf(pod: Pod): readonly string[] {
  const isThere = pod.status.podIP !== undefined && !isPodFinished(pod);
  return isThere ? [pod.metadata.namespace ?? ''] : [];
}
