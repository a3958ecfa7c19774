import { existsSync } from 'node:fs';
import { hostname } from 'node:os';
import { buildKubeconfig } from '../client/index.ts';
import { reachableUrl, type Listening } from '../apiserver/index.ts';
import { systemClock, systemRandom, type Clock } from '../clock/index.ts';
import type { Logger } from '../log/index.ts';
import { createProcessRuntime } from '../runtimes/process/index.ts';
import {
  createSandboxRuntime,
  likelyGateway,
  sandboxProblem,
  type PodNetworkChoice,
  type PodNetworkUp,
} from '../runtimes/sandbox/index.ts';
import { createSimulatedRuntime } from '../runtimes/simulated/index.ts';
import type { ImageServiceOptions } from '../runtimes/images/index.ts';
import type { ImageService, Runtime } from '../runtimes/index.ts';
import {
  createMemoryStore,
  openDiskStore,
  StoreFullError,
  StoreOpenError,
  type Store,
  type ValueCipher,
} from '../store/index.ts';
import { AuditLog, auditDefaults, type AuditChoice } from './audit-log.ts';
import { backupExtension } from './backup-extension.ts';
import { createCri } from './cri.ts';
import { ensureCertificates, type Certificates } from './certificates.ts';
import { keptText, openDataDirectory, StartError, writePrivateFile, type DataDirectory } from './data-directory.ts';
import { HostNameServers } from './dns/host-name-servers.ts';
import { NameServer } from './dns/name-server.ts';
import { createEngine, type Engine, type EngineOptions } from './engine.ts';
import { imageTools } from './images.ts';
import { PodAccess } from './pod-access.ts';
import { openSealed } from './secret-key.ts';
import { certificateSigner } from './sign-certificate.ts';
import { ensureTokenKey } from './token-key.ts';
import { clockExtension, type ServerTime } from './virtual-clock.ts';

export interface OpenEngineOptions {
  readonly dataPath: string;
  readonly host: string;
  /** Undefined: 6443, or the next free one. 0: any free one. */
  readonly port: number | undefined;
  readonly runtime: RuntimeName;
  /** What containers in sandboxes see as their root; default `image`. */
  readonly rootfs?: Rootfs | undefined;
  /** Where containerd or CRI-O listens: `unix:///run/containerd/containerd.sock`. */
  readonly criEndpoint?: string | undefined;
  /** Which network Pods in sandboxes have; default `auto`. */
  readonly podNetwork?: PodNetworkChoice | undefined;
  readonly log: Logger;
  /** Where it is written down what clients do. Default: `audit.log` in the data directory. */
  readonly audit?: AuditChoice | undefined;
  /** Time that clients move. Such an engine keeps nothing: its objects are in memory. */
  readonly time?: ServerTime | undefined;
}

export type RuntimeName = 'process' | 'sandbox' | 'cri' | 'simulated';
export const runtimeNames: readonly RuntimeName[] = ['process', 'sandbox', 'cri', 'simulated'];

/** `host`: this machine's own files, whatever image is named. */
export type Rootfs = 'host' | 'image';

/** An engine with a data directory and a port: what `rondo up` runs. */
export interface OpenEngine {
  readonly engine: Engine;
  readonly url: string;
  readonly kubeconfigPath: string;
  stop(): Promise<void>;
}

const defaultPort = 6443;
const portsToTry = 100;

/**
 * Opens the data directory, makes what is missing in it, and starts an engine that answers on a port.
 * @throws StartError with one line that says what is wrong (directory, lock, port)
 */
