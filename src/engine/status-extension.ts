import { apiVersionOf, failure, formatTime } from '../api/index.ts';
import type { Extension, Operations } from '../apiserver/index.ts';
import type { Clock } from '../clock/index.ts';
import type { Store } from '../store/index.ts';

export const statusPath = '/rondo.dev/v1alpha1/status';

export interface EngineStatus {
  readonly nodeName: string;
  /** RFC 3339. */
  readonly startedAt: string;
  readonly now: string;
  readonly store: { readonly revision: number; readonly compactedRevision: number };
  /** Kinds of which there is something. */
  readonly objects: readonly { readonly resource: string; readonly apiVersion: string; readonly count: number }[];
  /** Of this process. */
  readonly residentBytes: number;
}

interface Options {
  readonly store: Store;
  readonly clock: Clock;
  readonly nodeName: string;
  readonly operations: () => Operations;
}

/** Answers GET with what `rondo status` shows. Counts come from indexes: nothing is read. */
export function statusExtension({ store, clock, nodeName, operations }: Options): Extension {
  const startedAt = formatTime(clock.now());
  return {
    path: statusPath,
    serve: ({ method, path }) => {
      if (path !== statusPath) throw failure({ code: 404, reason: 'NotFound', message: 'no such path' });
      if (method !== 'GET')
        throw failure({ code: 405, reason: 'MethodNotAllowed', message: 'the status can only be read' });
      const { revision, compactedRevision } = store;
      const counts = operations().kinds.all.map((kind) => {
        const { resource } = kind;
        return { resource: resource.resource, apiVersion: apiVersionOf(resource), count: operations().count(kind) };
      });
      const body: EngineStatus = {
        ...{ nodeName, startedAt, now: formatTime(clock.now()), store: { revision, compactedRevision } },
        objects: counts.filter(({ count }) => count > 0),
        residentBytes: process.memoryUsage.rss(),
      };
      return { code: 200, body };
    },
  };
}
