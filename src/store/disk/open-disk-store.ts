import type { Clock } from '../../clock/index.ts';
import type { Logger } from '../../log/index.ts';
import { StoreFullError, StoreOpenError } from '../errors.ts';
import { defaultRetention, History, type Retention } from '../history.ts';
import { newCounters } from '../memory-store.ts';
import { RevisionedStore } from '../revisioned-store.ts';
import type { Store } from '../store.ts';
import { VersionIndex } from '../version-index.ts';
import { DiskPersistence } from './disk-persistence.ts';
import { EntryCache } from './entry-cache.ts';
import { errorCode, isOutOfSpace, type DirectoryLock, type FileLayer } from './file-layer.ts';
import { Loader } from './loading.ts';
import { LogWriter } from './log-writer.ts';
import { Maintenance } from './maintenance.ts';
import { loadSealed, openLayout, type Layout } from './layout.ts';
import type { Segment } from './segment.ts';
import { systemFiles } from './system-files.ts';
import { readTail, type Tail } from './tail.ts';
import { noCipher, type ValueCipher } from './value-cipher.ts';

export interface DiskStoreOptions {
  /** Created if missing. */
  readonly directory: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** Absent: the files of this machine. */
  readonly files?: FileLayer;
  readonly retention?: Retention;
  /** Size of log segments. Absent: 64 MiB. */
  readonly segmentBytes?: number;
  /** Bound for values (and objects decoded from them) kept in memory. Absent: 32 MiB. */
  readonly cacheBytes?: number;
  /** Absent: all values are written as they are. */
  readonly cipher?: ValueCipher;
}

/**
 * Opens the store in a directory, or creates it there. See docs/decisions/0001-own-log-as-store.md.
 * @throws StoreOpenError if it is in use, damaged (names file and byte), of a newer format, or not accessible
 * @throws StoreFullError if there is no space even to open it
 */
export async function openDiskStore(options: DiskStoreOptions): Promise<Store> {
  const files = options.files ?? systemFiles;
  const { directory } = options;
  let lock: DirectoryLock | undefined;
  try {
    await files.makeDirectory(directory);
    lock = await files.lock(directory);
    return await openLocked(files, lock, options);
  } catch (error) {
    await lock?.release().catch((cause: unknown) => {
      options.log.warn('Could not release the lock of the store', { directory, error: cause });
    });
    throw explain(error, directory);
  }
}

function explain(error: unknown, directory: string): Error {
  if (error instanceof StoreOpenError || error instanceof StoreFullError) return error;
  if (isOutOfSpace(error)) return new StoreFullError(`no space is left to open ${directory}`, { cause: error });
  const code = errorCode(error);
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') {
    return new StoreOpenError(`${directory} cannot be written (${code})`, { cause: error });
  }
  const what = error instanceof Error ? error.message : String(error);
  return new StoreOpenError(`${directory} cannot be opened: ${what}`, { cause: error });
}

async function openLocked(files: FileLayer, lock: DirectoryLock, options: DiskStoreOptions): Promise<Store> {
  const { directory, clock } = options;
  const layout = await openLayout(files, directory, options.segmentBytes ?? 64 << 20);
  try {
    const { manifest } = layout;
    const tail = await readTail(layout.open, manifest);
    const retention = options.retention ?? defaultRetention;
    const history = new History(retention, baseRevision(layout, tail, { retention, nowMs: clock.now() }));
    const counters = newCounters();
    const index = new VersionIndex(counters);
    await load({ files, layout, tail, index, history, clock });
    return assemble({ files, lock, options, layout, tail, index, history, counters });
  } catch (error) {
    for (const segment of [...layout.sealed.keys(), ...layout.open]) await segment.file.close();
    throw error;
  }
}

/** The history begins here; whole segments that retention does not ask for are read as state only. */
function baseRevision(layout: Layout, tail: Tail, now: { retention: Retention; nowMs: number }): number {
  const { minEvents, minAgeMs } = now.retention;
  let base = layout.manifest.compactedRevision;
  for (const { kind, lastRevision, lastTimeMs } of layout.sealed.keys()) {
    if (kind === 'log' && lastRevision <= tail.revision - minEvents && lastTimeMs < now.nowMs - minAgeMs) {
      base = Math.max(base, lastRevision);
    }
  }
  return base;
}

interface LoadParts {
  readonly files: FileLayer;
  readonly layout: Layout;
  readonly tail: Tail;
  readonly index: VersionIndex;
  readonly history: History;
  readonly clock: Clock;
}

async function load(parts: LoadParts): Promise<void> {
  const { files, layout, tail, index, history, clock } = parts;
  const wallMs = clock.now();
  const monotonicMs = clock.monotonic();
  const loader = new Loader(index, history, (timeMs) => monotonicMs - Math.max(0, wallMs - timeMs));
  await loadSealed(files, layout, loader);
  for (const [segment, records] of tail.records) for (const record of records) loader.add(segment, record);
  index.finishLoading();
}

function assemble(parts: {
  readonly files: FileLayer;
  readonly lock: DirectoryLock;
  readonly options: DiskStoreOptions;
  readonly layout: Layout;
  readonly tail: Tail;
  readonly index: VersionIndex;
  readonly history: History;
  readonly counters: ReturnType<typeof newCounters>;
}): Store {
  const { files, lock, options, layout, tail, index, history, counters } = parts;
  const { directory, clock, log, cipher = noCipher } = options;
  const segmentBytes = options.segmentBytes ?? 64 << 20;
  const onFailure = (error: Error): void => {
    log.error('The store has failed', { directory, error });
    maintenance.fail();
    store.fail(error);
  };
  const at = layout.open.indexOf(tail.active);
  const known = {
    sealed: [...layout.sealed.keys()],
    finished: layout.open.slice(0, at),
  };
  const base = { files, directory, clock, log, segmentBytes, onFailure };
  const maintenance = new Maintenance({ ...base, index, history }, known, layout.manifest);
  const prepared: Segment[] = layout.open.slice(at + 1);
  const onFinished = (segment: Segment): void => maintenance.finish(segment);
  const writer = new LogWriter({ ...base, counters, cipher, active: tail.active, prepared, onFinished }, tail.revision);
  maintenance.attach(writer);
  const cache = new EntryCache(options.cacheBytes ?? 32 << 20, (version) => persistence.read(version));
  const persistence = new DiskPersistence({ writer, maintenance, cache, lock, counters, cipher });
  const store = new RevisionedStore({ clock, index, history, persistence, counters });
  maintenance.tidy();
  return store;
}
