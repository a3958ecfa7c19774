import type { Listening } from '../apiserver/index.ts';
import type { Logger } from '../log/index.ts';
import type { ServerAddress } from '../node/index.ts';
import type { PodNetworkUp } from '../runtimes/sandbox/index.ts';
import { apiServerAddress } from './api-server-address.ts';

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

  constructor(log: Logger) {
    this.#log = log;
  }

  /** How to listen is known only when the first listener is there. */
  listenWith(listen: ListenAtGateway): void {
    this.#listen = listen;
  }

  /** Called when a network is there, before its first Pod starts. Pods start without access if it cannot be given. */
  async open(network: PodNetworkUp): Promise<void> {
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
