import {
  resources,
  type ClusterRole,
  type ClusterRoleBinding,
  type KubeObject,
  type PolicyRule,
  type Resource,
  type Role,
  type RoleBinding,
  type RoleRef,
  type Subject,
} from '../../api/index.ts';
import { prefixEnd, type Entry, type Store, type StoreEvent, type StoreWatch } from '../../store/index.ts';
import type { UserInfo } from '../kind.ts';
import { keyPrefix, storeKey } from '../registry/store-keys.ts';
import { serviceAccountUser } from '../tokens/index.ts';

/** A binding as it concerns one subject. */
export interface Grant {
  readonly binding: RoleBinding | ClusterRoleBinding;
  readonly subject: Subject;
}

interface RoleIndexOptions {
  readonly store: Store;
  readonly objectOf: (entry: Entry) => KubeObject;
}

type Bound = RoleBinding | ClusterRoleBinding;

/** Store keys of bindings to what they grant, in the order in which they came. */
type Grants = Map<string, Grant>;

/**
 * Who is bound to what: bindings by subject and namespace, and rules by role. Built from the store when it is first
 * asked, then kept true by the store's events; a decision looks only at what concerns its user.
 */
export class RoleIndex {
  readonly #options: RoleIndexOptions;
  readonly #rules = new Map<string, readonly PolicyRule[]>();
  /** By `<namespace>|<subject>`; without a namespace: cluster-wide. */
  readonly #grants = new Map<string, Grants>();
  /** Where each binding was filed. */
  readonly #filed = new Map<string, readonly string[]>();
  #watch: StoreWatch | undefined;

  constructor(options: RoleIndexOptions) {
    this.#options = options;
  }

  /** What binds a user in a namespace; without one: cluster-wide. Bindings of several subjects come once for each. */
  *grantsOf(user: UserInfo, namespace: string | undefined): Generator<Grant> {
    this.#ensureBuilt();
    const place = namespace ?? '';
    yield* this.#grants.get(`${place}|User ${user.name}`)?.values() ?? [];
    for (const group of user.groups) yield* this.#grants.get(`${place}|Group ${group}`)?.values() ?? [];
  }

  /** Undefined: there is no such role. */
  rulesOf({ kind, name }: RoleRef, namespace: string | undefined): readonly PolicyRule[] | undefined {
    this.#ensureBuilt();
    const resource = kind === 'Role' ? resources.roles : resources.clusterRoles;
    return this.#rules.get(storeKey(resource, { namespace, name }));
  }

  close(): void {
    this.#watch?.close();
    this.#watch = undefined;
  }

  #ensureBuilt(): void {
    if (this.#watch !== undefined) return;
    const { store } = this.#options;
    const prefix = `${resources.roles.group}/`;
    const { revision } = store;
    this.#watch = store.watch({ prefix, afterRevision: revision, onEvents: (events) => this.#follow(events) });
    const { entries } = store.range({ start: prefix, end: prefixEnd(prefix), revision });
    for (const entry of entries) this.#put(entry);
  }

  #follow(events: readonly StoreEvent[]): void {
    for (const { type, entry } of events) {
      if (type === 'put') this.#put(entry);
      else this.#remove(entry.key);
    }
  }

  #put(entry: Entry): void {
    const object = this.#options.objectOf(entry);
    if (isOf(entry.key, resources.roles) || isOf(entry.key, resources.clusterRoles))
      this.#rules.set(entry.key, (object as Role | ClusterRole).rules ?? []);
    else if (isOf(entry.key, resources.roleBindings) || isOf(entry.key, resources.clusterRoleBindings))
      this.#file(entry.key, object as Bound);
  }

  #remove(key: string): void {
    this.#rules.delete(key);
    this.#unfile(key);
  }

  #file(key: string, binding: Bound): void {
    this.#unfile(key);
    const { namespace } = binding.metadata;
    const places: string[] = [];
    for (const subject of binding.subjects ?? []) {
      const place = `${namespace ?? ''}|${subjectKey(subject, namespace)}`;
      const grants: Grants = this.#grants.get(place) ?? new Map<string, Grant>();
      if (!grants.has(key)) grants.set(key, { binding, subject });
      this.#grants.set(place, grants);
      places.push(place);
    }
    this.#filed.set(key, places);
  }

  #unfile(key: string): void {
    for (const place of this.#filed.get(key) ?? []) {
      const grants = this.#grants.get(place);
      grants?.delete(key);
      if (grants?.size === 0) this.#grants.delete(place);
    }
    this.#filed.delete(key);
  }
}

function isOf(key: string, resource: Resource): boolean {
  return key.startsWith(keyPrefix(resource));
}

/** ServiceAccounts are users of a name that nobody else has. */
function subjectKey({ kind, name, namespace }: Subject, bindingNamespace: string | undefined): string {
  if (kind !== 'ServiceAccount') return `${kind} ${name}`;
  return `User ${serviceAccountUser(namespace || (bindingNamespace ?? ''), name)}`;
}
