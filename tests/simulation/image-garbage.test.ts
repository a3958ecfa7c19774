import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { resources, type Pod } from '../../src/api/index.ts';
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
/** About the node: name, type, reason and message. */
let events: string[];

beforeEach(async () => {
  clock = new FakeClock();
  images = new ImageFarEnd(clock);
  events = [];
  const runtime = createSimulatedRuntime({ clock, random: seededRandom(1), log: silentLogger, images });
  const recorderFor = (): EventRecorder => ({
    event: ({ kind, metadata: { name } }, type, reason, message) => {
      if (kind === 'Node') events.push(`${name} ${type} ${reason} ${message}`);
    },
  });
  engine = await startTestEngine({ clock, runtimes: [runtime], recorderFor });
});
afterEach(() => engine.stop());

const minute = 60_000;
/** Full to this many percent, of 1000 bytes. */
const fill = (percent: number): void =>
  void (images.figures = { capacityBytes: 1000, availableBytes: 1000 - percent * 10 });

async function run(name: string, image: string, durationMs = '0'): Promise<void> {
  const annotations = { 'rondo.dev/simulate-duration-ms': durationMs };
  const spec = { containers: [aContainer({ image, imagePullPolicy: 'IfNotPresent' })] };
  await engine.client.create<Pod>(resources.pods, aPod(name, { metadata: { annotations }, spec }));
  await clock.settle();
}

describe('image garbage collection', () => {
  it('removes nothing below the high threshold, and from it on down to the low one', async () => {
    for (const image of ['a', 'b', 'c']) await run(image, image);
    fill(84);
    await clock.advance(10 * minute);
    expect(images.removed).toEqual([]);
    fill(85);
    images.sizes.set('a', 49).set('b', 1);
    await clock.advance(5 * minute);
    // 50 bytes are to go.
    expect([images.removed, events]).toEqual([['a', 'b'], []]);
  });

  it('removes the longest unused first, of the never used the longest known', async () => {
    images.here.set('never', { id: 'sha256:never', ref: '' });
    await clock.advance(5 * minute);
    for (const image of ['a', 'b', 'c']) {
      await run(image, image);
      await clock.advance(minute);
    }
    await run('again', 'a');
    images.here.set('later', { id: 'sha256:later', ref: '' });
    await clock.advance(5 * minute);
    for (let times = 0; times < 5; times++) {
      // One image more than the disk should have.
      images.figures = { capacityBytes: 500, availableBytes: 0 };
      await clock.advance(5 * minute);
    }
    expect(images.removed).toEqual(['never', 'later', 'b', 'c', 'a']);
  });

  it('never removes one that a container has or may be restarted from, nor one loaded from a file', async () => {
    await run('running', 'in-use', 'never');
    const crash = { 'rondo.dev/simulate-exit-code': '1' };
    const spec = { restartPolicy: 'OnFailure', containers: [aContainer({ image: 'crashing:1' })] };
    await engine.client.create<Pod>(resources.pods, aPod('crash', { metadata: { annotations: crash }, spec }));
    images.here.set('loaded', { id: 'sha256:loaded', ref: '' });
    images.loaded.add('loaded');
    await run('done', 'done');
    fill(99);
    await clock.advance(10 * minute);
    expect(images.removed).toEqual(['done']);
    await engine.client.delete(resources.pods, { namespace: 'default', name: 'running' });
    await clock.advance(5 * minute);
    expect(images.removed).toEqual(['done', 'in-use']);
  });

  it('leaves an image alone for two minutes', async () => {
    fill(95);
    await clock.advance(4 * minute);
    images.here.set('young', { id: 'sha256:young', ref: '' });
    await clock.advance(minute);
    expect(images.removed).toEqual([]);
    await clock.advance(5 * minute);
    expect(images.removed).toEqual(['young']);
  });

  it('says on the node when too little could be freed, and from the second time on that it failed', async () => {
    await run('p', 'small');
    images.sizes.set('small', 10);
    fill(90);
    await clock.advance(5 * minute);
    expect(images.removed).toEqual(['small']);
    const tooLittle = (found: number): string =>
      `Failed to garbage collect required amount of images. Attempted to free 100 bytes, but only found ${found} bytes eligible to free.`;
    expect(events).toEqual([`rondo Warning FreeDiskSpaceFailed ${tooLittle(10)}`]);
    await run('q', 'other', 'never');
    await clock.advance(5 * minute);
    expect(events.slice(1)).toEqual([
      `rondo Warning FreeDiskSpaceFailed ${tooLittle(0)}`,
      `rondo Warning ImageGCFailed ${tooLittle(0)}`,
    ]);
    fill(50);
    await clock.advance(5 * minute);
    fill(90);
    await clock.advance(5 * minute);
    expect(events.slice(3)).toEqual([`rondo Warning FreeDiskSpaceFailed ${tooLittle(0)}`]);
  });

  it('goes on when one image cannot be removed, and tells what failed', async () => {
    for (const image of ['a', 'b']) await run(image, image);
    images.sizes.set('a', new Error('it is stuck'));
    fill(90);
    await clock.advance(5 * minute);
    expect([images.removed, events]).toEqual([['b'], []]);
    await clock.advance(5 * minute);
    expect(events).toEqual([
      'rondo Warning ImageGCFailed wanted to free 100 bytes, but freed 0 bytes space with errors in image deletion: it is stuck',
    ]);
  });

  it('says so when the disk has no size', async () => {
    await run('a', 'a');
    images.figures = { capacityBytes: 0, availableBytes: 0 };
    await clock.advance(5 * minute);
    expect(events).toEqual(['rondo Warning InvalidDiskCapacity invalid capacity 0 on image filesystem']);
  });
});
