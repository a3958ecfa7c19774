import { lstatSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../clock/index.ts';
import { silentLogger } from '../../log/index.ts';
import type { ImageService, ResolvedImage } from '../image-service.ts';
import { createImageService } from './create-image-service.ts';
import { listImages, loadImages, removeImage } from './load-archive.ts';
import { digest, imageOf, tarOf, TestRegistry, type TarEntry, type TestImage } from './test-images.fixture.ts';

const isRoot = process.getuid?.() === 0;
if (!isRoot) console.log('images are not tested here: unpacking them needs root');

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
  registry.requests.length = 0;
});

const name = (path: string): string => `${registry.host}/${path}`;

const never = new AbortController().signal;

async function pull(path: string, more: { always?: boolean; secrets?: string[] } = {}): Promise<ResolvedImage> {
  const request = { image: name(path), secrets: more.secrets ?? [] };
  const found = more.always === true ? undefined : await images.find(request);
  return found ?? images.pull(request, never);
}

/** Pulls an image of these layers, each a list of entries. */
function pullLayers(...layers: readonly (readonly TarEntry[])[]): Promise<ResolvedImage> {
  registry.push('layers', imageOf(layers.map((entries) => ({ tar: tarOf(entries) }))));
  return pull('test/layers:layers', { always: true });
}

const small = (): TestImage => imageOf([{ tar: tarOf([{ name: 'hello', content: 'hello' }]) }], { Cmd: ['/hello'] });

