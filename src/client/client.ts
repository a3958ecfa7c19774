import type { Draft, KubeObject, ObjectRef, Resource, TokenRequestSpec, TokenRequestStatus } from '../api/index.ts';

/**
 * The one door to a cluster: Rondo's own API server in the same process, or any API server over HTTP. Every method
 * rejects with `ApiError`. Objects that come out are deep-frozen; objects that go in are never modified.
 */
export interface Client {
  get<T extends KubeObject>(resource: Resource<T>, ref: ObjectRef): Promise<T>;
  list<T extends KubeObject>(resource: Resource<T>, options?: ListOptions): Promise<ObjectList<T>>;
  /**
   * Calls `handler` with every change after `resourceVersion`, in order, in batches. Ends with `onEnd` exactly once:
   * without an error when closed or when the server ends the stream, with an ApiError (`isExpired`: list again).
   */
  watch<T extends KubeObject>(
    resource: Resource<T>,
    options: WatchOptions,
    handler: WatchHandler<T>,
  ): { close(): void };
  create<T extends KubeObject>(resource: Resource<T>, draft: Draft<T>, options?: WriteOptions): Promise<T>;
  /** Replaces the object (spec and metadata). With a resourceVersion in it, only that version. */
  update<T extends KubeObject>(resource: Resource<T>, object: T, options?: WriteOptions): Promise<T>;
  /** Replaces the status (labels and annotations changes are taken too). */
  updateStatus<T extends KubeObject>(resource: Resource<T>, object: T, options?: WriteOptions): Promise<T>;
  patch<T extends KubeObject>(resource: Resource<T>, ref: ObjectRef, patch: Patch, options?: PatchOptions): Promise<T>;
  delete(resource: Resource, ref: ObjectRef, options?: DeleteOptions): Promise<void>;
  deleteCollection(resource: Resource, options: ListOptions & DeleteOptions): Promise<void>;
  /** Assigns a Pod to a node (`pods/binding`). */
  bind(ref: ObjectRef, nodeName: string): Promise<void>;
  /** Deletes a Pod by way of `pods/eviction`: its condition DisruptionTarget says why. */
  evict(ref: ObjectRef, options?: DeleteOptions): Promise<void>;
  /** A token of a ServiceAccount (`serviceaccounts/token`). */
  createToken(ref: ObjectRef, spec: Partial<TokenRequestSpec>): Promise<TokenRequestStatus>;
  /** Empties a namespace's `spec.finalizers` (`namespaces/finalize`). */
  finalizeNamespace(name: string): Promise<void>;
  /** The log of one container as a byte stream; ends when the log ends, or the container when following. */
  podLog(ref: ObjectRef, options: PodLogOptions, signal?: AbortSignal): AsyncIterable<Uint8Array>;
}

export interface ListOptions {
  readonly namespace?: string | undefined;
  /** In the API's grammar: `a=b,c in (d,e)`. */
  readonly labelSelector?: string;
  /** In the API's grammar: `spec.nodeName=x,status.phase!=Failed`. */
  readonly fieldSelector?: string;
  readonly limit?: number;
  readonly continue?: string;
  readonly resourceVersion?: string;
}

export interface ObjectList<T> {
  readonly items: readonly T[];
  readonly resourceVersion: string;
  readonly continue?: string;
}

export interface WatchOptions {
  readonly namespace?: string | undefined;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  readonly resourceVersion: string;
}

export type WatchEvent<T> =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: T }
  | { readonly type: 'BOOKMARK'; readonly resourceVersion: string };

export interface WatchHandler<T> {
  onEvents(events: readonly WatchEvent<T>[]): void;
  onEnd(error?: Error): void;
}

export interface WriteOptions {
  readonly dryRun?: boolean;
  readonly fieldManager?: string;
}

export type Patch =
  | { readonly type: 'strategic' | 'merge'; readonly body: Readonly<Record<string, unknown>> }
  | { readonly type: 'json'; readonly body: readonly Readonly<Record<string, unknown>>[] }
  /** Server-side apply; `force` takes what other field managers own. Needs the option `fieldManager`. */
  | { readonly type: 'apply'; readonly body: Readonly<Record<string, unknown>>; readonly force?: boolean };

export interface PatchOptions extends WriteOptions {
  readonly subresource?: 'status' | 'ephemeralcontainers' | 'approval';
}

export type PropagationPolicy = 'Background' | 'Foreground' | 'Orphan';

export interface DeleteOptions {
  readonly propagationPolicy?: PropagationPolicy;
  readonly gracePeriodSeconds?: number;
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string };
}

export interface PodLogOptions {
  readonly container?: string;
  readonly follow?: boolean;
  readonly previous?: boolean;
  readonly timestamps?: boolean;
  readonly tailLines?: number;
  readonly sinceSeconds?: number;
  readonly sinceTime?: string;
  readonly limitBytes?: number;
}
