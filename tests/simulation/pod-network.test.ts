import { afterEach, beforeEach, expect, it } from 'vitest';
import { resources, type Event, type Pod } from '../../src/api/index.ts';
import { silentLogger } from '../../src/log/index.ts';
import { RuntimeError, type Announcement } from '../../src/runtimes/index.ts';
import { createSimulatedRuntime } from '../../src/runtimes/simulated/index.ts';
import { aPod, FakeClock, seededRandom, startTestEngine, type TestEngine } from '../../src/testing/index.ts';

let engine: TestEngine;
/** Addresses by Pod, as a runtime gives them, and the phase that a Pod had when its was taken back. */
let addresses: Map<string, string>;
let ends: (string | undefined)[];
let notes: readonly Announcement[];
let failure: RuntimeError | undefined;

beforeEach(async () => {
  const [clock, random] = [new FakeClock(), seededRandom(1)];
  addresses = new Map();
  ends = [];
  notes = [];
  failure = undefined;
  const runtime = createSimulatedRuntime({ clock, random, log: silentLogger });
  const { preparePod } = runtime;
  Object.assign(runtime.capabilities, { hostAddress: '192.0.2.1' });
  const watched = Object.assign(runtime, {
    preparePod: async (...[pod, volumes]: Parameters<typeof preparePod>) => {
      if (failure !== undefined) throw failure;
      addresses.set(pod.metadata.uid, '10.0.0.7');
      await preparePod.call(runtime, pod, volumes);
      return notes;
    },
    podAddress: (uid: string) => addresses.get(uid),
    endPod: async (uid: string) => {
      const { items } = await engine.client.list<Pod>(resources.pods, {});
      ends.push(items.find(({ metadata }) => metadata.uid === uid)?.status.phase);
      addresses.delete(uid);
    },
  });
  engine = await startTestEngine({ clock, random, runtimes: [watched] });
});
afterEach(() => engine.stop());

async function create(draft: Parameters<typeof aPod>[1]): Promise<void> {
  await engine.client.create(resources.pods, aPod('p', draft));
  await engine.clock.settle();
}
const read = (): Promise<Pod> => engine.client.get(resources.pods, { namespace: 'default', name: 'p' });
const lasting = { annotations: { 'rondo.dev/simulate-duration-ms': '5000' } };
async function events(): Promise<string[]> {
  const { items } = await engine.client.list<Event>(resources.events, { namespace: 'default' });
  return items.map(({ reason, message }) => `${reason}: ${message}`);
}

it('a Pod has its own address until it is over, and keeps it in its status', async () => {
  await create({ metadata: lasting });
  expect((await read()).status).toMatchObject({
    phase: 'Running',
    hostIP: '192.0.2.1',
    hostIPs: [{ ip: '192.0.2.1' }],
    podIP: '10.0.0.7',
    podIPs: [{ ip: '10.0.0.7' }],
  });
  expect(ends).toEqual([]);
  await engine.clock.advance(5000);
  // Taken back before anybody hears that it is over.
  expect(ends).toEqual(['Running']);
  expect((await read()).status).toMatchObject({ phase: 'Succeeded', podIP: '10.0.0.7' });
});

it('a Pod that ends at once has had an address too', async () => {
  await create({ metadata: { annotations: { 'rondo.dev/simulate-duration-ms': '0' } } });
  expect((await read()).status).toMatchObject({ phase: 'Succeeded', podIP: '10.0.0.7' });
  expect(addresses.size).toBe(0);
});

it('a Pod with the network of the host has its address', async () => {
  await create({ metadata: lasting, spec: { hostNetwork: true } });
  expect((await read()).status).toMatchObject({ hostIP: '192.0.2.1', podIP: '192.0.2.1' });
});

it('a Pod without an address shows none, and events say why', async () => {
  failure = new RuntimeError('FailedCreatePodSandBox', 'no address is left');
  await create({ metadata: lasting });
  const { status } = await read();
  expect(status).toMatchObject({ phase: 'Pending', hostIP: '192.0.2.1' });
  expect(status.podIP).toBeUndefined();
  expect(await events()).toContainEqual('FailedCreatePodSandBox: Failed to create pod sandbox: no address is left');
  failure = undefined;
  notes = [{ reason: 'HostNetworkUsed', message: 'so it is' }];
  await engine.clock.advance(1000);
  expect((await read()).status).toMatchObject({ phase: 'Running', podIP: '10.0.0.7' });
  expect(await events()).toContainEqual('HostNetworkUsed: so it is');
});
