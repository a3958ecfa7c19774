import { createInformers } from '../client/index.ts';
import { createEventRecorder, Precedence, type Controller, type ControllerContext } from '../controlloop/index.ts';
import { createLogger } from '../log/index.ts';
import { createMetrics } from '../metrics/index.ts';
import { resources, type Event } from '../api/index.ts';
import { FakeClient } from './fake-client.ts';
import { seededRandom, VirtualClock as FakeClock } from '../clock/index.ts';

export interface TestContext extends ControllerContext {
  readonly client: FakeClient;
  readonly clock: FakeClock;
  /** Log lines from `info` on. */
  readonly lines: string[];
  /** Syncs the informers, starts the controller and lets it come to rest. */
  readonly run: (controller: Controller) => Promise<void>;
  /** `Type Reason message` of all Events. */
  readonly events: () => string[];
}

/** What a controller needs, on a fake client and a fake clock. */
export function testContext(): TestContext {
  const clock = new FakeClock();
  const client = new FakeClient(clock);
  const random = seededRandom(1);
  const lines: string[] = [];
  const log = createLogger({ clock, level: 'info', write: (line) => lines.push(line) });
  const informers = createInformers({ client, clock, random, log });
  return {
    client,
    clock,
    random,
    log,
    metrics: createMetrics(),
    informers,
    dueFirst: new Precedence(),
    lines,
    recorderFor: (component) => createEventRecorder({ client, component, clock, random, log }),
    run: async (controller) => {
      await informers.start();
      await controller.start();
      await clock.settle();
    },
    events: () => client.all(resources.events).map((event: Event) => `${event.type} ${event.reason} ${event.message}`),
  };
}
