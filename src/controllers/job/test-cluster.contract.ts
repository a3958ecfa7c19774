// A real API server in memory, the Job controller on it, and hands that play scheduler, node agent and garbage collector.
import { createMetrics } from '../../metrics/index.ts';
import { formatTime, isNotFound, refOf, resources } from '../../api/index.ts';
import type { Draft, Job, JobSpec, JobStatus, Pod } from '../../api/index.ts';
import { createApiServer, noPods } from '../../apiserver/index.ts';
import { createInformers } from '../../client/index.ts';
import type { Client, Informers, WatchHandler } from '../../client/index.ts';
import { Precedence, type Controller, type EventRecorder } from '../../controlloop/index.ts';
import { silentLogger, type Logger } from '../../log/index.ts';
import { createMemoryStore } from '../../store/index.ts';
import { FakeClock, seededRandom } from '../../testing/index.ts';
import { createJobController } from './controller.ts';
import { hasTrackingFinalizer } from './pod-facts.ts';
import { slimFinishedJob, slimFinishedPod } from './slim.ts';
import { startMs } from './samples.contract.ts';

export interface ClusterOptions {
  /** Milliseconds by which the controller's caches lag behind, asked for every delivery. */
  readonly lagMs?: () => number;
  readonly seed?: number;
}

export class TestCluster {
  readonly clock = new FakeClock(startMs);
  readonly client: Client;
  /** What the controller wrote: verbs and subjects. */
  readonly writes: string[] = [];
  readonly events: string[] = [];
  /** Every stored state of every Job, in order. */
  readonly history: Job[] = [];
  /** What was logged at warn and error. */
  readonly logged: string[] = [];
  /** How pods ended that had their tracking finalizer then, by UID. */
  readonly resultsWithFinalizer = new Map<string, string>();
  readonly #server: Client;
  #life: Life = { writesLeft: Infinity };
  readonly #options: ClusterOptions;
  readonly #random = seededRandom(1);
  #controller: Controller | undefined;
  #informers: Informers | undefined;

  constructor(options: ClusterOptions = {}) {
    this.#options = options;
    const { clock } = this;
    const store = createMemoryStore({ clock });
    const random = seededRandom(options.seed ?? 1);
    const server = createApiServer({ store, clock, random, log: silentLogger, podStreams: noPods });
    this.client = server.clientFor({ name: 'admin', groups: ['system:masters'] });
    const own = server.clientFor({ name: 'system:kube-controller-manager', groups: ['system:masters'] });
    this.#server = own;
  }

  async start(): Promise<void> {
    await this.client.create(resources.namespaces, { metadata: { name: 'default' }, spec: {} });
    await this.client.create(resources.serviceAccounts, { metadata: { name: 'default', namespace: 'default' } });
    const { resourceVersion } = await this.client.list(resources.jobs);
    const onEvents: WatchHandler<Job>['onEvents'] = (batch) => {
      for (const event of batch) if (event.type !== 'BOOKMARK') this.history.push(event.object);
    };
    this.client.watch(resources.jobs, { resourceVersion }, { onEvents, onEnd: () => undefined });
    await this.startController();
  }

