import {
  claimKeysOf,
  defaultPriority,
  isNotFound,
  isPodFinished,
  objectKey,
  refOf,
  resources,
  type Node,
  type Pod,
} from '../api/index.ts';
import type { Informer } from '../client/index.ts';
import type { Timer } from '../clock/index.ts';
import {
  createWorkqueue,
  runController,
  type Controller,
  type ControllerContext,
  type EventRecorder,
  type Workqueue,
} from '../controlloop/index.ts';
import { ClusterState } from './cluster-state.ts';
import { PodClaims } from './pod-claims.ts';
import { needsOf, signatureOf } from './pod-needs.ts';
import { Preemptor } from './preemptor.ts';
import { reportUnschedulable } from './report-unschedulable.ts';
import { byTurn, WaitingPods, type PendingPod, type Shape } from './waiting-pods.ts';

export const schedulerName = 'default-scheduler';

/** Pods that fit nowhere are tried again after this long even if nothing has changed, as upstream. */
const flushMs = 5 * 60_000;
/**
 * A Pod that waits is told about (condition and event) only when it has waited this long: where Jobs queue for room and
 * Pods are short, most get their node before that, and each report costs a write.
 */
const reportAfterMs = 1000;
const bindWorkers = 64;
/** Index of Pods by the claims that they use. */
const byClaim = 'scheduler-claim';
const reportWorkers = 4;
const preemptionWorkers = 4;
const sliceMs = 5;

/**
 * Gives unassigned Pods a node. Decisions are taken one after the other in memory (a pass); bindings are written by
 * workers, many at a time. A Pod is charged to its node at the decision, so the next decision already counts it.
 */
export function createScheduler(context: ControllerContext): Controller {
  return new Scheduler(context);
}

class Scheduler implements Controller {
  readonly name = 'scheduler';
  readonly #context: ControllerContext;
  readonly #pods: Informer<Pod>;
  readonly #nodes: Informer<Node>;
  readonly #recorder: EventRecorder;
  readonly #claims: PodClaims;
  readonly #state = new ClusterState();
  readonly #waiting = new WaitingPods();
  readonly #bindings: Workqueue;
  readonly #reports: Workqueue;
  readonly #preemptions: Workqueue;
  readonly #preemptor: Preemptor;
  readonly #runners: { stop(): Promise<void> }[] = [];
  #arrivals: string[] = [];
  #sequence = 0;
  #roomFreed = false;
  #nodesChanged = false;
  #passing: Promise<void> | undefined;
  #flush: Timer | undefined;
  #stopped = false;

