import { afterEach, beforeEach, expect, it } from 'vitest';
import { resources, type ConfigMap, type Event, type Pod } from '../../src/api/index.ts';
import { silentLogger } from '../../src/log/index.ts';
import type { VolumeContent } from '../../src/runtimes/index.ts';
import { createSimulatedRuntime } from '../../src/runtimes/simulated/index.ts';
import {
  aContainer,
  aPod,
  FakeClock,
  seededRandom,
  startTestEngine,
  type TestEngine,
} from '../../src/testing/index.ts';

let engine: TestEngine;
/** What the runtime was told to write, by time: texts of the volume `config`. */
let written: string[];
/** What the volume `scratch` holds. */
let scratchBytes: number;
/** What containers have written beside volumes. */
let logBytes: Record<string, number>;

beforeEach(async () => {
  const [clock, random] = [new FakeClock(), seededRandom(1)];
  written = [];
  scratchBytes = 0;
  logBytes = {};
  const runtime = createSimulatedRuntime({ clock, random, log: silentLogger });
  const { preparePod } = runtime;
  const watched = Object.assign(runtime, {
    volumeBytes: (_uid: string, volume: string) => Promise.resolve(volume === 'scratch' ? scratchBytes : 0),
    ephemeralBytes: () => Promise.resolve({ containers: new Map(Object.entries(logBytes)), sharedBytes: 0 }),
    preparePod: (...[pod, volumes]: Parameters<typeof preparePod>) => {
      written.push(textsOf(volumes));
      return preparePod.call(runtime, pod, volumes);
    },
  });
  engine = await startTestEngine({ clock, random, runtimes: [watched] });
  await put('one');
});
afterEach(() => engine.stop());

const textsOf = (volumes: readonly VolumeContent[]): string =>
  volumes
    .map(({ name, files }) => [name, ...[...files.values()].map(({ content }) => Buffer.from(content))].join(' '))
    .join();

const named = { namespace: 'default', name: 'settings' };

async function put(text: string): Promise<void> {
  const draft = { metadata: named, data: { key: text } };
  const there = await engine.client.list<ConfigMap>(resources.configMaps, { fieldSelector: 'metadata.name=settings' });
  if (there.items.length === 0) await engine.client.create<ConfigMap>(resources.configMaps, draft);
  else
    await engine.client.patch<ConfigMap>(resources.configMaps, named, { type: 'merge', body: { data: { key: text } } });
}

async function start(durationMs: string, annotations: Record<string, string> = {}): Promise<void> {
  const volumes = [
    { name: 'config', configMap: { name: 'settings' } },
    { name: 'scratch', emptyDir: { sizeLimit: '1Mi' } },
  ];
  const metadata = { annotations: { 'rondo.dev/simulate-duration-ms': durationMs, ...annotations } };
  await engine.client.create(resources.pods, aPod('p', { metadata, spec: { volumes } }));
  await engine.clock.settle();
}

it('a running Pod sees a changed ConfigMap within a minute, in the volumes made from objects only', async () => {
  await start('never');
  expect(written).toEqual(['config one,scratch']);
  await put('two');
  await engine.clock.advance(59_000);
  expect(written.length).toBe(1);
  await engine.clock.advance(1000);
  expect(written.slice(1)).toEqual(['config two']);
});

it('keeps what it had when the ConfigMap is gone, and says so', async () => {
  await start('never');
  await engine.client.delete(resources.configMaps, named);
  await engine.clock.advance(61_000);
  expect(written).toEqual(['config one,scratch']);
  const { items } = await engine.client.list<Event>(resources.events, { namespace: 'default' });
  expect(items.map(({ reason, message }) => `${reason}: ${message}`)).toContain(
    'FailedMount: MountVolume.SetUp failed: configmap "settings" not found',
  );
  await put('again');
  await engine.clock.advance(60_000);
  expect(written.at(-1)).toBe('config again');
});

it('leaves a Pod alone that has ended', async () => {
  await start('1000');
  await put('two');
  await engine.clock.advance(200_000);
  expect(written).toEqual(['config one,scratch']);
});

it('a Pod is evicted within ten seconds when an emptyDir holds more than its limit', async () => {
  await start('never');
  scratchBytes = 1 << 20;
  await engine.clock.advance(20_000);
  const pod = async (): Promise<Pod> => engine.client.get(resources.pods, { namespace: 'default', name: 'p' });
  expect((await pod()).status.phase).toBe('Running');
  scratchBytes += 1;
  await engine.clock.advance(10_000);
  const message = 'Usage of EmptyDir volume "scratch" exceeds the limit "1Mi". ';
  expect((await pod()).status).toMatchObject({ phase: 'Failed', reason: 'Evicted', message });
  const { items } = await engine.client.list<Event>(resources.events, { namespace: 'default' });
  expect(items.map(({ reason, message: text }) => `${reason}: ${text}`)).toContain(`Evicted: ${message}`);
});

it.each([
  ['one container more than its limit', { main: 2_000_000 }, 'total limit of containers 1Mi. '],
  ['what all have, with emptyDirs', { main: 600_000, scratch: 600_000 }, 'total limit of containers 1Mi. '],
  ['a container without a limit, with the others', { main: 1, other: 1_100_000 }, 'total limit of containers 1Mi. '],
])(
  'a Pod is evicted for ephemeral storage: %s',
  async (_what, { scratch = 0, ...logs }: Record<string, number>, end) => {
    const limits = { 'ephemeral-storage': '1Mi' };
    const containers = [aContainer({ resources: { limits } }), aContainer({ name: 'other' })];
    const metadata = { annotations: { 'rondo.dev/simulate-duration-ms': 'never' } };
    const volumes = [{ name: 'scratch', emptyDir: {} }];
    await engine.client.create(resources.pods, aPod('p', { metadata, spec: { containers, volumes } }));
    await engine.clock.advance(10_000);
    expect((await thePod()).status.phase).toBe('Running');
    [scratchBytes, logBytes] = [scratch, logs];
    await engine.clock.advance(12_000);
    expect((await thePod()).status).toMatchObject({
      ...{ phase: 'Failed', reason: 'Evicted' },
      message: `Pod ephemeral local storage usage exceeds the ${end}`,
    });
  },
);

it('a container is evicted for its own limit, while all together keep theirs', async () => {
  const limited = (name: string, limit: string) =>
    aContainer({ name, resources: { limits: { 'ephemeral-storage': limit } } });
  const metadata = { annotations: { 'rondo.dev/simulate-duration-ms': 'never' } };
  const containers = [limited('small', '1Mi'), limited('large', '100Mi')];
  await engine.client.create(resources.pods, aPod('p', { metadata, spec: { containers } }));
  logBytes = { small: 1_048_576, large: 90_000_000 };
  await engine.clock.advance(12_000);
  expect((await thePod()).status.phase).toBe('Running');
  logBytes = { small: 1_048_577, large: 0 };
  await engine.clock.advance(12_000);
  expect((await thePod()).status.message).toBe('Container small exceeded its local ephemeral storage limit "1Mi". ');
});

const thePod = (): Promise<Pod> => engine.client.get<Pod>(resources.pods, { namespace: 'default', name: 'p' });