  async startController(): Promise<void> {
    const { clock } = this;
    const random = this.#random;
    const log = this.#log();
    this.#life = { writesLeft: Infinity };
    const own = observed(this.#server, this.writes, this.#life);
    const client = this.#options.lagMs === undefined ? own : this.#lagging(own, this.#options.lagMs);
    const informers = createInformers({ client, clock, random, log });
    informers.configure(resources.jobs, { transform: slimFinishedJob });
    informers.configure(resources.pods, { transform: slimFinishedPod });
    const recorder: EventRecorder = {
      event: (about, type, reason, message) =>
        void this.events.push(`${about.metadata.name} ${type} ${reason}: ${message}`),
    };
    const controller = createJobController({
      client,
      informers,
      clock,
      random,
      log,
      metrics: createMetrics(),
      dueFirst: new Precedence(),
      recorderFor: () => recorder,
    });
    [this.#controller, this.#informers] = [controller, informers];
    await informers.start();
    await controller.start();
    await clock.settle();
  }

  async stopController(): Promise<void> {
    this.#informers?.stop();
    const stopped = this.#controller?.stop();
    // What a dead controller had under way never comes to an answer.
    if (!this.isDead) await stopped;
  }

  /** The controller dies at the write after `writes` more ones: that and all later ones neither happen nor return. */
  crashAfter(writes: number): void {
    if (!this.isDead) this.#life.writesLeft = writes;
  }

  get isDead(): boolean {
    return this.#life.writesLeft <= 0;
  }

  /** Messages of what must never happen. */
  invariantErrors(): string[] {
    return this.logged.filter((line) => /invariant|Invalid|is invalid/.test(line));
  }

  async createJob(name: string, spec: Partial<JobSpec> = {}): Promise<Job> {
    const template = { spec: { restartPolicy: 'Never', containers: [{ name: 'main', image: 'rondo.dev/host' }] } };
    const draft: Draft<Job> = { metadata: { name, namespace: 'default' }, spec: { template, ...spec } };
    const job = await this.client.create(resources.jobs, draft);
    await this.clock.settle();
    return job;
  }

  async patchJob(name: string, spec: Partial<JobSpec>): Promise<void> {
    await this.client.patch(resources.jobs, { namespace: 'default', name }, { type: 'merge', body: { spec } });
    await this.clock.settle();
  }

  job(name: string): Promise<Job> {
    return this.client.get(resources.jobs, { namespace: 'default', name });
  }

  async pods(): Promise<readonly Pod[]> {
    return (await this.client.list(resources.pods, { namespace: 'default' })).items;
  }

  /** Pods that neither ended nor are being deleted. */
  async activePods(): Promise<readonly Pod[]> {
    return (await this.pods()).filter(({ metadata, status }) => !isOver(status.phase) && !metadata.deletionTimestamp);
  }

  async bind(pod: Pod): Promise<void> {
    await this.client.bind(refOf(pod), 'n');
    await this.clock.settle();
  }

  /** Bound, running and ready. */
  async run(pod: Pod): Promise<void> {
    if (pod.spec.nodeName === undefined) await this.bind(pod);
    const conditions = [{ type: 'Ready', status: 'True', lastTransitionTime: formatTime(this.clock.now()) }];
    await this.#writePodStatus(pod, { phase: 'Running', conditions });
  }

  async end(pod: Pod, phase: 'Succeeded' | 'Failed', exitCode = phase === 'Failed' ? 1 : 0): Promise<void> {
    const finishedAt = formatTime(this.clock.now());
    const state = { terminated: { exitCode, startedAt: finishedAt, finishedAt } };
    const containerStatuses = [{ name: 'main', state, ready: false, restartCount: 0, image: 'i', imageID: '' }];
    const conditions = [{ type: 'Ready', status: 'False', lastTransitionTime: finishedAt }];
    const live = (await this.pods()).find(({ metadata }) => metadata.uid === pod.metadata.uid);
    if (live !== undefined && hasTrackingFinalizer(live)) this.resultsWithFinalizer.set(pod.metadata.uid, phase);
    await this.#writePodStatus(pod, { phase, containerStatuses, conditions });
  }

  /** As a user would: with grace, if the pod is bound. */
  async remove(pod: Pod): Promise<void> {
    await this.client.delete(resources.pods, refOf(pod));
    await this.clock.settle();
  }

  /** The node agent's last word: the pod is gone as soon as its finalizers are. */
  async purge(pod: Pod): Promise<void> {
    try {
      await this.client.delete(resources.pods, refOf(pod), { gracePeriodSeconds: 0 });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
    await this.clock.settle();
  }

  /** The distinct statuses of a Job in the order they were stored. */
  statuses(name: string): JobStatus[] {
    const all = this.history.filter(({ metadata }) => metadata.name === name).map(({ status }) => status);
    return all.filter((status, i) => JSON.stringify(status) !== JSON.stringify(all[i - 1]));
  }

  async #writePodStatus(pod: Pod, status: Pod['status']): Promise<void> {
    try {
      const body = { status: { ...status } };
      await this.client.patch(resources.pods, refOf(pod), { type: 'merge', body }, { subresource: 'status' });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
    await this.clock.settle();
  }

  /** Delivers watch events late, in order. */
  #lagging(client: Client, lagMs: () => number): Client {
    const { clock } = this;
    return {
      ...client,
      watch: (resource, options, handler) => {
        let last = 0;
        return client.watch(resource, options, {
          onEvents: (batch) => {
            last = Math.max(last, clock.monotonic() + lagMs());
            clock.after(last - clock.monotonic(), () => handler.onEvents(batch));
          },
          onEnd: (error) => handler.onEnd(error),
        });
      },
    };
  }

  #log(): Logger {
    const note = (message: string, fields = {}): void => void this.logged.push(`${message} ${JSON.stringify(fields)}`);
    return { ...silentLogger, warn: note, error: note, with: () => this.#log() };
  }
}

function isOver(phase: string | undefined): boolean {
  return phase === 'Succeeded' || phase === 'Failed';
}

interface Life {
  writesLeft: number;
}

/** The same client as plain functions that note every write, as long as its owner lives. */
function observed(client: Client, writes: string[], life: Life): Client {
  const write = <T>(verb: string, kind: string, call: () => Promise<T>): Promise<T> => {
    if (life.writesLeft <= 0) return new Promise<T>(() => undefined);
    life.writesLeft -= 1;
    writes.push(`${verb} ${kind}`);
    return call();
  };
  return {
    get: (resource, ref) => client.get(resource, ref),
    list: (resource, options) => client.list(resource, options),
    watch: (resource, options, handler) => client.watch(resource, options, handler),
    create: (resource, draft, options) => write('create', resource.kind, () => client.create(resource, draft, options)),
    update: (resource, object, options) => client.update(resource, object, options),
    updateStatus: (resource, object, options) =>
      write('status', resource.kind, () => client.updateStatus(resource, object, options)),
    patch: (resource, ref, patch, options) =>
      write('patch', resource.kind, () => client.patch(resource, ref, patch, options)),
    delete: (resource, ref, options) => write('delete', resource.kind, () => client.delete(resource, ref, options)),
    deleteCollection: (resource, options) => client.deleteCollection(resource, options),
    bind: (ref, nodeName) => client.bind(ref, nodeName),
    evict: (ref, options) => client.evict(ref, options),
    createToken: (ref, spec) => client.createToken(ref, spec),
    finalizeNamespace: (name) => client.finalizeNamespace(name),
    podLog: (ref, options, signal) => client.podLog(ref, options, signal),
  };
}

export async function startCluster(options?: ClusterOptions): Promise<TestCluster> {
  const cluster = new TestCluster(options);
  await cluster.start();
  return cluster;
}
