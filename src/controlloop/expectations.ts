/**
 * What a controller has just written and not yet seen in its cache, per key. While something is expected, the cache is
 * known to be behind, and counting from it would create or delete twice. (The idea is upstream's
 * `pkg/controller/controller_utils.go`, ControllerExpectations.)
 */
export interface Expectations {
  /** Call before the writes. Adds to what is expected already. */
  expectCreations(key: string, count: number): void;
  /** Call before the writes. */
  expectDeletions(key: string, uids: Iterable<string>): void;
  /** A creation was seen by the watch, or its write failed. */
  creationObserved(key: string): void;
  /** A deletion was seen by the watch, or its write failed. Uids that nobody expects are ignored. */
  deletionObserved(key: string, uid: string): void;
  /**
   * Whether nothing is expected any more. What is not seen within five minutes of the first unfulfilled check is given
   * up (a watch event was lost, or the writer died half-way): then the cache is trusted again.
   */
  satisfied(key: string, nowMs: number): boolean;
  delete(key: string): void;
}

const timeoutMs = 5 * 60_000;

interface Expected {
  creations: number;
  readonly deletions: Set<string>;
  sinceMs: number | undefined;
}

export function createExpectations(): Expectations {
  const expected = new Map<string, Expected>();
  const of = (key: string): Expected => {
    let entry = expected.get(key);
    if (entry === undefined) expected.set(key, (entry = { creations: 0, deletions: new Set(), sinceMs: undefined }));
    return entry;
  };
  const dropIfFulfilled = (key: string, entry: Expected): void => {
    if (entry.creations <= 0 && entry.deletions.size === 0) expected.delete(key);
  };
  return {
    expectCreations: (key, count) => {
      if (count > 0) of(key).creations += count;
    },
    expectDeletions: (key, uids) => {
      for (const uid of uids) of(key).deletions.add(uid);
    },
    creationObserved: (key) => {
      const entry = expected.get(key);
      if (entry === undefined || entry.creations === 0) return;
      entry.creations--;
      dropIfFulfilled(key, entry);
    },
    deletionObserved: (key, uid) => {
      const entry = expected.get(key);
      if (entry?.deletions.delete(uid) === true) dropIfFulfilled(key, entry);
    },
    satisfied: (key, nowMs) => {
      const entry = expected.get(key);
      if (entry === undefined) return true;
      entry.sinceMs ??= nowMs;
      if (nowMs - entry.sinceMs < timeoutMs) return false;
      expected.delete(key);
      return true;
    },
    delete: (key) => void expected.delete(key),
  };
}
