import { watch } from 'node:fs';
import type { KubeObject, Resource } from '../../src/api/index.ts';
import type { Client, ListOptions, WatchEvent } from '../../src/client/index.ts';

export interface Deferred<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (error: Error) => void;
}

export function deferred<T>(): Deferred<T> {
  let resolve!: (value: T) => void;
  let reject!: (error: Error) => void;
  const promise = new Promise<T>((...settle) => ([resolve, reject] = settle));
  return { promise, resolve, reject };
}

/** Rejects with what was waited for when the time is over, so that a hanging test says where it hangs. */
export function withDeadline<T>(what: string, timeoutMs: number, promise: Promise<T>): Promise<T> {
  const { promise: late, reject } = deferred<never>();
  const timer = setTimeout(() => reject(new Error(`waited ${timeoutMs} ms for ${what}`)), timeoutMs);
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

export interface WaitOptions<T> extends Pick<ListOptions, 'namespace' | 'labelSelector' | 'fieldSelector'> {
  readonly what: string;
  readonly timeoutMs?: number;
  /** Gets all selected objects after every change. */
  readonly until: (items: readonly T[]) => boolean;
}

/** Waits with a list and a watch until the selected objects are as wanted, and gives them. */
export async function waitForObjects<T extends KubeObject>(
  client: Client,
  resource: Resource<T>,
  options: WaitOptions<T>,
): Promise<readonly T[]> {
  const { until, what, timeoutMs = 60_000, ...selection } = options;
  const list = await client.list(resource, selection);
  const items = new Map(list.items.map((item) => [item.metadata.uid, item]));
  if (until([...items.values()])) return [...items.values()];
  const { promise, resolve, reject } = deferred<readonly T[]>();
  const apply = (event: WatchEvent<T>): void => {
    if (event.type === 'BOOKMARK') return;
    if (event.type === 'DELETED') items.delete(event.object.metadata.uid);
    else items.set(event.object.metadata.uid, event.object);
    if (until([...items.values()])) resolve([...items.values()]);
  };
  const stream = client.watch(
    resource,
    { ...selection, resourceVersion: list.resourceVersion },
    {
      onEvents: (events: readonly WatchEvent<T>[]) => events.forEach(apply),
      onEnd: (error) => reject(error ?? new Error(`the watch ended before ${what}`)),
    },
  );
  try {
    return await withDeadline(what, timeoutMs, promise);
  } catch (error) {
    const seen = JSON.stringify(
      [...items.values()].map((item) => [item.metadata.name, 'status' in item && item.status]),
    );
    throw new Error(`${(error as Error).message}; last seen: ${seen.slice(0, 2000)}`, { cause: error });
  } finally {
    stream.close();
  }
}

/** Waits for changes in a directory until the condition holds. */
export async function untilInDirectory(
  directory: string,
  what: string,
  condition: () => boolean,
  timeoutMs = 20_000,
): Promise<void> {
  const { promise, resolve } = deferred<void>();
  const look = (): void => {
    if (condition()) resolve();
  };
  const watcher = watch(directory, look);
  try {
    look();
    await withDeadline(what, timeoutMs, promise);
  } finally {
    watcher.close();
  }
}
