import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { resources, type Container, type Event, type Pod } from '../../src/api/index.ts';
import { aContainer, aPod, startTestEngine, type TestEngine } from '../../src/testing/index.ts';

let engine: TestEngine;
beforeEach(async () => {
  engine = await startTestEngine();
});
afterEach(() => engine.stop());

interface Wanted {
  readonly probes?: string;
  readonly container?: Partial<Container>;
  readonly restartPolicy?: string;
  readonly sidecar?: Partial<Container>;
}

const exec = { command: ['true'] };
const ref = { namespace: 'default', name: 'p' };
const read = (): Promise<Pod> => engine.client.get(resources.pods, ref);

async function create({ probes, container, restartPolicy = 'Always', sidecar }: Wanted): Promise<void> {
  const annotations = {
    'rondo.dev/simulate-duration-ms': 'never',
    ...(probes === undefined ? {} : { 'rondo.dev/simulate-probes': probes }),
  };
  const initContainers = sidecar && [aContainer({ name: 'side', restartPolicy: 'Always', ...sidecar })];
  const spec = { restartPolicy, containers: [aContainer(container)], ...(initContainers && { initContainers }) };
  await engine.client.create(resources.pods, aPod('p', { metadata: { annotations }, spec }));
  await engine.clock.settle();
}

const status = async (): Promise<NonNullable<Pod['status']['containerStatuses']>[number]> =>
  (await read()).status.containerStatuses![0]!;

/** Distinct `reason: message` of all Events, in the order of their names' time. */
async function messages(): Promise<string[]> {
  await engine.clock.settle();
  const { items } = await engine.client.list<Event>(resources.events, { namespace: 'default' });
  return items.map(({ reason, message }) => `${reason}: ${message}`);
}

describe('probes', () => {
  it('make a container ready when the readiness probe succeeds, at its own pace', async () => {
    const readinessProbe = { exec, initialDelaySeconds: 5, periodSeconds: 2, successThreshold: 2 };
    await create({ probes: 'readiness=fail,ok,ok', container: { readinessProbe } });
    await engine.clock.advance(8_900);
    expect(await status()).toMatchObject({ ready: false, started: true, state: { running: {} } });
    expect((await read()).status.conditions!.find(({ type }) => type === 'Ready')).toMatchObject({
      status: 'False',
      reason: 'ContainersNotReady',
      message: 'containers with unready status: [main]',
    });
    await engine.clock.advance(200);
    expect(await status()).toMatchObject({ ready: true, restartCount: 0 });
    expect((await read()).status.conditions!.find(({ type }) => type === 'Ready')!.status).toBe('True');
    expect(await messages()).toContain('Unhealthy: Readiness probe failed: simulated');
  });

  it('take readiness away after the failure threshold, without a restart', async () => {
    const readinessProbe = { exec, periodSeconds: 1, failureThreshold: 3 };
    await create({ probes: 'readiness=ok,fail', container: { readinessProbe } });
    await engine.clock.advance(2_500);
    expect(await status()).toMatchObject({ ready: true });
    await engine.clock.advance(1_000);
    expect(await status()).toMatchObject({ ready: false, restartCount: 0, state: { running: {} } });
  });

  it('restart a container whose liveness probe fails as often as its threshold', async () => {
    const livenessProbe = { exec, periodSeconds: 10, failureThreshold: 2 };
    await create({ probes: 'liveness=ok,fail,fail,ok', container: { livenessProbe } });
    await engine.clock.advance(19_900);
    expect((await status()).restartCount).toBe(0);
    await engine.clock.advance(200);
    const { restartCount, lastState } = await status();
    expect(restartCount).toBe(1);
    expect(lastState!.terminated).toMatchObject({ exitCode: 143 });
    expect(await messages()).toContain('Killing: Container main failed liveness probe, will be restarted');
  });

  it('fail a Pod that never restarts', async () => {
    const livenessProbe = { exec, periodSeconds: 1, failureThreshold: 1 };
    await create({ probes: 'liveness=ok,fail', container: { livenessProbe }, restartPolicy: 'Never' });
    await engine.clock.advance(1_100);
    expect((await read()).status.phase).toBe('Failed');
    expect(await messages()).toContain('Killing: Container main failed liveness probe');
  });

  it('hold liveness and readiness back until the startup probe has succeeded', async () => {
    const startupProbe = { exec, periodSeconds: 5, failureThreshold: 4 };
    const livenessProbe = { exec, periodSeconds: 1, failureThreshold: 1 };
    await create({ probes: 'startup=fail,fail,ok;liveness=ok', container: { startupProbe, livenessProbe } });
    await engine.clock.advance(9_900);
    expect(await status()).toMatchObject({ started: false, ready: false });
    await engine.clock.advance(200);
    expect(await status()).toMatchObject({ started: true, ready: true, restartCount: 0 });
  });

  it('restart a container that does not start up in time', async () => {
    const startupProbe = { exec, periodSeconds: 1, failureThreshold: 3 };
    await create({ probes: 'startup=fail,fail,fail,ok', container: { startupProbe } });
    await engine.clock.advance(2_100);
    // The simulated answers begin anew with the container.
    expect((await status()).restartCount).toBe(1);
    expect(await messages()).toContain('Killing: Container main failed startup probe, will be restarted');
  });

  it('let the main containers wait for the startup probe of a sidecar', async () => {
    await create({ probes: 'startup=fail,ok', sidecar: { startupProbe: { exec, periodSeconds: 7 } } });
    await engine.clock.advance(6_900);
    expect((await read()).status.phase).toBe('Pending');
    await engine.clock.advance(200);
    expect((await read()).status.phase).toBe('Running');
  });

  it('do not restart what is being deleted', async () => {
    const livenessProbe = { exec, periodSeconds: 1, failureThreshold: 2 };
    await create({
      probes: 'liveness=ok,fail',
      container: { livenessProbe, lifecycle: { preStop: { sleep: { seconds: 20 } } } },
    });
    await engine.client.delete(resources.pods, ref);
    await engine.clock.advance(19_000);
    expect((await status()).restartCount).toBe(0);
    expect((await messages()).filter((text) => text.startsWith('Killing'))).toEqual([
      'Killing: Stopping container main',
    ]);
    await engine.clock.advance(1_500);
    await expect(read()).rejects.toMatchObject({ reason: 'NotFound' });
  });
});

