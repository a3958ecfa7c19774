/**
 * All that the disk store asks of a file system. Small on purpose: the real one and the one that injects faults are both
 * easy to read. Errors carry Node's `code` (ENOSPC, EIO, EACCES, …).
 */
export interface FileLayer {
  /** Creates the directory and its parents, private to the user. Fine if it exists. */
  makeDirectory(path: string): Promise<void>;
  /** Names in a directory. */
  list(directory: string): Promise<readonly string[]>;
  /**
   * - `read`: an existing file, for reading;
   * - `log`: an existing file, for reading and writing; each write is durable when it returns;
   * - `create`: a new or emptied file; writes are durable after `sync`.
   */
  open(path: string, mode: 'read' | 'log' | 'create'): Promise<OpenFile>;
  /** Replaces `to`. Durable after `syncDirectory`. */
  rename(from: string, to: string): Promise<void>;
  /** Fine if it does not exist. */
  remove(path: string): Promise<void>;
  /** Makes the names in a directory durable. */
  syncDirectory(directory: string): Promise<void>;
  /** Takes the directory for this process. @throws StoreOpenError naming the holder */
  lock(directory: string): Promise<DirectoryLock>;
}

export interface OpenFile {
  readonly path: string;
  sizeBytes(): Promise<number>;
  /** Reads up to the whole target; returns how many bytes there were. */
  read(target: Uint8Array, position: number): Promise<number>;
  /** The same at once: for values that are nearly always in the page cache. */
  readSync(target: Uint8Array, position: number): number;
  /** Writes all of it. */
  write(data: Uint8Array, position: number): Promise<void>;
  sync(): Promise<void>;
  close(): Promise<void>;
}

export interface DirectoryLock {
  release(): Promise<void>;
}

/** The system's code of an error, if it has one. */
export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** No space, or no quota, is left. */
export function isOutOfSpace(error: unknown): boolean {
  const code = errorCode(error);
  return code === 'ENOSPC' || code === 'EDQUOT';
}
