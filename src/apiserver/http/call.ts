import type { Clock, Random } from '../../clock/index.ts';
import type { Logger } from '../../log/index.ts';
import type { Authorizer } from '../authorization/index.ts';
import type { UserInfo } from '../kind.ts';
import type { Operations, PodStreams } from '../operations.ts';
import type { ReviewServices } from '../review.ts';
import type { Exchange } from './exchange.ts';
import type { Query } from './query.ts';
import type { StreamSet } from './stream-set.ts';

/** What every part of the handler works with. */
export interface Services {
  readonly operations: Operations;
  readonly podStreams: PodStreams;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly authorizer: Authorizer;
  readonly reviewing?: ReviewServices | undefined;
  /** The watches and logs under way. */
  readonly streams: StreamSet;
}

/** A request that has to be answered. */
export interface Reply {
  readonly exchange: Exchange;
  readonly auditId: string;
  /** For Warning headers, which leave with the head of the answer. */
  readonly warnings: string[];
  /** The status code that was answered, for the metrics. */
  code: number;
  /** Of a Status that was answered because something went wrong. */
  reason?: string | undefined;
}

/** A request of a known user. */
export interface Call extends Reply {
  readonly path: string;
  readonly query: Query;
  readonly user: UserInfo;
}
