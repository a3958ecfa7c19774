import { expired } from '../../api/index.ts';
import { CompactedError, prefixEnd, type Entry } from '../../store/index.ts';
import type { ListQuery, Request, StoredList } from '../operations.ts';
import { decodeContinue, encodeContinue, expiredContinue, type ContinueToken } from './continue-token.ts';
import { checkListQuery, parseResourceVersion, untilRevision, wantsExactVersion } from './list-options.ts';
import { createPacer } from './pacer.ts';
import type { Registry } from './registry.ts';
import { nameIndex, parseSelection, type Selection } from './selection.ts';
import { keyPrefix, storeKey } from './store-keys.ts';
import type { StoredVersion } from './stored-version.ts';

/** The region of the store that a list covers, and at which revision. */
interface Region {
  readonly prefix: string;
  readonly start: string;
  readonly revision: number;
  readonly limit: number;
}

/**
 * Objects in key order, matching the selectors, all at one revision.
 * @throws ApiError 400 (selectors, token), 410 Expired, 422, 504 (a version that has not happened)
 */
export async function listObjects(registry: Registry, request: Request, query: ListQuery): Promise<StoredList> {
  checkListQuery(query);
  const selection = parseSelection(request.kind, request.namespace, query);
  const token = query.continue ? decodeContinue(query.continue) : undefined;
  const revision = await revisionOf(registry, query, token);
  const prefix = keyPrefix(request.kind.resource, selection.namespace);
  const region = { prefix, start: prefix + (token?.start ?? ''), revision, limit: query.limit ?? 0 };
  try {
    return await listRegion(registry, request, selection, region);
  } catch (error) {
    if (!(error instanceof CompactedError)) throw error;
    if (token !== undefined) throw expiredContinue(token);
    throw expired('The resourceVersion for the provided list is too old.');
  }
}

async function revisionOf(registry: Registry, query: ListQuery, token: ContinueToken | undefined): Promise<number> {
  if (token !== undefined) {
    if (token.revision > 0) await untilRevision(registry, token.revision);
    return token.revision > 0 ? token.revision : registry.store.revision;
  }
  const asked = parseResourceVersion(query.resourceVersion);
  if (asked === 0) return registry.store.revision;
  await untilRevision(registry, asked);
  return wantsExactVersion(query) ? asked : registry.store.revision;
}

async function listRegion(
  registry: Registry,
  request: Request,
  selection: Selection,
  region: Region,
): Promise<StoredList> {
  // An index knows only the present; pages of an older revision are read from the ordered keys.
  if (selection.indexed !== undefined && region.revision === registry.store.revision) {
    const list = await listIndexed(registry, request, selection, region);
    if (list !== undefined) return list;
  }
  if (selection.everything) return listAll(registry, region);
  return listMatching(registry, selection, region);
}

async function listAll(registry: Registry, region: Region): Promise<StoredList> {
  const { prefix, revision, limit } = region;
  const pace = createPacer(registry.clock);
  const resourceVersion = String(revision);
  const items: StoredVersion[] = [];
  for (let { start } = region; ;) {
    const chunk = limit > 0 ? Math.min(limit - items.length, chunkEntries) : chunkEntries;
    const range = registry.store.range({ start, end: prefixEnd(prefix), revision, limit: chunk });
    registry.counters.objectsScanned += range.entries.length;
    for (const entry of range.entries) {
      items.push(registry.versions.peek(entry));
      if (pace.due()) await pace.rest();
    }
    const last = range.entries.at(-1);
    if (!range.more || last === undefined) return { items, resourceVersion };
    if (items.length === limit) {
      return { items, resourceVersion, continue: tokenAfter(region, last.key), remainingItemCount: range.remaining };
    }
    start = `${last.key}\0`;
  }
}

function tokenAfter({ prefix, revision }: Region, key: string): string {
  return encodeContinue({ revision, start: `${key.slice(prefix.length)}\0` });
}

/** How many entries are read at once: they may come from the disk, and others want their turn. */
const chunkEntries = 500;

async function listMatching(registry: Registry, selection: Selection, region: Region): Promise<StoredList> {
  const { prefix, revision, limit } = region;
  const pace = createPacer(registry.clock);
  const resourceVersion = String(revision);
  const items: StoredVersion[] = [];
  for (let { start } = region; ;) {
    const range = registry.store.range({ start, end: prefixEnd(prefix), revision, limit: chunkEntries });
    for (const [at, entry] of range.entries.entries()) {
      registry.counters.objectsScanned++;
      const version = registry.versions.peek(entry);
      if (selection.matches(version.object)) items.push(version);
      if (limit > 0 && items.length === limit && (range.more || at < range.entries.length - 1)) {
        return { items, resourceVersion, continue: tokenAfter(region, entry.key) };
      }
      if (pace.due()) await pace.rest();
    }
    const last = range.entries.at(-1);
    if (!range.more || last === undefined) return { items, resourceVersion };
    start = `${last.key}\0`;
  }
}

/** From the index; undefined if the store moved on while the index was being built. */
async function listIndexed(
  registry: Registry,
  { kind }: Request,
  selection: Selection,
  region: Region,
): Promise<StoredList | undefined> {
  const { name, namespace, indexed } = selection;
  if (indexed === undefined) return undefined;
  const direct = indexed.index === nameIndex && (!kind.resource.namespaced || namespace !== undefined);
  const keys =
    direct && name !== undefined
      ? [storeKey(kind.resource, { namespace, name })]
      : await registry.indexes.lookup(kind, indexed.index, indexed.value);
  const { revision } = registry.store;
  if (region.limit > 0 && revision !== region.revision) return undefined;
  const matching = matchingEntries(registry, keys, selection, region);
  const resourceVersion = String(revision);
  const page = region.limit > 0 ? matching.slice(0, region.limit) : matching;
  const items = page.map((entry) => registry.versions.of(entry));
  const last = page.at(-1);
  if (page.length === matching.length || last === undefined) return { items, resourceVersion };
  return { items, resourceVersion, continue: tokenAfter(region, last.key) };
}

function matchingEntries(registry: Registry, keys: Iterable<string>, selection: Selection, region: Region): Entry[] {
  const entries: Entry[] = [];
  for (const key of keys) {
    if (!key.startsWith(region.prefix) || key < region.start) continue;
    registry.counters.objectsScanned++;
    const entry = registry.store.get(key);
    if (entry !== undefined && selection.matches(registry.versions.of(entry).object)) entries.push(entry);
  }
  return entries.sort((a, b) => (a.key < b.key ? -1 : 1));
}
