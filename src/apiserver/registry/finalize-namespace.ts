import { notFound, type KubeObject, type Namespace } from '../../api/index.ts';
import type { Stored, WriteRequest } from '../operations.ts';
import { checkVersion } from './merged-metadata.ts';
import { semanticallyEqual } from './semantic-equality.ts';
import type { Registry } from './registry.ts';
import { storeKey } from './store-keys.ts';
import { retryRaces, untilVisible } from './store-write.ts';
import { store } from './update.ts';

/**
 * Takes over spec.finalizers, and nothing else. A deleted namespace whose last finalizer goes is gone.
 * @throws ApiError 404, 409
 */
export function finalizeNamespace(registry: Registry, request: WriteRequest, object: KubeObject): Promise<Stored> {
  const { resource } = request.kind;
  const { name } = object.metadata;
  const finalizers = (object as Namespace).spec?.finalizers ?? [];
  return retryRaces(request.kind, name, async () => {
    const entry = registry.store.getNewest(storeKey(resource, { name }));
    if (entry === undefined) throw notFound(resource, name);
    const current = registry.versions.of(entry);
    const old = current.object as Namespace;
    checkVersion(request.kind, object.metadata, old.metadata);
    if (semanticallyEqual(old.spec?.finalizers, finalizers)) {
      await untilVisible(registry, entry);
      return current;
    }
    const { finalizers: _before, ...rest } = old.spec ?? {};
    const spec = finalizers.length > 0 ? { ...rest, finalizers } : rest;
    return store(registry, request, entry, { ...old, spec } as KubeObject);
  });
}