export async function openEngine(options: OpenEngineOptions): Promise<OpenEngine> {
  const { time } = options;
  const clock = time ?? systemClock;
  // Trying out takes some milliseconds: it runs beside the rest of the start.
  const trial = options.runtime === 'simulated' ? undefined : sandboxProblem();
  const directory = openDataDirectory(options.dataPath);
  const store = time === undefined ? await openStore(directory, clock, options.log) : createMemoryStore({ clock });
  let audit: AuditLog | undefined;
  try {
    audit = openAuditLog(options, directory);
    const certificatesFor = (...more: readonly string[]): Promise<Certificates> =>
      ensureCertificates({
        directory: directory.pki,
        hosts: [hostname(), ...(isWildcard(options.host) ? [] : [options.host]), ...more],
        // Clients check certificates with their own clocks.
        nowMs: systemClock.now(),
        random: systemRandom,
      });
    const gateway = trial === undefined ? undefined : likelyGateway(options.podNetwork);
    const certificates = await certificatesFor(...(gateway === undefined ? [] : [gateway]));
    const podAccess = new PodAccess(options.log);
    const engine = createEngine({
      clock,
      random: systemRandom,
      log: options.log,
      store,
      runtimes: await runtimesOf(options, directory, { clock, problem: await trial, podAccess }),
      podAccess,
      namesForPods: options.runtime !== 'simulated',
      ...(time === undefined ? {} : virtualParts(time)),
      ...(audit && { audit }),
      extensions: [backupExtension({ store, directory }), ...(time === undefined ? [] : [clockExtension(time)])],
      // The host may be renamed (a laptop in another network is): the Pods of the node that it was are still its own.
      nodeName: keptText(directory.nodeName, hostNodeName),
      rootCa: certificates.ca,
      // Clients check certificates with their own clocks.
      signCertificate: certificateSigner({ directory: directory.pki, clock: systemClock, random: systemRandom }),
      tokenKey: ensureTokenKey(directory.tokenKey, options.log),
      // Simulated containers mount nothing.
      ...(options.runtime === 'simulated' ? {} : { volumesPath: directory.volumes }),
    });
    const listening = await listen(engine, { options, certificates, token: ensureToken(directory) });
    podAccess.serveNamesWith((network) => nameServerAt(network, engine, options.log));
    podAccess.listenWith((network) => listenAt(network, { engine, listening, options, certificatesFor }));
    writePrivateFile(directory.kubeconfig, kubeconfigFor(listening, certificates));
    await engine.start();
    const stop = async (): Promise<void> => {
      podAccess.close();
      await engine.stop();
      await audit?.close();
    };
    return { engine, url: reachableUrl(listening.url), kubeconfigPath: directory.kubeconfig, stop };
  } catch (error) {
    await store.close();
    await audit?.close();
    throw asStartError(error, options.dataPath);
  }
}

/** A file that cannot be written (full, no permission) is told in one line; anything else is a bug and stays one. */
function asStartError(error: unknown, dataPath: string): unknown {
  if (error instanceof StartError || (error as NodeJS.ErrnoException).syscall === undefined) return error;
  return new StartError(`the data directory ${dataPath} cannot be used: ${(error as Error).message}`, { cause: error });
}

async function openStore(directory: DataDirectory, clock: Clock, log: Logger): Promise<Store> {
  try {
    const open = (cipher: ValueCipher): Promise<Store> =>
      openDiskStore({ directory: directory.store, clock, log, cipher });
    return await openSealed(directory.secretKey, open);
  } catch (error) {
    if (error instanceof StoreOpenError || error instanceof StoreFullError)
      throw new StartError(error.message, { cause: error });
    throw error;
  }
}

function openAuditLog({ audit = {}, log }: OpenEngineOptions, { auditLog }: DataDirectory): AuditLog | undefined {
  if (audit === 'off') return undefined;
  return new AuditLog({ path: auditLog, ...auditDefaults, ...audit, clock: systemClock, log });
}

/** Where time is virtual the node's heartbeats are rare: days pass in seconds, and nobody waits for them. */
function virtualParts(time: ServerTime): Partial<EngineOptions> {
  return { requestClock: time.requestClock, heartbeatMs: 5 * 60_000 };
}

interface RuntimeParts {
  readonly clock: Clock;
  /** Why this machine cannot have sandboxes. */
  readonly problem: string | undefined;
  readonly podAccess: PodAccess;
}

/** The chosen runtime, and those that Pods can ask for by a RuntimeClass. */
async function runtimesOf(
  options: OpenEngineOptions,
  directory: DataDirectory,
  { clock, problem, podAccess }: RuntimeParts,
): Promise<Runtime[]> {
  const { runtime, log, rootfs, podNetwork, criEndpoint } = options;
  const names: RuntimeName[] = [runtime];
  if (runtime === 'sandbox' && problem !== undefined)
    throw new StartError(`--runtime sandbox: ${problem}; use --runtime process`);
  if ((runtime === 'process' || runtime === 'cri') && problem === undefined) names.push('sandbox');
  if (runtime === 'sandbox' || runtime === 'cri') names.push('process');
  return Promise.all(
    names.map((name) => createRuntime(name, directory, { log, clock, rootfs, podNetwork, criEndpoint, podAccess })),
  );
}

/** A runtime of this machine by its name, with its files below the data directory. @throws (rejects) StartError */
export async function createRuntime(
  name: RuntimeName,
  directory: Pick<DataDirectory, 'pods' | 'sandboxes' | 'cri' | 'images'>,
  options: Pick<OpenEngineOptions, 'log' | 'rootfs' | 'podNetwork' | 'criEndpoint'> & {
    readonly clock?: Clock;
    readonly podAccess?: PodAccess;
  },
): Promise<Runtime> {
  const { log, clock = systemClock, rootfs = 'image', podNetwork, criEndpoint, podAccess } = options;
  const shared = { clock, random: systemRandom, log };
  switch (name) {
    case 'process':
      return createProcessRuntime({ dataDir: directory.pods, ...shared });
    case 'sandbox':
      return createSandboxRuntime({
        dataDir: directory.sandboxes,
        rootfs,
        podNetwork,
        onPodNetwork: (network) => podAccess?.open(network) ?? Promise.resolve({ nameServer: undefined }),
        images: lazyImages({ directory: directory.images, clock, log }),
        ...shared,
      });
    case 'cri':
      return createCri({ directory: directory.cri, endpoint: criEndpoint, log, clock });
    case 'simulated':
      return createSimulatedRuntime(shared);
  }
}

