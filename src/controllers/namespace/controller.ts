import {
  formatTime,
  isConflict,
  isNotFound,
  resources as knownResources,
  type Namespace,
  type Resource,
} from '../../api/index.ts';
import type { Client, Informer } from '../../client/index.ts';
import {
  createWorkqueue,
  runController,
  type Controller,
  type ControllerContext,
  type Workqueue,
} from '../../controlloop/index.ts';
import { conditionsOf, isSameConditions, type Remaining, type Round } from './conditions.ts';

export interface NamespaceControllerOptions {
  /** The namespaced kinds to empty. Default: all that Rondo's rooms know. */
  readonly resources?: readonly Resource[];
}

const workers = 4;
/** How long to wait for what is on its way out (Pods in their grace period, finalizers) before looking again. */
const againMs = 500;
const pageSize = 500;

/** Deletes everything in a namespace that is being deleted, then lets the namespace go. */
export function createNamespaceController(
  context: ControllerContext,
  options: NamespaceControllerOptions = {},
): Controller {
  const all: readonly Resource[] = Object.values(knownResources);
  return new NamespaceController(context, options.resources ?? all.filter((resource) => resource.namespaced));
}

class NamespaceController implements Controller {
  readonly name = 'namespace';
  readonly #context: ControllerContext;
  readonly #client: Client;
  readonly #kinds: readonly Resource[];
  readonly #namespaces: Informer<Namespace>;
  readonly #queue: Workqueue;
  #runner: { stop(): Promise<void> } | undefined;

  constructor(context: ControllerContext, kinds: readonly Resource[]) {
    this.#context = context;
    this.#client = context.client;
    this.#kinds = kinds;
    this.#namespaces = context.informers.of(knownResources.namespaces);
    this.#queue = createWorkqueue({ clock: context.clock });
  }

  start(): void {
    const { clock, log, metrics } = this.#context;
    const seen = (namespace: Namespace): void => {
      if (namespace.metadata.deletionTimestamp !== undefined) this.#queue.add(namespace.metadata.name);
    };
    this.#namespaces.addHandler({ onAdd: seen, onUpdate: seen });
    const reconcile = (key: string): Promise<void> => this.#reconcile(key);
    this.#runner = runController({ name: this.name, queue: this.#queue, workers, reconcile, clock, log, metrics });
  }

  async stop(): Promise<void> {
    await this.#runner?.stop();
  }

  async #reconcile(name: string): Promise<void> {
    const namespace = this.#namespaces.get(name);
    if (namespace?.metadata.deletionTimestamp === undefined) return;
    // Ours is done; other finalizers hold it.
    if ((namespace.spec.finalizers ?? []).length === 0) return;
    const round = await this.#empty(name);
    if (round.errors.length + round.remaining.length > 0) {
      await this.#tell(namespace, round);
      this.#queue.addAfter(name, againMs);
      return;
    }
    try {
      await this.#client.finalizeNamespace(name);
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }

  async #empty(namespace: string): Promise<Round> {
    const errors: string[] = [];
    const remaining: Remaining[] = [];
    for (const resource of this.#kinds) {
      try {
        const left = await this.#emptyKind(resource, namespace);
        if (left !== undefined) remaining.push(left);
      } catch (error) {
        const text = error instanceof Error ? error.message : String(error);
        this.#context.log.warn('deleting the content of a namespace failed', { namespace, error });
        errors.push(text);
      }
    }
    return { errors, remaining };
  }

  /** Deletes all objects of a kind, and says what is left because of grace periods or finalizers. */
  async #emptyKind(resource: Resource, namespace: string): Promise<Remaining | undefined> {
    if ((await this.#client.list(resource, { namespace, limit: 1 })).items.length === 0) return undefined;
    await this.#client.deleteCollection(resource, { namespace, propagationPolicy: 'Background' });
    return this.#count(resource, namespace);
  }

  async #count(resource: Resource, namespace: string): Promise<Remaining | undefined> {
    const finalizers = new Map<string, number>();
    let count = 0;
    let token: string | undefined;
    do {
      const options = { namespace, limit: pageSize, ...(token === undefined ? {} : { continue: token }) };
      const page = await this.#client.list(resource, options);
      count += page.items.length;
      for (const { metadata } of page.items) {
        for (const finalizer of metadata.finalizers ?? []) {
          finalizers.set(finalizer, (finalizers.get(finalizer) ?? 0) + 1);
        }
      }
      token = page.continue === '' ? undefined : page.continue;
    } while (token !== undefined);
    return count === 0 ? undefined : { resource, count, finalizers };
  }

  async #tell(namespace: Namespace, round: Round): Promise<void> {
    const old = namespace.status.conditions ?? [];
    const conditions = conditionsOf(round, old, formatTime(this.#context.clock.now()));
    if (isSameConditions(conditions, old)) return;
    const ref = { name: namespace.metadata.name };
    const patch = { type: 'merge', body: { status: { conditions } } } as const;
    try {
      await this.#client.patch(knownResources.namespaces, ref, patch, { subresource: 'status' });
    } catch (error) {
      if (!isNotFound(error) && !isConflict(error)) throw error;
    }
  }
}
