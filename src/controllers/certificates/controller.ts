import {
  formatTime,
  isConflict,
  isNotFound,
  resources,
  type CertificateSigningRequest,
  type CertificateSigningRequestCondition,
} from '../../api/index.ts';
import type { Informer } from '../../client/index.ts';
import {
  createWorkqueue,
  runController,
  type Controller,
  type ControllerContext,
  type Workqueue,
} from '../../controlloop/index.ts';
import { planRequest } from './plan.ts';

const workers = 1;

/**
 * Makes a certificate for clients from a request in PEM, valid for at most so many seconds. Gives it in PEM.
 * @throws Error that says what is wrong with the request
 */
export type SignCertificate = (requestPem: string, seconds: number | undefined) => Promise<string>;

/** Without `sign` requests wait for a signer of somebody else's. */
export function createCertificateController(context: ControllerContext, sign: SignCertificate | undefined): Controller {
  return new CertificateController(context, sign);
}

class CertificateController implements Controller {
  readonly name = 'certificates';
  readonly #context: ControllerContext;
  readonly #sign: SignCertificate | undefined;
  readonly #requests: Informer<CertificateSigningRequest>;
  readonly #queue: Workqueue;
  #runner: { stop(): Promise<void> } | undefined;

  constructor(context: ControllerContext, sign: SignCertificate | undefined) {
    this.#context = context;
    this.#sign = sign;
    this.#requests = context.informers.of(resources.certificateSigningRequests);
    this.#queue = createWorkqueue({ clock: context.clock });
  }

  start(): void {
    const changed = (request: CertificateSigningRequest): void => this.#queue.add(request.metadata.name);
    this.#requests.addHandler({ onAdd: changed, onUpdate: changed });
    const { clock, log, metrics } = this.#context;
    const reconcile = (name: string): Promise<void> => this.#reconcile(name);
    this.#runner = runController({ name: this.name, queue: this.#queue, workers, reconcile, clock, log, metrics });
  }

  async stop(): Promise<void> {
    await this.#runner?.stop();
  }

  async #reconcile(name: string): Promise<void> {
    const request = this.#requests.get(name);
    if (request === undefined) return;
    const { clock, client } = this.#context;
    const plan = planRequest(request, clock.now());
    try {
      switch (plan.action) {
        case 'wait':
          if (plan.untilMs !== undefined) this.#queue.addAfter(name, plan.untilMs - clock.now());
          return;
        case 'remove':
          return await client.delete(resources.certificateSigningRequests, { namespace: undefined, name });
        case 'fail':
          return await this.#fail(request, plan.reason, plan.message);
        case 'sign':
          return await this.#issue(request);
      }
    } catch (error) {
      // The next event brings what is there now.
      if (!isConflict(error) && !isNotFound(error)) throw error;
    }
  }

  async #issue(request: CertificateSigningRequest): Promise<void> {
    if (this.#sign === undefined) return;
    let pem: string;
    try {
      const asked = Buffer.from(request.spec.request, 'base64').toString('latin1');
      pem = await this.#sign(asked, request.spec.expirationSeconds);
    } catch (error) {
      await this.#fail(request, 'SignerValidationFailure', (error as Error).message);
      return;
    }
    const certificate = Buffer.from(pem).toString('base64');
    await this.#context.client.updateStatus(resources.certificateSigningRequests, {
      ...request,
      status: { ...request.status, certificate },
    });
  }

  async #fail(request: CertificateSigningRequest, reason: string, message: string): Promise<void> {
    const now = formatTime(this.#context.clock.now());
    const condition: CertificateSigningRequestCondition = {
      ...{ type: 'Failed', status: 'True', reason, message },
      ...{ lastUpdateTime: now, lastTransitionTime: now },
    };
    await this.#context.client.updateStatus(resources.certificateSigningRequests, {
      ...request,
      status: { ...request.status, conditions: [...(request.status?.conditions ?? []), condition] },
    });
  }
}
