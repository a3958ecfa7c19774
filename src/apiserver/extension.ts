import type { UserInfo } from './kind.ts';

/**
 * A path beside the Kubernetes API, answered in JSON. Requests come authenticated and authorised, as those for
 * paths that are no resources: by the `nonResourceURLs` of ClusterRoles.
 */
export interface Extension {
  /** Served at this path and below it: `/rondo.dev/v1alpha1/clock`. */
  readonly path: string;
  /** ApiErrors that it throws become their Status. */
  serve(request: ExtensionRequest): Promise<ExtensionAnswer> | ExtensionAnswer;
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
