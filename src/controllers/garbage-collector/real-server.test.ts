import { createMetrics } from '../../metrics/index.ts';
import { expect, it } from 'vitest';
import { resources, type Pod } from '../../api/index.ts';
import { createApiServer, noPods } from '../../apiserver/index.ts';
import { createInformers } from '../../client/index.ts';
import { createEventRecorder, Precedence, type ControllerContext } from '../../controlloop/index.ts';
import { createLogger } from '../../log/index.ts';
import { createScheduler } from '../../scheduler/index.ts';
import { createMemoryStore } from '../../store/index.ts';
import { aJob, aNode, aPod, FakeClock, seededRandom } from '../../testing/index.ts';
import { createNamespaceController } from '../namespace/index.ts';
import { createNamespaceDefaultsController } from '../namespace-defaults/index.ts';
import { createTtlController } from '../ttl-after-finished/index.ts';
import { createGarbageCollector } from './index.ts';

const user = { name: 'test', groups: ['system:masters'] };

/** The real API server in memory with all the small controllers and the scheduler. */
async function setUp() {
  const clock = new FakeClock();
  const random = seededRandom(1);
  const lines: string[] = [];
  const log = createLogger({ clock, level: 'info', write: (line) => lines.push(line) });
  const store = createMemoryStore({ clock });
  const server = createApiServer({ store, clock, random, log, podStreams: noPods });
  await server.start();
  const client = server.clientFor(user);
  const informers = createInformers({ client, clock, random, log });
  const recorderFor = (component: string) => createEventRecorder({ client, component, clock, random, log });
  const dueFirst = new Precedence();
  const context: ControllerContext = {
    client,
    informers,
    clock,
    random,
    log,
    recorderFor,
    metrics: createMetrics(),
    dueFirst,
  };
  const controllers = [
    createGarbageCollector(context),
    createNamespaceController(context),
    createNamespaceDefaultsController(context, { rootCa: 'PEM' }),
    createTtlController(context),
    createScheduler(context),
  ];
  await informers.start();
  for (const controller of controllers) await controller.start();
  await clock.settle();
  const stop = async () => {
    await Promise.all(controllers.map((controller) => controller.stop()));
    informers.stop();
    await server.stop();
  };
  return { client, clock, lines, stop };
}

const ref = { namespace: 'default', name: 'job' };

async function withJob() {
  const context = await setUp();
  const { client, clock } = context;
  const node = await client.create(resources.nodes, aNode('node-1'));
  await client.updateStatus(resources.nodes, { ...node, status: aNode('node-1').status ?? {} });
  const job = await client.create(resources.jobs, aJob('job', { spec: { ttlSecondsAfterFinished: 60 } }));
  const owner = { apiVersion: 'batch/v1', kind: 'Job', name: 'job', uid: job.metadata.uid, blockOwnerDeletion: true };
  const metadata = { ownerReferences: [{ ...owner, controller: true }] };
  for (const name of ['pod-1', 'pod-2']) await client.create(resources.pods, aPod(name, { metadata }));
  await clock.settle();
  const pods = async () => (await client.list(resources.pods)).items;
  const jobs = async () => (await client.list(resources.jobs)).items.length;
  // There is no node agent here: what it would do when a Pod has ended its grace period.
  const killPods = async () => {
    for (const pod of await pods()) await client.delete(resources.pods, pod.metadata, { gracePeriodSeconds: 0 });
    await clock.settle();
  };
  return { ...context, pods, jobs, killPods };
}

it.each(['Background', 'Foreground'] as const)('a Job goes with its Pods: %s', async (propagationPolicy) => {
  const { client, clock, pods, jobs, killPods, lines, stop } = await withJob();
  expect((await pods()).map((pod: Pod) => pod.spec.nodeName)).toEqual(['node-1', 'node-1']);
  await client.delete(resources.jobs, ref, { propagationPolicy });
  await clock.settle();
  expect((await pods()).every((pod) => pod.metadata.deletionTimestamp !== undefined)).toBe(true);
  expect(await jobs()).toBe(propagationPolicy === 'Foreground' ? 1 : 0);
  await killPods();
  expect([await pods(), await jobs()]).toEqual([[], 0]);
  expect(lines).toEqual([]);
  await stop();
});

it('a Job leaves its Pods behind when it is told to', async () => {
  const { client, clock, pods, jobs, lines, stop } = await withJob();
  await client.delete(resources.jobs, ref, { propagationPolicy: 'Orphan' });
  await clock.settle();
  expect((await pods()).map((pod) => pod.metadata.ownerReferences ?? [])).toEqual([[], []]);
  expect([await jobs(), lines]).toEqual([0, []]);
  await stop();
});

it('a finished Job goes with its Pods when its time is up', async () => {
  const { client, clock, pods, jobs, killPods, lines, stop } = await withJob();
  const job = await client.get(resources.jobs, ref);
  const at = '2026-01-01T00:00:00Z';
  const times = { lastProbeTime: at, lastTransitionTime: at };
  const conditions = ['SuccessCriteriaMet', 'Complete'].map((type) => ({ type, status: 'True', ...times }));
  const status = {
    ...job.status,
    conditions,
    startTime: at,
    completionTime: at,
    succeeded: 1,
    uncountedTerminatedPods: {},
  };
  await client.updateStatus(resources.jobs, { ...job, status });
  await clock.advance(59_000);
  expect((await pods()).every((pod) => pod.metadata.deletionTimestamp === undefined)).toBe(true);
  await clock.advance(2000);
  await killPods();
  expect([await pods(), await jobs(), lines]).toEqual([[], 0, []]);
  await stop();
});

it('a namespace gets its defaults, and goes with everything in it', async () => {
  const { client, clock, lines, stop } = await setUp();
  await client.create(resources.namespaces, { metadata: { name: 'work' }, spec: {} });
  await clock.settle();
  await client.create(resources.jobs, aJob('job', { metadata: { namespace: 'work' } }));
  const inside = { namespace: 'work' };
  expect((await client.list(resources.serviceAccounts, inside)).items).toHaveLength(1);
  expect((await client.list(resources.configMaps, inside)).items[0]?.data).toEqual({ 'ca.crt': 'PEM' });
  await client.delete(resources.namespaces, { name: 'work' });
  await clock.advance(2000);
  expect((await client.list(resources.namespaces)).items.map(({ metadata }) => metadata.name)).not.toContain('work');
  for (const kind of [resources.jobs, resources.configMaps, resources.serviceAccounts]) {
    expect((await client.list(kind, inside)).items).toEqual([]);
  }
  expect(lines).toEqual([]);
  await stop();
});
