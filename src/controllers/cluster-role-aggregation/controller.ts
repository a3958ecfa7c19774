import { isConflict, isNotFound, resources, type ClusterRole } from '../../api/index.ts';
import type { Informer } from '../../client/index.ts';
import {
  createWorkqueue,
  runController,
  type Controller,
  type ControllerContext,
  type Workqueue,
} from '../../controlloop/index.ts';
import { gatheredRules } from './plan.ts';

const workers = 1;

/** Keeps the rules of ClusterRoles that gather those of others (`admin`, `edit`, `view`). */
export function createClusterRoleAggregationController(context: ControllerContext): Controller {
  return new AggregationController(context);
}

class AggregationController implements Controller {
  readonly name = 'cluster-role-aggregation';
  readonly #context: ControllerContext;
  readonly #roles: Informer<ClusterRole>;
  readonly #queue: Workqueue;
  #runner: { stop(): Promise<void> } | undefined;

  constructor(context: ControllerContext) {
    this.#context = context;
    this.#roles = context.informers.of(resources.clusterRoles);
    this.#queue = createWorkqueue({ clock: context.clock });
  }

  start(): void {
    const changed = (): void => this.#enqueueGatherers();
    this.#roles.addHandler({ onAdd: changed, onUpdate: changed, onDelete: changed });
    const { clock, log, metrics } = this.#context;
    const reconcile = (name: string): Promise<void> => this.#reconcile(name);
    this.#runner = runController({ name: this.name, queue: this.#queue, workers, reconcile, clock, log, metrics });
  }

  async stop(): Promise<void> {
    await this.#runner?.stop();
  }

  /** Any role may be one that another gathers, or was until now. */
  #enqueueGatherers(): void {
    for (const role of this.#roles.values())
      if (role.aggregationRule !== undefined) this.#queue.add(role.metadata.name);
  }

  async #reconcile(name: string): Promise<void> {
    const role = this.#roles.get(name);
    const rules = role && gatheredRules(role, [...this.#roles.values()]);
    if (role === undefined || rules === undefined) return;
    try {
      await this.#context.client.update(resources.clusterRoles, { ...role, rules });
    } catch (error) {
      // The next event brings what is there now.
      if (!isConflict(error) && !isNotFound(error)) throw error;
    }
  }
}
