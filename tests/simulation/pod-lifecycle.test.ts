import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { resources, type Draft, type Event, type Pod, type RuntimeClass } from '../../src/api/index.ts';
import { createMemoryStore } from '../../src/store/index.ts';
import { createSimulatedRuntime, createSimulatedMachine } from '../../src/runtimes/simulated/index.ts';
import { silentLogger } from '../../src/log/index.ts';
import {
  aContainer,
  aPod,
  FakeClock,
  seededRandom,
  startTestEngine,
  type TestEngine,
} from '../../src/testing/index.ts';

let engine: TestEngine;
beforeEach(async () => {
  engine = await startTestEngine();
});
afterEach(() => engine.stop());

const code = (text: string): Record<string, string> => ({ 'rondo.dev/simulate-exit-code': text });
const lasting = (text: string): Record<string, string> => ({ 'rondo.dev/simulate-duration-ms': text });

async function create(draft: Draft<Pod>): Promise<Pod> {
  const pod = await engine.client.create(resources.pods, draft);
  await engine.clock.settle();
  return pod;
}
const read = (name = 'p'): Promise<Pod> => engine.client.get(resources.pods, { namespace: 'default', name });
const main = async (name?: string): Promise<NonNullable<Pod['status']['containerStatuses']>[number]> =>
  (await read(name)).status.containerStatuses![0]!;
async function reasons(): Promise<string[]> {
  const { items } = await engine.client.list<Event>(resources.events, { namespace: 'default' });
  return items.map(({ reason }) => reason!);
}

