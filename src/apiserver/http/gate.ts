import { forbiddenError, type Attributes, type Authorizer } from '../authorization/index.ts';
import { answerTooMany } from './answer.ts';
import type { Call } from './call.ts';
import type { InFlightRequests } from './in-flight.ts';

/** What every request passes once it is known who wants what. */
export class Gate {
  readonly #inFlight: InFlightRequests;
  readonly #authorizer: Authorizer;

  constructor(inFlight: InFlightRequests, authorizer: Authorizer) {
    this.#inFlight = inFlight;
    this.#authorizer = authorizer;
  }

  /** Answers a request if there are not too many, and its user may do what it wants. @throws ApiError 403 */
  async pass(call: Call, attributes: Attributes, answer: () => void | Promise<void>): Promise<void> {
    const leave = this.#inFlight.enter(call.user, attributes);
    if (leave === undefined) {
      answerTooMany(call);
      return;
    }
    try {
      const { allowed, reason } = this.#authorizer.decide(call.user, attributes);
      if (!allowed) throw forbiddenError(call.user, attributes, reason);
      await answer();
    } finally {
      leave();
    }
  }
}
