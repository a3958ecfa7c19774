import {
  isConflict,
  isNotFound,
  isPodFinished,
  objectKey,
  refOf,
  resources,
  type Node,
  type Pod,
} from '../../api/index.ts';
import type { Client, Informer } from '../../client/index.ts';
import {
  createWorkqueue,
  runController,
  type Controller,
  type ControllerContext,
  type Workqueue,
} from '../../controlloop/index.ts';
import { excessPods, failurePatch, isBound, isTerminatingUnscheduled } from './plan.ts';

export interface PodGcOptions {
  /** So many finished Pods may stay; 0 or less: all. Default 12 500, as upstream's `--terminated-pod-gc-threshold`. */
  readonly terminatedThreshold?: number;
}

const defaultThreshold = 12_500;
/** How long finished Pods may be too many before some go: they go in batches, never one per Pod that finishes. */
const sweepDelayMs = 20_000;
/** How long a node must be gone before its Pods are (upstream `quarantineTime`). */
const quarantineMs = 40_000;
const workers = 4;
const deletesAtOnce = 32;

const sweepKey = 'sweep';
const podPrefix = 'pod:';
const nodePrefix = 'node:';

/**
 * Pod garbage collection (upstream `pkg/controller/podgc`), driven by events and due times instead of a scan every 20
 * seconds: work is proportional to what is to be removed. Of a cached Pod it reads metadata, `spec.nodeName`,
 * `status.phase` and `status.reason`.
 */
export function createPodGcController(context: ControllerContext, options: PodGcOptions = {}): Controller {
  return new PodGcController(context, options.terminatedThreshold ?? defaultThreshold);
}

class PodGcController implements Controller {
  readonly name = 'pod-gc';
  readonly #context: ControllerContext;
  readonly #client: Client;
  readonly #threshold: number;
  readonly #pods: Informer<Pod>;
  readonly #nodes: Informer<Node>;
  readonly #queue: Workqueue;
  /** Finished Pods that are not being deleted, as the cache holds them. */
  readonly #finished = new Map<string, Pod>();
  /** Since when nodes are gone that Pods are bound to. */
  readonly #goneSinceMs = new Map<string, number>();
  #runner: { stop(): Promise<void> } | undefined;

  constructor(context: ControllerContext, threshold: number) {
    this.#context = context;
    this.#client = context.client;
    this.#threshold = threshold;
    this.#pods = context.informers.of(resources.pods);
    this.#nodes = context.informers.of(resources.nodes);
    this.#queue = createWorkqueue({ clock: context.clock });
  }

