import { conflict, failure, type KubeObject } from '../../api/index.ts';
import { sleep } from '../../clock/index.ts';
import { ConflictError, StoreClosedError, StoreFullError, type Entry } from '../../store/index.ts';
import type { KindDefinition } from '../kind.ts';
import type { Registry } from './registry.ts';
import { StoredVersion } from './stored-version.ts';

interface ObjectWrite {
  readonly type: 'put' | 'delete';
  readonly key: string;
  readonly object: KubeObject;
  /** What is replaced or deleted; absent: the key must be free. */
  readonly replaces?: Entry;
  readonly kind: KindDefinition;
}

/**
 * Writes one object durably. A delete carries the last state with the deletion's resourceVersion.
 * @throws ConflictError if the key has moved on; ApiError for a full or closed store
 */
export async function writeObject(registry: Registry, write: ObjectWrite): Promise<StoredVersion> {
  const { versions } = registry;
  const { replaces, object } = write;
  const base = replaces?.memo instanceof StoredVersion ? replaces.memo : undefined;
  const startMs = registry.clock.monotonic();
  try {
    const entry = await registry.store.write({
      key: write.key,
      type: write.type,
      expectedRevision: replaces?.modRevision ?? 0,
      ...(write.kind.flushMayWaitMs !== undefined && { flushMayWaitMs: write.kind.flushMayWaitMs }),
      encode: (revision) => {
        const memo = versions.versionOf(object, revision, base);
        return { value: () => memo.bytes, memo };
      },
    });
    registry.commits.observe(
      (registry.clock.monotonic() - startMs) / 1000,
      operationOf(write),
      write.kind.resource.resource,
    );
    return versions.adopt(entry, replaces);
  } catch (error) {
    throw asApiError(error);
  }
}

/** In upstream's words. */
function operationOf({ type, replaces }: ObjectWrite): string {
  if (type === 'delete') return 'delete';
  return replaces === undefined ? 'create' : 'update';
}

function asApiError(error: unknown): unknown {
  if (error instanceof StoreFullError) {
    const message = `no space is left for this write: ${error.message}`;
    return failure({ code: 507, reason: 'InsufficientStorage', message, cause: error });
  }
  if (error instanceof StoreClosedError) {
    const message = `the server cannot write: ${error.message}`;
    return failure({
      code: 503,
      reason: 'ServiceUnavailable',
      message,
      details: { retryAfterSeconds: 1 },
      cause: error,
    });
  }
  return error;
}

/** How often a write that names no resourceVersion starts over when another writer was faster. */
const maxRetries = 5;

/**
 * Runs one read-modify-write again when it lost a race, at most five times.
 * @throws ApiError 409 after that
 */
export async function retryRaces<T>(kind: KindDefinition, name: string, attempt: () => Promise<T>): Promise<T> {
  for (let retries = 0; ; retries++) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof ConflictError)) throw error;
      if (retries >= maxRetries) throw conflict(kind.resource, name);
    }
  }
}

/**
 * Waits until a version that was read ahead of its flush is durable, so that an answer without a write of its own
 * never promises more than the disk holds.
 */
export async function untilVisible(registry: Registry, entry: Entry): Promise<void> {
  for (let waitedMs = 0; registry.store.revision < entry.modRevision; waitedMs++) {
    if (waitedMs >= 5000) {
      throw failure({ code: 504, reason: 'Timeout', message: 'Timeout: the write before this one is not yet durable' });
    }
    await sleep(registry.clock, 1);
  }
}
