import type { AuditSink } from './audit/index.ts';
import type { HealthCheck, InFlightLimits } from './http/index.ts';
import type { Client } from '../client/index.ts';
import type { Clock, Random } from '../clock/index.ts';
import type { Logger } from '../log/index.ts';
import type { Metrics } from '../metrics/index.ts';
import type { Store } from '../store/index.ts';
import type { Extension } from './extension.ts';
import type { UserInfo } from './kind.ts';
import type { Operations, PodStreams } from './operations.ts';

export interface ApiServerOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly podStreams: PodStreams;
  /** Paths beside the Kubernetes API. */
  readonly extensions?: readonly Extension[];
  /** What requests are stamped and timed with. Default: `clock`. Where time is virtual, time-outs must not be. */
  readonly requestClock?: Clock;
  /** PEM of the private key (P-256) that signs tokens of ServiceAccounts. Default: a new one, for as long as this lives. */
  readonly tokenKey?: string;
  /** What `/livez` and `/readyz` ask beside what the server itself knows. */
  readonly healthChecks?: readonly HealthCheck[];
  /** Where it is written down what clients did over HTTP. Default: nowhere. */
  readonly audit?: AuditSink;
  /** How many requests may be under way at once over HTTP. Default: as many as upstream. */
  readonly inFlight?: InFlightLimits;
}

export interface ApiServer {
  readonly operations: Operations;
  /** What `/metrics` shows: other rooms add theirs. */
  readonly metrics: Metrics;
  /** The in-process door: the same law as over HTTP. */
  clientFor(user: UserInfo): Client;
  /** Creates what must always be there (namespaces, the Service default/kubernetes); begins to expire old Events. */
  start(): Promise<void>;
  listen(options: ListenOptions): Promise<Listening>;
  /** Ends all streams and connections. */
  stop(): Promise<void>;
}

export interface ListenOptions {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  /** PEM texts. Absent: plain HTTP/1.1, only for tests and benchmarks. */
  readonly tls?: { readonly cert: string; readonly key: string; readonly clientCa: string };
  /** Whether clients from this address are let in. Default: all. */
  readonly from?: (address: string) => boolean;
  /** Bearer tokens and whom they stand for. */
  readonly tokens: ReadonlyMap<string, UserInfo>;
  /** Who a request without credentials is; absent: 401 for all but health and version. */
  readonly anonymous?: UserInfo;
}

export interface Listening {
  readonly url: string;
  readonly port: number;
}
