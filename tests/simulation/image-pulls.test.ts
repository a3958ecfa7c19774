import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isNotFound, resources, type Container, type Draft, type Pod } from '../../src/api/index.ts';
import type { EventRecorder } from '../../src/controlloop/index.ts';
import { silentLogger } from '../../src/log/index.ts';
import { createSimulatedRuntime } from '../../src/runtimes/simulated/index.ts';
import {
  aContainer,
  aPod,
  FakeClock,
  seededRandom,
  startTestEngine,
  type TestEngine,
} from '../../src/testing/index.ts';
import { ImageFarEnd } from './image-far-end.ts';

let clock: FakeClock;
let images: ImageFarEnd;
let engine: TestEngine;
/** What the kubelet says, by Pod: type, reason and message. */
let events: Map<string, string[]>;

beforeEach(async () => {
  clock = new FakeClock();
  images = new ImageFarEnd(clock);
  const runtime = createSimulatedRuntime({ clock, random: seededRandom(1), log: silentLogger, images });
  events = new Map();
  const recorderFor = (component: string): EventRecorder => ({
    event: (about, type, reason, message) => {
      const { name } = about.metadata;
      if (component === 'kubelet') events.set(name, [...(events.get(name) ?? []), `${type} ${reason} ${message}`]);
    },
  });
  engine = await startTestEngine({ clock, runtimes: [runtime], recorderFor });
});
afterEach(() => engine.stop());

const podWith = (name: string, container: Partial<Container>): Draft<Pod> =>
  aPod(name, { spec: { restartPolicy: 'Never', containers: [aContainer(container)] } });

/** It fails and is restarted, at once and after 10 seconds. */
const crashing = (image: string): Draft<Pod> =>
  aPod('p', {
    metadata: { annotations: { 'rondo.dev/simulate-exit-code': '1' } },
    spec: { restartPolicy: 'OnFailure', containers: [aContainer({ image })] },
  });

async function create(...drafts: readonly Draft<Pod>[]): Promise<void> {
  for (const draft of drafts) await engine.client.create(resources.pods, draft);
  await clock.settle();
}

const read = (name = 'p'): Promise<Pod> => engine.client.get(resources.pods, { namespace: 'default', name });

const waiting = async (name?: string): Promise<unknown> =>
  (await read(name)).status.containerStatuses![0]!.state?.waiting;

const said = (name = 'p'): readonly string[] => events.get(name) ?? [];

describe('pulls', () => {
  it('hold no worker of the node: other Pods start while two hundred wait for images', async () => {
    images.tookMs.set('slow', Infinity);
    const slow = Array.from({ length: 200 }, (_, index) => podWith(`slow-${index}`, { image: 'slow' }));
    await create(...slow, podWith('p', { image: 'host' }));
    expect(images.pulls.length).toBe(200);
    expect((await read()).status.phase).toBe('Succeeded');
    expect(await waiting('slow-0')).toEqual({ reason: 'ContainerCreating' });
  });

  it('are given up when their Pod is deleted, which waits for nothing', async () => {
    images.tookMs.set('slow', Infinity);
    await create(podWith('p', { image: 'slow' }));
    await engine.client.delete(resources.pods, { namespace: 'default', name: 'p' });
    await clock.settle();
    await expect(read()).rejects.toSatisfy(isNotFound);
    expect(images.givenUp).toEqual(['slow']);
  });

  it('are given up when the time of their Pod is over, and when the engine stops', async () => {
    images.tookMs.set('slow', Infinity).set('other', Infinity);
    const draft = podWith('p', { image: 'slow' });
    await create({ ...draft, spec: { ...draft.spec, activeDeadlineSeconds: 60 } }, podWith('q', { image: 'other' }));
    await clock.advance(60_000);
    expect((await read()).status).toMatchObject({ phase: 'Failed', reason: 'DeadlineExceeded' });
    expect(images.givenUp).toEqual(['slow']);
    await engine.stop();
    expect(images.givenUp).toEqual(['slow', 'other']);
    engine = await startTestEngine({ clock });
  });

  it('of init containers come one after the other, and those of containers in their order', async () => {
    for (const name of ['i', 'a', 'b']) images.tookMs.set(name, 1000);
    const spec = {
      initContainers: [aContainer({ name: 'init', image: 'i' })],
      containers: [aContainer({ name: 'a', image: 'a' }), aContainer({ name: 'b', image: 'b' })],
    };
    await create(aPod('p', { spec, metadata: { annotations: { 'rondo.dev/simulate-duration-ms': '500' } } }));
    expect(images.pulls).toEqual(['i']);
    await clock.advance(1500);
    expect(images.pulls).toEqual(['i', 'a']);
    await clock.advance(1000);
    expect(images.pulls).toEqual(['i', 'a', 'b']);
    await clock.advance(2000);
    expect((await read()).status.phase).toBe('Succeeded');
  });

  it('tell what image it is, how long it took and how large it is', async () => {
    images.tookMs.set('busybox', 61_234);
    await create(podWith('p', { image: 'busybox' }));
    await clock.advance(61_234);
    expect(said()).toEqual([
      'Normal Pulling Pulling image "busybox"',
      'Normal Pulled Successfully pulled image "busybox" in 1m1.234s (1m1.234s including waiting). Image size: 4321 bytes.',
      'Normal Created Container created: main',
      'Normal Started Container started: main',
    ]);
    expect((await read()).status.containerStatuses![0]!.imageID).toBe('registry/busybox@sha256:1');
  });
});

