import { formatTime, isNotFound, refOf, resources, type Pod } from '../api/index.ts';
import type { Informer } from '../client/index.ts';
import type { ControllerContext, EventRecorder, Workqueue } from '../controlloop/index.ts';
import { couldFit, type ClusterState } from './cluster-state.ts';
import { leastLoss, victimsOn, type PlacedPod, type Victims } from './victims.ts';
import type { PendingPod, Shape } from './waiting-pods.ts';

const condition = { type: 'DisruptionTarget', status: 'True', reason: 'PreemptionByScheduler' } as const;
/** Of Pods that have not started: later than all others. */
const notStarted = '9999';

interface Preemption extends Victims {
  readonly uid: string;
  /** Keys of less important Pods that were to run there. */
  readonly displaced: readonly string[];
}

export interface PreemptorOptions {
  readonly context: ControllerContext;
  readonly state: ClusterState;
  readonly pods: Informer<Pod>;
  readonly recorder: EventRecorder;
  /** Keys of Pods that others are to go for. Whoever owns it calls `preempt` for each. */
  readonly queue: Workqueue;
}

/** Makes less important Pods go for more important ones that find no room. (Upstream: plugin DefaultPreemption.) */
export class Preemptor {
  readonly #options: PreemptorOptions;
  /** Decided, and not yet carried out. */
  readonly #decided = new Map<string, Preemption>();

  constructor(options: PreemptorOptions) {
    this.#options = options;
  }

  /** Decides who goes, if that helps. Returns what is to be added to the reason why the Pod waits. */
  consider(pod: PendingPod, reason: Shape['reason']): string {
    const { state } = this.#options;
    const { needs } = pod;
    if (!needs.preempts) return ' preemption: not eligible due to preemptionPolicy=Never.';
    if (this.#decided.has(pod.key) || this.#somebodyIsLeaving(pod))
      return ' preemption: not eligible due to a terminating pod on the nominated node.';
    const chosen = reason === 'room' && state.hasBelow(needs.priority) ? this.#choose(pod) : undefined;
    if (chosen === undefined) return this.#noHelp(pod, reason);
    const displaced = state.displace(chosen.nodeName, needs.priority);
    state.nominate(pod, chosen.nodeName, needs);
    this.#decided.set(pod.key, { ...chosen, uid: pod.uid, displaced });
    this.#options.queue.add(pod.key);
    return '';
  }

  /** Carries out what was decided for a Pod: the victims are told why, and deleted with their own grace period. */
  async preempt(key: string): Promise<void> {
    const decided = this.#decided.get(key);
    if (decided === undefined) return;
    const preemptor = this.#options.pods.get(key);
    if (preemptor?.metadata.uid === decided.uid) {
      for (const victim of decided.pods) await this.#remove(victim, preemptor, decided.nodeName);
      for (const other of decided.displaced) await this.#nominate(this.#options.pods.get(other), null);
      await this.#nominate(preemptor, decided.nodeName);
    }
    this.#decided.delete(key);
  }

  #choose(pod: PendingPod): Victims | undefined {
    const { state } = this.#options;
    const asking = { uid: pod.uid, priority: pod.needs.priority };
    const candidates = state.eligibleNodes(pod.needs).flatMap((node) => {
      const pods = state.placedOn(node.name).map((placed): PlacedPod => {
        const { startTime } = this.#options.pods.get(placed.key)?.status ?? {};
        return { ...placed, startTime: startTime ?? notStarted, isProtected: false };
      });
      return victimsOn(node, pod.needs, { pods, used: state.usageOf(node.name, asking) }) ?? [];
    });
    return leastLoss(candidates);
  }

  #somebodyIsLeaving({ uid, needs }: PendingPod): boolean {
    const { state, pods } = this.#options;
    const nodeName = state.nominatedTo(uid);
    if (nodeName === undefined) return false;
    return state.placedOn(nodeName).some(({ key, priority }) => {
      const { metadata, status } = pods.get(key) ?? {};
      if (priority >= needs.priority || metadata?.deletionTimestamp === undefined) return false;
      return status?.conditions?.some(({ type, reason }) => type === condition.type && reason === condition.reason);
    });
  }

  /** Upstream's words for preemption that finds nobody. */
  #noHelp({ needs }: PendingPod, reason: Shape['reason']): string {
    const nodes = this.#options.state.nodes();
    if (nodes.length === 0) return '';
    const candidates = reason === 'room' ? this.#options.state.eligibleNodes(needs) : [];
    const large = candidates.filter((node) => couldFit(needs, node)).length;
    const reasons = [
      [large, 'No preemption victims found for incoming pod'],
      [nodes.length - large, 'Preemption is not helpful for scheduling'],
    ] as const;
    const texts = reasons.filter(([count]) => count > 0).map(([count, text]) => `${count} ${text}`);
    return ` preemption: 0/${nodes.length} nodes are available: ${texts.join(', ')}.`;
  }

  async #remove(victim: PlacedPod, preemptor: Pod, nodeName: string): Promise<void> {
    const { client, clock } = this.#options.context;
    const pod = this.#options.pods.get(victim.key);
    if (pod?.metadata.uid !== victim.uid || pod.metadata.deletionTimestamp !== undefined) return;
    const message = `${preemptor.spec.schedulerName}: preempting to accommodate a higher priority pod`;
    const why = { ...condition, message, lastTransitionTime: formatTime(clock.now()) };
    const { uid } = victim;
    try {
      await client.patch(
        resources.pods,
        refOf(pod),
        { type: 'strategic', body: { metadata: { uid }, status: { conditions: [why] } } },
        { subresource: 'status' },
      );
      await client.delete(resources.pods, refOf(pod), { preconditions: { uid } });
    } catch (error) {
      if (isNotFound(error)) return;
      throw error;
    }
    const text = `Preempted by pod ${preemptor.metadata.uid} on node ${nodeName}`;
    this.#options.recorder.event(pod, 'Normal', 'Preempted', text);
  }

  async #nominate(pod: Pod | undefined, nominatedNodeName: string | null): Promise<void> {
    if (pod === undefined) return;
    const body = { metadata: { uid: pod.metadata.uid }, status: { nominatedNodeName } };
    try {
      await this.#options.context.client.patch(
        resources.pods,
        refOf(pod),
        { type: 'merge', body },
        { subresource: 'status' },
      );
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }
}
