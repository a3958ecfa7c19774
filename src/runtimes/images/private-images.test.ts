import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../clock/index.ts';
import { silentLogger } from '../../log/index.ts';
import type { HeldImage, ImageService } from '../image-service.ts';
import { createImageService } from './create-image-service.ts';
import { imageOf, tarOf, TestRegistry } from './test-images.fixture.ts';

const isRoot = process.getuid?.() === 0;
if (!isRoot) console.log('SKIPPED: pulling private images: unpacking them needs root');

let registry: TestRegistry;
let directory: string;
let images: ImageService;
/** Users as they were seen, in order; undefined: without credentials. */
let seen: (string | undefined)[];
/** Who is let in; undefined: everybody. */
let welcome: readonly string[] | undefined;

const open = (): ImageService => createImageService({ directory, clock: systemClock, log: silentLogger });

beforeEach(async () => {
  registry = await TestRegistry.start();
  directory = mkdtempSync(join(tmpdir(), 'rondo-images-'));
  images = open();
  seen = [];
  registry.push('1', imageOf([{ tar: tarOf([{ name: 'hello', content: 'hello' }]) }]));
  registry.intercept = ({ headers: { authorization } }, response) => {
    const user = authorization?.replace(/^Basic /, '');
    if (welcome === undefined) return false;
    const name = user === undefined ? undefined : Buffer.from(user, 'base64').toString().split(':')[0]!;
    if (seen.length === 0 || seen.at(-1) !== name) seen.push(name);
    if (name !== undefined && welcome.includes(name)) return false;
    if (name === undefined) response.writeHead(401, { 'www-authenticate': 'Basic realm="test"' }).end();
    else response.writeHead(403).end(`${name} is not welcome`);
    return true;
  };
});
afterEach(async () => {
  await registry.stop();
  rmSync(directory, { recursive: true });
});

const never = new AbortController().signal;
/** A Secret with this user for everything below a path of the registry. */
const secret = (username: string, path = ''): string =>
  JSON.stringify({ auths: { [registry.host + path]: { username, password: 'x' } } });
const request = (...secrets: readonly string[]) => ({ image: `${registry.host}/test/image:1`, secrets });
const pull = (...secrets: readonly string[]): Promise<HeldImage> => images.pull(request(...secrets), never);
const find = (...secrets: readonly string[]): Promise<HeldImage | undefined> => images.find(request(...secrets));

describe.runIf(isRoot)('a private image', () => {
  it('is pulled with the next of several matching Secrets when the best is refused', async () => {
    welcome = ['second'];
    await pull(secret('second'), secret('first', '/test'), secret('third'));
    expect(seen).toEqual([undefined, 'first', undefined, 'second']);
  });

  it('tells what each refusal was when none is welcome', async () => {
    welcome = [];
    await expect(pull(secret('a'), secret('b'))).rejects.toMatchObject({
      reason: 'ErrImagePull',
      message: expect.stringMatching(/": \[.*403 a is not welcome, .*403 b is not welcome\]; load it/) as string,
    });
    await expect(pull(secret('a'), secret('a'))).rejects.toThrow(/": unexpected.*403 a is not welcome; load it/);
  });

  it('is tried with no others when something else fails than the registry refuses', async () => {
    welcome = ['a', 'b'];
    registry.manifests.set('1', Buffer.from('no JSON'));
    await expect(pull(secret('a'), secret('b'))).rejects.toThrow('JSON');
    expect(seen).toEqual([undefined, 'a']);
  });

  it('is for those only who could pull it, also when it is here and after a new start', async () => {
    welcome = ['a', 'b'];
    const image = await pull(secret('a'));
    expect(await find(secret('a'))).toMatchObject({ id: image.id });
    expect([await find(), await find(secret('b')), await find(secret('a', '/other'))]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    await pull(secret('b'));
    images = open();
    expect(await find(secret('b'))).toMatchObject({ id: image.id });
    expect(await find(secret('a'))).toMatchObject({ id: image.id });
    expect(await find()).toBeUndefined();
  });

  it('is for all where its registry gives it to all', async () => {
    welcome = undefined;
    await pull(secret('a'));
    expect(await find()).toBeDefined();
    welcome = ['a'];
    await pull(secret('a'));
    expect(await find()).toBeDefined();
  });

  it('is for those only who could pull what its name means now', async () => {
    welcome = ['a', 'b'];
    await pull(secret('a'));
    registry.push('1', imageOf([{ tar: tarOf([{ name: 'new', content: 'new' }]) }]));
    await pull(secret('b'));
    expect(await find(secret('a'))).toBeUndefined();
  });
});
