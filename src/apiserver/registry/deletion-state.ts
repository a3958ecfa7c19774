import type { KubeObject } from '../../api/index.ts';
import type { KindDefinition } from '../kind.ts';

/** Something besides grace keeps a deleted object: its finalizers, or the kind's own rule. */
export function isHeld(kind: KindDefinition, object: KubeObject): boolean {
  return (object.metadata.finalizers?.length ?? 0) > 0 || kind.deletion?.heldBack?.(object) === true;
}

/** False for an object whose deletion has begun, whose grace is over and which nothing holds any longer. */
export function staysStored(kind: KindDefinition, object: KubeObject): boolean {
  const { deletionTimestamp, deletionGracePeriodSeconds } = object.metadata;
  return deletionTimestamp === undefined || (deletionGracePeriodSeconds ?? 0) > 0 || isHeld(kind, object);
}
