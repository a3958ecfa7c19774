import {
  alreadyExists,
  apiVersionOf,
  badRequest,
  conflict,
  deepFreeze,
  expired,
  formatTime,
  notFound,
  objectKey,
  qualifiedName,
  resources,
  type Draft,
  type KubeObject,
  type ObjectRef,
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
  WatchEvent,
  WatchHandler,
  WatchOptions,
} from '../client/index.ts';
import type { Clock } from '../clock/index.ts';
import { applyFakePatch } from './fake-patch.ts';

export interface FakeCall {
  readonly verb: string;
  readonly resource: string;
  /** `namespace/name`; empty for lists and watches of everything. */
  readonly key: string;
  readonly detail?: unknown;
}

interface Change {
  readonly revision: number;
  readonly resource: string;
  readonly event: WatchEvent<KubeObject> & { readonly object: KubeObject };
}

interface FakeWatch {
  readonly resource: string;
  readonly options: WatchOptions;
  readonly handler: WatchHandler<KubeObject>;
  queue: WatchEvent<KubeObject>[];
  open: boolean;
}

/**
 * A tiny API server for tests of rooms that see only `Client`: resource versions, finalizers, deletion policies, watches
 * with history. No defaulting, no validation, no admission; selectors only as `label=value` and `metadata.name=value`.
 */
