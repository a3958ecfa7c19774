import {
  isAlreadyExists,
  isNamespaceTerminating,
  isNotFound,
  resources,
  type ConfigMap,
  type KubeObject,
  type Namespace,
  type ServiceAccount,
} from '../../api/index.ts';
import type { Informer } from '../../client/index.ts';
import {
  createWorkqueue,
  runController,
  type Controller,
  type ControllerContext,
  type Workqueue,
} from '../../controlloop/index.ts';

export interface NamespaceDefaultsOptions {
  /** PEM text of the certificate authority that Pods verify the API server with. */
  readonly rootCa: string;
}

const serviceAccountName = 'default';
const rootCaName = 'kube-root-ca.crt';
const rootCaFile = 'ca.crt';
const workers = 2;

/** (Upstream: `pkg/controller/serviceaccount` and `pkg/controller/certificates/rootcacertpublisher`.) */
export function createNamespaceDefaultsController(
  context: ControllerContext,
  options: NamespaceDefaultsOptions,
): Controller {
  return new NamespaceDefaultsController(context, options);
}

class NamespaceDefaultsController implements Controller {
  readonly name = 'namespace-defaults';
  readonly #context: ControllerContext;
  readonly #rootCa: string;
  readonly #namespaces: Informer<Namespace>;
  readonly #serviceAccounts: Informer<ServiceAccount>;
  readonly #configMaps: Informer<ConfigMap>;
  readonly #queue: Workqueue;
  #runner: { stop(): Promise<void> } | undefined;

  constructor(context: ControllerContext, options: NamespaceDefaultsOptions) {
    this.#context = context;
    this.#rootCa = options.rootCa;
    this.#namespaces = context.informers.of(resources.namespaces);
    this.#serviceAccounts = context.informers.of(resources.serviceAccounts);
    this.#configMaps = context.informers.of(resources.configMaps);
    this.#queue = createWorkqueue({ clock: context.clock });
  }

  start(): void {
    const { clock, log, metrics } = this.#context;
    this.#namespaces.addHandler({ onAdd: (namespace) => this.#queue.add(namespace.metadata.name) });
    this.#serviceAccounts.addHandler({ onDelete: (object) => this.#changed(object, serviceAccountName) });
    this.#configMaps.addHandler({
      onUpdate: (object) => this.#changed(object, rootCaName),
      onDelete: (object) => this.#changed(object, rootCaName),
    });
    const reconcile = (key: string): Promise<void> => this.#reconcile(key);
    this.#runner = runController({ name: this.name, queue: this.#queue, workers, reconcile, clock, log, metrics });
  }

  async stop(): Promise<void> {
    await this.#runner?.stop();
  }

  #changed(object: KubeObject, name: string): void {
    const { metadata } = object;
    if (metadata.name === name && metadata.namespace !== undefined) this.#queue.add(metadata.namespace);
  }

  async #reconcile(namespace: string): Promise<void> {
    const found = this.#namespaces.get(namespace);
    if (found === undefined || found.metadata.deletionTimestamp !== undefined) return;
    try {
      // First what Pods mount, then what lets them in.
      await this.#ensureRootCa(namespace);
      await this.#ensureServiceAccount(namespace);
    } catch (error) {
      // The namespace goes before its cache entry says so; somebody else was faster.
      if (!isNamespaceTerminating(error) && !isNotFound(error) && !isAlreadyExists(error)) throw error;
    }
  }

  async #ensureServiceAccount(namespace: string): Promise<void> {
    if (this.#serviceAccounts.get(`${namespace}/${serviceAccountName}`) !== undefined) return;
    const metadata = { namespace, name: serviceAccountName };
    await this.#context.client.create(resources.serviceAccounts, { metadata });
  }

  async #ensureRootCa(namespace: string): Promise<void> {
    const { client } = this.#context;
    const metadata = { namespace, name: rootCaName };
    const data = { [rootCaFile]: this.#rootCa };
    const cached = this.#configMaps.get(`${namespace}/${rootCaName}`);
    if (cached === undefined) await client.create(resources.configMaps, { metadata, data });
    if (cached === undefined || cached.data?.[rootCaFile] === this.#rootCa) return;
    // The cache may be slim; only a live read can tell that the content is wrong.
    const live = await client.get(resources.configMaps, metadata);
    if (live.data?.[rootCaFile] !== this.#rootCa) await client.update(resources.configMaps, { ...live, data });
  }
}
