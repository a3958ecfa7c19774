import {
  failure,
  resources,
  type Draft,
  type KubeObject,
  type ObjectRef,
  type Pod,
  type Resource,
  type TokenRequestSpec,
  type TokenRequestStatus,
} from '../api/index.ts';
import type {
  Client,
  DeleteOptions,
  ListOptions,
  ObjectList,
  Patch,
  PatchOptions,
  PodLogOptions,
  WatchEvent,
  WatchHandler,
  WatchOptions,
  WriteOptions,
} from '../client/index.ts';
import type { KindDefinition, UserInfo } from './kind.ts';
import type { Operations, PodStreams, StoredEvent, WriteRequest } from './operations.ts';
import { draftCopy, frozenCopy, mutableCopy } from './registry/copies.ts';

/**
 * The Client that calls the operations directly: the same law as over HTTP, without bytes in between. What comes out
 * is what the store holds; what goes in is copied where the operations would fill it in or freeze it.
 */
export function createInProcessClient(operations: Operations, user: UserInfo, podStreams: PodStreams): Client {
  return new InProcessClient(operations, user, podStreams);
}

class InProcessClient implements Client {
  readonly #operations: Operations;
  readonly #user: UserInfo;
  readonly #podStreams: PodStreams;
  /** Kinds by the very object that names them: callers use the same few all the time. */
  readonly #kinds = new WeakMap<Resource, KindDefinition>();

  constructor(operations: Operations, user: UserInfo, podStreams: PodStreams) {
    this.#operations = operations;
    this.#user = user;
    this.#podStreams = podStreams;
  }

  async get<T extends KubeObject>(resource: Resource<T>, ref: ObjectRef): Promise<T> {
    const stored = await this.#operations.get(this.#request(resource, ref.namespace), ref);
    return stored.object as T;
  }

  async list<T extends KubeObject>(resource: Resource<T>, options: ListOptions = {}): Promise<ObjectList<T>> {
    const { namespace, ...query } = options;
    const list = await this.#operations.list(this.#request(resource, namespace), query);
    const items = list.items.map((stored) => stored.object as T);
    const { resourceVersion } = list;
    return list.continue === undefined
      ? { items, resourceVersion }
      : { items, resourceVersion, continue: list.continue };
  }

