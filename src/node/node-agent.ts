import type { Duplex } from 'node:stream';
import { badRequest, isPodFinished, objectKey, resources, type Node, type Pod } from '../api/index.ts';
import type { Informer, PodLogOptions } from '../client/index.ts';
import { createWorkqueue, runController, type Controller, type ControllerContext } from '../controlloop/index.ts';
import type { ExecSession, Runtime } from '../runtimes/index.ts';
import { ImageGarbage } from './image-garbage.ts';
import { attachTo } from './pod-attach.ts';
import { newestAttempt, readPodLog } from './pod-log.ts';
import { NodeRegistration } from './node-registration.ts';
import { NodeResources } from './node-resources.ts';
import type { ServerFor } from './pod-identity.ts';
import { PodWorker } from './pod-worker.ts';
import { RuntimeChoice } from './runtime-classes.ts';
import { UsageSampler, type NodeUsage } from './usage-sampler.ts';

export interface NodeAgentOptions {
  readonly nodeName: string;
  /** The first one runs Pods that name none; others by `runtimeClassName`. */
  readonly runtimes: readonly Runtime[];
  /** How often the node's lease is renewed. Default: 10 s, as the kubelet. */
  readonly heartbeatMs?: number | undefined;
  /** Where the containers of a Pod reach the API server; undefined while it is nowhere. */
  readonly serverFor?: ServerFor | undefined;
}

/** What is to be run in a container. */
interface WantedCommand {
  readonly container: string;
  readonly command: readonly string[];
  readonly terminal: boolean;
}

/** The node agent, and the way to the logs of its Pods. */
export interface NodeAgent extends Controller {
  log(pod: Pod, options: PodLogOptions, signal: AbortSignal): AsyncIterable<Uint8Array>;
  /** Runs a command in a running container. @throws RuntimeError, or ApiError if the Pod's runtime cannot */
  exec(pod: Pod, wanted: WantedCommand): ExecSession;
  /** What a running container writes from now on. @throws as `exec` */
  attach(pod: Pod, wanted: WantedAttachment): ExecSession;
  /** A connection to a port of a Pod. @throws ApiError if the Pod's runtime has none */
  portForward(pod: Pod, port: number): Duplex;
  /** What this machine uses now, and each container. Waits up to a second. */
  usage(): Promise<NodeUsage>;
}

const workers = 64;

export interface WantedAttachment {
  readonly container: string;
  /** Whether what it reads is wanted as well. */
  readonly input: boolean;
}

/**
 * Drives the life of the Pods that are assigned to this node: starts what their plan says, reports what happens, cleans
 * up what is gone. Runs Pods again after a restart of the engine without starting any container twice.
 */
export function createNodeAgent(context: ControllerContext, options: NodeAgentOptions): NodeAgent {
  return new Agent(context, options);
}

class Agent implements NodeAgent {
  readonly name = 'node-agent';
  readonly #context: ControllerContext;
  readonly #options: NodeAgentOptions;
  readonly #pods: Informer<Pod>;
  readonly #nodes: Informer<Node>;
  readonly #queue;
  readonly #choice: RuntimeChoice;
  readonly #worker: PodWorker;
  readonly #registration: NodeRegistration;
  readonly #garbage: readonly ImageGarbage[];
  /** Where exits are reported to: pod uid to key. Only of Pods that are not finished. */
  readonly #keyOf = new Map<string, string>();
  readonly #removals = new Set<Promise<void>>();
  readonly #resources: NodeResources;
  readonly #sampler: UsageSampler;
  #running: { stop(): Promise<void> } | undefined;

