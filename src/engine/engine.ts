import { notFound, resources, type KubeObject, type Resource } from '../api/index.ts';
import {
  createApiServer,
  type ApiServer,
  type AuditSink,
  type Extension,
  type Listening,
  type ListenOptions,
  type Operations,
} from '../apiserver/index.ts';
import { createInformers, type Client, type Informers } from '../client/index.ts';
import { systemClock, systemRandom, type Clock, type Random } from '../clock/index.ts';
import {
  createEventRecorder,
  Precedence,
  type Controller,
  type ControllerContext,
  type EventRecorder,
} from '../controlloop/index.ts';
import { createCertificateController, type SignCertificate } from '../controllers/certificates/index.ts';
import { createClusterRoleAggregationController } from '../controllers/cluster-role-aggregation/index.ts';
import {
  createCronJobController,
  explainTicks,
  TickBook,
  type TickList,
  type TickQuery,
} from '../controllers/cronjob/index.ts';
import { createDisruptionController } from '../controllers/disruption/index.ts';
import { createEndpointsController } from '../controllers/endpoints/index.ts';
import { createEphemeralVolumeController } from '../controllers/ephemeral-volume/index.ts';
import { createGarbageCollector } from '../controllers/garbage-collector/index.ts';
import { createJobController, slimFinishedJob, slimFinishedPod } from '../controllers/job/index.ts';
import { createNamespaceController } from '../controllers/namespace/index.ts';
import { createNamespaceDefaultsController } from '../controllers/namespace-defaults/index.ts';
import {
  createPersistentVolumeController,
  createStorageProtectionController,
} from '../controllers/persistent-volume/index.ts';
import { createPodGcController, type PodGcOptions } from '../controllers/pod-gc/index.ts';
import { createTtlController } from '../controllers/ttl-after-finished/index.ts';
import { silentLogger, type Logger } from '../log/index.ts';
import { createLocalProvisioner, createNodeAgent, type NodeAgent, type ServerFor } from '../node/index.ts';
import type { Runtime } from '../runtimes/index.ts';
import { createScheduler } from '../scheduler/index.ts';
import { createMemoryStore, type Store } from '../store/index.ts';
import { apiServerAddress } from './api-server-address.ts';
import { clusterAnswer, type NameAnswer, type Question } from './dns/cluster-names.ts';
import { CachedObjects } from './dns/named-objects.ts';
import { metricsExtension } from './metrics-extension.ts';
import type { PodAccess } from './pod-access.ts';
import { addProcessMetrics } from './process-metrics.ts';
import { statusExtension } from './status-extension.ts';
import { ticksExtension } from './ticks-extension.ts';

export interface EngineOptions {
  readonly clock?: Clock;
  readonly random?: Random;
  readonly log?: Logger;
  /** Default: in memory. The engine closes it when it stops. */
  readonly store?: Store;
  /** The first one runs Pods that name no runtime class. */
  readonly runtimes: readonly Runtime[];
  readonly nodeName?: string;
  /** How often the node says that it lives. Default: 10 s. Scenarios over a year want fewer writes. */
  readonly heartbeatMs?: number;
  /** The zone of CronJobs that name none. Default: UTC. */
  readonly timeZone?: string;
  /** Where controllers report Events. Default: written through the API. Scenarios collect them instead. */
  readonly recorderFor?: (component: string) => EventRecorder;
  /** Paths beside the Kubernetes API. */
  readonly extensions?: readonly Extension[];
  /** What requests are stamped and timed with. Default: `clock`. */
  readonly requestClock?: Clock;
  readonly podGc?: PodGcOptions;
  /** Where persistent volumes lie. Without it they are objects only. */
  readonly volumesPath?: string;
  /** Whether the fate of every tick is kept. Default: yes. Scenarios account for ticks themselves. */
  readonly recordTicks?: boolean;
  /** PEM of the CA that ConfigMaps `kube-root-ca.crt` hold. */
  readonly rootCa?: string;
  /** Where Pods with a network of their own reach the API server. Default: where all others do. */
  readonly podAccess?: Pick<PodAccess, 'addressFor'>;
  /** Whether `clusterNames` may be asked. Default: no. */
  readonly namesForPods?: boolean;
  /** Where it is written down what clients did over HTTP. Default: nowhere. The engine does not close it. */
  readonly audit?: AuditSink;
  /** Makes certificates of approved requests. Default: they wait. */
  readonly signCertificate?: SignCertificate;
  /** PEM of the key that signs tokens of ServiceAccounts. Default: a new one. */
  readonly tokenKey?: string;
}

