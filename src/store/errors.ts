/** The precondition of a write does not hold. `actualRevision` is 0 if the key does not exist. */
export class ConflictError extends Error {
  readonly actualRevision: number;
  constructor(key: string, actualRevision: number) {
    super(`${key} is at revision ${actualRevision}`);
    this.actualRevision = actualRevision;
  }
}

/** The asked revision is older than what the store still holds. */
export class CompactedError extends Error {
  readonly compactedRevision: number;
  constructor(revision: number, compactedRevision: number) {
    super(`revision ${revision} is older than ${compactedRevision}`);
    this.compactedRevision = compactedRevision;
  }
}

/** The asked revision has not happened yet. */
export class FutureRevisionError extends Error {
  readonly currentRevision: number;
  constructor(revision: number, currentRevision: number) {
    super(`revision ${revision} is newer than ${currentRevision}`);
    this.currentRevision = currentRevision;
  }
}

/** No space is left for this write. Nothing was written; reads go on; writes work again when space returns. */
export class StoreFullError extends Error {}

/** The store was closed, or failed for good. */
export class StoreClosedError extends Error {}

/** What is on disk cannot be used: damaged, of a newer format, locked by another process. Says what and where. */
export class StoreOpenError extends Error {}
