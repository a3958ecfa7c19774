import {
  labelSelectorToSelector,
  objectKey,
  refOf,
  resources,
  type Pod,
  type PodDisruptionBudget,
} from '../../api/index.ts';
import type { Informer } from '../../client/index.ts';
import {
  createWorkqueue,
  runController,
  type Controller,
  type ControllerContext,
  type EventRecorder,
  type Workqueue,
} from '../../controlloop/index.ts';
import { planBudget } from './plan.ts';

const workers = 2;

/** Says in the status of every PodDisruptionBudget how many evictions it allows. Upstream: `pkg/controller/disruption`. */
export function createDisruptionController(context: ControllerContext): Controller {
  return new DisruptionController(context);
}

class DisruptionController implements Controller {
  readonly name = 'disruption';
  readonly #context: ControllerContext;
  readonly #recorder: EventRecorder;
  readonly #budgets: Informer<PodDisruptionBudget>;
  readonly #pods: Informer<Pod>;
  readonly #queue: Workqueue;
  #runner: { stop(): Promise<void> } | undefined;

  constructor(context: ControllerContext) {
    this.#context = context;
    this.#recorder = context.recorderFor('controllermanager');
    this.#budgets = context.informers.of(resources.podDisruptionBudgets, { namespace: namespaceOf });
    this.#pods = context.informers.of(resources.pods);
    this.#queue = createWorkqueue({ clock: context.clock });
    const seen = (budget: PodDisruptionBudget): void => this.#queue.add(objectKey(refOf(budget)));
    this.#budgets.addHandler({ onAdd: seen, onUpdate: seen });
    const podSeen = (pod: Pod): void => {
      // Most namespaces have none.
      for (const budget of this.#budgets.byIndex('namespace', pod.metadata.namespace ?? ''))
        if (selects(budget, pod)) seen(budget);
    };
    this.#pods.addHandler({ onAdd: podSeen, onUpdate: podSeen, onDelete: podSeen });
  }

  start(): void {
    const { clock, log, metrics, dueFirst } = this.#context;
    const reconcile = (key: string): Promise<void> => this.#reconcile(key);
    this.#runner = runController({
      ...{ name: this.name, queue: this.#queue, workers, reconcile, clock, log, metrics },
      givesWayTo: dueFirst,
    });
  }

  async stop(): Promise<void> {
    await this.#runner?.stop();
  }

  async #reconcile(key: string): Promise<void> {
    const budget = this.#budgets.get(key);
    if (budget === undefined) return;
    const { client, clock } = this.#context;
    const nowMs = clock.now();
    const pods = await this.#podsOf(budget);
    const plan = planBudget(budget, pods, nowMs);
    if (pods.length === 0) this.#recorder.event(budget, 'Normal', 'NoPods', 'No matching pods found');
    if (plan.problem !== undefined) {
      const message = `Failed to calculate the number of expected pods: ${plan.problem}`;
      this.#recorder.event(budget, 'Warning', 'CalculateExpectedPodCountFailed', message);
    }
    if (plan.unmanaged.length > 0) this.#recorder.event(budget, 'Warning', 'UnmanagedPods', unmanagedText(budget));
    for (const pod of plan.notDeleted) {
      const message = `Pod was expected by PDB ${budget.metadata.namespace}/${budget.metadata.name} to be deleted but it wasn't`;
      this.#recorder.event(pod, 'Warning', 'NotDeleted', message);
    }
    if (JSON.stringify(comparable(plan.status)) !== JSON.stringify(comparable(budget.status)))
      await client.updateStatus(resources.podDisruptionBudgets, { ...budget, status: plan.status });
    if (plan.recheckMs !== undefined) this.#queue.addAfter(key, plan.recheckMs - nowMs + 1);
  }

  async #podsOf({ metadata, spec }: PodDisruptionBudget): Promise<readonly Pod[]> {
    if (spec.selector === undefined) return [];
    const selector = labelSelectorToSelector(spec.selector);
    const { namespace = '' } = metadata;
    const { items } = await this.#context.client.list<Pod>(resources.pods, { namespace });
    return items.filter((pod) => selector.matches(pod.metadata.labels));
  }
}

function namespaceOf({ metadata }: PodDisruptionBudget): readonly string[] {
  return [metadata.namespace ?? ''];
}

function selects({ spec }: PodDisruptionBudget, pod: Pod): boolean {
  return spec.selector !== undefined && labelSelectorToSelector(spec.selector).matches(pod.metadata.labels);
}

function comparable(status: PodDisruptionBudget['status']): unknown {
  const { observedGeneration, disruptedPods = {}, conditions = [], ...counts } = status;
  const { disruptionsAllowed, currentHealthy, desiredHealthy, expectedPods } = counts;
  return [
    observedGeneration ?? 0,
    disruptedPods,
    conditions,
    disruptionsAllowed,
    currentHealthy,
    desiredHealthy,
    expectedPods,
  ];
}

function unmanagedText({ spec }: PodDisruptionBudget): string {
  return (
    `Pods selected by this PodDisruptionBudget (selector: ${JSON.stringify(spec.selector)}) were found to be unmanaged. As a ` +
    'result, the status of the PDB cannot be calculated correctly, which may result in undefined behavior. To account for ' +
    'these pods please set ".spec.minAvailable" field of the PDB to an integer value.'
  );
}
