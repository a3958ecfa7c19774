import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { resources, type ContainerStatus, type Draft, type Event, type Pod } from '../../src/api/index.ts';
import { aContainer, aPod, startTestEngine, type TestEngine } from '../../src/testing/index.ts';

let engine: TestEngine;
beforeEach(async () => {
  engine = await startTestEngine();
});
afterEach(() => engine.stop());

const ref = { namespace: 'default', name: 'p' };
const lasting = (text: string): Record<string, string> => ({ 'rondo.dev/simulate-duration-ms': text });

async function create(draft: Draft<Pod>): Promise<void> {
  await engine.client.create(resources.pods, draft);
  await engine.clock.settle();
}

async function debug(container: object): Promise<void> {
  const body = { spec: { ephemeralContainers: [{ name: 'debug', image: 'busybox', ...container }] } };
  await engine.client.patch(resources.pods, ref, { type: 'strategic', body }, { subresource: 'ephemeralcontainers' });
  await engine.clock.settle();
}

const read = (): Promise<Pod> => engine.client.get(resources.pods, ref);
const statusOf = async (name = 'debug'): Promise<ContainerStatus | undefined> =>
  (await read()).status.ephemeralContainerStatuses?.find((status) => status.name === name);

async function eventsOf(container: string): Promise<string[]> {
  const { items } = await engine.client.list<Event>(resources.events, { namespace: 'default' });
  return items
    .filter(({ involvedObject }) => involvedObject.fieldPath === `spec.ephemeralContainers{${container}}`)
    .map(({ reason, message }) => `${reason}: ${message}`)
    .sort();
}

describe('an ephemeral container', () => {
  it('starts in a Pod that runs, ends by itself, and is not started again', async () => {
    await create(
      aPod('p', {
        metadata: { annotations: lasting('container:debug=2000;never') },
        spec: { restartPolicy: 'Always' },
      }),
    );
    await debug({});
    const running = await read();
    expect(running.spec.ephemeralContainers).toMatchObject([{ name: 'debug', imagePullPolicy: 'Always' }]);
    expect(running.metadata.generation).toBe(2);
    expect(await statusOf()).toEqual({
      name: 'debug',
      state: { running: { startedAt: expect.any(String) as string } },
      ready: false,
      restartCount: 0,
      image: 'busybox',
      imageID: '',
      containerID: expect.stringContaining('/debug/0') as string,
    });
    expect(await eventsOf('debug')).toEqual(['Created: Container created: debug', 'Started: Container started: debug']);
    await engine.clock.advance(600_000);
    expect(await statusOf()).toMatchObject({ restartCount: 0, state: { terminated: { exitCode: 0 } } });
    expect((await read()).status.phase).toBe('Running');
  });

  it('does not keep its Pod from ending, and ends with it', async () => {
    await create(aPod('p', { metadata: { annotations: lasting('container:main=5000;never') } }));
    await debug({});
    await engine.clock.advance(5000);
    const pod = await read();
    expect(pod.status.phase).toBe('Succeeded');
    expect(await statusOf()).toMatchObject({ state: { terminated: { exitCode: 143 } } });
    expect(await eventsOf('debug')).toContain('Killing: Stopping container debug');
  });

  it('does not make its Pod ready or unready, failed or restarted', async () => {
    const annotations = {
      ...lasting('container:debug=1000;never'),
      'rondo.dev/simulate-exit-code': 'container:debug=3',
    };
    await create(aPod('p', { metadata: { annotations } }));
    await debug({});
    await engine.clock.advance(1000);
    const { status } = await read();
    expect(status.phase).toBe('Running');
    expect(status.conditions!.find(({ type }) => type === 'Ready')?.status).toBe('True');
    expect(await statusOf()).toMatchObject({ state: { terminated: { exitCode: 3, reason: 'Error' } } });
  });

  it('starts while an init container fails again and again', async () => {
    const spec = { restartPolicy: 'Always', initContainers: [aContainer({ name: 'init' })] };
    const annotations = { ...lasting('container:debug=never;0'), 'rondo.dev/simulate-exit-code': 'container:init=1' };
    await create(aPod('p', { metadata: { annotations }, spec }));
    await debug({ targetContainerName: 'init' });
    expect(await statusOf()).toMatchObject({ state: { running: {} } });
    expect((await read()).status.phase).toBe('Pending');
  });

  it('waits for the container that it is to look into', async () => {
    const spec = { initContainers: [aContainer({ name: 'init' })] };
    await create(aPod('p', { metadata: { annotations: lasting('container:init=1500;never') }, spec }));
    await debug({ targetContainerName: 'main' });
    expect(await statusOf()).toMatchObject({
      state: { waiting: { reason: 'CreateContainerConfigError', message: 'unable to find target container main' } },
    });
    await engine.clock.advance(4000);
    expect(await statusOf()).toMatchObject({ state: { running: {} } });
  });

  it('comes to no Pod that is over, and a second one comes beside the first', async () => {
    await create(aPod('p', { metadata: { annotations: lasting('container:main=5000;never') } }));
    await debug({});
    await debug({ name: 'other' });
    expect(await statusOf('other')).toMatchObject({ state: { running: {} } });
    await engine.clock.advance(5000);
    await debug({ name: 'late' });
    expect(await statusOf('late')).toBeUndefined();
    expect((await read()).status.phase).toBe('Succeeded');
  });

  it('is stopped with its Pod', async () => {
    await create(aPod('p', { metadata: { annotations: lasting('never'), finalizers: ['x.example/held'] } }));
    await debug({});
    await engine.client.delete(resources.pods, ref);
    await engine.clock.advance(1000);
    expect(await statusOf()).toMatchObject({ state: { terminated: { exitCode: 143 } } });
  });
});