describe('a pull policy', () => {
  it('IfNotPresent pulls once, and says so when the image is there already', async () => {
    await create(crashing('a:1'));
    await clock.advance(10_000);
    expect(images.pulls).toEqual(['a:1']);
    const present = 'Normal Pulled Container image "a:1" already present on machine and can be accessed by the pod';
    expect(said().filter((text) => text === present).length).toBe(2);
  });

  it('Always, also by default for latest, asks anew at each start', async () => {
    await create(crashing('a'));
    await clock.advance(10_000);
    expect((await read()).spec.containers[0]!.imagePullPolicy).toBe('Always');
    expect(images.pulls).toEqual(['a', 'a', 'a']);
  });

  it('Never pulls nothing, and starts when somebody else has brought the image', async () => {
    await create(podWith('p', { image: 'a', imagePullPolicy: 'Never' }));
    const message = 'Container image "a" is not present with pull policy of Never';
    expect(await waiting()).toEqual({ reason: 'ErrImageNeverPull', message });
    expect(said()).toEqual([`Warning ErrImageNeverPull ${message}`, 'Warning Failed Error: ErrImageNeverPull']);
    images.here.set('a', { id: 'sha256:a', ref: 'sha256:a' });
    await clock.advance(10_000);
    expect((await read()).status.phase).toBe('Succeeded');
    expect(images.pulls).toEqual([]);
  });
});

describe('an image that cannot be pulled', () => {
  const why = 'no such image';
  const backOff = {
    reason: 'ImagePullBackOff',
    message: `Back-off pulling image "gone": ErrImagePull: ${why}`,
  };

  it('is ErrImagePull, then ImagePullBackOff, with Events for each', async () => {
    images.refusals.set('gone', why);
    await create(podWith('p', { image: 'gone' }));
    expect(await waiting()).toEqual({ reason: 'ErrImagePull', message: why });
    await clock.advance(1000);
    expect(await waiting()).toEqual(backOff);
    expect(said()).toEqual([
      'Normal Pulling Pulling image "gone"',
      `Warning Failed Failed to pull image "gone": ${why}`,
      'Warning Failed Error: ErrImagePull',
      'Normal BackOff Back-off pulling image "gone"',
      'Warning Failed Error: ImagePullBackOff',
    ]);
  });

  it('is tried again after 10 s, doubling to 5 minutes, and runs as soon as it is there', async () => {
    images.refusals.set('gone', why);
    await create(podWith('p', { image: 'gone' }));
    const times = [0];
    for (let second = 1; second <= 1300; second++) {
      const before = images.pulls.length;
      await clock.advance(1000);
      if (images.pulls.length > before) times.push(second);
    }
    const gaps = times.slice(1).map((time, index) => time - times[index]!);
    expect(gaps).toEqual([10, 20, 40, 80, 160, 300, 300, 300]);
    expect(await waiting()).toEqual(backOff);
    images.refusals.clear();
    await clock.advance(300_000);
    expect((await read()).status.phase).toBe('Succeeded');
  });

  it('shows its back-off while the next pull is under way', async () => {
    images.refusals.set('gone', why);
    await create(podWith('p', { image: 'gone' }));
    images.tookMs.set('gone', 5000);
    await clock.advance(12_000);
    expect([await waiting(), images.pulls.length]).toEqual([backOff, 2]);
    await clock.advance(3000);
    expect(await waiting()).toEqual({ reason: 'ErrImagePull', message: why });
  });

  it('delays the other containers of its Pod only until the pull has failed', async () => {
    images.refusals.set('gone', why);
    const spec = { containers: [aContainer({ name: 'a', image: 'gone' }), aContainer({ name: 'b', image: 'there' })] };
    await create(aPod('p', { spec, metadata: { annotations: { 'rondo.dev/simulate-duration-ms': 'never' } } }));
    const [a, b] = (await read()).status.containerStatuses!;
    expect([a!.state?.waiting?.reason, b!.state?.running !== undefined]).toEqual(['ErrImagePull', true]);
  });

  it('is no image at all where its name is none: InvalidImageName', async () => {
    await create(podWith('p', { image: 'BAD' }));
    expect(await waiting()).toEqual({
      reason: 'InvalidImageName',
      message: 'Failed to apply default image tag "BAD"',
    });
    expect(said()).toEqual([
      'Warning InspectFailed Failed to apply default image tag "BAD"',
      'Warning Failed Error: InvalidImageName',
    ]);
    expect(images.pulls).toEqual([]);
  });
});
