import {
  isConflict,
  isNotFound,
  refOf,
  resources,
  semanticallyEqualAmounts,
  type ResourceQuota,
} from '../../api/index.ts';
import type { Client } from '../../client/index.ts';
import type { Logger } from '../../log/index.ts';
import type { Account } from './ledger.ts';

/** Writes what is used into the status of quotas: one write at a time for each, with the newest numbers. */
export class QuotaStatusWriter {
  readonly #client: Client;
  readonly #log: Logger;
  readonly #waiting = new Map<string, Account>();
  readonly #writing = new Set<string>();
  #stopped = false;

  constructor(client: Client, log: Logger) {
    this.#client = client;
    this.#log = log;
  }

  stop(): void {
    this.#stopped = true;
    this.#waiting.clear();
  }

  /** Never waits: many changes of one moment become one write. */
  changed(account: Account): void {
    const { uid } = account.quota.metadata;
    this.#waiting.set(uid, account);
    if (this.#writing.has(uid) || this.#stopped) return;
    this.#writing.add(uid);
    void this.#write(uid).finally(() => this.#writing.delete(uid));
  }

  async #write(uid: string): Promise<void> {
    for (let account = this.#take(uid); account !== undefined; account = this.#take(uid)) {
      try {
        await this.#update(account);
      } catch (error) {
        if (isNotFound(error)) return;
        // Whoever wrote it in between is followed by the ledger, or the same numbers are tried again.
        if (isConflict(error)) this.#waiting.set(uid, this.#waiting.get(uid) ?? account);
        else
          this.#log.warn('the status of a quota could not be written', { quota: account.quota.metadata.name, error });
      }
    }
  }

  #take(uid: string): Account | undefined {
    const account = this.#waiting.get(uid);
    this.#waiting.delete(uid);
    return account;
  }

  async #update({ quota, used }: Account): Promise<void> {
    const stored = await this.#client.get<ResourceQuota>(resources.resourceQuotas, refOf(quota));
    if (stored.metadata.uid !== quota.metadata.uid) return;
    const status = { hard: quota.spec?.hard ?? {}, used };
    if (
      semanticallyEqualAmounts(stored.status?.hard, status.hard) &&
      semanticallyEqualAmounts(stored.status?.used, used)
    )
      return;
    await this.#client.updateStatus<ResourceQuota>(resources.resourceQuotas, { ...stored, status });
  }
}
