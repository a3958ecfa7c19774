import type { KubeObject } from '../../api/index.ts';
import type { KindDefinition } from '../kind.ts';

/**
 * Forgets which object type a definition is for, so that all kinds fit in one list. Sound because the generic code
 * gives a definition only objects of its own resource.
 */
export function defineKind<T extends KubeObject>(definition: KindDefinition<T>): KindDefinition {
  return definition as unknown as KindDefinition;
}
