import { isNotFound } from '../../api/index.ts';
import type { DeleteCall, ListQuery, Stored, StoredList, WriteRequest } from '../operations.ts';
import { deleteObject } from './delete.ts';
import { checkDeleteOptions } from './delete-options.ts';
import { listObjects } from './list.ts';
import type { Registry } from './registry.ts';

/** How many deletions wait for one durable commit together. */
const deletionsAtOnce = 100;

/** Deletes everything that the query lists. Objects that others delete first do not matter. */
export async function deleteCollection(
  registry: Registry,
  request: WriteRequest,
  query: ListQuery,
  options: DeleteCall,
): Promise<StoredList> {
  checkDeleteOptions(options);
  const list = await listObjects(registry, request, query);
  const items: Stored[] = [];
  for (let at = 0; at < list.items.length; at += deletionsAtOnce) {
    const batch = list.items.slice(at, at + deletionsAtOnce);
    // One warning speaks for all.
    const each: WriteRequest = { ...request, warn: at === 0 ? onlyOnce(request.warn) : ignore };
    const deleted = await Promise.all(batch.map((item) => deleteItem(registry, each, item, options)));
    items.push(...deleted.filter((stored) => stored !== undefined));
  }
  const { resourceVersion } = list;
  return list.continue === undefined ? { items, resourceVersion } : { items, resourceVersion, continue: list.continue };
}

async function deleteItem(
  registry: Registry,
  request: WriteRequest,
  item: Stored,
  options: DeleteCall,
): Promise<Stored | undefined> {
  try {
    const { stored } = await deleteObject(registry, request, item.object.metadata, options);
    return stored;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

function ignore(): void {
  // Told already.
}

function onlyOnce(warn: WriteRequest['warn']): (text: string) => void {
  const told = new Set<string>();
  return (text) => {
    if (told.has(text)) return;
    told.add(text);
    warn?.(text);
  };
}