describe.runIf(isRoot)('pulling', () => {
  it('gives layers and configuration, and asks the registry only once', async () => {
    const config = {
      Entrypoint: ['/a'],
      Cmd: ['b'],
      Env: ['C=d'],
      User: '42',
      WorkingDir: '/w',
      StopSignal: 'SIGUSR1',
    };
    registry.push(
      'one',
      imageOf(
        [
          {
            tar: tarOf([
              { name: './etc/', type: 'directory' },
              { name: './etc/x', content: 'y' },
            ]),
          },
        ],
        config,
      ),
    );
    const image = await pull('test/image:one');
    expect(image.config).toEqual({
      entrypoint: ['/a'],
      cmd: ['b'],
      env: ['C=d'],
      user: '42',
      workingDir: '/w',
      stopSignal: 'SIGUSR1',
    });
    expect(image.ref).toBe(`${name('test/image')}@${digest(registry.manifests.get('one')!)}`);
    expect(readFileSync(join(image.layers[0]!, 'etc/x'), 'utf8')).toBe('y');
    const asked = registry.requests.length;
    expect(image).toMatchObject(await pull('test/image:one'));
    expect(registry.requests.length).toBe(asked);
  });

  it('fetches one image once for all who want it at the same time', async () => {
    registry.push('shared', small());
    await Promise.all([pull('test/image:shared'), pull('test/image:shared'), pull('test/image:shared')]);
    expect(registry.requests.length).toBe(3);
  });

  it('reads layers with gzip, with zstd and without compression', async () => {
    const tar = tarOf([{ name: 'file', content: 'content' }]);
    // What zstd(1) makes of a tar file cannot be made here: a frame with one block as it is (RFC 8878).
    const zstd = Buffer.concat([
      Buffer.from('28b52ffd', 'hex'),
      Buffer.from([0xa0]),
      uint32(tar.length),
      uint24((tar.length << 3) | 1),
      tar,
    ]);
    for (const [tag, blob] of [
      ['gzip', gzipSync(tar)],
      ['zstd', zstd],
      ['plain', tar],
    ] as const) {
      registry.push(tag, imageOf([{ tar, blob }]));
      rmSync(join(directory, 'layers'), { recursive: true });
      images = createImageService({ directory, clock: systemClock, log: silentLogger });
      const { layers } = await pull(`test/${tag}:${tag}`);
      expect(readFileSync(join(layers[0]!, 'file'), 'utf8')).toBe('content');
    }
  });

  it('takes the image for this machine out of an index, and an image by its digest', async () => {
    const image = small();
    registry.push('inner', image);
    const other = { digest: digest('other'), size: 1, platform: { os: 'linux', architecture: 's390x' } };
    const own = {
      digest: digest(image.manifest),
      size: image.manifest.length,
      platform: { os: 'linux', architecture: { x64: 'amd64' }[process.arch as string] ?? process.arch },
    };
    registry.manifests.set('index', Buffer.from(JSON.stringify({ schemaVersion: 2, manifests: [other, own] })));
    expect(await pull('test/image:index')).toMatchObject({ id: digest(image.config) });
    expect(await pull(`test/image@${digest(image.manifest)}`)).toMatchObject({ id: digest(image.config) });
    registry.manifests.set('foreign', Buffer.from(JSON.stringify({ schemaVersion: 2, manifests: [other] })));
    await expect(pull('test/image:foreign')).rejects.toThrow('there are linux/s390x');
  });

  it('asks for a token, with the credentials of the Pod, and keeps what it had when a later pull fails', async () => {
    registry.push('private', small());
    registry.intercept = (request, response) => {
      const { authorization } = request.headers;
      if (request.url?.startsWith('/token') === true) {
        const known = authorization === `Basic ${Buffer.from('me:secret').toString('base64')}`;
        response.writeHead(known ? 200 : 401).end(JSON.stringify({ token: 'the-token' }));
        return true;
      }
      if (authorization === 'Bearer the-token') return false;
      const challenge = `Bearer realm="http://${registry.host}/token",service="test",scope="repository:test/image:pull"`;
      response.writeHead(401, { 'www-authenticate': challenge }).end();
      return true;
    };
    await expect(pull('test/image:private')).rejects.toMatchObject({
      reason: 'ErrImagePull',
      message: /failed to authorize/ as never,
    });
    const secret = JSON.stringify({ auths: { [registry.host]: { username: 'me', password: 'secret' } } });
    expect(await pull('test/image:private', { secrets: ['no json', secret] })).toMatchObject({
      config: { cmd: ['/hello'] },
    });
    expect(await images.find({ image: name('test/image:absent'), secrets: [] })).toBeUndefined();
    registry.manifests.delete('private');
    await expect(pull('test/image:private', { always: true, secrets: [secret] })).rejects.toThrow('404');
    expect(await pull('test/image:private', { secrets: [secret] })).toMatchObject({ config: { cmd: ['/hello'] } });
  });

  it('follows a redirect to another host, without the credentials', async () => {
    registry.push('elsewhere', small());
    const elsewhere = registry.host.replace('127.0.0.1', 'localhost');
    const seen: (string | undefined)[] = [];
    registry.intercept = ({ url, headers: { host, authorization } }, response) => {
      if (host === elsewhere) {
        seen.push(authorization);
        return false;
      }
      if (authorization === undefined) response.writeHead(401, { 'www-authenticate': 'Basic realm="test"' }).end();
      else if (url?.includes('/blobs/') === true)
        response.writeHead(307, { location: `http://${elsewhere}${url}` }).end();
      else return false;
      return true;
    };
    const secret = JSON.stringify({ auths: { [registry.host]: { username: 'me', password: 'secret' } } });
    expect(await pull('test/image:elsewhere', { secrets: [secret] })).toMatchObject({ config: { cmd: ['/hello'] } });
    expect(seen).toEqual([undefined, undefined]);
  });

  it('refuses a configuration that is too large to be one', async () => {
    registry.push('large', imageOf([{ tar: tarOf([{ name: 'file', content: 'x' }]) }], { Cmd: ['x'.repeat(5 << 20)] }));
    await expect(pull('test/image:large')).rejects.toThrow('the configuration is too large');
    expect(readdirSync(join(directory, 'layers'))).toEqual([]);
  });

  it.each([
    ['a blob that was changed', (blob: Buffer) => Buffer.concat([blob, Buffer.from('!')])],
    ['a blob that is cut off', (blob: Buffer) => blob.subarray(0, blob.length / 2)],
  ])('refuses %s, and keeps nothing of it', async (_what, change) => {
    const tar = tarOf([{ name: 'file', content: 'x'.repeat(500_000) }]);
    const image = imageOf([{ tar }]);
    registry.push('bad', image);
    registry.blobs.set(digest(tar), change(tar));
    await expect(pull('test/image:bad')).rejects.toMatchObject({ reason: 'ErrImagePull' });
    expect(readdirSync(join(directory, 'layers'))).toEqual([]);
    expect(readdirSync(join(directory, 'tmp'))).toEqual([]);
    expect(openFilesBelow(directory)).toEqual([]);
    registry.blobs.set(digest(tar), tar);
    expect(await pull('test/image:bad')).toMatchObject({ id: digest(image.config) });
  });

  it('names the way out when a registry cannot be reached', async () => {
    await expect(images.pull({ image: '127.0.0.1:1/a', secrets: [] }, never)).rejects.toMatchObject({
      reason: 'ErrImagePull',
      message: expect.stringMatching(/ECONNREFUSED|bad port.*rondo image load/) as string,
    });
  });
});

