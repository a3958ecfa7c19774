// What one Job's whole life costs in counted operations, beside any number of finished Jobs and Pods. Noise cannot touch
// the counters, so they must be equal however many others there are.
import { jobFinishedCondition, resources, type Job, type KubeObject } from '../src/api/index.ts';
import { createEngine, type Engine } from '../src/engine/index.ts';
import { createMemoryStore, type Store } from '../src/store/index.ts';
import { FakeClock, fakeStartMs, seededRandom } from '../src/testing/index.ts';
import { createSimulatedRuntime } from '../src/runtimes/simulated/index.ts';
import { silentLogger } from '../src/log/index.ts';

/** Counted operations by name: index look-ups, records and bytes written, objects decoded, encoded and scanned. */
export type Operations = Readonly<Record<string, number>>;

/** Something that runs beside the engine and may do work for each event of a Job. */
export type Bystander = (engine: Engine) => { close(): void };

/** A finished Job as the store holds it, with the Pod that it ran. */
export function finishedPair(index: number): readonly [key: string, object: KubeObject][] {
  const [name, at] = [`done-${String(index).padStart(7, '0')}`, new Date(fakeStartMs - 60_000).toISOString()];
  const time = `${at.slice(0, 19)}Z`;
  const uidOf = (kind: string): string => `00000000-0000-4000-8000-${kind}${String(index).padStart(11, '0')}`;
  const labels = { 'batch.kubernetes.io/controller-uid': uidOf('1'), 'batch.kubernetes.io/job-name': name };
  const template = {
    restartPolicy: 'Never',
    containers: [{ name: 'main', image: 'rondo.dev/host', command: ['true'] }],
  };
  const condition = { type: 'Complete', status: 'True', lastProbeTime: time, lastTransitionTime: time };
  const job = {
    kind: 'Job',
    apiVersion: 'batch/v1',
    metadata: {
      name,
      namespace: 'others',
      uid: uidOf('1'),
      resourceVersion: '1',
      generation: 1,
      creationTimestamp: time,
      labels,
    },
    spec: {
      parallelism: 1,
      completions: 1,
      backoffLimit: 6,
      selector: { matchLabels: { 'batch.kubernetes.io/controller-uid': uidOf('1') } },
      template: { metadata: { labels }, spec: template },
      completionMode: 'NonIndexed',
      suspend: false,
    },
    status: {
      conditions: [condition],
      startTime: time,
      completionTime: time,
      succeeded: 1,
      uncountedTerminatedPods: {},
      ready: 0,
      terminating: 0,
    },
  };
  const owner = {
    apiVersion: 'batch/v1',
    kind: 'Job',
    name,
    uid: uidOf('1'),
    controller: true,
    blockOwnerDeletion: true,
  };
  const terminated = {
    exitCode: 0,
    reason: 'Completed',
    startedAt: time,
    finishedAt: time,
    containerID: `rondo-simulated://${index}`,
  };
  const pod = {
    kind: 'Pod',
    apiVersion: 'v1',
    metadata: {
      name: `${name}-xxxxx`,
      namespace: 'others',
      uid: uidOf('2'),
      resourceVersion: '1',
      generation: 1,
      creationTimestamp: time,
      labels,
      ownerReferences: [owner],
    },
    spec: { ...template, nodeName: 'rondo', schedulerName: 'default-scheduler', terminationGracePeriodSeconds: 30 },
    status: {
      phase: 'Succeeded',
      startTime: time,
      conditions: [{ type: 'PodScheduled', status: 'True', lastTransitionTime: time }],
      containerStatuses: [
        { name: 'main', state: { terminated }, ready: false, restartCount: 0, image: 'rondo.dev/host', imageID: '' },
      ],
    },
  };
  return [
    [`batch/jobs/others/${name}`, job],
    [`core/pods/others/${name}-xxxxx`, pod],
  ];
}

/** Puts finished Jobs and their Pods into a store: `others` objects in all. */
export async function fillWithFinished(store: Store, others: number): Promise<void> {
  const batch = 1000;
  const namespace = {
    kind: 'Namespace',
    apiVersion: 'v1',
    metadata: { name: 'others', uid: 'others', resourceVersion: '1', creationTimestamp: '2026-01-01T00:00:00Z' },
    spec: { finalizers: ['kubernetes'] },
    status: { phase: 'Active' },
  };
  const put = (key: string, object: object): Promise<unknown> =>
    store.write({ key, type: 'put', encode: (revision) => ({ value: () => encode(object, revision) }) });
  await put('core/namespaces/others', namespace);
  for (let start = 0; start < others / 2; start += batch) {
    const writes: Promise<unknown>[] = [];
    for (let i = start; i < Math.min(start + batch, others / 2); i++) {
      for (const [key, object] of finishedPair(i)) writes.push(put(key, object));
    }
    await Promise.all(writes);
  }
}

function encode(object: object, revision: number): Buffer {
  const { metadata } = object as KubeObject;
  return Buffer.from(JSON.stringify({ ...object, metadata: { ...metadata, resourceVersion: String(revision) } }));
}

/** Runs one Job from its creation to Complete, with everything that follows, and counts. */
export async function operationsOfOneJob(others: number, bystander?: Bystander): Promise<Operations> {
  const clock = new FakeClock();
  const store = createMemoryStore({ clock });
  await fillWithFinished(store, others);
  const random = seededRandom(1);
  const runtimes = [createSimulatedRuntime({ clock, random, log: silentLogger })];
  const engine = createEngine({ clock, random, store, runtimes });
  await engine.start();
  await clock.settle();
  const beside = bystander?.(engine);
  // As the disk store does, the bytes of every version are asked for.
  const bytes = store.watch({
    prefix: '',
    afterRevision: store.revision,
    onEvents: (events) => events.forEach(({ entry }) => entry.value),
  });
  // The first Job fills what is made once (indexes that are asked for, events of the node).
  await runJob(engine, clock, 'first');
  const before = countersOf(engine, store);
  await runJob(engine, clock, 'second');
  const after = countersOf(engine, store);
  beside?.close();
  bytes.close();
  await engine.stop();
  return Object.fromEntries(Object.entries(after).map(([name, count]) => [name, count - (before[name] ?? 0)]));
}

async function runJob(engine: Engine, clock: FakeClock, name: string): Promise<void> {
  const spec = { restartPolicy: 'Never', containers: [{ name: 'main', image: 'rondo.dev/host', command: ['true'] }] };
  await engine.client.create(resources.jobs, {
    metadata: { name, namespace: 'default' },
    spec: { template: { spec } },
  });
  // Two seconds also see what is put off: coalesced status writes, events.
  await clock.advance(2000);
  const job: Job = await engine.client.get(resources.jobs, { namespace: 'default', name });
  if (jobFinishedCondition(job)?.type !== 'Complete') throw new Error(`${name} did not complete`);
}

function countersOf(engine: Engine, store: Store): Operations {
  // Bytes differ by the digits of revisions.
  const { bytesWritten: _digits, ...counted } = { ...store.counters, ...engine.apiServer.operations.counters };
  return counted;
}

/** The mistake that the counters must find: a controller that lists all Jobs at every event. */
export const scanningBystander: Bystander = (engine) =>
  engine.client.watch(
    resources.jobs,
    { resourceVersion: '0' },
    {
      onEvents: (events) => {
        for (const event of events) {
          if (event.type === 'MODIFIED') void engine.client.list(resources.jobs);
        }
      },
      onEnd: () => undefined,
    },
  );
