import { resources, type KubeObject, type Resource } from '../../src/api/index.ts';
import type { Client } from '../../src/client/index.ts';

/** Every version of the Jobs and Pods of a namespace, as a watcher sees them. */
export interface Recorder {
  /** Versions of `Job/name`, `Job` or `Pod`, oldest first. */
  versions(of: string): readonly KubeObject[];
  close(): void;
}

/** Records from now on. */
export async function record(client: Client, namespace: string): Promise<Recorder> {
  const seen: KubeObject[] = [];
  const problems: unknown[] = [];
  const watches: { close(): void }[] = [];
  for (const resource of [resources.jobs, resources.pods] as readonly Resource[]) {
    const { resourceVersion } = await client.list(resource, { namespace });
    const onEvents = (events: readonly { readonly type: string; readonly object?: KubeObject }[]): void => {
      // A deletion shows the last state once more: it is not a state of its own.
      for (const { type, object } of events) if (type !== 'DELETED' && object !== undefined) seen.push(object);
    };
    const onEnd = (error?: Error): void => void (error && problems.push(error));
    watches.push(client.watch(resource, { namespace, resourceVersion }, { onEvents, onEnd }));
  }
  return {
    versions: (of) => {
      if (problems.length > 0) throw new Error('the recording watch broke off', { cause: problems[0] });
      const [kind, name] = of.split('/');
      return seen.filter((object) => object.kind === kind && (name === undefined || object.metadata.name === name));
    },
    close: () => watches.forEach((watch) => watch.close()),
  };
}