  watch<T extends KubeObject>(
    resource: Resource<T>,
    options: WatchOptions,
    handler: WatchHandler<T>,
  ): { close(): void } {
    const { namespace, ...query } = options;
    // No bookmarks: this stream never breaks off, and a timer per watcher would only slow a simulated year down.
    return this.#operations.watch(this.#request(resource, namespace), query, {
      onEvents: (events) => handler.onEvents(events.map(asWatchEvent<T>)),
      onEnd: (error) => handler.onEnd(error),
    });
  }

  async create<T extends KubeObject>(resource: Resource<T>, draft: Draft<T>, options?: WriteOptions): Promise<T> {
    const request = this.#request(resource, draft.metadata.namespace, options);
    const stored = await this.#operations.create(request, draftCopy<unknown>(draft) as Draft<KubeObject>);
    return stored.object as T;
  }

  async update<T extends KubeObject>(resource: Resource<T>, object: T, options?: WriteOptions): Promise<T> {
    const request = this.#request(resource, object.metadata.namespace, options);
    const stored = await this.#operations.update(request, object.metadata, ownedCopy(object));
    return stored.object as T;
  }

  async updateStatus<T extends KubeObject>(resource: Resource<T>, object: T, options?: WriteOptions): Promise<T> {
    const request = this.#request(resource, object.metadata.namespace, { ...options, subresource: 'status' });
    const stored = await this.#operations.update(request, object.metadata, ownedStatus(object));
    return stored.object as T;
  }

  async patch<T extends KubeObject>(
    resource: Resource<T>,
    ref: ObjectRef,
    patch: Patch,
    options?: PatchOptions,
  ): Promise<T> {
    const request = this.#request(resource, ref.namespace, options);
    const stored = await this.#operations.patch(request, ref, frozenCopy(patch));
    return stored.object as T;
  }

  async delete(resource: Resource, ref: ObjectRef, options: Parameters<Client['delete']>[2] = {}): Promise<void> {
    await this.#operations.delete(this.#request(resource, ref.namespace), ref, options);
  }

  async deleteCollection(resource: Resource, options: Parameters<Client['deleteCollection']>[1]): Promise<void> {
    const { namespace, propagationPolicy, gracePeriodSeconds, preconditions, ...query } = options;
    const call = {
      ...(propagationPolicy === undefined ? {} : { propagationPolicy }),
      ...(gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds }),
      ...(preconditions === undefined ? {} : { preconditions }),
    };
    await this.#operations.deleteCollection(this.#request(resource, namespace), query, call);
  }

  async bind(ref: ObjectRef, nodeName: string): Promise<void> {
    await this.#operations.bind(this.#request(resources.pods, ref.namespace), ref, nodeName);
  }

  async evict(ref: ObjectRef, options: DeleteOptions = {}): Promise<void> {
    await this.#operations.evict(this.#request(resources.pods, ref.namespace), ref, options);
  }

  async createToken(ref: ObjectRef, spec: Partial<TokenRequestSpec>): Promise<TokenRequestStatus> {
    const request = this.#request(resources.serviceAccounts, ref.namespace);
    return (await this.#operations.createToken(request, ref, { spec })).status;
  }

  async finalizeNamespace(name: string): Promise<void> {
    const request = this.#request(resources.namespaces, undefined);
    const { object } = await this.#operations.get(request, { name });
    await this.#operations.finalizeNamespace(request, { ...object, spec: { finalizers: [] } } as KubeObject);
  }

  async *podLog(ref: ObjectRef, options: PodLogOptions, signal?: AbortSignal): AsyncIterable<Uint8Array> {
    const pod: Pod = await this.get(resources.pods, ref);
    yield* this.#podStreams.log(pod, options, signal ?? new AbortController().signal);
  }

  #request(resource: Resource, namespace: string | undefined, options: PatchOptions = {}): WriteRequest {
    const kind = this.#kind(resource);
    const { dryRun, fieldManager, subresource } = options;
    return { kind, namespace, user: this.#user, dryRun: dryRun === true, fieldManager, subresource };
  }

  #kind(wanted: Resource): KindDefinition {
    const known = this.#kinds.get(wanted);
    if (known !== undefined) return known;
    const { group, version, resource } = wanted;
    const kind = this.#operations.kinds.find(group, version, resource);
    if (kind !== undefined) {
      this.#kinds.set(wanted, kind);
      return kind;
    }
    const message = 'the server could not find the requested resource';
    throw failure({ code: 404, reason: 'NotFound', message, details: { group, kind: resource } });
  }
}

function asWatchEvent<T>(event: StoredEvent): WatchEvent<T> {
  if (event.type === 'BOOKMARK') return { type: 'BOOKMARK', resourceVersion: event.resourceVersion };
  return { type: event.type, object: event.stored.object as T };
}

/** The caller keeps the object; frozen members can be shared, they are copied before anything is filled in. */
function ownedCopy<T extends KubeObject>(object: T): T {
  const copy: Record<string, unknown> = {};
  for (const [member, value] of Object.entries(object)) {
    copy[member] = Object.isFrozen(value) ? value : mutableCopy(value);
  }
  return copy as unknown as T;
}

/** Of a status write only metadata and status count. Nothing is filled in, so what is frozen can be shared. */
function ownedStatus(object: KubeObject & { status?: unknown }): KubeObject {
  const { kind, apiVersion, metadata, status } = object;
  return { kind, apiVersion, metadata: frozenCopy(metadata), status: frozenCopy(status) } as KubeObject;
}