describe.runIf(isRoot)('unpacking', () => {
  it('keeps owners, modes, links and hard links', async () => {
    const { layers } = await pullLayers([
      { name: 'bin/', type: 'directory', mode: 0o711 },
      { name: 'bin/tool', content: 'tool', mode: 0o4755, uid: 7 },
      { name: 'bin/same', type: 'link', target: 'bin/tool' },
      { name: 'link', type: 'symlink', target: '/bin/tool' },
      { name: 'pipe', type: 'fifo' },
    ]);
    const [layer] = layers as [string];
    expect(lstatSync(join(layer, 'bin')).mode & 0o7777).toBe(0o711);
    expect(lstatSync(join(layer, 'bin/tool'))).toMatchObject({ uid: 7, nlink: 2, mtimeMs: 1_700_000_000_000 });
    expect(lstatSync(join(layer, 'bin/tool')).mode & 0o7777).toBe(0o4755);
    expect(readlinkSync(join(layer, 'link'))).toBe('/bin/tool');
    expect(readdirSync(layer).sort()).toEqual(['bin', 'link']);
  });

  it('turns whiteouts and opaque directories into those of an overlay', async () => {
    const { layers } = await pullLayers(
      [
        { name: 'gone', content: '1' },
        { name: 'dir/old', content: '1' },
        { name: 'dir/both', content: '1' },
        { name: 'stays', content: '1' },
      ],
      [
        { name: '.wh.gone', content: '' },
        { name: 'dir/both', content: '2' },
        { name: 'dir/.wh..wh..opq', content: '' },
      ],
    );
    const upper = layers[1]!;
    const isWhiteout = (path: string): boolean => {
      const stats = lstatSync(join(upper, path));
      return stats.isCharacterDevice() && stats.rdev === 0;
    };
    expect([isWhiteout('gone'), isWhiteout('dir/old'), isWhiteout('dir/both')]).toEqual([true, true, false]);
    expect(readFileSync(join(upper, 'dir/both'), 'utf8')).toBe('2');
    expect(readdirSync(upper).sort()).toEqual(['dir', 'gone']);
  });

  it('hides the former content of a directory that is made anew below an opaque one', async () => {
    const { layers } = await pullLayers(
      [
        { name: 'dir/sub/old', content: '1' },
        { name: 'dir/sub/deep/older', content: '1' },
      ],
      [
        { name: 'dir/.wh..wh..opq', content: '' },
        { name: 'dir/sub/new', content: '2' },
      ],
    );
    const sub = join(layers[1]!, 'dir/sub');
    expect(readdirSync(sub).sort()).toEqual(['deep', 'new', 'old']);
    for (const name of ['deep', 'old']) expect(lstatSync(join(sub, name)).isCharacterDevice(), name).toBe(true);
  });

  it('follows links of lower layers as the root would, and copies up what a hard link needs', async () => {
    const { layers } = await pullLayers(
      [
        { name: 'usr/bin/', type: 'directory', mode: 0o700 },
        { name: 'usr/bin/tool', content: 'tool', mode: 0o755 },
        { name: 'bin', type: 'symlink', target: 'usr/bin' },
      ],
      [
        { name: 'bin/other', content: 'other' },
        { name: 'bin/same', type: 'link', target: '/bin/tool' },
      ],
    );
    const upper = layers[1]!;
    expect(readdirSync(upper)).toEqual(['usr']);
    expect(readdirSync(join(upper, 'usr/bin')).sort()).toEqual(['other', 'same', 'tool']);
    expect(lstatSync(join(upper, 'usr/bin')).mode & 0o7777).toBe(0o700);
    expect(lstatSync(join(upper, 'usr/bin/same')).ino).toBe(lstatSync(join(upper, 'usr/bin/tool')).ino);
  });

  it('stays inside when a link of the archive leads out', async () => {
    const outside = join(directory, 'outside');
    writeFileSync(outside, 'untouched');
    const { layers } = await pullLayers([
      { name: 'out', type: 'symlink', target: directory },
      { name: 'out/planted', content: 'x' },
      { name: 'up', type: 'symlink', target: '../../../../../../../../etc' },
      { name: 'up/planted', content: 'x' },
      { name: 'file', type: 'symlink', target: outside },
      { name: 'file', content: 'replaced' },
    ]);
    const [layer] = layers as [string];
    expect(readFileSync(outside, 'utf8')).toBe('untouched');
    expect(readdirSync(directory)).not.toContain('planted');
    expect(readFileSync(join(layer, 'etc/planted'), 'utf8')).toBe('x');
    expect(readFileSync(join(layer, directory, 'planted'), 'utf8')).toBe('x');
    expect(lstatSync(join(layer, 'file')).isFile()).toBe(true);
  });

  it.each<[string, TarEntry]>([
    ['a path that leads upwards', { name: '../planted', content: 'x' }],
    ['one in the middle', { name: 'a/../../planted', content: 'x' }],
    ['a hard link to the outside', { name: 'x', type: 'link', target: '../../etc/passwd' }],
    ['a hard link to a file that the image has not', { name: 'x', type: 'link', target: '/etc/passwd' }],
    ['a whiteout of what is above', { name: 'dir/.wh...', content: '' }],
  ])('refuses %s', async (_what, entry) => {
    await expect(pullLayers([entry])).rejects.toMatchObject({ reason: 'ErrImagePull' });
    expect(readdirSync(join(directory, 'tmp'))).toEqual([]);
  });
});