  constructor(context: ControllerContext, options: NodeAgentOptions) {
    this.#context = context;
    this.#options = options;
    this.#pods = context.informers.of(resources.pods);
    this.#nodes = context.informers.of(resources.nodes);
    this.#queue = createWorkqueue({ clock: context.clock });
    this.#choice = new RuntimeChoice(options.runtimes, context.informers.of(resources.runtimeClasses));
    this.#worker = new PodWorker(context, {
      runtimeFor: (pod) => this.#runtimeFor(pod),
      wake: (podUid) => this.#wake(podUid),
      onImageUse: (id) => {
        for (const garbage of this.#garbage) garbage.used(id);
      },
      serverFor: (podAddress) => options.serverFor?.(podAddress),
    });
    const { nodeName, heartbeatMs } = options;
    const { clock, log } = context;
    const shared = { clock, log, nodeName, recorder: context.recorderFor('kubelet'), inUse: () => this.#imagesInUse() };
    this.#garbage = options.runtimes.flatMap(({ images }) =>
      images?.keep === undefined ? [] : new ImageGarbage({ ...shared, keep: images.keep }),
    );
    this.#sampler = new UsageSampler(options.runtimes, clock);
    this.#resources = new NodeResources(this.#defaultRuntime().capabilities);
    this.#registration = new NodeRegistration(context, { nodeName, runtime: this.#defaultRuntime(), heartbeatMs });
  }

  async start(): Promise<void> {
    for (const runtime of this.#options.runtimes) {
      runtime.onExit((state) => this.#wake(state.id.podUid));
      await runtime.start();
    }
    await this.#choice.register(this.#context.client);
    await this.#removeLeftovers();
    this.#pods.addHandler({
      onAdd: (pod) => this.#observe(pod),
      onUpdate: (pod, previous) => {
        if (pod.metadata.uid !== previous.metadata.uid) this.#forget(previous);
        this.#observe(pod);
      },
      onDelete: (pod) => this.#forget(pod),
    });
    const { clock, log, metrics } = this.#context;
    const reconcile = (key: string): Promise<void> => this.#reconcile(key);
    this.#running = runController({
      ...{ name: this.name, queue: this.#queue, workers, reconcile, clock, log, metrics },
      givesWayTo: this.#context.dueFirst,
    });
    await this.#registration.start();
    for (const garbage of this.#garbage) garbage.start();
  }

  async stop(): Promise<void> {
    this.#registration.stop();
    for (const garbage of this.#garbage) await garbage.stop();
    await this.#running?.stop();
    await this.#worker.stop();
    // What is being removed would otherwise be left for the next start.
    await Promise.all(this.#removals);
    for (const runtime of this.#options.runtimes) await runtime.stop();
  }

  log(pod: Pod, options: PodLogOptions, signal: AbortSignal): AsyncIterable<Uint8Array> {
    const runtime = this.#runtimeFor(pod);
    if (runtime === undefined)
      throw badRequest(`no runtime of this node is the handler of RuntimeClass "${pod.spec.runtimeClassName}"`);
    return readPodLog({ pod, runtime, options, signal, nowMs: this.#context.clock.now() });
  }

  exec(pod: Pod, wanted: WantedCommand): ExecSession {
    const { container, command, terminal } = wanted;
    const runtime = this.#runtimeFor(pod);
    const attempt = newestAttempt(pod, container);
    const session = runtime?.exec?.({ podUid: pod.metadata.uid, container, attempt }, command, { terminal });
    if (session === undefined) throw badRequest('the runtime of this Pod cannot run commands in containers');
    return session;
  }

  attach(pod: Pod, { container, input }: WantedAttachment): ExecSession {
    const runtime = this.#runtimeFor(pod);
    if (runtime === undefined) throw badRequest('the Pod has no runtime here');
    if (input && runtime.openInput === undefined) throw badRequest('containers of this runtime have no open input');
    return attachTo(runtime, { podUid: pod.metadata.uid, container, attempt: newestAttempt(pod, container) }, input);
  }

  portForward(pod: Pod, port: number): Duplex {
    const connection = this.#runtimeFor(pod)?.dial?.(pod.metadata.uid, port);
    if (connection === undefined) throw badRequest('the runtime of this Pod has no ports');
    return connection;
  }

  usage(): Promise<NodeUsage> {
    return this.#sampler.usage();
  }

  /** Of containers that are about to start, that run, or that may be restarted. */
  #imagesInUse(): ReadonlySet<string> {
    const held = this.#options.runtimes.flatMap((runtime) =>
      runtime.images === undefined
        ? []
        : runtime
            .containers()
            .filter(({ type, id }) => type === 'running' || this.#keyOf.has(id.podUid))
            .flatMap(({ id }) => runtime.imageOf?.(id)?.id ?? []),
    );
    return new Set([...this.#worker.imagesInUse(), ...held]);
  }

  #defaultRuntime(): Runtime {
    const first = this.#options.runtimes[0];
    if (first === undefined) throw new Error('a node agent needs at least one runtime');
    return first;
  }

  #runtimeFor(pod: Pod): Runtime | undefined {
    return this.#choice.runtimeFor(pod);
  }

  #isMine(pod: Pod): boolean {
    return pod.spec.nodeName === this.#options.nodeName;
  }

  #observe(pod: Pod): void {
    if (!this.#isMine(pod)) return;
    const key = objectKey(pod.metadata);
    if (isPodFinished(pod)) {
      this.#resources.release(pod.metadata.uid);
      // Nothing to do for a finished Pod until it is to be deleted: 100 000 of them cost nothing here.
      const known = this.#keyOf.delete(pod.metadata.uid);
      if (!known && pod.metadata.deletionTimestamp === undefined) return;
    } else {
      this.#keyOf.set(pod.metadata.uid, key);
      this.#resources.holdKnown(pod);
    }
    this.#queue.add(key);
  }

  #forget(pod: Pod): void {
    if (!this.#isMine(pod)) return;
    this.#keyOf.delete(pod.metadata.uid);
    this.#resources.release(pod.metadata.uid);
    const removal = this.#worker
      .remove(pod)
      .catch((error: unknown) => {
        this.#context.log.error('files of a deleted pod could not be removed', { pod: pod.metadata.name, error });
      })
      .finally(() => this.#removals.delete(removal));
    this.#removals.add(removal);
  }

  #wake(podUid: string): void {
    const key = this.#keyOf.get(podUid);
    if (key !== undefined) this.#queue.add(key);
  }

  async #reconcile(key: string): Promise<void> {
    const pod = this.#pods.get(key);
    if (pod === undefined || !this.#isMine(pod)) return;
    if (isPodFinished(pod)) {
      await this.#worker.finish(pod);
      return;
    }
    const rejection = this.#resources.admit(pod, this.#nodes.get(this.#options.nodeName));
    if (rejection !== undefined) return this.#worker.reject(pod, rejection);
    const wakeAtMs = await this.#worker.step(pod);
    if (wakeAtMs !== undefined) this.#queue.addAfter(key, Math.max(0, wakeAtMs - this.#context.clock.now()));
  }

  /** Files of Pods that were deleted while the engine was away. */
  async #removeLeftovers(): Promise<void> {
    const present = new Set<string>();
    for (const pod of this.#pods.values()) present.add(pod.metadata.uid);
    for (const runtime of this.#options.runtimes)
      for (const uid of runtime.podUids()) if (!present.has(uid)) await runtime.removePod(uid);
  }
}
