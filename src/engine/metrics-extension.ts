import {
  failure,
  formatTime,
  notFound,
  resources,
  type KubeObject,
  type Node,
  type Pod,
  type Resource,
} from '../api/index.ts';
import type { Extension, ExtensionRequest } from '../apiserver/index.ts';
import type { Client, ListOptions } from '../client/index.ts';
import type { Clock } from '../clock/index.ts';
import type { NodeUsage, UsageRate } from '../node/index.ts';

const group = 'metrics.k8s.io';
const version = 'v1beta1';
const apiVersion = `${group}/${version}`;
const verbs = ['get', 'list'];

export interface MetricsExtensionOptions {
  readonly client: () => Client;
  readonly clock: Clock;
  readonly nodeName: string;
  readonly usage: () => Promise<NodeUsage>;
}

/** What was asked for: `nodes`, `nodes/<name>`, `pods`, `namespaces/<ns>/pods`, `namespaces/<ns>/pods/<name>`. */
interface Asked {
  readonly resource: string;
  readonly namespace: string | undefined;
  readonly name: string | undefined;
}

/** What `kubectl top` asks: the resource metrics API, answered from what the runtimes know. Read-only. */
export function metricsExtension(options: MetricsExtensionOptions): Extension {
  return {
    path: `/apis/${group}/${version}`,
    objects: {
      ...{ group, version },
      resources: [
        { resource: 'nodes', singular: '', kind: 'NodeMetrics', namespaced: false, verbs },
        { resource: 'pods', singular: '', kind: 'PodMetrics', namespaced: true, verbs },
      ],
    },
    serve: async (request) => {
      if (request.method !== 'GET' && request.method !== 'HEAD')
        throw failure({ code: 405, reason: 'MethodNotAllowed', message: 'metrics can only be read' });
      const asked = parsePath(request.path);
      if (asked === undefined) throw failure({ code: 404, reason: 'NotFound', message: 'no such path' });
      return { code: 200, body: await new Answer(options, asked, request).body() };
    },
  };
}

function parsePath(path: string): Asked | undefined {
  const match = /^\/apis\/metrics\.k8s\.io\/v1beta1(?:\/namespaces\/([^/]+))?\/(nodes|pods)(?:\/([^/]+))?\/?$/.exec(
    path,
  );
  if (match === null) return undefined;
  const [namespace, resource = '', name] = match
    .slice(1)
    .map((part) => (part === undefined ? part : decodeURIComponent(part)));
  const isNamed = name !== undefined;
  if (resource === 'nodes' ? namespace !== undefined : isNamed && namespace === undefined) return undefined;
  return { resource, namespace, name };
}

class Answer {
  readonly #options: MetricsExtensionOptions;
  readonly #asked: Asked;
  readonly #request: ExtensionRequest;

  constructor(options: MetricsExtensionOptions, asked: Asked, request: ExtensionRequest) {
    this.#options = options;
    this.#asked = asked;
    this.#request = request;
  }

  async body(): Promise<object> {
    if (this.#asked.resource === 'nodes') return this.#answer(resources.nodes, 'NodeMetrics', nodeMetrics);
    return this.#answer(resources.pods, 'PodMetrics', podMetrics);
  }

  async #answer<T extends KubeObject>(
    resource: Resource<T>,
    kind: string,
    metricsOf: (object: T, usage: NodeUsage) => object | undefined,
  ): Promise<object> {
    const objects = await this.#objects(resource);
    const usage = await this.#options.usage();
    const items = objects.flatMap((object) => {
      const metrics = this.#isHere(object) ? metricsOf(object, usage) : undefined;
      return metrics === undefined ? [] : [{ ...this.#head(object, kind, usage), ...metrics }];
    });
    const { name } = this.#asked;
    if (name === undefined) return { kind: `${kind}List`, apiVersion, metadata: {}, items };
    if (items[0] === undefined) throw notFound({ ...resource, group }, name);
    return items[0];
  }

  async #objects<T extends KubeObject>(resource: Resource<T>): Promise<readonly T[]> {
    const client = this.#options.client();
    const { namespace, name } = this.#asked;
    if (name !== undefined) return [await client.get(resource, { ...(namespace && { namespace }), name })];
    const { query } = this.#request;
    const selectors = (['labelSelector', 'fieldSelector'] as const).flatMap((selector) => {
      const text = query[selector];
      return typeof text === 'string' ? [[selector, text] as const] : [];
    });
    const options: ListOptions = { ...(namespace && { namespace }), ...Object.fromEntries(selectors) };
    return (await client.list(resource, options)).items;
  }

  /** Of another node, or a Pod that has none, nothing is known here. */
  #isHere(object: KubeObject & { readonly spec?: { readonly nodeName?: string } }): boolean {
    const node = object.kind === 'Node' ? object.metadata.name : object.spec?.nodeName;
    return node === this.#options.nodeName;
  }

  #head({ metadata: { name, namespace, labels } }: KubeObject, kind: string, { windowMs }: NodeUsage): object {
    const timestamp = formatTime(this.#options.clock.now());
    return {
      ...{ kind, apiVersion },
      metadata: { name, ...(namespace && { namespace }), creationTimestamp: timestamp, ...(labels && { labels }) },
      timestamp,
      window: `${Number((windowMs / 1000).toFixed(3))}s`,
    };
  }
}

function nodeMetrics(_node: Node, { node }: NodeUsage): object {
  return { usage: amounts(node) };
}

/** As long as something runs; of a Pod that has ended there is nothing to tell. */
function podMetrics({ metadata, spec, status }: Pod, usage: NodeUsage): object | undefined {
  const statuses = [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])];
  const attempts = new Map(statuses.map(({ name, restartCount = 0 }) => [name, restartCount]));
  const containers = [...(spec.initContainers ?? []), ...spec.containers].flatMap(({ name }) => {
    const rate = usage.containerOf({ podUid: metadata.uid, container: name, attempt: attempts.get(name) ?? 0 });
    return rate === undefined ? [] : [{ name, usage: amounts(rate) }];
  });
  return containers.length === 0 ? undefined : { containers };
}

/** In the units of the metrics server. */
function amounts({ cpuMillis, memoryBytes }: UsageRate): object {
  return { cpu: `${Math.round(cpuMillis * 1_000_000)}n`, memory: `${Math.round(memoryBytes / 1024)}Ki` };
}
