import { watch } from 'node:fs';

export interface WatchedLog {
  readonly file: string;
  /** Calls once when its container ends; returns how to take that back. */
  readonly whenEnded: (call: () => void) => () => void;
}

/** Tells when a log may have grown. */
export interface LogChanges {
  /** Resolves at the next change, or at once if there was one since the last call. */
  next(): Promise<void>;
  stop(): void;
}

/** Watches a log that may not have been made yet, and the end of who writes it. */
export function watchLog(source: WatchedLog, signal: AbortSignal | undefined): LogChanges {
  let changed = false;
  let wake: (() => void) | undefined;
  const notify = (): void => {
    changed = true;
    wake?.();
  };
  const directory = source.file.slice(0, source.file.lastIndexOf('/'));
  const name = source.file.slice(directory.length + 1);
  // Watched is the directory: it tells changes of its files, and the log may not have been made yet.
  const watcher = watch(directory, { persistent: false }, (_event, file) => {
    if (file === null || file === name) notify();
  });
  watcher.on('error', notify);
  const forget = source.whenEnded(notify);
  signal?.addEventListener('abort', notify);
  return {
    next: async () => {
      if (!changed) await new Promise<void>((resolve) => (wake = resolve));
      changed = false;
      wake = undefined;
    },
    stop: () => {
      watcher.close();
      forget();
      signal?.removeEventListener('abort', notify);
    },
  };
}