describe('lifecycle hooks', () => {
  it('keep a container waiting until postStart is over', async () => {
    await create({ container: { lifecycle: { postStart: { sleep: { seconds: 4 } } } } });
    await engine.clock.advance(3_900);
    expect(await status()).toMatchObject({ ready: false, state: { waiting: { reason: 'ContainerCreating' } } });
    await engine.clock.advance(200);
    expect(await status()).toMatchObject({ ready: true, state: { running: {} } });
  });

  it('spend the grace period on preStop, and leave two seconds for the rest', async () => {
    await create({ container: { lifecycle: { preStop: { sleep: { seconds: 10 } } } } });
    await engine.client.delete(resources.pods, ref, { gracePeriodSeconds: 5 });
    await engine.clock.advance(4_900);
    expect((await status()).state).toMatchObject({ running: {} });
    await engine.clock.advance(200);
    await expect(read()).rejects.toMatchObject({ reason: 'NotFound' });
  });

  it('do not hold up a deletion without grace', async () => {
    await create({ container: { lifecycle: { preStop: { sleep: { seconds: 10 } } } } });
    await engine.client.delete(resources.pods, ref, { gracePeriodSeconds: 0 });
    await engine.clock.settle();
    await expect(read()).rejects.toMatchObject({ reason: 'NotFound' });
  });
});

describe('readiness gates', () => {
  it('keep a Pod from being ready until somebody has set their condition', async () => {
    const annotations = { 'rondo.dev/simulate-duration-ms': 'never' };
    const spec = { readinessGates: [{ conditionType: 'example.com/warm' }] };
    await engine.client.create(resources.pods, aPod('p', { metadata: { annotations }, spec }));
    await engine.clock.settle();
    const ready = async (): Promise<unknown> => (await read()).status.conditions!.find(({ type }) => type === 'Ready');
    expect(await ready()).toMatchObject({
      status: 'False',
      reason: 'ReadinessGatesNotReady',
      message: 'corresponding condition of pod readiness gate "example.com/warm" does not exist.',
    });
  });
});
