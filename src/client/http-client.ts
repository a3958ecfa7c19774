import {
  apiVersionOf,
  deepFreeze,
  refOf,
  resources,
  type Draft,
  type KubeObject,
  type ObjectRef,
  type Resource,
  type TokenRequest,
  type TokenRequestSpec,
  type TokenRequestStatus,
} from '../api/index.ts';
import { randomInteger, type Clock, type Random } from '../clock/index.ts';
import type {
  Client,
  DeleteOptions,
  ListOptions,
  ObjectList,
  Patch,
  PatchOptions,
  PodLogOptions,
  WatchHandler,
  WatchOptions,
  WriteOptions,
} from './client.ts';
import { HttpCaller } from './http-caller.ts';
import { HttpWatch } from './http-watch.ts';
import { createHttp1Transport } from './http1-transport.ts';
import { createHttp2Transport } from './http2-transport.ts';
import { collectionPath, objectPath, withQuery, type Query } from './request-path.ts';

export interface HttpClientOptions {
  /** `https://…` (HTTP/2) or `http://…` (HTTP/1.1). */
  readonly server: string;
  /** PEM texts. Without `ca` the system's authorities are trusted. */
  readonly ca?: string | undefined;
  readonly clientCert?: string | undefined;
  readonly clientKey?: string | undefined;
  readonly token?: string | undefined;
  readonly clock: Clock;
  readonly random: Random;
}

/** Watches are asked to end after five to ten minutes (by chance, so that not all end at once), as upstream's do. */
const minWatchSeconds = 300;
const graceMs = 30_000;

const patchTypes: Readonly<Record<Patch['type'], string>> = {
  strategic: 'application/strategic-merge-patch+json',
  merge: 'application/merge-patch+json',
  json: 'application/json-patch+json',
  apply: 'application/apply-patch+yaml',
};

/** A client of any Kubernetes API server. Speaks JSON. Connects when it is first used, and again when it has to. */
export function createHttpClient(options: HttpClientOptions): Client {
  return new HttpClient(options);
}

class HttpClient implements Client {
  readonly #caller: HttpCaller;
  readonly #clock: Clock;
  readonly #random: Random;

  constructor(options: HttpClientOptions) {
    const server = new URL(options.server);
    const { ca, clientCert, clientKey, token, clock, random } = options;
    const create = server.protocol === 'https:' ? createHttp2Transport : createHttp1Transport;
    const transport = create({ server, ca, clientCert, clientKey });
    this.#caller = new HttpCaller({ transport, server, token, clock });
    this.#clock = clock;
    this.#random = random;
  }

  async get<T extends KubeObject>(resource: Resource<T>, ref: ObjectRef): Promise<T> {
    return this.#object<T>('GET', objectPath(resource, ref));
  }

