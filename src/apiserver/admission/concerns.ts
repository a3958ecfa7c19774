import type { Resource } from '../../api/index.ts';

/** Whether it is this resource, whatever its version. */
export function isA(resource: Resource, wanted: Resource): boolean {
  return resource.resource === wanted.resource && resource.group === wanted.group;
}
