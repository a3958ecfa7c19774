import type { KubeObject } from '../../../src/api/index.ts';
import type { KindDefinition } from '../../../src/apiserver/kind.ts';
import type { Operations, Stored, WatchSink } from '../../../src/apiserver/operations.ts';
import { deferred } from './test-server.ts';

function kind(
  plural: string,
  name: string,
  more: { group?: string; namespaced?: boolean } & Partial<KindDefinition> = {},
): KindDefinition {
  const { group = '', namespaced = true, ...rest } = more;
  return {
    resource: { group, version: 'v1', resource: plural, kind: name, namespaced },
    singular: name.toLowerCase(),
    hasStatus: false,
    hasGeneration: false,
    allowUnconditionalUpdate: true,
    allowCreateOnUpdate: false,
    validateName: () => [],
    table: {
      columns: [{ name: 'Name', type: 'string', format: 'name', description: 'The name.', priority: 0 }],
      cells: (object) => [object.metadata.name],
    },
    ...rest,
  };
}

export const jobKind = kind('jobs', 'Job', { group: 'batch', hasStatus: true, categories: ['all'] });
export const podKind = kind('pods', 'Pod', { hasStatus: true, shortNames: ['po'], deletion: { answersObject: true } });
export const namespaceKind = kind('namespaces', 'Namespace', {
  namespaced: false,
  hasStatus: true,
  deletion: { oneByOne: true },
});
const kinds = [namespaceKind, podKind, jobKind];

/** Operations that do what a test says, for answers that the real ones give only in rare circumstances. */
export function scriptedOperations(script: Partial<Operations>): Operations {
  const notScripted = (): never => {
    throw new Error('the test did not expect this call');
  };
  return {
    count: notScripted,
    kinds: {
      all: kinds,
      find: (group, version, resource) =>
        kinds.find((one) => {
          const of = one.resource;
          return of.group === group && of.version === version && of.resource === resource;
        }),
      reviews: [],
      findReview: () => undefined,
      byKind: (group, name) => kinds.find((one) => one.resource.group === group && one.resource.kind === name),
    },
    get: notScripted,
    list: notScripted,
    watch: notScripted,
    create: notScripted,
    update: notScripted,
    patch: notScripted,
    delete: notScripted,
    deleteCollection: notScripted,
    bind: notScripted,
    evict: notScripted,
    createToken: notScripted,
    finalizeNamespace: notScripted,
    counters: { objectsDecoded: 0, objectsEncoded: 0, objectsScanned: 0 },
    ...script,
  };
}

/** An object as the registry would give it. */
export function storedObject(object: Partial<KubeObject> & { metadata: KubeObject['metadata'] }): Stored {
  const whole = { apiVersion: 'v1', kind: 'Pod', ...object };
  return { object: whole, bytes: Buffer.from(JSON.stringify(whole)) };
}

/** A watch that a test feeds: resolves when the server has begun it. */
export function scriptedWatch(): { watch: Operations['watch']; begun: Promise<WatchSink>; closed: Promise<void> } {
  const begun = deferred<WatchSink>();
  const closed = deferred<void>();
  return {
    watch: (_request, _query, sink) => {
      begun.resolve(sink);
      return { close: () => closed.resolve(undefined) };
    },
    begun: begun.promise,
    closed: closed.promise,
  };
}