  async list<T extends KubeObject>(resource: Resource<T>, options: ListOptions = {}): Promise<ObjectList<T>> {
    const { namespace, ...query } = options;
    const path = withQuery(collectionPath(resource, namespace), query);
    const list = (await this.#caller.json({ method: 'GET', path })) as RawList<T>;
    const apiVersion = apiVersionOf(resource);
    // Items of a list come without their type.
    const items = (list.items ?? []).map((item) => deepFreeze({ ...item, apiVersion, kind: resource.kind }));
    const { resourceVersion, continue: token = '' } = list.metadata;
    return { items, resourceVersion, ...(token === '' ? {} : { continue: token }) };
  }

  watch<T extends KubeObject>(
    resource: Resource<T>,
    options: WatchOptions,
    handler: WatchHandler<T>,
  ): { close(): void } {
    const { namespace, ...query } = options;
    const timeoutSeconds = minWatchSeconds + randomInteger(this.#random, minWatchSeconds);
    const all = { ...query, watch: true, allowWatchBookmarks: true, timeoutSeconds };
    const path = withQuery(collectionPath(resource, namespace), all);
    const watch = new HttpWatch(this.#caller, this.#clock, handler);
    void watch.run({ path, silenceMs: timeoutSeconds * 1000 + graceMs });
    return watch;
  }

  async create<T extends KubeObject>(resource: Resource<T>, draft: Draft<T>, options: WriteOptions = {}): Promise<T> {
    const path = withQuery(collectionPath(resource, draft.metadata.namespace), writeQuery(options));
    return this.#object<T>('POST', path, { apiVersion: apiVersionOf(resource), kind: resource.kind, ...draft });
  }

  async update<T extends KubeObject>(resource: Resource<T>, object: T, options: WriteOptions = {}): Promise<T> {
    return this.#object<T>('PUT', withQuery(objectPath(resource, refOf(object)), writeQuery(options)), object);
  }

  async updateStatus<T extends KubeObject>(resource: Resource<T>, object: T, options: WriteOptions = {}): Promise<T> {
    const path = withQuery(objectPath(resource, refOf(object), 'status'), writeQuery(options));
    return this.#object<T>('PUT', path, object);
  }

  async patch<T extends KubeObject>(
    resource: Resource<T>,
    ref: ObjectRef,
    patch: Patch,
    options: PatchOptions = {},
  ): Promise<T> {
    const force = patch.type === 'apply' && patch.force === true ? 'true' : undefined;
    const path = withQuery(objectPath(resource, ref, options.subresource), { ...writeQuery(options), force });
    const call = { method: 'PATCH', path, body: patch.body, contentType: patchTypes[patch.type] };
    return deepFreeze((await this.#caller.json(call)) as T);
  }

  async delete(resource: Resource, ref: ObjectRef, options: DeleteOptions = {}): Promise<void> {
    await this.#caller.json({ method: 'DELETE', path: objectPath(resource, ref), body: deleteBody(options) });
  }

  async deleteCollection(resource: Resource, options: ListOptions & DeleteOptions): Promise<void> {
    const { namespace, propagationPolicy, gracePeriodSeconds, preconditions, ...query } = options;
    const path = withQuery(collectionPath(resource, namespace), query);
    const body = deleteBody({
      ...(propagationPolicy === undefined ? {} : { propagationPolicy }),
      ...(gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds }),
      ...(preconditions === undefined ? {} : { preconditions }),
    });
    await this.#caller.json({ method: 'DELETE', path, body });
  }

  async bind(ref: ObjectRef, nodeName: string): Promise<void> {
    const target = { apiVersion: 'v1', kind: 'Node', name: nodeName };
    const body = { apiVersion: 'v1', kind: 'Binding', metadata: ref, target };
    await this.#caller.json({ method: 'POST', path: objectPath(resources.pods, ref, 'binding'), body });
  }

  async evict(ref: ObjectRef, options: DeleteOptions = {}): Promise<void> {
    const deleteOptions = Object.keys(options).length === 0 ? {} : { deleteOptions: options };
    const body = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: ref, ...deleteOptions };
    await this.#caller.json({ method: 'POST', path: objectPath(resources.pods, ref, 'eviction'), body });
  }

  async createToken(ref: ObjectRef, spec: Partial<TokenRequestSpec>): Promise<TokenRequestStatus> {
    const path = objectPath(resources.serviceAccounts, ref, 'token');
    const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', metadata: ref, spec };
    const { status } = await this.#object<TokenRequest>('POST', path, body);
    return status;
  }

  async finalizeNamespace(name: string): Promise<void> {
    const namespace = await this.get(resources.namespaces, { name });
    const body = { ...namespace, spec: { ...namespace.spec, finalizers: [] } };
    await this.#caller.json({ method: 'PUT', path: objectPath(resources.namespaces, { name }, 'finalize'), body });
  }

  async *podLog(ref: ObjectRef, options: PodLogOptions, signal?: AbortSignal): AsyncIterable<Uint8Array> {
    const abort = new AbortController();
    const forward = (): void => abort.abort();
    signal?.addEventListener('abort', forward, { once: true });
    if (signal?.aborted === true) forward();
    try {
      const path = withQuery(objectPath(resources.pods, ref, 'log'), { ...options });
      const body = await this.#caller.stream({ method: 'GET', path }, '*/*', abort.signal);
      for await (const chunk of body as AsyncIterable<Buffer>) yield chunk;
    } catch (error) {
      if (!abort.signal.aborted) throw this.#caller.broken(error);
    } finally {
      // Also when the reader stops half-way.
      abort.abort();
      signal?.removeEventListener('abort', forward);
    }
  }

  async #object<T>(method: string, path: string, body?: unknown): Promise<T> {
    return deepFreeze((await this.#caller.json({ method, path, body })) as T);
  }
}

interface RawList<T> {
  readonly items?: readonly T[] | null;
  readonly metadata: { readonly resourceVersion: string; readonly continue?: string };
}

function writeQuery({ dryRun, fieldManager }: WriteOptions): Query {
  return { dryRun: dryRun === true ? 'All' : undefined, fieldManager };
}

function deleteBody(options: DeleteOptions): Record<string, unknown> {
  return { apiVersion: 'v1', kind: 'DeleteOptions', ...options };
}
