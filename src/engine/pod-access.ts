import type { Listening } from '../apiserver/index.ts';
import type { Logger } from '../log/index.ts';
import type { ServerAddress } from '../node/index.ts';
import type { PodNetworkServices, PodNetworkUp } from '../runtimes/sandbox/index.ts';
import { apiServerAddress } from './api-server-address.ts';
import type { NameServer } from './dns/name-server.ts';

/** Makes the name server of a network, which listens at its gateway. */
type ServeNames = (network: PodNetworkUp) => NameServer;

/** Begins to answer at the gateway of a network, for those alone who are in it. */
type ListenAtGateway = (network: PodNetworkUp) => Promise<Listening>;

/**
 * Where Pods with a network of their own reach the API server: loopback addresses mean their own, so the server answers at
 * the gateway of their network too, and nobody from outside it.
 */
export class PodAccess {
  readonly #log: Logger;
  readonly #networks: { readonly network: PodNetworkUp; readonly address: ServerAddress | undefined }[] = [];
  #listen: ListenAtGateway | undefined;
  #serveNames: ServeNames | undefined;
  readonly #nameServers: NameServer[] = [];

  constructor(log: Logger) {
    this.#log = log;
  }

  /** How to listen is known only when the first listener is there. */
  listenWith(listen: ListenAtGateway): void {
    this.#listen = listen;
  }

  /** What answers questions for names at the gateway of a network, where the API server is reached at this host. */
  serveNamesWith(serve: ServeNames): void {
    this.#serveNames = serve;
  }

  /** Called when a network is there, before its first Pod starts. Pods start without what cannot be given. */
  async open(network: PodNetworkUp): Promise<PodNetworkServices> {
    await this.#openApi(network);
    return { nameServer: await this.#openNames(network) };
  }

  /** Nobody is answered any more. */
  close(): void {
    for (const server of this.#nameServers.splice(0)) server.close();
  }

  async #openNames(network: PodNetworkUp): Promise<string | undefined> {
    const server = this.#serveNames?.(network);
    if (server === undefined) return undefined;
    try {
      await server.open();
      this.#nameServers.push(server);
      return network.gateway;
    } catch (error) {
      server.close();
      this.#log.warn('Pods will not find names of the cluster', { gateway: network.gateway, error });
      return undefined;
    }
  }

  async #openApi(network: PodNetworkUp): Promise<void> {
    try {
      const address = apiServerAddress(await this.#listen?.(network));
      this.#networks.unshift({ network, address });
    } catch (error) {
      this.#log.error('Pods will not reach the API server', { gateway: network.gateway, error });
    }
  }

  /** Undefined: not an address in a Pod network. */
  addressFor(podAddress: string | undefined): ServerAddress | undefined {
    if (podAddress === undefined) return undefined;
    return this.#networks.find(({ network }) => network.contains(podAddress))?.address;
  }
}
