import { mkdtempSync, readlinkSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { buildShim } from '../../../tools/build.mjs';
import type { Container, Pod, PodSpec } from '../../api/index.ts';
import { systemClock as clock, systemRandom as random } from '../../clock/index.ts';
import { silentLogger as log } from '../../log/index.ts';
import type { Announcement, ContainerId, Runtime } from '../runtime.ts';
import { sandboxProblem } from './probe-sandbox.ts';
import { createSandboxRuntime, type SandboxRuntimeOptions } from './sandbox-runtime.ts';

const problem = await sandboxProblem();
if (problem !== undefined) console.log(`SKIPPED: networks of sandboxes: ${problem}`);
const executors: ('shim' | 'util-linux')[] = problem === undefined ? ['util-linux'] : [];
if (problem === undefined && buildShim()) executors.unshift('shim');

let dataDir: string;
let runtime: Runtime;
let pods = 0;

const sh = (script: string): readonly string[] => ['/bin/sh', '-c', script];
/** Answers on port 8080, and tells its log when it does. */
const serving = (word: string, host = '0.0.0.0'): readonly string[] => [
  process.execPath,
  '-e',
  `require('node:net').createServer((s) => s.end('${word}')).listen(8080, '${host}', () => console.log('ready'))`,
];
const container = (name: string, command: readonly string[]): Container => ({ name, image: 'rondo.dev/host', command });

function podOf(spec: Partial<PodSpec>): Pod {
  const name = `net-${process.pid}-${pods++}`;
  const metadata = { name, namespace: 'default', uid: `uid-${name}`, resourceVersion: '1', creationTimestamp: '' };
  return { apiVersion: 'v1', kind: 'Pod', metadata, spec: { containers: [], ...spec }, status: {} };
}

async function prepare(pod: Pod): Promise<readonly Announcement[]> {
  expect(runtime.admit(pod)).toMatchObject({ type: 'accept' });
  return runtime.preparePod(pod, []);
}

async function begin(pod: Pod, { name, command = [] }: Container): Promise<ContainerId> {
  const id: ContainerId = { podUid: pod.metadata.uid, container: name, attempt: 0 };
  const { initContainers = [], containers, ephemeralContainers = [] } = pod.spec;
  const found = [...initContainers, ...containers, ...ephemeralContainers].find((one) => one.name === name);
  await runtime.startContainer({ id, pod, container: found!, env: [], command, args: [] });
  return id;
}

/** Starts a Pod of one container. */
async function start(command: readonly string[], spec: Partial<PodSpec> = {}): Promise<{ pod: Pod; id: ContainerId }> {
  const main = { ...container('main', command), ...spec.containers?.[0] };
  const pod = podOf({ ...spec, containers: [main] });
  await prepare(pod);
  return { pod, id: await begin(pod, main) };
}

async function logOf(id: ContainerId): Promise<string> {
  return text(runtime.readLog(id, { follow: true, timestamps: false }));
}

async function written(id: ContainerId, wanted: string): Promise<void> {
  let seen = '';
  for await (const chunk of runtime.readLog(id, { follow: true, timestamps: false })) {
    seen += Buffer.from(chunk).toString();
    if (seen.includes(wanted)) return;
  }
  throw new Error(`the log ended without ${wanted}: ${seen}`);
}

const ask = (host: string): Promise<string> => text(connect({ host, port: 8080 }));

async function open(options: Partial<SandboxRuntimeOptions>): Promise<void> {
  runtime = createSandboxRuntime({ dataDir, clock, random, log, rootfs: 'host', ...options });
  await runtime.start();
}

describe.each(executors)('networks of sandboxes with %s', (only) => {
  beforeEach(async () => {
    dataDir = join(mkdtempSync(join(tmpdir(), 'rondo-sandnet-')), 'data');
    await open({ only });
  });

  afterEach(async () => {
    await Promise.all(runtime.podUids().map((uid) => runtime.removePod(uid)));
    await runtime.stop();
    rmSync(dirname(dataDir), { recursive: true, force: true });
  });

  it('let two Pods listen on the same port', async () => {
    const a = await start(serving('from a'));
    const b = await start(serving('from b', '127.0.0.1'));
    for (const { id } of [a, b]) await written(id, 'ready');
    const [addressA, addressB] = [a, b].map(({ pod }) => runtime.podAddress(pod.metadata.uid)!) as [string, string];
    expect(await ask(addressA)).toBe('from a');
    expect(await text(runtime.dial!(b.pod.metadata.uid, 8080))).toBe('from b');
    await expect(ask(addressB)).rejects.toThrow('ECONNREFUSED');
    expect(await text(runtime.exec!(b.id, sh('ls /sys/class/net; readlink /proc/self/ns/net')).stdout)).toMatch(
      /^eth0\nlo\nnet:\[\d+\]\n$/,
    );
  });

  it('are one for all containers of a Pod, and outlast each of them', async () => {
    const script = 'readlink /proc/self/ns/net';
    const [init, main] = [container('init', sh(script)), container('main', sh(script))];
    const pod = podOf({ initContainers: [init], containers: [main] });
    await prepare(pod);
    const address = runtime.podAddress(pod.metadata.uid);
    const first = await logOf(await begin(pod, init));
    expect(await logOf(await begin(pod, main))).toBe(first);
    expect(first.trim()).not.toBe(readlinkSync('/proc/self/ns/net'));
    expect(runtime.podAddress(pod.metadata.uid)).toBe(address);
  });

  it('are the host’s for a Pod that asks for it', async () => {
    const { pod, id } = await start(sh('readlink /proc/self/ns/net'), { hostNetwork: true });
    expect((await logOf(id)).trim()).toBe(readlinkSync('/proc/self/ns/net'));
    expect(runtime.podAddress(pod.metadata.uid)).toBeUndefined();
  });

  it('serve another Pod only after containers that cannot change them', async () => {
    const plain = await start(sh('exit 0'));
    const address = runtime.podAddress(plain.pod.metadata.uid);
    await logOf(plain.id);
    await runtime.endPod!(plain.pod.metadata.uid);
    const securityContext = { capabilities: { add: ['NET_ADMIN'] } };
    const containers = [{ ...container('main', sh('exit 0')), securityContext }];
    const mighty = await start(sh('exit 0'), { containers });
    expect(runtime.podAddress(mighty.pod.metadata.uid)).toBe(address);
    await logOf(mighty.id);
    await runtime.endPod!(mighty.pod.metadata.uid);
    const third = await start(sh('exit 0'));
    const other = runtime.podAddress(third.pod.metadata.uid);
    expect(other).not.toBe(address);
    await logOf(third.id);
    const guest = { ...container('guest', sh('exit 0')), securityContext };
    const pod = { ...third.pod, spec: { ...third.pod.spec, ephemeralContainers: [guest] } };
    await logOf(await begin(pod, guest));
    await runtime.endPod!(pod.metadata.uid);
    const last = await start(sh('exit 0'));
    expect(runtime.podAddress(last.pod.metadata.uid)).not.toBe(other);
  });

  it('are gone with a Pod that was removed while it got one', async () => {
    const pod = podOf({ containers: [container('main', sh('exit 0'))] });
    const preparing = runtime.preparePod(pod, []);
    await runtime.removePod(pod.metadata.uid);
    await preparing;
    expect(runtime.podAddress(pod.metadata.uid)).toBeUndefined();
  });

  it('are shared with the host where the user wants it so, which is said', async () => {
    await runtime.stop();
    await open({ only, podNetwork: 'host' });
    const pod = podOf({ containers: [container('main', sh('readlink /proc/self/ns/net'))] });
    expect(await prepare(pod)).toEqual([
      {
        reason: 'HostNetworkUsed',
        message: "The Pod shares the host's network and ports: Rondo was started with --pod-network host",
      },
    ]);
    expect(runtime.podAddress(pod.metadata.uid)).toBe('127.0.0.1');
    const id = await begin(pod, pod.spec.containers[0]!);
    expect((await logOf(id)).trim()).toBe(readlinkSync('/proc/self/ns/net'));
  });
});
