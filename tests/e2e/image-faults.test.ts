import { readdirSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { resources, type Event, type Pod } from '../../src/api/index.ts';
import { imageOf, tarOf, TestRegistry, type TestImage } from '../../src/runtimes/images/test-images.fixture.ts';
import { sandboxProblem } from '../../src/runtimes/sandbox/index.ts';
import { clientFor } from './api.ts';
import { processState, removeDirectory, startRondo, type Rondo } from './rondo.ts';
import { imageExecutors, shellTars } from './shell-image.ts';
import { deferred, untilInDirectory, waitForObjects } from './waiting.ts';

const problem = await sandboxProblem();
if (problem !== undefined) console.log(`SKIPPED: faults while images are pulled: ${problem}`);

let rondo: Rondo;
let registry: TestRegistry;

/** The shell in the lower layer, in the upper one a megabyte that nobody else has. */
const imageWith = (text: string): TestImage =>
  imageOf(
    [shellTars[0]!, tarOf([{ name: 'large', content: text.repeat(1_000_000).slice(0, 1_000_000) }])].map((tar) => ({
      tar,
    })),
    { Entrypoint: ['/bin/sh', '-c', 'read -r text </large; echo "${#text}"'], Env: ['PATH=/bin'] },
  );

/** Sends half of the first upper layer that is asked for, and then nothing; resolves when that was sent. */
function hold(): Promise<ServerResponse> {
  const { promise, resolve } = deferred<ServerResponse>();
  let done = false;
  registry.intercept = ({ url = '' }, response) => {
    const blob = registry.blobs.get(/\/blobs\/(.*)$/.exec(url)?.[1] ?? '');
    if (done || blob === undefined || blob.length < 1_000_000 || blob.length > 1_010_000) return false;
    done = true;
    response.writeHead(200, { 'content-length': blob.length });
    response.write(blob.subarray(0, 500_000), () => resolve(response));
    return true;
  };
  return promise;
}

async function create(name: string, container: object): Promise<void> {
  const spec = { restartPolicy: 'Never', containers: [{ name: 'main', ...container }] };
  await clientFor(rondo).create<Pod>(resources.pods, { metadata: { name, namespace: 'default' }, spec });
}

async function ended(name: string): Promise<Pod> {
  const pods = await waitForObjects<Pod>(clientFor(rondo), resources.pods, {
    what: `the end of ${name}`,
    fieldSelector: `metadata.name=${name}`,
    until: ([pod]) => pod?.status.phase === 'Succeeded' || pod?.status.phase === 'Failed',
  });
  return pods[0]!;
}

async function messages(name: string, least: number): Promise<string[]> {
  const events = await waitForObjects<Event>(clientFor(rondo), resources.events, {
    what: `${least} Events about ${name}`,
    fieldSelector: `involvedObject.name=${name}`,
    until: (items) => items.length >= least,
  });
  return events.map(({ reason, message }) => `${reason} ${message}`);
}

describe.runIf(problem === undefined).each(imageExecutors)('faults of images, run by $executor', ({ options }) => {
  beforeAll(async () => {
    registry = await TestRegistry.start();
    rondo = await startRondo(options);
  });
  afterEach(() => {
    registry.intercept = () => false;
  });
  afterAll(async () => {
    rondo.kubectl(['delete', 'pods', '--all', '--timeout=30s']);
    await rondo.stop();
    await registry.stop();
    removeDirectory(rondo.dataDir);
  });

  it('an engine that is killed in the middle of a pull leaves nothing that counts, and the Pod runs after all', async () => {
    registry.push('killed', imageWith('killed '));
    const held = hold();
    await create('killed', { image: `${registry.host}/test/image:killed` });
    await held;
    const { dataDir } = rondo;
    const parts = (name: string): string[] => readdirSync(join(dataDir, 'images', name));
    expect([parts('layers').length, parts('images'), parts('names'), parts('tmp').length]).toEqual([1, [], [], 2]);
    // The wrapper that hides the shim, if any, has become the engine.
    expect(processState(rondo.pid)).toBeDefined();
    await rondo.stop('SIGKILL');
    rondo = await startRondo({ ...options, dataDir });
    expect((await ended('killed')).status.phase).toBe('Succeeded');
    expect(rondo.kubectl(['logs', 'killed']).stdout).toBe('1000000\n');
    await untilInDirectory(join(dataDir, 'images/tmp'), 'the end of the leftovers', () => parts('tmp').length === 0);
    expect([parts('layers').length, parts('names').length]).toEqual([2, 1]);
  });

  it('a registry that stands still holds up no other Pod, and no other pull', async () => {
    registry.push('still', imageWith('still '));
    registry.push('quick', imageWith('quick '));
    const held = hold();
    await create('still', { image: `${registry.host}/test/image:still` });
    const response = await held;
    await create('host', { image: 'rondo.dev/host', command: ['true'] });
    await create('quick', { image: `${registry.host}/test/image:quick` });
    for (const name of ['host', 'quick']) expect((await ended(name)).status.phase, name).toBe('Succeeded');
    const closed = new Promise((resolve) => response.once('close', resolve));
    expect(rondo.kubectl(['delete', 'pod', 'still', '--timeout=10s']).status).toBe(0);
    await closed;
    expect((await messages('still', 2)).filter((text) => text.startsWith('Pull'))).toEqual([
      `Pulling Pulling image "${registry.host}/test/image:still"`,
    ]);
  });

  it('a connection that breaks in the middle of a layer is mended, and a broken layer is refused', async () => {
    const image = imageWith('mended ');
    registry.push('mended', image);
    const held = hold();
    await create('mended', { image: `${registry.host}/test/image:mended` });
    (await held).destroy();
    expect((await ended('mended')).status.phase).toBe('Succeeded');

    registry.push('broken', imageWith('broken '));
    registry.intercept = ({ url = '' }, response) => {
      const blob = registry.blobs.get(/\/blobs\/(.*)$/.exec(url)?.[1] ?? '');
      if (blob === undefined || blob.length < 1_000_000 || blob.length > 1_010_000) return false;
      response.writeHead(200).end(Buffer.from(blob).fill('z', 1000, 1001));
      return true;
    };
    await create('broken', { image: `${registry.host}/test/image:broken` });
    const reference = `${registry.host}/test/image:broken`;
    expect(await messages('broken', 4)).toEqual(
      expect.arrayContaining([
        'Failed Error: ErrImagePull',
        expect.stringMatching(/^Failed Failed to pull image "[^"]*broken": .*layer 1.* has digest sha256:/),
        `Pulling Pulling image "${reference}"`,
      ]),
    );
    rondo.kubectl(['delete', 'pod', 'broken', '--timeout=10s']);
  });
});
