import type { Job } from '../../api/index.ts';
import type { BackoffRecord } from './backoff.ts';
import { newerOf } from './versions.ts';

/** What the controller knows of an unfinished Job beyond the cache. */
export interface Remembered {
  readonly uid: string;
  backoff: BackoffRecord | undefined;
  /** Our last status write. It is used instead of the cached Job until the cache has caught up. */
  written: Job | undefined;
  /** A status write is under way: its echo on the watch may come before its answer. */
  writing: boolean;
  /** The version that came by watch while we were writing. */
  seenWhileWriting: Job | undefined;
  /** A sync could not do all it wanted before the cache shows the pods it created. */
  awaitsPods: boolean;
}

/** Per Job key. A restart loses it, which is safe: it only holds back-offs and what the cache will show anyway. */
export class JobMemory {
  readonly #byKey = new Map<string, Remembered>();

  of(key: string, uid: string): Remembered {
    const known = this.#byKey.get(key);
    if (known?.uid === uid) return known;
    const fresh: Remembered = {
      uid,
      backoff: undefined,
      written: undefined,
      writing: false,
      seenWhileWriting: undefined,
      awaitsPods: false,
    };
    this.#byKey.set(key, fresh);
    return fresh;
  }

  get(key: string): Remembered | undefined {
    return this.#byKey.get(key);
  }

  forget(key: string): Remembered | undefined {
    const known = this.#byKey.get(key);
    this.#byKey.delete(key);
    return known;
  }

  get size(): number {
    return this.#byKey.size;
  }
}

/** The cached Job, or our own later version of it. */
export function latestJob(cached: Job, remembered: Remembered): Job {
  return newerOf(remembered.written, cached);
}

/** Whether a version from the watch is only the echo of our own write. */
export function isEcho(job: Job, remembered: Remembered): boolean {
  return remembered.written?.metadata.resourceVersion === job.metadata.resourceVersion;
}