describe('a Pod', () => {
  it('runs to success and says so in phase, conditions and container status', async () => {
    await create(aPod('p', { metadata: { annotations: lasting('5000') } }));
    expect(await read()).toMatchObject({
      status: { phase: 'Running', hostIP: expect.any(String), podIP: expect.any(String) },
    });
    expect((await read()).status.conditions!.find(({ type }) => type === 'Ready')!.status).toBe('True');
    await engine.clock.advance(5000);
    const pod = await read();
    expect(pod.status.phase).toBe('Succeeded');
    expect(pod.status.conditions!.find(({ type }) => type === 'Ready')).toMatchObject({
      status: 'False',
      reason: 'PodCompleted',
    });
    expect(pod.status.containerStatuses![0]).toMatchObject({
      ready: false,
      restartCount: 0,
      state: { terminated: { exitCode: 0, reason: 'Completed' } },
    });
  });

  it('fails with the exit code of its container', async () => {
    await create(aPod('p', { metadata: { annotations: code('3') } }));
    expect((await read()).status.phase).toBe('Failed');
    expect((await main()).state!.terminated).toMatchObject({ exitCode: 3, reason: 'Error' });
  });

  it('restarts under OnFailure with back-offs of 0, 10 and 20 seconds', async () => {
    await create(aPod('p', { metadata: { annotations: code('1,1,1,0') }, spec: { restartPolicy: 'OnFailure' } }));
    const status = await main();
    expect(status).toMatchObject({ restartCount: 1, state: { waiting: { reason: 'CrashLoopBackOff' } } });
    expect(status.state!.waiting!.message).toMatch(/^back-off 10s restarting failed container=main pod=p_default\(/);
    expect(status.lastState!.terminated).toMatchObject({ exitCode: 1 });
    await engine.clock.advance(9_000);
    expect((await main()).restartCount).toBe(1);
    await engine.clock.advance(1_500);
    expect((await main()).restartCount).toBe(2);
    await engine.clock.advance(21_000);
    expect(await read()).toMatchObject({ status: { phase: 'Succeeded' } });
    expect((await main()).restartCount).toBe(3);
    expect(await reasons()).toContain('BackOff');
  });

  it('runs init containers in order before the others', async () => {
    const initContainers = [aContainer({ name: 'one' }), aContainer({ name: 'two' })];
    await create(aPod('p', { metadata: { annotations: lasting('1000') }, spec: { initContainers } }));
    expect((await read()).status).toMatchObject({
      phase: 'Pending',
      containerStatuses: [{ state: { waiting: { reason: 'PodInitializing' } } }],
    });
    await engine.clock.advance(2000);
    const { initContainerStatuses, phase } = (await read()).status;
    expect([phase, ...initContainerStatuses!.map(({ state }) => state!.terminated?.exitCode)]).toEqual([
      'Running',
      0,
      0,
    ]);
    await engine.clock.advance(1000);
    expect((await read()).status.phase).toBe('Succeeded');
  });

  it('stops its sidecar when the main container is done', async () => {
    const initContainers = [aContainer({ name: 'side', restartPolicy: 'Always' })];
    const annotations = lasting('container:side=never;1000');
    await create(aPod('p', { metadata: { annotations }, spec: { initContainers } }));
    expect((await read()).status.phase).toBe('Running');
    await engine.clock.advance(1000);
    expect((await read()).status).toMatchObject({
      phase: 'Succeeded',
      initContainerStatuses: [{ state: { terminated: {} } }],
    });
  });

  it('honours the grace period of a deletion, then is gone', async () => {
    const annotations = { ...lasting('never'), 'rondo.dev/simulate-ignores-term': 'true' };
    await create(aPod('p', { metadata: { annotations }, spec: { terminationGracePeriodSeconds: 8 } }));
    await engine.client.delete(resources.pods, { namespace: 'default', name: 'p' });
    await engine.clock.advance(7_000);
    expect((await read()).metadata.deletionTimestamp).toBeDefined();
    await engine.clock.advance(1_500);
    await expect(read()).rejects.toMatchObject({ reason: 'NotFound' });
    expect(await reasons()).toContain('Killing');
  });

  it('ends Failed with DeadlineExceeded after activeDeadlineSeconds', async () => {
    await create(
      aPod('p', {
        metadata: { annotations: lasting('never') },
        spec: { activeDeadlineSeconds: 5, terminationGracePeriodSeconds: 1 },
      }),
    );
    await engine.clock.advance(7_000);
    expect((await read()).status).toMatchObject({ phase: 'Failed', reason: 'DeadlineExceeded' });
  });

  it('waits with a clear reason while its ConfigMap is missing, and starts when it appears', async () => {
    const env = [{ name: 'A', valueFrom: { configMapKeyRef: { name: 'late', key: 'a' } } }];
    await create(aPod('p', { spec: { containers: [aContainer({ env })] } }));
    expect((await main()).state!.waiting).toEqual({
      reason: 'CreateContainerConfigError',
      message: 'configmap "late" not found',
    });
    await engine.client.create(resources.configMaps, {
      metadata: { namespace: 'default', name: 'late' },
      data: { a: '1' },
    });
    await engine.clock.advance(61_000);
    expect((await read()).status.phase).toBe('Succeeded');
    expect(await reasons()).toContain('Failed');
  });

  it('warns when the manifest puts a Secret into the arguments', async () => {
    const secret = {
      metadata: { namespace: 'default', name: 's' },
      data: { p: Buffer.from('geheim').toString('base64') },
    };
    await engine.client.create(resources.secrets, secret);
    const env = [{ name: 'PW', valueFrom: { secretKeyRef: { name: 's', key: 'p' } } }];
    await create(aPod('p', { spec: { containers: [aContainer({ env, args: ['--password=$(PW)', '$(OTHER)'] })] } }));
    const { items } = await engine.client.list<Event>(resources.events, { namespace: 'default' });
    const warnings = items.filter(({ reason }) => reason === 'SecretInArguments').map(({ message }) => message);
    expect(warnings).toEqual([expect.stringMatching(/^\$\(PW\) puts a value from a Secret into the arguments/)]);
    expect(JSON.stringify(items)).not.toContain('geheim');
  });

  it('names a runtime class that no runtime of the node is for', async () => {
    await engine.client.create<RuntimeClass>(resources.runtimeClasses, { metadata: { name: 'none' }, handler: 'none' });
    await create(aPod('p', { spec: { runtimeClassName: 'none' } }));
    expect(await reasons()).toContain('FailedCreatePodSandBox');
  });
});

describe('a restarted engine', () => {
  it('goes on with running containers, starts none twice and loses no exit', async () => {
    const clock = new FakeClock();
    const random = seededRandom(7);
    const store = createMemoryStore({ clock });
    // The machine outlives engines: what runs on it goes on.
    const machine = createSimulatedMachine();
    const runtimes = [createSimulatedRuntime({ clock, random, log: silentLogger, machine })];
    const first = await startTestEngine({ clock, random, store: surviving(store), runtimes });
    await first.client.create(resources.pods, aPod('short', { metadata: { annotations: lasting('3000') } }));
    await first.client.create(resources.pods, aPod('long', { metadata: { annotations: lasting('60000') } }));
    await clock.advance(1000);
    await first.stop();
    await clock.advance(10_000);

    const second = await startTestEngine({
      clock,
      random,
      store,
      runtimes: [createSimulatedRuntime({ clock, random, log: silentLogger, machine })],
    });
    const status = async (name: string): Promise<Pod['status']> =>
      (await second.client.get(resources.pods, { namespace: 'default', name })).status;
    expect(await status('short')).toMatchObject({ phase: 'Succeeded', containerStatuses: [{ restartCount: 0 }] });
    expect(await status('long')).toMatchObject({ phase: 'Running', containerStatuses: [{ restartCount: 0 }] });
    await clock.advance(60_000);
    expect(await status('long')).toMatchObject({ phase: 'Succeeded', containerStatuses: [{ restartCount: 0 }] });
    await second.stop();
  });
});

/** The same store, not closed by the engine that stops. */
function surviving<T extends object>(store: T): T {
  return new Proxy(store, {
    get: (target, key) => {
      if (key === 'close') return () => Promise.resolve();
      const value = Reflect.get(target, key, target) as unknown;
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}