export class FakeClient implements Client {
  readonly calls: FakeCall[] = [];
  /** Called before every operation; what it throws is the operation's error. */
  onCall: (call: FakeCall) => void = () => undefined;
  readonly #clock: Clock;
  readonly #objects = new Map<string, Map<string, KubeObject>>();
  #history: Change[] = [];
  #oldestRevision = 0;
  #revision = 1;
  readonly #watches = new Set<FakeWatch>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Everything of one kind, in order of creation. */
  all<T extends KubeObject>(resource: Resource<T>): T[] {
    return [...this.#kind(resource).values()] as T[];
  }

  callsOf(verb: string, resource?: Resource): readonly FakeCall[] {
    const name = resource === undefined ? undefined : qualifiedName(resource);
    return this.calls.filter((call) => call.verb === verb && (name === undefined || call.resource === name));
  }

  /** Ends all watches; with an error or as a server that closes the stream. */
  endWatches(error?: Error): void {
    for (const watch of this.#watches) this.#end(watch, error);
  }

  /** Forgets the past: watches from before this moment end with 410. */
  compact(): void {
    this.#history = [];
    this.#oldestRevision = this.#revision;
  }

  async get<T extends KubeObject>(resource: Resource<T>, ref: ObjectRef): Promise<T> {
    this.#called('get', resource, objectKey(ref));
    return this.#existing(resource, ref);
  }

  async list<T extends KubeObject>(resource: Resource<T>, options: ListOptions = {}): Promise<ObjectList<T>> {
    this.#called('list', resource, options.namespace ?? '', options);
    const matching = this.all(resource).filter((object) => matches(object, options));
    const from = options.continue === undefined ? 0 : Number(options.continue);
    const to = options.limit === undefined ? matching.length : from + options.limit;
    const items = matching.slice(from, to);
    const more = to < matching.length ? { continue: String(to) } : {};
    return { items, resourceVersion: String(this.#revision), ...more };
  }

  watch<T extends KubeObject>(
    resource: Resource<T>,
    options: WatchOptions,
    handler: WatchHandler<T>,
  ): { close(): void } {
    const name = qualifiedName(resource);
    const after = Number(options.resourceVersion);
    const watch: FakeWatch = {
      resource: name,
      options,
      handler: handler as unknown as WatchHandler<KubeObject>,
      queue: [],
      open: true,
    };
    this.#watches.add(watch);
    this.calls.push({ verb: 'watch', resource: name, key: '', detail: options });
    if (after < this.#oldestRevision) {
      queueMicrotask(() => this.#end(watch, expired(`too old resource version: ${after} (${this.#oldestRevision})`)));
    }
    for (const change of this.#history) if (change.revision > after) this.#deliver(watch, change);
    return { close: () => this.#end(watch, undefined) };
  }

  async create<T extends KubeObject>(resource: Resource<T>, draft: Draft<T>): Promise<T> {
    const { metadata } = draft;
    const name = metadata.name ?? `${metadata.generateName ?? ''}${this.#revision}`;
    const ref = { namespace: metadata.namespace, name };
    this.#called('create', resource, objectKey(ref), draft);
    if (this.#kind(resource).has(objectKey(ref))) throw alreadyExists(resource, name);
    const object = {
      apiVersion: apiVersionOf(resource),
      kind: resource.kind,
      ...draft,
      metadata: {
        uid: `uid-${this.#revision + 1}`,
        creationTimestamp: this.#timestamp(),
        ...metadata,
        name,
        resourceVersion: '',
      },
    };
    return this.#store(resource, object as unknown as T, 'ADDED');
  }

  async update<T extends KubeObject>(resource: Resource<T>, object: T): Promise<T> {
    this.#called('update', resource, objectKey(object.metadata), object);
    return this.#replace(resource, object);
  }

  async updateStatus<T extends KubeObject>(resource: Resource<T>, object: T): Promise<T> {
    this.#called('updateStatus', resource, objectKey(object.metadata), object);
    return this.#replace(resource, object);
  }

  async patch<T extends KubeObject>(resource: Resource<T>, ref: ObjectRef, patch: Patch): Promise<T> {
    this.#called('patch', resource, objectKey(ref), patch);
    const old = this.#existing(resource, ref);
    const next = applyFakePatch(old as unknown as Record<string, unknown>, patch) as unknown as T;
    return this.#replace(resource, next);
  }

  async delete(resource: Resource, ref: ObjectRef, options: DeleteOptions = {}): Promise<void> {
    this.#called('delete', resource, objectKey(ref), options);
    this.#delete(resource, this.#existing(resource, ref), options);
  }

  async deleteCollection(resource: Resource, options: ListOptions & DeleteOptions): Promise<void> {
    this.#called('deleteCollection', resource, options.namespace ?? '', options);
    for (const object of this.all(resource)) if (matches(object, options)) this.#delete(resource, object, options);
  }

  async bind(ref: ObjectRef, nodeName: string): Promise<void> {
    const pods: Resource = { group: '', version: 'v1', resource: 'pods', kind: 'Pod', namespaced: true };
    this.#called('bind', pods, objectKey(ref), nodeName);
    const pod = this.#existing(pods, ref) as KubeObject & { spec: object };
    this.#replace(pods, { ...pod, spec: { ...pod.spec, nodeName } } as KubeObject);
  }

  async evict(ref: ObjectRef, options: DeleteOptions = {}): Promise<void> {
    const pods: Resource = { group: '', version: 'v1', resource: 'pods', kind: 'Pod', namespaced: true };
    this.#called('evict', pods, objectKey(ref), options);
    const pod = this.#existing(pods, ref) as KubeObject & { status?: { conditions?: readonly object[] } };
    const condition = { type: 'DisruptionTarget', status: 'True', reason: 'EvictionByEvictionAPI' };
    const conditions = [...(pod.status?.conditions ?? []), condition];
    this.#delete(pods, this.#replace(pods, { ...pod, status: { ...pod.status, conditions } } as KubeObject), options);
  }

  /** A token that says whom it stands for and until when: `default/builder until 2026-01-01T01:00:00Z`. */
  async createToken(ref: ObjectRef, spec: Partial<TokenRequestSpec>): Promise<TokenRequestStatus> {
    this.#called('createToken', resources.serviceAccounts, objectKey(ref), spec);
    this.#existing(resources.serviceAccounts, ref);
    const expirationTimestamp = formatTime(this.#clock.now() + (spec.expirationSeconds ?? 3600) * 1000);
    return { token: `${objectKey(ref)} until ${expirationTimestamp}`, expirationTimestamp };
  }

  async finalizeNamespace(name: string): Promise<void> {
    const namespaces: Resource = {
      group: '',
      version: 'v1',
      resource: 'namespaces',
      kind: 'Namespace',
      namespaced: false,
    };
    this.#called('finalizeNamespace', namespaces, name);
    this.#replace(namespaces, { ...this.#existing(namespaces, { name }), spec: { finalizers: [] } } as KubeObject);
  }

  podLog(ref: ObjectRef): AsyncIterable<Uint8Array> {
    throw badRequest(`the fake client has no log of ${objectKey(ref)}`);
  }

  #called(verb: string, resource: Resource, key: string, detail?: unknown): void {
    const call = { verb, resource: qualifiedName(resource), key, detail };
    this.calls.push(call);
    this.onCall(call);
  }

  #kind(resource: Resource): Map<string, KubeObject> {
    const name = qualifiedName(resource);
    let objects = this.#objects.get(name);
    if (objects === undefined) this.#objects.set(name, (objects = new Map<string, KubeObject>()));
    return objects;
  }

  #existing<T extends KubeObject>(resource: Resource<T>, ref: ObjectRef): T {
    const object = this.#kind(resource).get(objectKey(ref));
    if (object === undefined) throw notFound(resource, ref.name);
    return object as T;
  }

  #replace<T extends KubeObject>(resource: Resource<T>, object: T): T {
    const old = this.#existing(resource, object.metadata);
    const { resourceVersion } = object.metadata;
    if (resourceVersion !== undefined && resourceVersion !== old.metadata.resourceVersion) {
      throw conflict(resource, object.metadata.name);
    }
    if (object.metadata.deletionTimestamp !== undefined && !isHeldBack(object)) return this.#remove(resource, object);
    return this.#store(resource, object, 'MODIFIED');
  }

  #delete(resource: Resource, old: KubeObject, options: DeleteOptions): void {
    const { uid } = options.preconditions ?? {};
    const { name, finalizers = [] } = old.metadata;
    if (uid !== undefined && uid !== old.metadata.uid) {
      const detail = `the UID in the precondition (${uid}) does not match the UID in record (${old.metadata.uid})`;
      throw conflict(resource, name, detail);
    }
    const others = finalizers.filter((finalizer) => finalizer !== 'orphan' && finalizer !== 'foregroundDeletion');
    const policy = options.propagationPolicy;
    const added = policy === 'Foreground' ? ['foregroundDeletion'] : policy === 'Orphan' ? ['orphan'] : [];
    const kept = policy === undefined ? finalizers : [...others, ...added];
    const deletionTimestamp = old.metadata.deletionTimestamp ?? this.#timestamp();
    const next = { ...old, metadata: { ...old.metadata, finalizers: kept, deletionTimestamp } };
    if (!isHeldBack(next)) this.#remove(resource, next);
    else if (old.metadata.deletionTimestamp === undefined) this.#store(resource, next, 'MODIFIED');
  }

  #remove<T extends KubeObject>(resource: Resource<T>, object: T): T {
    return this.#store(resource, object, 'DELETED');
  }

  #store<T extends KubeObject>(resource: Resource<T>, object: T, type: 'ADDED' | 'MODIFIED' | 'DELETED'): T {
    const revision = ++this.#revision;
    const stored = deepFreeze({ ...object, metadata: { ...object.metadata, resourceVersion: String(revision) } });
    const key = objectKey(stored.metadata);
    if (type === 'DELETED') this.#kind(resource).delete(key);
    else this.#kind(resource).set(key, stored);
    const change = { revision, resource: qualifiedName(resource), event: { type, object: stored } };
    this.#history.push(change);
    for (const watch of this.#watches) this.#deliver(watch, change);
    return stored;
  }

  #deliver(watch: FakeWatch, change: Change): void {
    if (watch.resource !== change.resource || !matches(change.event.object, watch.options)) return;
    watch.queue.push(change.event);
    if (watch.queue.length > 1) return;
    queueMicrotask(() => {
      const batch = watch.queue;
      watch.queue = [];
      if (watch.open) watch.handler.onEvents(batch);
    });
  }

  #end(watch: FakeWatch, error: Error | undefined): void {
    if (!watch.open) return;
    watch.open = false;
    this.#watches.delete(watch);
    queueMicrotask(() => watch.handler.onEnd(error));
  }

  #timestamp(): string {
    return `${new Date(this.#clock.now()).toISOString().slice(0, 19)}Z`;
  }
}

function isHeldBack(object: KubeObject): boolean {
  const spec = (object as KubeObject & { spec?: { finalizers?: readonly string[] } }).spec;
  return (
    (object.metadata.finalizers ?? []).length > 0 || (object.kind === 'Namespace' && spec?.finalizers?.length !== 0)
  );
}

function matches(
  object: KubeObject,
  options: Pick<ListOptions, 'namespace' | 'labelSelector' | 'fieldSelector'>,
): boolean {
  const { namespace, labelSelector, fieldSelector } = options;
  if (namespace !== undefined && object.metadata.namespace !== namespace) return false;
  if (fieldSelector !== undefined && fieldSelector !== `metadata.name=${object.metadata.name}`) return false;
  return (labelSelector ?? '').split(',').every((part) => {
    const [label = '', value] = part.split('=');
    return label === '' || object.metadata.labels?.[label] === value;
  });
}
