import { afterEach, beforeEach, expect, it } from 'vitest';
import { resources, type Pod } from '../../src/api/index.ts';
import { silentLogger } from '../../src/log/index.ts';
import type { VolumeContent } from '../../src/runtimes/index.ts';
import { createSimulatedRuntime } from '../../src/runtimes/simulated/index.ts';
import { aPod, FakeClock, seededRandom, startTestEngine, type TestEngine } from '../../src/testing/index.ts';

let engine: TestEngine;
/** What the runtime was told to write: files of the only volume, by time. */
let written: Record<string, string>[];

/** An engine whose runtime mounts what it is told to, and does not end. */
beforeEach(async () => {
  const [clock, random] = [new FakeClock(), seededRandom(1)];
  written = [];
  const runtime = createSimulatedRuntime({ clock, random, log: silentLogger });
  const mounting = Object.assign(runtime, {
    identityOf: () => 'mounted' as const,
    preparePod: (_pod: Pod, volumes: readonly VolumeContent[]) => {
      const [volume] = volumes;
      const files = [...(volume?.files ?? [])].map(([name, { content }]) => [name, Buffer.from(content).toString()]);
      written.push(Object.fromEntries(files) as Record<string, string>);
      return Promise.resolve([]);
    },
  });
  engine = await startTestEngine({ clock, random, runtimes: [mounting], rootCa: 'the CA' });
});
afterEach(() => engine.stop());

function claimsOf(token = ''): Record<string, unknown> {
  return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as Record<string, unknown>;
}

it('a Pod finds a token of its own, the CA and its namespace, and a new token before the old one ends', async () => {
  const metadata = { annotations: { 'rondo.dev/simulate-duration-ms': 'never' } };
  const { metadata: made } = await engine.client.create(resources.pods, aPod('p', { metadata }));
  await engine.clock.settle();
  const startedAt = engine.clock.now() / 1000;
  expect(written).toHaveLength(1);
  expect(written[0]).toMatchObject({ 'ca.crt': 'the CA', namespace: 'default' });
  expect(claimsOf(written[0]?.['token'])).toMatchObject({
    sub: 'system:serviceaccount:default:default',
    'kubernetes.io': { pod: { name: 'p', uid: made.uid }, node: { name: 'rondo' } },
  });
  await engine.clock.advance(40 * 60_000);
  expect(new Set(written.map(({ token }) => token)).size).toBe(1);
  // Four fifths of 3607 s are 48 minutes, and volumes are looked at every minute.
  await engine.clock.advance(10 * 60_000);
  expect(Number(claimsOf(written.at(-1)?.['token'])['iat']) - startedAt).toBeGreaterThanOrEqual(47 * 60);
});

it('a Pod waits while it cannot have a token, and says why', async () => {
  const account = { namespace: 'default', name: 'robot' };
  await engine.client.create(resources.serviceAccounts, { metadata: account });
  // Nobody's node, until its account is gone.
  const draft = aPod('p', { spec: { serviceAccountName: 'robot', schedulingGates: [{ name: 'test.dev/wait' }] } });
  await engine.client.create(resources.pods, draft);
  await engine.client.delete(resources.serviceAccounts, account);
  const ref = { namespace: 'default', name: 'p' };
  await engine.client.patch(resources.pods, ref, { type: 'merge', body: { spec: { schedulingGates: null } } });
  await engine.clock.advance(1000);
  expect((await engine.client.get(resources.pods, ref)).status.containerStatuses?.[0]?.state?.waiting?.reason).toBe(
    'ContainerCreating',
  );
  const { items } = await engine.client.list(resources.events, { namespace: 'default' });
  expect(items.map(({ message }) => message)).toContain(
    'MountVolume.SetUp failed: failed to fetch token: serviceaccounts "robot" not found',
  );
});
