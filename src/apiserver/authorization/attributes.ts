/** What a request wants to do: on a resource, or on another path. */
export interface Attributes {
  /** get, list, watch, create, update, patch, delete, deletecollection, impersonate; else the method in lower case. */
  readonly verb: string;
  readonly path: string;
  /** Absent for paths that are no resources (discovery, health, …). */
  readonly resource?: RequestedResource;
}

export interface RequestedResource {
  readonly group: string;
  readonly resource: string;
  readonly subresource: string | undefined;
  /** Undefined: cluster-wide. */
  readonly namespace: string | undefined;
  readonly name: string | undefined;
}

/** `pods/log`. */
export function combinedResource({ resource, subresource }: RequestedResource): string {
  return subresource === undefined || subresource === '' ? resource : `${resource}/${subresource}`;
}
