import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock, type Clock, type Timer } from '../../clock/index.ts';
import { silentLogger } from '../../log/index.ts';
import type { DiskFigures, ResolvedImage } from '../image-service.ts';
import { createImageService, type ImageServiceOptions } from './create-image-service.ts';
import { digest, imageOf, tarOf, TestRegistry } from './test-images.fixture.ts';
import { UnpackBudget } from './unpack-budget.ts';

const isRoot = process.getuid?.() === 0;
if (!isRoot) console.log('SKIPPED: faults of registries and disks: unpacking images needs root');

/** Delays below 30 s are over at once, and noted; those of more than 30 s when `passLong` says so. */
class QuickClock implements Clock {
  readonly delays: number[] = [];
  readonly #long = new Set<() => void>();
  readonly now = (): number => systemClock.now();
  readonly monotonic = (): number => systemClock.monotonic();
  readonly yield = (): Promise<void> => systemClock.yield();

  after(delayMs: number, call: () => void): Timer {
    if (delayMs < 30_000) {
      this.delays.push(delayMs);
      return systemClock.after(0, call);
    }
    if (delayMs > 30_000) this.#long.add(call);
    return { cancel: () => this.#long.delete(call) };
  }

  passLong(): void {
    for (const call of this.#long) call();
  }
}

let registry: TestRegistry;
let directory: string;
let clock: QuickClock;

beforeEach(async () => {
  registry = await TestRegistry.start();
  directory = mkdtempSync(join(tmpdir(), 'rondo-images-'));
  clock = new QuickClock();
});
afterEach(async () => {
  await registry.stop();
  rmSync(directory, { recursive: true });
});

const never = new AbortController().signal;
const content = 'x'.repeat(3_000_000);
const layer = tarOf([{ name: 'file', content }]);

function pull(options: Partial<ImageServiceOptions> = {}): Promise<ResolvedImage> {
  const images = createImageService({ directory, clock, log: silentLogger, ...options });
  return images.pull({ image: `${registry.host}/test/image:1`, secrets: [] }, never);
}

function expectNothingLeft(): void {
  for (const part of ['tmp', 'layers', 'images', 'names']) expect(readdirSync(join(directory, part)), part).toEqual([]);
}

const isWhole = ({ layers }: ResolvedImage): boolean => existsSync(join(layers[0]!, 'file'));

/** Answers the requests for the layer, as often as there are answers; then the registry does. */
function answerLayer(...answers: readonly ((request: IncomingMessage, response: ServerResponse) => void)[]): {
  readonly ranges: (string | undefined)[];
} {
  const left = [...answers];
  const ranges: (string | undefined)[] = [];
  registry.intercept = (request, response) => {
    const blob = registry.blobs.get(/\/blobs\/(.*)$/.exec(request.url ?? '')?.[1] ?? '');
    if (blob === undefined || blob.length < 100_000) return false;
    ranges.push(request.headers.range);
    const answer = left.shift();
    answer?.(request, response);
    return answer !== undefined;
  };
  return { ranges };
}

const status = (code: number, headers: Record<string, string> = {}) => {
  return (_request: IncomingMessage, response: ServerResponse): void =>
    void response.writeHead(code, headers).end('busy');
};
/** Where the range that is asked for begins, and the head of an answer to it. */
const rangeOf = ({ headers: { range = 'bytes=0-' } }: IncomingMessage) => {
  const from = Number(/bytes=(\d+)-/.exec(range)![1]);
  const headers = { 'content-length': layer.length - from, 'content-range': `bytes ${from}-${layer.length - 1}/*` };
  return { from, status: from === 0 ? 200 : 206, headers };
};
/** Sends so much of what is left, and breaks the connection: at the other end maybe less arrives. */
const cutAfter = (bytes: number) => {
  return (request: IncomingMessage, response: ServerResponse): void => {
    const { from, status: code, headers } = rangeOf(request);
    response.writeHead(code, headers).write(layer.subarray(from, from + bytes), () => response.destroy());
  };
};
const rest = (request: IncomingMessage, response: ServerResponse): void => {
  const { from, status: code, headers } = rangeOf(request);
  response.writeHead(code, headers).end(layer.subarray(from));
};

describe.runIf(isRoot)('a registry', () => {
  beforeEach(() => registry.push('1', imageOf([{ tar: layer }])));

  it('that has too many requests is asked again when it says', async () => {
    const inTenSeconds = new Date(Math.ceil(systemClock.now() / 1000) * 1000 + 10_000).toUTCString();
    answerLayer(status(429, { 'retry-after': '7' }), status(429, { 'retry-after': inTenSeconds }));
    expect(isWhole(await pull())).toBe(true);
    expect(clock.delays[0]).toBe(7000);
    expect([clock.delays.length, clock.delays[1]! > 9000, clock.delays[1]! <= 11_000]).toEqual([2, true, true]);
  });

  it('that wants more patience than a pull has is told of', async () => {
    answerLayer(status(429, { 'retry-after': '3600' }));
    await expect(pull()).rejects.toThrow(/429 busy \(retry after 3600\); load it/);
    expect(clock.delays).toEqual([]);
    expectNothingLeft();
  });

  it('that has an error is asked three times more', async () => {
    answerLayer(status(500), status(503));
    expect(isWhole(await pull())).toBe(true);
    expect(clock.delays).toEqual([1000, 2000]);
  });

  it('that goes on having an error is told of', async () => {
    const { ranges } = answerLayer(...Array.from({ length: 10 }, () => status(502)));
    await expect(pull()).rejects.toThrow(/502 busy; load it/);
    expect([ranges.length, clock.delays]).toEqual([4, [1000, 2000, 4000]]);
    expectNothingLeft();
  });

  it('whose connection breaks in the middle of a layer sends the rest', async () => {
    const { ranges } = answerLayer(cutAfter(1_000_000), cutAfter(500_000), rest);
    expect(isWhole(await pull())).toBe(true);
    expect(ranges.map((range) => range?.replace(/\d+/, 'N'))).toEqual([undefined, 'bytes=N-', 'bytes=N-']);
  });

  it('that knows no ranges sends all again, and what is known is left out', async () => {
    const { ranges } = answerLayer(cutAfter(1_000_000));
    expect(isWhole(await pull())).toBe(true);
    expect(ranges.length).toBe(2);
  });

  it('whose connection breaks again and again is given up', async () => {
    const { ranges } = answerLayer(...Array.from({ length: 10 }, () => cutAfter(100_000)));
    await expect(pull()).rejects.toThrow('the connection broke');
    expect([ranges.length, clock.delays]).toEqual([5, [500, 1000, 2000, 4000]]);
    expectNothingLeft();
  });

  it('that sends another part than it was asked for is refused', async () => {
    answerLayer(cutAfter(100_000), (_request, response) =>
      response.writeHead(206, { 'content-range': 'bytes 2000000-2999999/*' }).end(layer.subarray(0, 1_000_000)),
    );
    await expect(pull()).rejects.toThrow(/asked for bytes from \d+, the registry sends those from 2000000/);
  });

  it('that sends more than its manifest says is refused at once', async () => {
    answerLayer((_request, response) => response.writeHead(200).end(Buffer.concat([layer, layer])));
    await expect(pull()).rejects.toThrow(`has more than ${layer.length} bytes, which its manifest gives it`);
    expectNothingLeft();
  });

  it('that sends other bytes than it should is refused', async () => {
    answerLayer((_request, response) =>
      response.writeHead(200).end(Buffer.alloc(layer.length, layer).fill('y', 600, 700)),
    );
    await expect(pull()).rejects.toThrow(/layer 0.* has digest sha256:[0-9a-f]+, not sha256:/);
    expectNothingLeft();
  });

  it('that sends one byte after the other is given up', async () => {
    let trickle: Promise<void> = Promise.resolve();
    let ended = false;
    answerLayer((_request, response) => {
      response.writeHead(200, { 'content-length': layer.length });
      response.once('close', () => (ended = true));
      const send = async (): Promise<void> => {
        for (let at = 0; at < 50; at++) await new Promise((sent) => response.write(layer.subarray(at, at + 1), sent));
        while (!ended) {
          await setImmediate();
          clock.passLong();
        }
      };
      trickle = send();
    });
    await expect(pull()).rejects.toThrow(/the server has sent \d+ bytes in 60 seconds: it is given up; load it/);
    await trickle;
    expectNothingLeft();
  });
});

describe.runIf(isRoot)('a layer', () => {
  it('of a few bytes that expands without end is refused', async () => {
    const tar = tarOf([{ name: 'zeros', content: Buffer.alloc(30_000_000) }]);
    const blob = gzipSync(tar);
    registry.push('1', imageOf([{ tar, blob }]));
    const limit = blob.length * 100;
    // The registry does not even end: what is enough is not waited for.
    const closed = new Promise((resolve) => {
      registry.intercept = ({ url = '' }, response) => {
        if (!url.endsWith(digest(blob))) return false;
        response.once('close', resolve).writeHead(200).write(blob.subarray(0, -100));
        return true;
      };
    });
    await expect(pull({ allowedBytes: 1_000_000 })).rejects.toThrow(
      `layer 0, of ${blob.length} bytes, unpacks to more than ${limit} bytes: it is refused`,
    );
    await closed;
    expectNothingLeft();
  });

  it('of many empty files is refused as well', async () => {
    const tar = tarOf(Array.from({ length: 1000 }, (_, index) => ({ name: `file-${index}`, content: '' })));
    registry.push('1', imageOf([{ tar, blob: gzipSync(tar) }]));
    await expect(pull({ allowedBytes: 1_000_000 })).rejects.toThrow('unpacks to more than');
    expectNothingLeft();
  });

  it('may unpack to a gibibyte, or a hundred times its size', () => {
    const disk = (): Promise<DiskFigures> => Promise.reject(new Error('nobody asks'));
    const small = new UnpackBudget({ what: 'layer 3', packedBytes: 10, disk });
    small.take(1 << 30);
    expect(() => small.take(1)).toThrow('layer 3, of 10 bytes, unpacks to more than 1073741824 bytes: it is refused');
    const large = new UnpackBudget({ what: 'layer 3', packedBytes: 1 << 30, disk });
    large.take(100 * (1 << 30));
    expect(() => large.take(1)).toThrow('it is refused');
  });
});

describe.runIf(isRoot)('a disk', () => {
  beforeEach(() => registry.push('1', imageOf([{ tar: layer }])));

  it('that is nearly full is left what others need', async () => {
    const disk = (): Promise<DiskFigures> => Promise.resolve({ capacityBytes: 1_000_000, availableBytes: 49_999 });
    await expect(pull({ disk })).rejects.toThrow(
      'no space left on device: 49999 bytes are free, 50000 have to stay so; load it',
    );
    expectNothingLeft();
  });

  it('that gets full while a layer is unpacked keeps nothing of it, and takes it when there is room', async () => {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', directory]);
    try {
      // Others take the room after it was looked at.
      const disk = (): Promise<DiskFigures> => Promise.resolve({ capacityBytes: 1e12, availableBytes: 1e12 });
      await expect(pull({ disk })).rejects.toMatchObject({
        reason: 'ErrImagePull',
        message: expect.stringContaining('ENOSPC: no space left on device') as string,
      });
      expectNothingLeft();
      execFileSync('mount', ['-o', 'remount,size=16m', directory]);
      expect(isWhole(await pull())).toBe(true);
    } finally {
      execFileSync('umount', [directory]);
    }
  });
});

describe.runIf(isRoot)('what an engine left that was killed', () => {
  it('is thrown away, also if this one has its process number', async () => {
    registry.push('1', imageOf([{ tar: layer }]));
    for (const name of [`${process.pid}-1-12345678_0`, `${process.pid}-0`, `${2 ** 22}-1-12345678_0`]) {
      mkdirSync(join(directory, 'tmp', name), { recursive: true });
      writeFileSync(join(directory, 'tmp', name, 'half'), 'half');
    }
    writeFileSync(join(directory, 'tmp', `${process.pid}-1-12345678_1.removal`), '');
    expect(isWhole(await pull())).toBe(true);
    expect(readdirSync(join(directory, 'tmp'))).toEqual([]);
  });
});
