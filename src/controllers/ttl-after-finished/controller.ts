import { isNotFound, objectKey, parseObjectKey, resources, type Job, type ObjectRef } from '../../api/index.ts';
import type { Client, Informer } from '../../client/index.ts';
import type { Clock } from '../../clock/index.ts';
import {
  createWorkqueue,
  runController,
  type Controller,
  type ControllerContext,
  type Workqueue,
} from '../../controlloop/index.ts';
import { expiryMs } from './plan.ts';

const workers = 5;

/**
 * Deletes finished Jobs `ttlSecondsAfterFinished` after their end, with their Pods first. Reads of a cached Job only its
 * metadata, `spec.ttlSecondsAfterFinished` and `status.conditions`.
 */
export function createTtlController(context: ControllerContext): Controller {
  return new TtlController(context);
}

class TtlController implements Controller {
  readonly name = 'ttl-after-finished';
  readonly #context: ControllerContext;
  readonly #client: Client;
  readonly #clock: Clock;
  readonly #jobs: Informer<Job>;
  readonly #queue: Workqueue;
  #runner: { stop(): Promise<void> } | undefined;

  constructor(context: ControllerContext) {
    this.#context = context;
    this.#client = context.client;
    this.#clock = context.clock;
    this.#jobs = context.informers.of(resources.jobs);
    this.#queue = createWorkqueue({ clock: context.clock });
  }

  start(): void {
    this.#jobs.addHandler({ onAdd: (job) => this.#schedule(job), onUpdate: (job) => this.#schedule(job) });
    const { clock, log, metrics } = this.#context;
    const reconcile = (key: string): Promise<void> => this.#reconcile(key);
    this.#runner = runController({
      ...{ name: this.name, queue: this.#queue, workers, reconcile, clock, log, metrics },
      givesWayTo: this.#context.dueFirst,
    });
  }

  async stop(): Promise<void> {
    await this.#runner?.stop();
  }

  /** A TTL that grew meanwhile is noticed when the earlier time comes. */
  #schedule(job: Job): void {
    const dueMs = expiryMs(job);
    if (dueMs !== undefined) this.#queue.addAfter(objectKey(job.metadata), dueMs - this.#clock.now());
  }

  async #reconcile(key: string): Promise<void> {
    const cached = this.#jobs.get(key);
    if (cached === undefined || !this.#isExpired(cached)) return;
    const ref = parseObjectKey(key);
    const job = await this.#read(ref);
    if (job === undefined || !this.#isExpired(job)) return;
    const { uid } = job.metadata;
    try {
      await this.#client.delete(resources.jobs, ref, { propagationPolicy: 'Foreground', preconditions: { uid } });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }

  /** If the time has not come, waits for it. */
  #isExpired(job: Job): boolean {
    const dueMs = expiryMs(job);
    if (dueMs === undefined) return false;
    if (dueMs <= this.#clock.now()) return true;
    this.#schedule(job);
    return false;
  }

  async #read(ref: ObjectRef): Promise<Job | undefined> {
    try {
      return await this.#client.get(resources.jobs, ref);
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }
}
