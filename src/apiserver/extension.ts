import type { UserInfo } from './kind.ts';

/**
 * A path beside the Kubernetes API, answered in JSON. Requests come authenticated and authorised, as those for
 * paths that are no resources: by the `nonResourceURLs` of ClusterRoles; unless it serves objects.
 */
export interface Extension {
  /** What discovery tells of it, if it serves objects: its path is then `/apis/<group>/<version>`, and requests are authorised as those for objects. */
  readonly objects?: ExtensionObjects;
  /** Served at this path and below it: `/rondo.dev/v1alpha1/clock`. */
  readonly path: string;
  /** ApiErrors that it throws become their Status. */
  serve(request: ExtensionRequest): Promise<ExtensionAnswer> | ExtensionAnswer;
}

/** Objects that are made when they are asked for, and not kept. */
export interface ExtensionObjects {
  readonly group: string;
  readonly version: string;
  readonly resources: readonly {
    readonly resource: string;
    readonly singular: string;
    readonly kind: string;
    readonly namespaced: boolean;
    readonly verbs: readonly string[];
  }[];
}

export interface ExtensionRequest {
  /** In capitals. */
  readonly method: string;
  /** The whole path, without the query. */
  readonly path: string;
  /** A parameter that is given twice is a list. */
  readonly query: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly user: UserInfo;
  /** The body as JSON; undefined if there is none. @throws ApiError 400, BodyTooLargeError */
  body(): Promise<unknown>;
}

export interface ExtensionAnswer {
  readonly code: number;
  readonly body: object;
}