  start(): void {
    this.#nodes.addHandler({
      onAdd: (node) => void this.#goneSinceMs.delete(node.metadata.name),
      onDelete: (node) => this.#nodeGone(node.metadata.name),
    });
    this.#pods.addHandler({
      onAdd: (pod) => this.#seen(pod),
      onUpdate: (pod) => this.#seen(pod),
      onDelete: (pod) => void this.#finished.delete(objectKey(pod.metadata)),
    });
    const { clock, log, metrics } = this.#context;
    const reconcile = (key: string): Promise<void> => this.#reconcile(key);
    this.#runner = runController({ name: this.name, queue: this.#queue, workers, reconcile, clock, log, metrics });
  }

  async stop(): Promise<void> {
    await this.#runner?.stop();
  }

  #seen(pod: Pod): void {
    const key = objectKey(pod.metadata);
    this.#noteFinished(key, pod);
    if (isTerminatingUnscheduled(pod)) this.#queue.add(podPrefix + key);
    const { nodeName = '' } = pod.spec;
    if (nodeName === '' || this.#nodes.get(nodeName) !== undefined) return;
    if (!this.#goneSinceMs.has(nodeName)) this.#goneSinceMs.set(nodeName, this.#context.clock.now());
    this.#queue.addAfter(podPrefix + key, this.#quarantineLeftMs(nodeName));
  }

  #noteFinished(key: string, pod: Pod): void {
    if (this.#threshold <= 0) return;
    if (!isPodFinished(pod) || pod.metadata.deletionTimestamp !== undefined) {
      this.#finished.delete(key);
      return;
    }
    this.#finished.set(key, pod);
    if (this.#finished.size > this.#threshold) this.#queue.addAfter(sweepKey, sweepDelayMs);
  }

  #nodeGone(name: string): void {
    this.#goneSinceMs.set(name, this.#context.clock.now());
    this.#queue.addAfter(nodePrefix + name, quarantineMs);
  }

  #quarantineLeftMs(nodeName: string): number {
    const sinceMs = this.#goneSinceMs.get(nodeName) ?? Infinity;
    return sinceMs + quarantineMs - this.#context.clock.now();
  }

  async #reconcile(key: string): Promise<void> {
    if (key === sweepKey) await this.#sweep();
    else if (key.startsWith(nodePrefix)) await this.#releaseNode(key.slice(nodePrefix.length));
    else await this.#collect(key.slice(podPrefix.length));
  }

  /** Looks through all Pods, but once per node that is gone for good, never per event. */
  async #releaseNode(name: string): Promise<void> {
    const leftMs = this.#quarantineLeftMs(name);
    if (leftMs === Infinity) return;
    if (leftMs > 0) {
      this.#queue.addAfter(nodePrefix + name, leftMs);
      return;
    }
    if (!(await this.#isGone(name))) return;
    let bound = 0;
    for (const pod of this.#pods.values()) {
      if (pod.spec.nodeName !== name) continue;
      this.#queue.add(podPrefix + objectKey(pod.metadata));
      bound++;
    }
    if (bound === 0) this.#goneSinceMs.delete(name);
  }

  async #collect(key: string): Promise<void> {
    const pod = this.#pods.get(key);
    if (pod === undefined) return;
    if (isTerminatingUnscheduled(pod)) {
      await this.#remove(pod, 'never scheduled');
      return;
    }
    const { nodeName = '' } = pod.spec;
    if (!isBound(pod) || this.#nodes.get(nodeName) !== undefined) return;
    const leftMs = this.#quarantineLeftMs(nodeName);
    if (leftMs > 0) {
      if (leftMs < Infinity) this.#queue.addAfter(podPrefix + key, leftMs);
      return;
    }
    if (await this.#isGone(nodeName)) await this.#remove(pod, 'node gone');
  }

  /** Caches may lag: a node is gone when the server says so. */
  async #isGone(name: string): Promise<boolean> {
    try {
      await this.#client.get(resources.nodes, { name });
      return false;
    } catch (error) {
      if (isNotFound(error)) return true;
      throw error;
    }
  }

  async #sweep(): Promise<void> {
    const excess = excessPods(this.#finished.values(), this.#threshold);
    for (let from = 0; from < excess.length; from += deletesAtOnce) {
      await Promise.all(excess.slice(from, from + deletesAtOnce).map((pod) => this.#delete(pod)));
      await this.#context.clock.yield();
    }
  }

  async #remove(pod: Pod, why: 'node gone' | 'never scheduled'): Promise<void> {
    const patch = failurePatch(pod, why, this.#context.clock.now());
    const gone = patch !== undefined && !(await this.#succeeds(() => this.#patch(pod, patch)));
    if (!gone) await this.#delete(pod);
  }

  #patch(pod: Pod, patch: NonNullable<ReturnType<typeof failurePatch>>): Promise<unknown> {
    return this.#client.patch(resources.pods, refOf(pod), patch, { subresource: 'status' });
  }

  async #delete(pod: Pod): Promise<void> {
    const { uid, deletionTimestamp, deletionGracePeriodSeconds } = pod.metadata;
    // Only its finalizers keep it: to ask again would change nothing.
    if (deletionTimestamp !== undefined && deletionGracePeriodSeconds === 0) return;
    await this.#succeeds(() =>
      this.#client.delete(resources.pods, refOf(pod), { gracePeriodSeconds: 0, preconditions: { uid } }),
    );
    this.#finished.delete(objectKey(pod.metadata));
  }

  /** False if the Pod is gone, or another one has its name. */
  async #succeeds(write: () => Promise<unknown>): Promise<boolean> {
    try {
      await write();
      return true;
    } catch (error) {
      if (isNotFound(error) || isConflict(error)) return false;
      throw error;
    }
  }
}
