import type { Metrics } from '../../metrics/index.ts';
import { isMaster, type Attributes } from '../authorization/index.ts';
import type { UserInfo } from '../kind.ts';

/** How many requests may be under way at once; 0: any number. */
export interface InFlightLimits {
  /** Those that only read. */
  readonly reading: number;
  readonly mutating: number;
}

/** Upstream's `--max-requests-inflight` and `--max-mutating-requests-inflight`. */
export const defaultInFlightLimits: InFlightLimits = { reading: 400, mutating: 200 };

const readingVerbs = new Set(['get', 'list', 'watch']);
const longSubresources = new Set(['attach', 'exec', 'log', 'portforward', 'proxy']);

/** Those last as long as their client likes, and are not counted (upstream: the genericapiserver's `LongRunningFunc`). */
export function isLongRunning({ verb, resource }: Attributes): boolean {
  return verb === 'watch' || (resource?.subresource !== undefined && longSubresources.has(resource.subresource));
}

/**
 * Counts the requests under way, reading and mutating apart, and says when there are too many. A member of
 * `system:masters` always gets an answer (upstream: apiserver filter `WithMaxInFlightLimit`).
 */
export class InFlightRequests {
  readonly #limits: InFlightLimits;
  #reading = 0;
  #mutating = 0;

  constructor(limits: InFlightLimits, metrics: Metrics) {
    this.#limits = limits;
    const gauge = { name: 'apiserver_current_inflight_requests', help: 'Requests under way, but for long ones.' };
    metrics.gauge({ ...gauge, labels: ['request_kind'] }, () => this.#reading, 'readOnly');
    metrics.gauge({ ...gauge, labels: ['request_kind'] }, () => this.#mutating, 'mutating');
  }

  /** Undefined: too many. Otherwise what is to be called when the request is over. */
  enter(user: UserInfo, attributes: Attributes): (() => void) | undefined {
    if (isLongRunning(attributes)) return uncounted;
    return readingVerbs.has(attributes.verb) ? this.#enterReading(user) : this.#enterMutating(user);
  }

  #enterReading(user: UserInfo): (() => void) | undefined {
    if (isFull(this.#reading, this.#limits.reading) && !isMaster(user)) return undefined;
    this.#reading++;
    return this.#leaveReading;
  }

  #enterMutating(user: UserInfo): (() => void) | undefined {
    if (isFull(this.#mutating, this.#limits.mutating) && !isMaster(user)) return undefined;
    this.#mutating++;
    return this.#leaveMutating;
  }

  readonly #leaveReading = (): void => void this.#reading--;
  readonly #leaveMutating = (): void => void this.#mutating--;
}

function isFull(underWay: number, limit: number): boolean {
  return limit > 0 && underWay >= limit;
}

function uncounted(): void {}
