import { resources, type CronJob, type CronJobSpec, type Draft, type Event } from '../../api/index.ts';
import type { Job, JobSpec } from '../../api/index.ts';
import type { Store } from '../../store/index.ts';
import { startTestEngine, type TestEngine } from '../../testing/index.ts';

const image = { name: 'main', image: 'any' };

export interface CronJobOptions {
  readonly spec?: Partial<CronJobSpec>;
  /** How long a run takes; default: no time. */
  readonly runMs?: number;
  readonly exitCode?: number;
}

/** A whole engine with what tests of CronJobs do and ask. */
export interface CronJobBench {
  readonly engine: TestEngine;
  create(name: string, schedule: string, options?: CronJobOptions): Promise<CronJob>;
  get(name: string): Promise<CronJob>;
  change(name: string, spec: Readonly<Record<string, unknown>>): Promise<void>;
  jobs(): Promise<readonly Job[]>;
  /** Every Job that was ever made, as the due times in its annotations, in order. */
  readonly ticks: string[];
  /** `Type Reason message` of all Events about CronJobs. */
  events(): Promise<readonly string[]>;
  event(reason: string): Promise<readonly string[]>;
}

export async function cronJobBench(options: Parameters<typeof startTestEngine>[0] = {}): Promise<CronJobBench> {
  const engine = await startTestEngine(options);
  const { client } = engine;
  const ref = (name: string): { namespace: string; name: string } => ({ namespace: 'default', name });
  const ticks: string[] = [];
  const { resourceVersion } = await client.list<Job>(resources.jobs);
  client.watch<Job>(
    resources.jobs,
    { resourceVersion },
    {
      onEvents: (changes) => {
        for (const change of changes) if (change.type === 'ADDED') ticks.push(tickOf(change.object));
      },
      onEnd: () => undefined,
    },
  );
  const events = async (): Promise<readonly string[]> => {
    const { items } = await client.list<Event>(resources.events);
    const about = items.filter((event) => event.involvedObject.kind === 'CronJob');
    return about.map((event) => `${event.type} ${event.reason} ${event.message}`);
  };
  return {
    engine,
    create: (name, schedule, created = {}) =>
      client.create<CronJob>(resources.cronJobs, aCronJob(name, schedule, created)),
    get: (name) => client.get<CronJob>(resources.cronJobs, ref(name)),
    change: async (name, spec) => {
      await client.patch(resources.cronJobs, ref(name), { type: 'merge', body: { spec } });
    },
    jobs: async () => (await client.list<Job>(resources.jobs)).items,
    ticks,
    events,
    event: async (reason) => (await events()).filter((text) => text.split(' ')[1] === reason),
  };
}

export function tickOf(job: Job): string {
  return job.metadata.annotations?.['batch.kubernetes.io/cronjob-scheduled-timestamp'] ?? 'manual';
}

export function aJobTemplate(options: CronJobOptions = {}): { spec: JobSpec } {
  const annotations = {
    ...(options.runMs !== undefined && { 'rondo.dev/simulate-duration-ms': String(options.runMs) }),
    ...(options.exitCode !== undefined && { 'rondo.dev/simulate-exit-code': String(options.exitCode) }),
  };
  const spec = { restartPolicy: 'Never', containers: [image] };
  return { spec: { backoffLimit: 0, template: { metadata: { annotations }, spec } } };
}

export function aCronJob(name: string, schedule: string, options: CronJobOptions = {}): Draft<CronJob> {
  return {
    metadata: { name, namespace: 'default' },
    spec: { schedule, jobTemplate: aJobTemplate(options), ...options.spec },
  };
}

/** The same store for one engine after another: stopping an engine closes its store. */
export function keptOpen(store: Store): Store {
  return new Proxy(store, {
    get: (target, property) => {
      if (property === 'close') return () => Promise.resolve();
      const value: unknown = Reflect.get(target, property, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}
