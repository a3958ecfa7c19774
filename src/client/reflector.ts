import { isExpired, qualifiedName, type KubeObject, type Resource } from '../api/index.ts';
import { sleep, type Clock, type Random } from '../clock/index.ts';
import type { Logger } from '../log/index.ts';
import type { Client, WatchEvent } from './client.ts';

/** Takes what a reflector sees. */
export interface ReflectorSink<T> {
  /** A list begins; one that began before and did not end does not count. */
  listBegan(): void;
  listed(object: T): void;
  /** The list is complete: what it did not name is gone. */
  listEnded(): void;
  watched(event: WatchEvent<T> & { readonly object: T }): void;
}

export interface ReflectorOptions<T extends KubeObject> {
  readonly client: Client;
  readonly resource: Resource<T>;
  readonly selectors: { readonly labelSelector?: string; readonly fieldSelector?: string };
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

const pageSize = 500;
const firstBackoffMs = 800;
const maxBackoffMs = 30_000;
/** A watch that ends sooner than this without an event is taken for a failure, or it would be started in a hot loop. */
const shortWatchMs = 1000;

/**
 * Lists once, then watches for ever: again from where it was when a watch just ends, with a new list when the server no
 * longer knows that place, and after a back-off of 0.8 to 30 s (times 1 to 2, by chance) when something failed. (The
 * rules are those of upstream's client-go `tools/cache/reflector.go`.)
 */
export class Reflector<T extends KubeObject> {
  readonly #options: ReflectorOptions<T>;
  readonly #sink: ReflectorSink<T>;
  readonly #stop = new AbortController();
  #resourceVersion: string | undefined;
  #failures = 0;
  #closeWatch: (() => void) | undefined;

  constructor(options: ReflectorOptions<T>, sink: ReflectorSink<T>) {
    this.#options = options;
    this.#sink = sink;
  }

  /** Resolves after `stop`. */
  async run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      try {
        this.#resourceVersion ??= await this.#list();
        if (!this.#stop.signal.aborted) await this.#watch(this.#resourceVersion);
      } catch (error) {
        await this.#recover(error);
      }
    }
  }

  stop(): void {
    this.#stop.abort();
    this.#closeWatch?.();
  }

  /** Gives the pages on as they come: every object in them is at least as new as what is in the cache. */
  async #list(): Promise<string> {
    const { client, resource, selectors, clock } = this.#options;
    let token: string | undefined;
    this.#sink.listBegan();
    for (;;) {
      const page = await client.list(resource, {
        ...selectors,
        limit: pageSize,
        ...(token === undefined ? {} : { continue: token }),
      });
      if (this.#stop.signal.aborted) return page.resourceVersion;
      for (const object of page.items) this.#sink.listed(object);
      token = page.continue === '' ? undefined : page.continue;
      if (token !== undefined) {
        await clock.yield();
        continue;
      }
      this.#sink.listEnded();
      return page.resourceVersion;
    }
  }

  /** Resolves when the watch ends without an error. */
  async #watch(resourceVersion: string): Promise<void> {
    const { client, resource, selectors, clock } = this.#options;
    const startMs = clock.monotonic();
    let events = 0;
    try {
      await new Promise<void>((resolve, reject) => {
        const watch = client.watch<T>(
          resource,
          { ...selectors, resourceVersion },
          {
            onEvents: (batch) => {
              events += batch.length;
              if (!this.#stop.signal.aborted) this.#take(batch);
            },
            onEnd: (error) => (error === undefined ? resolve() : reject(error)),
          },
        );
        this.#closeWatch = () => watch.close();
      });
    } finally {
      this.#closeWatch = undefined;
    }
    if (events === 0 && clock.monotonic() - startMs < shortWatchMs && !this.#stop.signal.aborted) {
      throw new Error('the watch ended at once');
    }
  }

  #take(batch: readonly WatchEvent<T>[]): void {
    this.#failures = 0;
    for (const event of batch) {
      if (event.type === 'BOOKMARK') {
        this.#resourceVersion = event.resourceVersion;
        continue;
      }
      this.#resourceVersion = event.object.metadata.resourceVersion;
      this.#sink.watched(event);
    }
  }

  async #recover(error: unknown): Promise<void> {
    if (this.#stop.signal.aborted) return;
    const { log, resource, clock, random } = this.#options;
    const fields = { resource: qualifiedName(resource), failures: this.#failures + 1, error };
    const listAgain = isExpired(error);
    if (listAgain) this.#resourceVersion = undefined;
    // Being too far behind is no fault of the server: the first new list need not wait.
    if (listAgain && this.#failures++ === 0) {
      log.debug('watch is too far behind, listing again', fields);
      return;
    }
    log.warn('list or watch failed, trying again', fields);
    const backoffMs = Math.min(firstBackoffMs * 2 ** this.#failures, maxBackoffMs);
    if (!listAgain) this.#failures++;
    await sleep(clock, Math.min(backoffMs * (1 + random.float()), maxBackoffMs), this.#stop.signal);
  }
}
