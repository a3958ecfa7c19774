import { ApiError, expired, internalError } from '../../api/index.ts';
import type { Timer } from '../../clock/index.ts';
import { CompactedError, type StoreEvent, type StoreWatch } from '../../store/index.ts';
import type { Request, StoredEvent, WatchQuery, WatchSink } from '../operations.ts';
import { listObjects } from './list.ts';
import { checkWatchQuery, parseResourceVersion, untilRevision } from './list-options.ts';
import { createPacer } from './pacer.ts';
import type { Registry } from './registry.ts';
import { parseSelection, type Selection } from './selection.ts';
import { keyPrefix, storeKey } from './store-keys.ts';

/** How often a watcher that allows it hears how far the server is. */
const bookmarkIntervalMs = 60_000;
/** Largest batch of initial events. */
const initialBatch = 500;

/**
 * Streams changes of a kind (in one namespace, or of one object) to a sink.
 * @throws ApiError 400 or 422 at once for bad queries; later faults end the watch
 */
export function watchObjects(
  registry: Registry,
  request: Request,
  query: WatchQuery,
  sink: WatchSink,
): { close(): void } {
  checkWatchQuery(query);
  const selection = parseSelection(request.kind, request.namespace, query);
  const afterRevision = parseResourceVersion(query.resourceVersion);
  const watcher = new Watcher({ registry, request, query, selection, sink });
  void watcher.run(afterRevision);
  return watcher;
}

interface WatcherOptions {
  readonly registry: Registry;
  readonly request: Request;
  readonly query: WatchQuery;
  readonly selection: Selection;
  readonly sink: WatchSink;
}

class Watcher {
  readonly #options: WatcherOptions;
  #stream: StoreWatch | undefined;
  #bookmark: Timer | undefined;
  /** Up to this revision events are of the past; undefined when they are no longer, or not yet. */
  #pastUpTo: number | undefined;
  #ended = false;

  constructor(options: WatcherOptions) {
    this.#options = options;
  }

  close(): void {
    this.#end();
  }

  /** Begins in a later turn, so that the caller has its handle before the first event. */
  async run(afterRevision: number): Promise<void> {
    try {
      await Promise.resolve();
      const { sendInitialEvents } = this.#options.query;
      const initial = sendInitialEvents ?? afterRevision === 0;
      const revision = initial ? await this.#sendInitial(afterRevision) : this.#startRevision(afterRevision);
      if (!this.#ended) this.#follow(revision);
    } catch (error) {
      this.#end(error);
    }
  }

  #startRevision(afterRevision: number): number {
    const { store } = this.#options.registry;
    if (afterRevision === 0) return store.revision;
    // A version beyond the newest comes from another history of this server: what the client knows is void.
    if (afterRevision > store.revision || afterRevision < store.compactedRevision) throw this.#tooOld(afterRevision);
    return afterRevision;
  }

  #tooOld(revision: number): ApiError {
    return expired(`too old resource version: ${revision} (${this.#options.registry.store.compactedRevision + 1})`);
  }

  /** Sends what is there as ADDED. Returns the revision from which to go on. */
  async #sendInitial(notOlderThan: number): Promise<number> {
    const { registry, request, query, sink } = this.#options;
    await untilRevision(registry, notOlderThan);
    const { labelSelector = '', fieldSelector = '' } = query;
    const list = await listObjects(registry, request, { labelSelector, fieldSelector });
    const pace = createPacer(registry.clock);
    for (let at = 0; at < list.items.length && !this.#ended; at += initialBatch) {
      const batch = list.items.slice(at, at + initialBatch);
      sink.onEvents(batch.map((stored): StoredEvent => ({ type: 'ADDED', stored })));
      if (pace.due()) await pace.rest();
    }
    if (query.sendInitialEvents === true && query.allowWatchBookmarks === true && !this.#ended) {
      sink.onEvents([{ type: 'BOOKMARK', resourceVersion: list.resourceVersion, initialEventsEnd: true }]);
    }
    return Number(list.resourceVersion);
  }

  #follow(afterRevision: number): void {
    const { registry, query } = this.#options;
    this.#pastUpTo = registry.store.revision;
    try {
      this.#stream = registry.store.watch({
        prefix: this.#prefix(),
        afterRevision,
        onEvents: (events) => this.#deliver(events),
      });
    } catch (error) {
      throw error instanceof CompactedError ? this.#tooOld(afterRevision) : error;
    }
    this.#noteProgress(afterRevision);
    if (query.allowWatchBookmarks === true) this.#scheduleBookmark();
  }

  #prefix(): string {
    const { resource } = this.#options.request.kind;
    const { name, namespace } = this.#options.selection;
    if (name !== undefined && (!resource.namespaced || namespace !== undefined)) {
      return storeKey(resource, { namespace, name });
    }
    return keyPrefix(resource, namespace);
  }

  #deliver(events: readonly StoreEvent[]): void {
    if (this.#ended) return;
    try {
      const batch: StoredEvent[] = [];
      for (const event of events) {
        const seen = this.#translate(event);
        if (seen !== undefined) batch.push(seen);
      }
      if (batch.length > 0) this.#options.sink.onEvents(batch);
      this.#noteProgress(events.at(-1)?.revision ?? 0);
    } catch (error) {
      this.#end(error);
    }
  }

  #noteProgress(revision: number): void {
    if (this.#pastUpTo === undefined || revision < this.#pastUpTo) return;
    this.#pastUpTo = undefined;
    this.#options.sink.onCurrent?.();
  }

  /** A change as this watcher sees it: what it no longer selects is gone, what it newly selects is new. */
  #translate({ type, entry, previous }: StoreEvent): StoredEvent | undefined {
    const { registry, selection } = this.#options;
    const stored = registry.versions.of(entry);
    const isNew = entry.createRevision === entry.modRevision;
    if (selection.everything) {
      return { type: type === 'delete' ? 'DELETED' : isNew ? 'ADDED' : 'MODIFIED', stored };
    }
    const matched =
      previous !== undefined && !(type === 'put' && isNew) && selection.matches(registry.versions.of(previous).object);
    const matches = type === 'put' && selection.matches(stored.object);
    if (matches) return { type: matched ? 'MODIFIED' : 'ADDED', stored };
    return matched ? { type: 'DELETED', stored } : undefined;
  }

  #scheduleBookmark(): void {
    const { registry, sink } = this.#options;
    this.#bookmark = registry.clock.after(bookmarkIntervalMs, () => {
      if (this.#ended) return;
      // Every event up to here has been delivered: the store calls its watchers in the turn that makes them visible.
      const resourceVersion = String(registry.store.revision);
      sink.onEvents([{ type: 'BOOKMARK', resourceVersion, initialEventsEnd: false }]);
      this.#scheduleBookmark();
    });
  }

  #end(error?: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#stream?.close();
    this.#bookmark?.cancel();
    if (error === undefined) this.#options.sink.onEnd();
    else this.#options.sink.onEnd(error instanceof ApiError ? error : internalError(error));
  }
}
