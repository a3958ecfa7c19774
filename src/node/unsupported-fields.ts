import type { Container, Pod } from '../api/index.ts';

/** Fields that the node agent accepts but does not act on, as sentences for Events: ignoring them harms nobody. */
export function unsupportedFields(pod: Pod): readonly string[] {
  const found: string[] = [];
  const look = (container: Container, path: string): void => {
    for (const field of ['livenessProbe', 'readinessProbe', 'startupProbe', 'lifecycle'] as const) {
      if (container[field] !== undefined)
        found.push(`${path}{${container.name}}.${field} is not acted on by this node`);
    }
  };
  for (const container of pod.spec.containers) look(container, 'spec.containers');
  for (const container of pod.spec.initContainers ?? []) look(container, 'spec.initContainers');
  return found;
}
