import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../clock/index.ts';
import { silentLogger } from '../../log/index.ts';
import type { ImageService, PulledImage, ResolvedImage } from '../image-service.ts';
import { createImageService } from './create-image-service.ts';
import { imageOf, tarOf, TestRegistry, type TestImage } from './test-images.fixture.ts';

const isRoot = process.getuid?.() === 0;
if (!isRoot) console.log('SKIPPED: pulling images: unpacking them needs root');

let registry: TestRegistry;
let directory: string;
let images: ImageService;

beforeEach(async () => {
  registry = await TestRegistry.start();
  directory = mkdtempSync(join(tmpdir(), 'rondo-images-'));
  images = createImageService({ directory, clock: systemClock, log: silentLogger });
});
afterEach(async () => {
  await registry.stop();
  rmSync(directory, { recursive: true });
});

const image = (text: string): TestImage => imageOf([{ tar: tarOf([{ name: text, content: 'x'.repeat(100_000) }]) }]);

function pull(tag: string, signal: AbortSignal, from = registry): Promise<ResolvedImage & PulledImage> {
  return images.pull({ image: `${from.host}/test/image:${tag}`, secrets: [] }, signal);
}

/** Answers blobs of layers with their first half, and keeps them open. Resolves when so many were asked for. */
function holdLayers(count: number): { readonly held: Promise<void>; readonly responses: ServerResponse[] } {
  const responses: ServerResponse[] = [];
  const held = new Promise<void>((resolve) => {
    registry.intercept = ({ url = '' }, response) => {
      const blob = registry.blobs.get(/\/blobs\/(.*)$/.exec(url)?.[1] ?? '');
      if (blob === undefined || blob.length < 50_000) return false;
      response.writeHead(200).write(blob.subarray(0, 50_000), () => {
        if (responses.push(response) === count) resolve();
      });
      return true;
    };
  });
  return { held, responses };
}

const unwanted = new Error('unwanted');

describe.runIf(isRoot)('a pull', () => {
  it('is shared, goes on when one loses interest, and is given up when all have', async () => {
    registry.push('shared', image('shared'));
    const { held, responses } = holdLayers(1);
    const [one, other] = [new AbortController(), new AbortController()];
    const first = pull('shared', one.signal);
    const second = pull('shared', other.signal);
    await held;
    one.abort(unwanted);
    await expect(first).rejects.toBe(unwanted);
    expect([responses[0]!.destroyed, readdirSync(join(directory, 'tmp')).length]).toEqual([false, 2]);
    const closed = new Promise((resolve) => responses[0]!.once('close', resolve));
    other.abort(unwanted);
    await expect(second).rejects.toBe(unwanted);
    await closed;
    expect(readdirSync(join(directory, 'tmp'))).toEqual([]);
    expect(readdirSync(join(directory, 'layers'))).toEqual([]);
    registry.intercept = () => false;
    const pulled = await pull('shared', new AbortController().signal);
    expect(existsSync(join(pulled.layers[0]!, 'shared'))).toBe(true);
    expect(pulled.sizeBytes).toBeGreaterThan(100_000);
  });

  it('from a slow registry leaves room for others: so many from one at a time', async () => {
    const tags = ['a', 'b', 'c', 'd', 'e'];
    for (const tag of tags) registry.push(tag, image(tag));
    const { held } = holdLayers(4);
    const gone = new AbortController();
    const pulls = tags.map((tag) => pull(tag, gone.signal));
    await held;
    const other = await TestRegistry.start();
    other.push('quick', image('quick'));
    await pull('quick', new AbortController().signal, other);
    await other.stop();
    expect(registry.requests.filter((url) => url.includes('/manifests/')).length).toBe(4);
    gone.abort(unwanted);
    for (const slow of await Promise.allSettled(pulls)) expect(slow).toMatchObject({ reason: unwanted });
    expect(readdirSync(join(directory, 'tmp'))).toEqual([]);
  });
});
