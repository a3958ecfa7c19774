// The durable, revisioned key-value store. Promises: see the rules at `Store`. Must not know Kubernetes.
export {
  prefixEnd,
  type Entry,
  type Memo,
  type RangeOptions,
  type RangeResult,
  type Store,
  type StoreCounters,
  type StoreEvent,
  type StoreWatch,
  type WatchOptions,
  type Write,
} from './store.ts';
export { createMemoryStore, type MemoryStoreOptions } from './memory-store.ts';
export { openDiskStore, type DiskStoreOptions } from './disk/open-disk-store.ts';
export { restoreDiskStore, type RestoreOptions, type StateEntry } from './disk/restore-disk-store.ts';
export { aesCipher, secretBytes, type ValueCipher } from './disk/value-cipher.ts';
export type { DirectoryLock, FileLayer, OpenFile } from './disk/file-layer.ts';
export { defaultRetention, type Retention } from './history.ts';
export {
  CompactedError,
  ConflictError,
  FutureRevisionError,
  StoreClosedError,
  StoreFullError,
  StoreOpenError,
} from './errors.ts';
