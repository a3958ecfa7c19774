import { notFound, type ObjectRef } from '../../api/index.ts';
import type { Clock, Random } from '../../clock/index.ts';
import type { Logger } from '../../log/index.ts';
import { createMetrics, type Metrics } from '../../metrics/index.ts';
import type { Store } from '../../store/index.ts';
import type { Admission, KindDefinition } from '../kind.ts';
import type { Operations, Request, Stored } from '../operations.ts';
import type { ReviewDefinition } from '../review.ts';
import type { TokenIssuer } from '../tokens/index.ts';
import { AdmissionRules } from './admit.ts';
import { bindPod } from './bind.ts';
import { createCatalog } from './catalog.ts';
import { createObject } from './create.ts';
import { createToken } from './create-token.ts';
import { deleteObject } from './delete.ts';
import { deleteCollection } from './delete-collection.ts';
import { evictPod } from './evict.ts';
import { finalizeNamespace } from './finalize-namespace.ts';
import { Indexes } from './indexes.ts';
import { listObjects } from './list.ts';
import { patchObject } from './patch.ts';
import type { Registry } from './registry.ts';
import { keyPrefix, storeKey } from './store-keys.ts';
import { Versions } from './stored-version.ts';
import { updateObject } from './update.ts';
import { watchObjects } from './watch.ts';

export interface OperationsOptions {
  readonly store: Store;
  readonly kinds: readonly KindDefinition[];
  /** Kinds that are asked and not kept. */
  readonly reviews?: readonly ReviewDefinition[];
  /** Asked in order. */
  readonly admission: readonly Admission[];
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly tokens: TokenIssuer;
  /** Default: nowhere to be seen. */
  readonly metrics?: Metrics;
}

/**
 * The generic law for all kinds: one file per operation in this folder. Drafts and objects that are handed in belong
 * to the operation from then on; they end up frozen.
 */
export function createOperations(options: OperationsOptions): Operations {
  const counters = { objectsDecoded: 0, objectsEncoded: 0, objectsScanned: 0 };
  const versions = new Versions(counters);
  const { store, clock, random, log, tokens } = options;
  const admission = new AdmissionRules(options.admission);
  const indexes = new Indexes({ store, clock, versions, counters });
  const catalog = createCatalog(options.kinds, options.reviews);
  const commits = (options.metrics ?? createMetrics()).histogram({
    ...{ name: 'etcd_request_duration_seconds', help: 'How long writes took until they were durable.' },
    labels: ['operation', 'type'],
  });
  const shared = { store, catalog, admission, clock, random, log, counters, versions, indexes };
  const registry: Registry = { ...shared, tokens, commits };
  return {
    kinds: catalog,
    counters,
    count: (kind) => store.count(keyPrefix(kind.resource)),
    get: (request, ref) => getObject(registry, request, ref),
    list: (request, query) => listObjects(registry, request, query),
    watch: (request, query, sink) => watchObjects(registry, request, query, sink),
    create: (request, draft) => createObject(registry, request, draft),
    update: (request, ref, object) => updateObject(registry, request, ref, object),
    patch: (request, ref, patch) => patchObject(registry, request, ref, patch),
    delete: (request, ref, call) => deleteObject(registry, request, ref, call),
    deleteCollection: (request, query, call) => deleteCollection(registry, request, query, call),
    bind: (request, ref, nodeName) => bindPod(registry, request, ref, nodeName),
    evict: (request, ref, call) => evictPod(registry, request, ref, call),
    createToken: (request, ref, question) => createToken(registry, request, ref, question),
    finalizeNamespace: (request, object) => finalizeNamespace(registry, request, object),
  };
}

async function getObject(registry: Registry, { kind }: Request, ref: ObjectRef): Promise<Stored> {
  const entry = registry.store.get(storeKey(kind.resource, ref));
  if (entry === undefined) throw notFound(kind.resource, ref.name);
  return registry.versions.of(entry);
}