/** A whole engine in one process: API server, controllers, scheduler and node agent on one store. */
export interface Engine {
  /** The administrator's door. */
  readonly client: Client;
  readonly apiServer: ApiServer;
  /** Begins to answer on a port. May be called before `start`. */
  listen(options: ListenOptions): Promise<Listening>;
  /** Resolves when all caches are filled and everything acts. */
  start(): Promise<void>;
  /** Stops in the reverse order. Containers go on. */
  stop(): Promise<void>;
  /** What became of every tick of a CronJob. @throws ApiError 404 if nothing is known of it */
  explainTicks(query: TickQuery): Promise<TickList>;
  /** What names of the cluster mean, where the API server is reached at this address. Needs `namesForPods`. */
  clusterNames(apiServer: string): (question: Question) => NameAnswer | undefined;
  /** Rejects when the engine cannot go on (the store failed): the process must end. */
  readonly failed: Promise<never>;
}

const defaultNodeName = 'rondo';
const administrator = { name: 'rondo-admin', groups: ['system:masters', 'system:authenticated'] };
/** The engine's own controllers: they may do all, like the administrator, but are told apart in what they write. */
const controlPlane = { name: 'system:rondo', groups: ['system:masters', 'system:authenticated'] };

/** The composition root: the only place that knows all rooms. */
export function createEngine(options: EngineOptions): Engine {
  return new RondoEngine(options);
}

class RondoEngine implements Engine {
  readonly client: Client;
  readonly apiServer: ApiServer;
  readonly failed: Promise<never>;
  readonly #store: Store;
  readonly #informers: Informers;
  readonly #controllers: readonly Controller[];
  readonly #ticks: TickBook | undefined;
  readonly #named: CachedObjects | undefined;
  readonly #timeZone: string | undefined;
  readonly #clock: Clock;
  /** The first address, which Pods are told. */
  #listening: Listening | undefined;
  #started = false;

