import type { KubeObject, Resource } from '../api/index.ts';
import type { Client, WatchEvent } from '../client/index.ts';

export interface UntilOptions<T> {
  readonly namespace?: string | undefined;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  readonly condition: (object: T) => boolean;
}

/** Resolves with the first object that meets the condition, looking at what is there and then at every change. */
export async function until<T extends KubeObject>(
  client: Client,
  resource: Resource<T>,
  options: UntilOptions<T>,
): Promise<T> {
  const { condition, ...selection } = options;
  const list = await client.list(resource, selection);
  const there = list.items.find(condition);
  if (there !== undefined) return there;
  return new Promise((resolve, reject) => {
    const watch = client.watch(
      resource,
      { ...selection, resourceVersion: list.resourceVersion },
      {
        onEvents: (events: readonly WatchEvent<T>[]) => {
          for (const event of events) {
            if (event.type === 'BOOKMARK' || event.type === 'DELETED' || !condition(event.object)) continue;
            resolve(event.object);
            watch.close();
            return;
          }
        },
        onEnd: (error) => reject(error ?? new Error('the watch ended early')),
      },
    );
  });
}
