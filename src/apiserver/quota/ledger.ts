import { isDeepStrictEqual } from 'node:util';
import { addAmounts, negated, resources, type Amounts, type KubeObject, type ResourceQuota } from '../../api/index.ts';
import { prefixEnd, type Store, type StoreEvent, type StoreWatch } from '../../store/index.ts';
import type { StoredObjects } from '../admission/stored-reader.ts';
import type { KindDefinition } from '../kind.ts';
import { keyPrefix, nameInKey } from '../registry/store-keys.ts';
import { isInScope, limitedBy, usageOf, zeroUsage } from './usage.ts';

/** One quota and what is used of it. */
export interface Account {
  readonly quota: ResourceQuota;
  /** By what is stored and visible. */
  used: Amounts;
  /** By creates and changes that were let in and are under way. */
  reserved: Amounts;
}

interface LedgerOptions {
  readonly store: Store;
  readonly stored: StoredObjects;
  readonly kinds: readonly KindDefinition[];
  /** A quota's usage has changed, or it is new: its status is to be written. */
  readonly onChange: (account: Account) => void;
}

interface Book {
  readonly accounts: Map<string, Account>;
  /** What is stored up to here has been counted. */
  countedRevision: number;
}

/**
 * What is used of every ResourceQuota, kept up to date with every write: a namespace is read as a whole only when it
 * gets a quota or a quota changes. Without quotas nothing is watched but quotas.
 */
export class QuotaLedger {
  readonly #options: LedgerOptions;
  readonly #books = new Map<string, Book>();
  #quotaWatch: StoreWatch | undefined;
  #watches: readonly StoreWatch[] = [];

  constructor(options: LedgerOptions) {
    this.#options = options;
  }

  start(): void {
    const { store, stored } = this.#options;
    const afterRevision = store.revision;
    for (const quota of stored.list<ResourceQuota>(resources.resourceQuotas)) this.#open(quota);
    const prefix = keyPrefix(resources.resourceQuotas);
    this.#quotaWatch = store.watch({ prefix, afterRevision, onEvents: (events) => this.#followQuotas(events) });
  }

  stop(): void {
    this.#quotaWatch?.close();
    this.#unwatch();
    this.#books.clear();
  }

  accountsOf(namespace: string): Iterable<Account> {
    return this.#books.get(namespace)?.accounts.values() ?? [];
  }

  #followQuotas(events: readonly StoreEvent[]): void {
    for (const { type, entry, previous } of events) {
      const quota = this.#options.stored.objectOf(entry) as ResourceQuota;
      if (type === 'delete') this.#close(quota);
      else {
        const before = previous === undefined ? undefined : (this.#options.stored.objectOf(previous) as ResourceQuota);
        const isSame = before?.metadata.uid === quota.metadata.uid && isDeepStrictEqual(before.spec, quota.spec);
        if (!isSame) this.#open(quota);
      }
    }
  }

  /** Counts a namespace for a quota that is new or has changed. */
  #open(quota: ResourceQuota): void {
    const { namespace = '', name } = quota.metadata;
    const { store } = this.#options;
    // Others of the namespace are counted anew with it, so that all stand at the same revision.
    const others = [...(this.#books.get(namespace)?.accounts.values() ?? [])].filter(
      (account) => account.quota.metadata.name !== name,
    );
    const old = this.#books.get(namespace)?.accounts.get(name);
    const accounts = [...others, { quota, used: {}, reserved: old?.reserved ?? {} }];
    const book: Book = {
      accounts: new Map(accounts.map((account) => [account.quota.metadata.name, account])),
      countedRevision: store.revision,
    };
    for (const account of accounts) account.used = zeroUsage(account.quota);
    this.#books.set(namespace, book);
    if (this.#watches.length === 0) this.#watch(book.countedRevision);
    for (const kind of this.#countedKinds()) {
      const start = keyPrefix(kind.resource, namespace);
      const { entries } = store.range({ start, end: prefixEnd(start), revision: book.countedRevision });
      for (const entry of entries) this.#count(book, kind, this.#options.stored.objectOf(entry), 1);
    }
    for (const account of accounts) this.#options.onChange(account);
  }

  #close({ metadata: { namespace = '', name } }: ResourceQuota): void {
    const book = this.#books.get(namespace);
    book?.accounts.delete(name);
    if (book?.accounts.size === 0) this.#books.delete(namespace);
    if (this.#books.size === 0) this.#unwatch();
  }

  #countedKinds(): readonly KindDefinition[] {
    return this.#options.kinds.filter(({ resource }) => resource.namespaced);
  }

  #watch(afterRevision: number): void {
    this.#watches = this.#countedKinds().map((kind) =>
      this.#options.store.watch({
        prefix: keyPrefix(kind.resource),
        afterRevision,
        onEvents: (events) => events.forEach((event) => this.#follow(kind, event)),
      }),
    );
  }

  #unwatch(): void {
    for (const watch of this.#watches) watch.close();
    this.#watches = [];
  }

  #follow(kind: KindDefinition, { type, revision, entry, previous }: StoreEvent): void {
    const prefix = keyPrefix(kind.resource);
    const namespace = entry.key.slice(prefix.length, -nameInKey(entry.key).length - 1);
    const book = this.#books.get(namespace);
    if (book === undefined || revision <= book.countedRevision) return;
    const { objectOf } = this.#options.stored;
    const before = [...book.accounts.values()].map((account) => account.used);
    if (previous !== undefined) this.#count(book, kind, objectOf(previous), -1);
    if (type === 'put') this.#count(book, kind, objectOf(entry), 1);
    for (const [at, account] of [...book.accounts.values()].entries())
      if (account.used !== before[at]) this.#options.onChange(account);
  }

  #count(book: Book, kind: KindDefinition, object: KubeObject, times: 1 | -1): void {
    let usage: Amounts | undefined;
    for (const account of book.accounts.values()) {
      if (!isInScope(account.quota, kind, object)) continue;
      usage ??= usageOf(kind, object);
      const own = limitedBy(account.quota, usage);
      if (Object.keys(own).length === 0) continue;
      account.used = addAmounts(account.used, times === 1 ? own : negated(own));
    }
  }
}