describe.runIf(isRoot)('archives', () => {
  it('are loaded from what docker writes and from OCI layouts, listed and removed', async () => {
    const tar = tarOf([{ name: 'file', content: 'content' }]);
    const image = imageOf([{ tar }], { Cmd: ['x'] });
    const docker = [{ Config: 'config.json', RepoTags: ['test:1'], Layers: ['layer.tar'] }];
    const saved = join(directory, 'docker.tar');
    writeFileSync(
      saved,
      tarOf([
        { name: 'manifest.json', content: JSON.stringify(docker) },
        { name: 'config.json', content: image.config },
        { name: 'layer.tar', content: tar },
      ]),
    );
    expect(await loadImages(directory, saved)).toEqual(['test:1']);
    const layout = join(directory, 'oci.tar');
    const index = {
      manifests: [
        { digest: digest(image.manifest), annotations: { 'org.opencontainers.image.ref.name': 'example.com/other:2' } },
      ],
    };
    const blob = (bytes: Buffer): TarEntry => ({ name: `blobs/sha256/${digest(bytes).slice(7)}`, content: bytes });
    writeFileSync(
      layout,
      tarOf([{ name: 'index.json', content: JSON.stringify(index) }, ...[image.manifest, image.config, tar].map(blob)]),
    );
    expect(await loadImages(directory, layout)).toEqual(['example.com/other:2']);
    expect(listImages(directory).map((stored) => stored.name)).toEqual([
      'docker.io/library/test:1',
      'example.com/other:2',
    ]);
    // Nobody could bring it back.
    expect((await images.keep.list()).map(({ pinned }) => pinned)).toEqual([true]);
    const { layers, config } = (await images.find({ image: 'test:1', secrets: [] }))!;
    expect([readFileSync(join(layers[0]!, 'file'), 'utf8'), config.cmd]).toEqual(['content', ['x']]);
    expect(removeImage(directory, 'test:1')).toBe(true);
    expect(readdirSync(join(directory, 'layers')).length).toBe(1);
    expect([removeImage(directory, 'example.com/other:2'), removeImage(directory, 'test:1')]).toEqual([true, false]);
    expect(readdirSync(join(directory, 'layers'))).toEqual([]);
  });

  it('that are none are refused, and leave nothing', async () => {
    const file = join(directory, 'bad.tar');
    for (const bytes of [Buffer.from('no archive'), tarOf([{ name: 'x', content: 'y' }])]) {
      writeFileSync(file, bytes);
      await expect(loadImages(directory, file)).rejects.toThrow('bad.tar cannot be loaded');
    }
    expect(readdirSync(join(directory, 'tmp'))).toEqual([]);
  });
});

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function uint24(value: number): Buffer {
  return uint32(value).subarray(0, 3);
}

function openFilesBelow(path: string): string[] {
  return readdirSync('/proc/self/fd')
    .map((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`);
      } catch {
        // The directory listing's own.
        return '';
      }
    })
    .filter((file) => file.startsWith(path));
}
