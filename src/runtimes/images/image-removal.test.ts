import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../clock/index.ts';
import { silentLogger } from '../../log/index.ts';
import type { ImageService, ResolvedImage } from '../image-service.ts';
import { createImageService } from './create-image-service.ts';
import { listImages, removeImage } from './load-archive.ts';
import { imageOf, tarOf, TestRegistry, type TestImage } from './test-images.fixture.ts';

const isRoot = process.getuid?.() === 0;
if (!isRoot) console.log('removing images is not tested here: unpacking them needs root');

let registry: TestRegistry;
let directory: string;
let images: ImageService;

beforeAll(async () => {
  registry = await TestRegistry.start();
});
afterAll(() => registry.stop());
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'rondo-images-'));
  images = createImageService({ directory, clock: systemClock, log: silentLogger });
});
afterEach(() => {
  rmSync(directory, { recursive: true });
  registry.intercept = () => false;
});

const name = (path: string): string => `${registry.host}/${path}`;

function pull(path: string): Promise<ResolvedImage> {
  return images.pull({ image: name(path), secrets: [] }, new AbortController().signal);
}

describe.runIf(isRoot)('removing images', () => {
  const base = { tar: tarOf([{ name: 'base', content: 'base' }]) };
  const on = (text: string): TestImage => imageOf([base, { tar: tarOf([{ name: text, content: text }]) }]);
  const isWhole = ({ layers }: ResolvedImage): boolean => layers.every((layer) => existsSync(layer));

  it('takes nothing from a pull under way', async () => {
    registry.push('old', on('old'));
    const fresh = on('fresh');
    registry.push('fresh', fresh);
    await pull('test/image:old');
    const last = [...fresh.blobs.keys()].at(-1)!;
    registry.intercept = ({ url }) => {
      if (url?.includes(last) === true) expect(removeImage(directory, name('test/image:old'))).toBe(true);
      return false;
    };
    const image = await pull('test/image:fresh');
    expect(listImages(directory).map((stored) => stored.name)).toEqual([name('test/image:fresh')]);
    expect([isWhole(image), readdirSync(join(directory, 'layers')).length]).toEqual([true, 2]);
  });

  it('is refused while a container has the image, unless another name is left of it', async () => {
    for (const tag of ['one', 'two']) registry.push(tag, on('used'));
    const image = await pull('test/image:one');
    await pull('test/image:two');
    const scratch = mkdtempSync(join(tmpdir(), 'rondo-images-'));
    for (const part of ['upper', 'work', 'root']) mkdirSync(join(scratch, part));
    const options = `lowerdir=${[...image.layers].reverse().join(':')},upperdir=${scratch}/upper,workdir=${scratch}/work`;
    const script = 'mount -t overlay overlay -o "$1" "$2" && echo mounted && read -r _';
    const container = spawn('unshare', ['-m', 'sh', '-c', script, 'sh', options, `${scratch}/root`]);
    try {
      expect(String(await once(container.stdout, 'data'))).toBe('mounted\n');
      expect(removeImage(directory, name('test/image:one'))).toBe(true);
      const last = name('test/image:two');
      expect(() => removeImage(directory, last)).toThrow(`image ${last} is used by a running container`);
      await expect(images.keep.remove(image.id)).rejects.toThrow(`image ${last} is used by a running container`);
      expect([isWhole(image), listImages(directory).length]).toEqual([true, 1]);
      const exited = once(container, 'exit');
      container.stdin.end('\n');
      await exited;
      expect(removeImage(directory, last)).toBe(true);
      expect(readdirSync(join(directory, 'layers'))).toEqual([]);
    } finally {
      container.kill('SIGKILL');
      rmSync(scratch, { recursive: true });
    }
  });

  it('of the garbage collection takes all names of an image, and tells what became free', async () => {
    const large = imageOf([base, { tar: tarOf([{ name: 'large', content: 'x'.repeat(1_000_000) }]) }]);
    for (const tag of ['one', 'two']) registry.push(tag, large);
    registry.push('other', on('other'));
    const { id } = await pull('test/image:one');
    await pull('test/image:two');
    const other = await pull('test/image:other');
    expect(await images.keep.list()).toMatchObject([
      { id, names: [name('test/image:one'), name('test/image:two')], pinned: false },
      { id: other.id, names: [name('test/image:other')], pinned: false },
    ]);
    const freed = await images.keep.remove(id);
    // The layer that the other image has as well stays.
    expect([freed >= 1_000_000, freed < 1_100_000]).toEqual([true, true]);
    expect([(await images.keep.list()).length, isWhole(other), readdirSync(join(directory, 'tmp'))]).toEqual([
      1,
      true,
      [],
    ]);
    const { capacityBytes, availableBytes } = await images.keep.disk();
    expect([capacityBytes > availableBytes, availableBytes > 0]).toEqual([true, true]);
  });

  it('leaves to a damaged image what is left of it', async () => {
    registry.push('damaged', on('damaged'));
    registry.push('other', imageOf([{ tar: tarOf([{ name: 'hello', content: 'hello' }]) }]));
    const image = await pull('test/image:damaged');
    await pull('test/image:other');
    rmSync(image.layers[1]!, { recursive: true });
    expect(removeImage(directory, name('test/image:other'))).toBe(true);
    expect(existsSync(image.layers[0]!)).toBe(true);
    expect(isWhole(await pull('test/image:damaged'))).toBe(true);
  });
});