  constructor(options: EngineOptions) {
    const clock = options.clock ?? systemClock;
    const random = options.random ?? systemRandom;
    const log = options.log ?? silentLogger;
    this.#store = options.store ?? createMemoryStore({ clock });
    this.failed = this.#store.failed;
    // The API server reaches logs through the node agent, which itself needs the API server's client.
    let agent: NodeAgent | undefined = undefined;
    const theAgent = (): NodeAgent => {
      if (agent === undefined) throw new Error('the node agent does not exist yet');
      return agent;
    };
    const { nodeName = defaultNodeName, requestClock = clock } = options;
    this.#timeZone = options.timeZone;
    this.#clock = clock;
    const extensions = this.#extensions(options, { clock, nodeName, agent: theAgent });
    const { tokenKey, audit } = options;
    this.apiServer = createApiServer({
      ...{
        store: this.#store,
        clock,
        random,
        log,
        extensions,
        requestClock,
        ...(tokenKey && { tokenKey }),
        ...(audit && { audit }),
      },
      healthChecks: [{ name: 'informer-sync', onlyReady: true, healthy: () => this.#started }],
      podStreams: {
        log: (...parameters) => theAgent().log(...parameters),
        exec: (...parameters) => theAgent().exec(...parameters),
        attach: (...parameters) => theAgent().attach(...parameters),
        portForward: (...parameters) => theAgent().portForward(...parameters),
      },
    });
    const { metrics } = this.apiServer;
    addProcessMetrics(metrics, clock.now());
    this.client = this.apiServer.clientFor(administrator);
    const client = this.apiServer.clientFor(controlPlane);
    this.#informers = createInformers({ client, clock, random, log });
    const context: ControllerContext = {
      client,
      informers: this.#informers,
      clock,
      random,
      log,
      metrics,
      dueFirst: new Precedence(),
      recorderFor:
        options.recorderFor ?? ((component) => createEventRecorder({ client, component, clock, random, log })),
    };
    configureCaches(this.#informers);
    this.#named = options.namesForPods === true ? new CachedObjects(this.#informers) : undefined;
    this.#ticks = options.recordTicks === false ? undefined : new TickBook({ ...context, nodeName });
    const { runtimes, heartbeatMs } = options;
    const serverFor: ServerFor = (podAddress) =>
      options.podAccess?.addressFor(podAddress) ?? apiServerAddress(this.#listening);
    agent = createNodeAgent(context, { nodeName, runtimes, heartbeatMs, serverFor });
    this.#controllers = [agent, ...createControllers(context, options, this.#ticks)];
  }

  /** Paths beside the Kubernetes API. They are asked when everything stands. */
  #extensions(
    { extensions = [] }: EngineOptions,
    { clock, nodeName, agent }: { readonly clock: Clock; readonly nodeName: string; readonly agent: () => NodeAgent },
  ): readonly Extension[] {
    const operations = (): Operations => this.apiServer.operations;
    return [
      ...extensions,
      ticksExtension({ clock, explain: (query) => this.explainTicks(query) }),
      statusExtension({ store: this.#store, clock, nodeName, operations }),
      metricsExtension({ clock, nodeName, client: () => this.client, usage: () => agent().usage() }),
    ];
  }

  async listen(options: ListenOptions): Promise<Listening> {
    const listening = await this.apiServer.listen(options);
    this.#listening ??= listening;
    return listening;
  }

  async start(): Promise<void> {
    await this.apiServer.start();
    await this.#informers.start();
    // Before the node's lease is renewed, which tells when the engine was last alive.
    await this.#ticks?.start();
    for (const controller of this.#controllers) await controller.start();
    this.#started = true;
  }

  clusterNames(apiServer: string): (question: Question) => NameAnswer | undefined {
    const objects = this.#named?.at(apiServer);
    if (objects === undefined) throw new Error('this engine keeps no names');
    return (question) => clusterAnswer(question, objects);
  }

  explainTicks(query: TickQuery): Promise<TickList> {
    const [book, timeZone] = [this.#ticks, this.#timeZone];
    if (book === undefined) throw notFound(resources.cronJobs, query.name);
    return explainTicks(query, { client: this.client, book, timeZone, nowMs: this.#clock.now() });
  }

  async stop(): Promise<void> {
    for (const controller of [...this.#controllers].reverse()) await controller.stop();
    this.#ticks?.stop();
    this.#informers.stop();
    await this.apiServer.stop();
    await this.#store.close();
  }
}

/** Finished Jobs and Pods are kept in the caches only as far as somebody still asks for them. */
function configureCaches(informers: Informers): void {
  informers.configure(resources.jobs, { transform: slimFinishedJob });
  informers.configure(resources.pods, { transform: slimFinishedPod });
}

/** Kinds whose objects may own others or be owned. */
const collected: readonly Resource<KubeObject>[] = [
  resources.pods,
  resources.jobs,
  resources.cronJobs,
  resources.configMaps,
  resources.secrets,
  resources.services,
  resources.endpointSlices,
  resources.persistentVolumeClaims,
  resources.leases,
  resources.serviceAccounts,
  resources.roles,
  resources.roleBindings,
] as readonly Resource<KubeObject>[];

function createControllers(
  context: ControllerContext,
  options: EngineOptions,
  ticks: TickBook | undefined,
): readonly Controller[] {
  return [
    createScheduler(context),
    createJobController(context),
    createCronJobController(context, { timeZone: options.timeZone, ticks }),
    createGarbageCollector(context, { resources: collected }),
    createNamespaceController(context),
    createNamespaceDefaultsController(context, { rootCa: options.rootCa ?? '' }),
    createTtlController(context),
    createPodGcController(context, options.podGc),
    createPersistentVolumeController(context),
    createStorageProtectionController(context),
    createEphemeralVolumeController(context),
    createEndpointsController(context),
    createDisruptionController(context),
    createClusterRoleAggregationController(context),
    createCertificateController(context, options.signCertificate),
    createLocalProvisioner(context, { nodeName: options.nodeName ?? defaultNodeName, directory: options.volumesPath }),
  ];
}
