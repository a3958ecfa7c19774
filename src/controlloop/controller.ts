import type { Client, Informers } from '../client/index.ts';
import type { Clock, Random } from '../clock/index.ts';
import type { Logger } from '../log/index.ts';
import type { Metrics } from '../metrics/index.ts';
import type { EventRecorder } from './event-recorder.ts';
import type { Precedence } from './precedence.ts';

/** What the engine hands to every controller. */
export interface ControllerContext {
  readonly client: Client;
  readonly informers: Informers;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** CronJobs that are due go before all that comes of their Jobs. */
  readonly dueFirst: Precedence;
  /** A recorder for the given component name (`job-controller`, `kubelet`, …). */
  readonly recorderFor: (component: string) => EventRecorder;
}

/** A running part of the control plane: controllers, scheduler, node agent. */
export interface Controller {
  readonly name: string;
  /** Begins to act. Called once, after all informers are synced. */
  start(): void | Promise<void>;
  /** Stops acting; resolves when nothing of it runs any more. */
  stop(): Promise<void>;
}
