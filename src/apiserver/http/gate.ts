import type { Auditor, RequestTrail } from '../audit/index.ts';
import { forbiddenError, type Authorizer } from '../authorization/index.ts';
import { answerTooMany } from './answer.ts';
import type { Call } from './call.ts';
import { isLongRunning, type InFlightRequests } from './in-flight.ts';

export interface GateParts {
  readonly inFlight: InFlightRequests;
  readonly authorizer: Authorizer;
  readonly auditor: Auditor | undefined;
}

/** What every request passes once it is known who wants what. */
export class Gate {
  readonly #parts: GateParts;

  constructor(parts: GateParts) {
    this.#parts = parts;
  }

  /**
   * Answers a request if there are not too many, and its user may do what it wants. What was decided is left in `trail`,
   * whose attributes are known. @throws ApiError 403
   */
  async pass(call: Call, trail: RequestTrail, answer: () => void | Promise<void>): Promise<void> {
    const { attributes } = trail;
    if (attributes === undefined) throw new Error('nobody knows what this request wants');
    const { inFlight, authorizer, auditor } = this.#parts;
    trail.long = isLongRunning(attributes);
    if (trail.long) auditor?.began(call, trail);
    const leave = inFlight.enter(call.user, attributes);
    if (leave === undefined) {
      answerTooMany(call);
      return;
    }
    try {
      trail.decision = authorizer.decide(call.user, attributes);
      const { allowed, reason } = trail.decision;
      if (!allowed) throw forbiddenError(call.user, attributes, reason);
      await answer();
    } finally {
      leave();
    }
  }
}