  constructor(context: ControllerContext) {
    this.#context = context;
    this.#pods = context.informers.of(resources.pods, { [byClaim]: claimKeysOf });
    this.#claims = new PodClaims(context);
    this.#nodes = context.informers.of(resources.nodes);
    this.#recorder = context.recorderFor(schedulerName);
    this.#bindings = createWorkqueue({ clock: context.clock });
    this.#reports = createWorkqueue({ clock: context.clock });
    this.#preemptions = createWorkqueue({ clock: context.clock });
    const [state, pods, recorder, queue] = [this.#state, this.#pods, this.#recorder, this.#preemptions];
    this.#preemptor = new Preemptor({ context, state, pods, recorder, queue });
  }

  start(): void {
    const { clock, log, metrics, dueFirst: givesWayTo } = this.#context;
    this.#nodes.addHandler({
      onAdd: (node) => this.#nodeSeen(node),
      onUpdate: (node) => this.#nodeSeen(node),
      onDelete: (node) => this.#state.removeNode(node.metadata.name),
    });
    this.#pods.addHandler({
      onAdd: (pod) => this.#podSeen(pod, undefined),
      onUpdate: (pod, previous) => this.#podSeen(pod, previous),
      onDelete: (pod) => this.#podGone(pod),
    });
    this.#claims.onChange((claimKey) => this.#claimSeen(claimKey));
    this.#arrivals.sort((a, b) => this.#createdAt(a).localeCompare(this.#createdAt(b)));
    const run = (queue: Workqueue, workers: number, reconcile: (key: string) => Promise<void>) =>
      this.#runners.push(
        runController({ name: this.name, queue, workers, reconcile, clock, log, metrics, givesWayTo }),
      );
    run(this.#bindings, bindWorkers, (key) => this.#bind(key));
    run(this.#reports, reportWorkers, (key) => this.#report(key));
    run(this.#preemptions, preemptionWorkers, (key) => this.#preemptor.preempt(key));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#flush?.cancel();
    await Promise.all([this.#passing, ...this.#runners.map((runner) => runner.stop())]);
  }

  #createdAt(key: string): string {
    return this.#pods.get(key)?.metadata.creationTimestamp ?? '';
  }

  #nodeSeen(node: Node): void {
    if (!this.#state.setNode(node)) return;
    this.#nodesChanged = true;
    this.#wake();
  }

  #podSeen(pod: Pod, previous: Pod | undefined): void {
    const { uid } = pod.metadata;
    const key = objectKey(pod.metadata);
    const { nodeName } = pod.spec;
    if (isPodFinished(pod)) {
      this.#waiting.remove(key);
      this.#state.withdraw(uid);
      this.#release(uid);
      if (previous !== undefined) this.#claimsReleased(previous);
    } else if (nodeName !== undefined && nodeName !== '') {
      this.#waiting.remove(key);
      if (this.#state.chargedTo(uid) !== nodeName) this.#state.charge({ uid, key }, nodeName, needsOf(pod));
    } else if (!isOurs(pod)) {
      this.#waiting.remove(key);
    } else if (this.#state.chargedTo(uid) === undefined && !this.#isWaitingUnchanged(key, pod, previous)) {
      this.#waiting.remove(key);
      this.#arrivals.push(key);
      this.#wake();
    }
  }

  /** Whether the Pod waits in a line already and still belongs there. */
  #isWaitingUnchanged(key: string, pod: Pod, previous: Pod | undefined): boolean {
    const entry = this.#waiting.of(key);
    if (entry === undefined || entry.pod.uid !== pod.metadata.uid) return false;
    return previous?.spec === pod.spec || signatureOf(needsOf(pod)) === entry.line.signature;
  }

  /** Pods that wait for a claim are judged anew; those that have a node already are bound once it has a volume. */
  #claimSeen(claimKey: string): void {
    for (const pod of this.#pods.byIndex(byClaim, claimKey)) {
      if (!isPending(pod)) continue;
      const key = objectKey(pod.metadata);
      if (this.#state.chargedTo(pod.metadata.uid) !== undefined) this.#bindings.add(key);
      else {
        this.#waiting.remove(key);
        this.#arrivals.push(key);
        this.#wake();
      }
    }
  }

  #podGone(pod: Pod): void {
    this.#waiting.remove(objectKey(pod.metadata));
    this.#state.withdraw(pod.metadata.uid);
    this.#release(pod.metadata.uid);
    this.#claimsReleased(pod);
  }

  /** A claim that only one Pod may use at a time is free for the next one. */
  #claimsReleased(pod: Pod): void {
    for (const key of claimKeysOf(pod)) this.#claimSeen(key);
  }

  #release(uid: string): void {
    if (!this.#state.release(uid) || this.#waiting.size === 0) return;
    this.#roomFreed = true;
    this.#wake();
  }

  /** Starts a pass in a microtask, when the batch of events at hand has been taken in. */
  #wake(): void {
    if (this.#passing !== undefined || this.#stopped) return;
    this.#passing = Promise.resolve()
      .then(() => this.#pass())
      .finally(() => {
        this.#passing = undefined;
        if (this.#arrivals.length > 0 || this.#roomFreed || this.#nodesChanged) this.#wake();
      });
  }

  /** Those who have waited longer go first; then the new ones, in the order of their arrival. */
  async #pass(): Promise<void> {
    const { clock } = this.#context;
    let sliceStartMs = clock.monotonic();
    for (const step of this.#steps()) {
      this.#take(step);
      if (this.#stopped) return;
      if (clock.monotonic() - sliceStartMs < sliceMs) continue;
      await clock.yield();
      sliceStartMs = clock.monotonic();
    }
    if (this.#waiting.size > 0) this.#flush ??= clock.after(flushMs, () => this.#flushWaiting());
  }

  /** A Pod that cannot be judged (it broke an invariant) must not keep the others from being placed. */
  #take(step: () => void): void {
    try {
      step();
    } catch (error) {
      this.#context.log.error('scheduling step failed', { error });
    }
  }

  *#steps(): Iterable<() => void> {
    if (this.#roomFreed || this.#nodesChanged) yield* this.#retrySteps();
    const arrivals = this.#byPriority(this.#arrivals);
    this.#arrivals = [];
    for (const key of arrivals) yield () => this.#placeArrival(key);
  }

  /** Those of one importance stay in the order of their arrival. */
  #byPriority(keys: string[]): string[] {
    const priorityOf = (key: string): number => this.#pods.get(key)?.spec.priority ?? defaultPriority;
    const isMixed = keys.some((key) => priorityOf(key) !== priorityOf(keys[0] ?? ''));
    return isMixed ? keys.toSorted((a, b) => priorityOf(b) - priorityOf(a)) : keys;
  }

  #flushWaiting(): void {
    this.#flush = undefined;
    this.#nodesChanged = true;
    this.#wake();
  }

  #placeArrival(key: string): void {
    const pod = this.#pods.get(key);
    if (pod === undefined || !isPending(pod) || this.#state.chargedTo(pod.metadata.uid) !== undefined) return;
    if (this.#waiting.of(key) !== undefined) return;
    const needs = needsOf(pod);
    const arrival = { key, uid: pod.metadata.uid, needs, sequence: this.#sequence++, note: '', left: false };
    const { nominatedNodeName } = pod.status;
    if (nominatedNodeName) this.#state.nominate(arrival, nominatedNodeName, needs);
    const problem = this.#claims.problemOf(pod, (claimKey) => this.#pods.byIndex(byClaim, claimKey));
    if (problem !== undefined) {
      const message = `0/${this.#state.size} nodes are available: ${problem}.`;
      // A line of its own: no other Pod waits for the same, and no node can help.
      this.#wait(arrival, {
        signature: pod.metadata.uid,
        needs,
        reason: 'claims',
        message,
        eligible: [],
        generation: -1,
      });
      return;
    }
    const line = this.#waiting.size === 0 ? undefined : this.#waiting.find(signatureOf(needs));
    // A line of the same shape has been tried and did not fit; this one comes after it.
    if (line !== undefined) this.#wait(arrival, line);
    else {
      const placement = this.#state.place(needs, arrival.uid);
      if (placement.type === 'fits') this.#assign(arrival, placement.nodeName);
      else {
        const { reason, message } = placement;
        this.#wait(arrival, { signature: signatureOf(needs), needs, reason, message, eligible: [], generation: -1 });
      }
    }
  }

  #wait(pod: PendingPod, shape: Shape): void {
    this.#waiting.add(pod, shape);
    pod.note = this.#preemptor.consider(pod, shape.reason);
    this.#reports.addAfter(pod.key, reportAfterMs);
  }

  #assign(pod: PendingPod, nodeName: string): void {
    this.#state.charge(pod, nodeName, pod.needs);
    this.#waiting.remove(pod.key);
    this.#bindings.add(pod.key);
  }

  /** Places Pods from the heads of the lines, the longest waiting first, until the first of every line does not fit. */
  *#retrySteps(): Iterable<() => void> {
    const all = this.#nodesChanged;
    this.#nodesChanged = false;
    this.#roomFreed = false;
    const open = this.#waiting
      .shapes()
      .filter((shape) => shape.reason === 'room' || (all && shape.reason !== 'claims'));
    for (let at = 0; at < open.length;) {
      const shape = open[at] as Shape;
      const pod = this.#waiting.first(shape);
      const nodeName = pod === undefined ? undefined : this.#nodeFor(shape, pod.uid);
      if (pod === undefined || nodeName === undefined) {
        yield () => (pod === undefined ? undefined : this.#explain(shape, pod, all));
        at++;
        continue;
      }
      yield () => this.#assign(pod, nodeName);
      this.#resort(open, at);
    }
  }

  /** Moves the shape at `at` behind those whose first Pod has waited longer than its next one. */
  #resort(open: Shape[], at: number): void {
    const first = (shape: Shape | undefined): PendingPod | undefined =>
      shape === undefined ? undefined : this.#waiting.first(shape);
    const shape = open[at] as Shape;
    const own = first(shape);
    let to = at;
    while (to + 1 < open.length && byTurn(first(open[to + 1]), own) < 0) to++;
    if (to === at) return;
    open.copyWithin(at, at + 1, to + 1);
    open[to] = shape;
  }

  #nodeFor(shape: Shape, uid: string): string | undefined {
    if (shape.generation !== this.#state.generation) {
      shape.eligible = this.#state.eligibleNodes(shape.needs);
      shape.generation = this.#state.generation;
    }
    return this.#state.bestOf(shape.eligible, shape.needs, uid);
  }

  /** What freed room may have been too little; after a change of nodes there may be another reason for waiting. */
  #explain(shape: Shape, first: PendingPod, nodesChanged: boolean): void {
    first.note = this.#preemptor.consider(first, shape.reason);
    if (!nodesChanged) return;
    const placement = this.#state.place(shape.needs, first.uid);
    if (placement.type === 'fits') return;
    shape.reason = placement.reason;
    if (shape.message === placement.message) return;
    shape.message = placement.message;
    for (const key of this.#waiting.keysOf(shape)) this.#reports.addAfter(key, reportAfterMs);
  }

  async #bind(key: string): Promise<void> {
    const pod = this.#pods.get(key);
    if (pod === undefined || !isPending(pod)) return;
    const { uid } = pod.metadata;
    const nodeName = this.#state.chargedTo(uid);
    if (nodeName === undefined) {
      // An earlier try failed and gave the room back.
      this.#arrivals.push(key);
      this.#wake();
      return;
    }
    try {
      if (!(await this.#claims.bindOn(pod, nodeName))) return;
      await this.#context.client.bind(refOf(pod), nodeName);
    } catch (error) {
      this.#bindingFailed(key, uid);
      if (isNotFound(error)) return;
      throw error;
    }
    this.#recorder.event(pod, 'Normal', 'Scheduled', `Successfully assigned ${key} to ${nodeName}`);
  }

  #bindingFailed(key: string, uid: string): void {
    const pod = this.#pods.get(key);
    const isBound = pod !== undefined && pod.metadata.uid === uid && !isPending(pod);
    if (!isBound) this.#release(uid);
  }

  async #report(key: string): Promise<void> {
    const entry = this.#waiting.of(key);
    const pod = this.#pods.get(key);
    if (entry === undefined || pod?.metadata.uid !== entry.pod.uid) return;
    const { client, clock } = this.#context;
    const message = entry.line.message + entry.pod.note;
    const isNews = await reportUnschedulable(client, pod, { message, nowMs: clock.now() });
    if (isNews) this.#recorder.event(pod, 'Warning', 'FailedScheduling', message);
  }
}

/** A Pod that this scheduler is to place. Gated Pods come again when their gates are gone. */
function isOurs(pod: Pod): boolean {
  const { schedulerName: wanted = schedulerName, schedulingGates = [] } = pod.spec;
  return wanted === schedulerName && schedulingGates.length === 0 && pod.metadata.deletionTimestamp === undefined;
}

function isPending(pod: Pod): boolean {
  const { nodeName = '' } = pod.spec;
  return nodeName === '' && !isPodFinished(pod) && isOurs(pod);
}
