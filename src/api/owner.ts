import type { OwnerReference } from './generated/types.ts';
import type { KubeObject } from './object.ts';
import { apiVersionOf, type Resource } from './resource.ts';

/** The owner that controls the object: at most one. */
export function controllerOf(object: Pick<KubeObject, 'metadata'>): OwnerReference | undefined {
  return object.metadata.ownerReferences?.find((owner) => owner.controller === true);
}

/** A reference that makes `owner` the controller: `controller` and `blockOwnerDeletion` are true. */
export function controllerRef(owner: Pick<KubeObject, 'metadata'>, resource: Resource): OwnerReference {
  return {
    apiVersion: apiVersionOf(resource),
    kind: resource.kind,
    name: owner.metadata.name,
    uid: owner.metadata.uid,
    controller: true,
    blockOwnerDeletion: true,
  };
}
