import type { ObjectRef, Resource } from '../../api/index.ts';

type Place = Pick<Resource, 'group' | 'resource' | 'namespaced'>;

/** What the keys of all objects of a kind (in one namespace, if given) start with. Ends in "/". */
export function keyPrefix(of: Place, namespace?: string): string {
  const base = `${of.group === '' ? 'core' : of.group}/${of.resource}/`;
  return of.namespaced && namespace !== undefined && namespace !== '' ? `${base}${namespace}/` : base;
}

/** The store key of one object: `<group or core>/<resource>/<namespace>/<name>`, without namespace if cluster-scoped. */
export function storeKey(of: Place, ref: ObjectRef): string {
  return of.namespaced ? `${keyPrefix(of)}${ref.namespace ?? ''}/${ref.name}` : `${keyPrefix(of)}${ref.name}`;
}

/** The last part of a store key: names hold no slash. */
export function nameInKey(key: string): string {
  return key.slice(key.lastIndexOf('/') + 1);
}