/** What unpacks images is loaded with the first of them. */
function lazyImages(options: ImageServiceOptions): ImageService {
  let service: Promise<ImageService> | undefined;
  const loaded = (): Promise<ImageService> =>
    (service ??= imageTools().then((images) => images.createImageService(options)));
  return {
    find: async (request) => (await loaded()).find(request),
    pull: async (request, signal) => (await loaded()).pull(request, signal),
    keep: {
      list: async () => (existsSync(options.directory) ? (await loaded()).keep.list() : []),
      remove: async (id) => (await loaded()).keep.remove(id),
      disk: async () => (await loaded()).keep.disk(),
    },
  };
}

interface ListenParts {
  readonly options: OpenEngineOptions;
  readonly certificates: Certificates;
  readonly token: string;
}

async function listen(engine: Engine, parts: ListenParts): Promise<Listening> {
  const { certificates, options } = parts;
  const first = options.port ?? defaultPort;
  const last = options.port === undefined ? first + portsToTry : first;
  const tls = { cert: certificates.serverCert, key: certificates.serverKey, clientCa: certificates.ca };
  const user = { name: 'rondo-admin', groups: ['system:masters', 'system:authenticated'] };
  for (let port = first; ; port++) {
    try {
      return await engine.listen({ host: options.host, port, tls, tokens: new Map([[parts.token, user]]) });
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EADDRINUSE' && port < last) continue;
      const reason = listenProblems[code ?? ''] ?? code ?? String(error);
      throw new StartError(`cannot listen on ${options.host}:${port}: ${reason}`, { cause: error });
    }
  }
}

interface GatewayParts {
  readonly engine: Engine;
  /** The first listener. */
  readonly listening: Listening;
  readonly options: OpenEngineOptions;
  readonly certificatesFor: (host: string) => Promise<Certificates>;
}

/** At the same port as the first listener where that is free. Nobody is known by the administrator's token here. */
async function listenAt({ gateway, contains }: PodNetworkUp, parts: GatewayParts): Promise<Listening> {
  const { engine, listening, options, certificatesFor } = parts;
  const { port } = listening;
  if (isWildcard(options.host)) return { url: `https://${gateway}:${port}`, port };
  const { serverCert: cert, serverKey: key, ca: clientCa } = await certificatesFor(gateway);
  const rest = { host: gateway, tls: { cert, key, clientCa }, tokens: new Map<string, never>(), from: contains };
  try {
    return await engine.listen({ ...rest, port });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    return engine.listen({ ...rest, port: 0 });
  }
}

/** For Pods and for this machine itself, which has the gateway's address there. */
function nameServerAt({ gateway, contains }: PodNetworkUp, engine: Engine, log: Logger): NameServer {
  const host = new HostNameServers();
  return new NameServer({
    address: gateway,
    from: (address) => contains(address),
    answer: engine.clusterNames(gateway),
    others: () => host.addresses().filter((address) => address !== gateway),
    clock: systemClock,
    log,
  });
}

const listenProblems: Record<string, string> = {
  EADDRINUSE: 'the port is in use',
  EADDRNOTAVAIL: 'this machine has no such address',
  ENOTFOUND: 'there is no such host',
  EACCES: 'no permission for this port',
};

/** The administrator's bearer token: for clients that cannot use a certificate. */
function ensureToken(directory: DataDirectory): string {
  return keptText(directory.token, () => Buffer.from(systemRandom.bytes(32)).toString('base64url'));
}

function kubeconfigFor(listening: Listening, certificates: Certificates): string {
  return buildKubeconfig({
    server: reachableUrl(listening.url),
    ca: certificates.ca,
    clientCert: certificates.adminCert,
    clientKey: certificates.adminKey,
    name: 'rondo',
  });
}

function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || host === '::';
}

/** The host's name as a Kubernetes name. */
function hostNodeName(): string {
  const name = hostname()
    .toLowerCase()
    .replace(/[^a-z0-9.-]/g, '-')
    .replace(/^[^a-z0-9]+|[^a-z0-9]+$/g, '');
  return name === '' ? 'rondo' : name.slice(0, 63);
}
