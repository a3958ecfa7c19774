import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Container, Pod } from '../../api/index.ts';
import { systemClock as clock, systemRandom as random } from '../../clock/index.ts';
import { silentLogger as log } from '../../log/index.ts';
import {
  containerIdKey,
  type ContainerId,
  type ContainerRequest,
  type ContainerState,
  type ExitedContainer,
  type Runtime,
  type VolumeContent,
} from '../index.ts';
import { busyboxImage, Containerd, containerdProblem, makeBusyboxImage } from './containerd.fixture.ts';
import { createCriRuntime } from './index.ts';

const problem = containerdProblem();
if (problem !== undefined) console.log(`SKIPPED: what the cri runtime makes of Pods: ${problem}`);

interface Told {
  readonly pod?: Partial<Pod['spec']>;
  readonly container?: Partial<Container>;
  readonly volumes?: readonly VolumeContent[];
}

let nextPod = 0;

/** A Pod on the host's network with one container that runs a script. */
function requestFor(script: string, { pod = {}, container = {} }: Told = {}): ContainerRequest {
  const name = `pod-${nextPod++}`;
  const made: Container = { name: 'main', image: busyboxImage, ...container };
  const metadata = { name, namespace: 'default', uid: `uid-${name}`, resourceVersion: '1', creationTimestamp: '' };
  return {
    id: { podUid: metadata.uid, container: 'main', attempt: 0 },
    pod: {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata,
      spec: { hostNetwork: true, containers: [made], ...pod },
      status: {},
    },
    container: made,
    env: [],
    command: ['/bin/sh', '-c', script],
    args: [],
  };
}

describe.runIf(problem === undefined)('the cri runtime on containerd', () => {
  let containerd: Containerd;
  let dataDir: string;
  let runtime: Runtime;
  const exits = new Map<string, ExitedContainer>();
  const waiting = new Map<string, () => void>();

  beforeAll(async () => {
    containerd = await Containerd.start();
    containerd.load('rondo.test/alice:1', makeBusyboxImage({ User: 'alice' }));
    containerd.load('rondo.test/numbered:1', makeBusyboxImage({ User: '1042:50' }));
  });
  afterAll(() => containerd.close());
  beforeEach(async () => {
    dataDir = mkdtempSync(join(tmpdir(), 'rondo-cri-'));
    runtime = await open();
  });
  afterEach(async () => {
    await Promise.all(runtime.podUids().map((uid) => runtime.removePod(uid)));
    await runtime.stop();
    rmSync(dataDir, { recursive: true, force: true });
  });

  async function open(): Promise<Runtime> {
    const opened = createCriRuntime({ dataDir, socket: containerd.socket, clock, random, log });
    opened.onExit((state: ContainerState) => {
      if (state.type !== 'exited') return;
      exits.set(containerIdKey(state.id), state);
      waiting.get(containerIdKey(state.id))?.();
    });
    await opened.start();
    return opened;
  }

  async function exitOf(id: ContainerId): Promise<ExitedContainer> {
    const key = containerIdKey(id);
    if (!exits.has(key)) await new Promise<void>((resolve) => waiting.set(key, resolve));
    return exits.get(key)!;
  }

  async function start(request: ContainerRequest, volumes: readonly VolumeContent[] = []): Promise<void> {
    await runtime.preparePod(request.pod, volumes);
    await runtime.startContainer(request);
  }

  async function logOf(id: ContainerId, { timestamps = false } = {}): Promise<string> {
    const chunks: Uint8Array[] = [];
    for await (const chunk of runtime.readLog(id, { follow: true, timestamps })) chunks.push(chunk);
    return Buffer.concat(chunks).toString();
  }

  /** What a script says, to its end. */
  async function said(script: string, told: Told = {}): Promise<string> {
    const request = requestFor(script, told);
    await start(request, told.volumes);
    return logOf(request.id);
  }

  describe('gives containers the privileges that their Pods ask for', () => {
    const status = (field: string): string => `sed -n 's/^${field}:[[:space:]]*//p' /proc/self/status`;

    it.each<[string, string, Told, string]>([
      ['root without more', 'id', {}, 'uid=0(root) gid=0(root) groups=0(root)\n'],
      [
        'the user of the container before that of the Pod, and all groups',
        'id',
        {
          pod: { securityContext: { runAsUser: 1, runAsGroup: 2, supplementalGroups: [7], fsGroup: 8 } },
          container: { securityContext: { runAsUser: 42 } },
        },
        'uid=42 gid=2 groups=2,7,8\n',
      ],
      [
        'the user of the image',
        'id',
        { container: { image: 'rondo.test/alice:1' } },
        'uid=1042(alice) gid=1042(alice) groups=50(staff),1042(alice)\n',
      ],
      ['a user of the image that is a number', 'id -u', { container: { image: 'rondo.test/numbered:1' } }, '1042\n'],
      [
        'another group for the user of the image',
        'id -u; id -g',
        { pod: { securityContext: { runAsGroup: 77 } }, container: { image: 'rondo.test/alice:1' } },
        '1042\n77\n',
      ],
      [
        'capabilities',
        status('CapEff'),
        { container: { securityContext: { capabilities: { drop: ['ALL'], add: ['CAP_NET_ADMIN', 'SYS_TIME'] } } } },
        // Bits 12 and 25.
        '0000000002001000\n',
      ],
      [
        'no new privileges',
        status('NoNewPrivs'),
        { container: { securityContext: { allowPrivilegeEscalation: false } } },
        '1\n',
      ],
      ['no seccomp by itself', status('Seccomp'), {}, '0\n'],
      [
        'seccomp when asked for',
        status('Seccomp'),
        { pod: { securityContext: { seccompProfile: { type: 'RuntimeDefault' } } } },
        '2\n',
      ],
      ['a root that can be written', 'touch /x && echo written', {}, 'written\n'],
      [
        'a root that cannot be written',
        'touch /x 2>/dev/null || echo refused',
        { container: { securityContext: { readOnlyRootFilesystem: true } } },
        'refused\n',
      ],
      [
        'hidden and read-only files of the kernel',
        'wc -c </proc/timer_list; echo 1 2>/dev/null >/proc/sys/kernel/printk || echo refused',
        {},
        '0\nrefused\n',
      ],
      [
        'all of it when privileged',
        'echo $(cat /proc/sys/kernel/printk) >/proc/sys/kernel/printk && echo written; ls /dev/null /dev/full',
        { container: { securityContext: { privileged: true } } },
        'written\n/dev/full\n/dev/null\n',
      ],
      [
        'safe sysctls',
        'cat /proc/sys/kernel/shm_rmid_forced',
        { pod: { securityContext: { sysctls: [{ name: 'kernel.shm_rmid_forced', value: '1' }] } } },
        '1\n',
      ],
    ])('%s', async (_name, script, told, expected) => {
      expect(await said(script, told)).toBe(expected);
    });

    it.each<[Told, string]>([
      [{ pod: { securityContext: { runAsNonRoot: true } } }, 'container has runAsNonRoot and image will run as root'],
      [
        { container: { image: 'rondo.test/alice:1', securityContext: { runAsNonRoot: true } } },
        'container has runAsNonRoot and image has non-numeric user (alice), cannot verify user is non-root',
      ],
      [
        { container: { securityContext: { runAsNonRoot: true, runAsUser: 0 } } },
        "container's runAsUser breaks non-root policy",
      ],
    ])('refuses a container that must not be root: %o', async (told, message) => {
      const request = requestFor('exit 0', told);
      await runtime.preparePod(request.pod, []);
      await expect(runtime.startContainer(request)).rejects.toMatchObject({
        reason: 'CreateContainerConfigError',
        message,
      });
      expect(runtime.containerState(request.id)).toBeUndefined();
    });

    it('starts who is not root where root is forbidden', async () => {
      const told = { container: { image: 'rondo.test/numbered:1', securityContext: { runAsNonRoot: true } } };
      expect(await said('id -u', told)).toBe('1042\n');
    });
  });

  it('sets limits and shares as a kubelet does', async () => {
    const resources = { limits: { cpu: '500m', memory: '64Mi' }, requests: { cpu: '250m', memory: '32Mi' } };
    // Version 1 of cgroups, or version 2.
    const script = `cd /sys/fs/cgroup; cat memory/memory.limit_in_bytes cpu/cpu.cfs_quota_us cpu/cpu.shares 2>/dev/null ||
      { cat memory.max; cut -d ' ' -f 1 cpu.max; echo 256; }`;
    expect(await said(script, { container: { resources } })).toBe(`${64 << 20}\n50000\n256\n`);
    expect(await said('cat /proc/self/oom_score_adj')).toBe('1000\n');
  });

  it('shares the processes of a Pod where it is asked to', async () => {
    const script = 'cat /proc/1/comm';
    expect(await said(script)).toBe('cat\n');
    expect(await said(script, { pod: { shareProcessNamespace: true } })).toBe('sleep\n');
  });

  it('lets an ephemeral container see the processes of its target', async () => {
    const target = requestFor('exec sleep 1000');
    await start(target);
    const container: Container = { name: 'debug', image: busyboxImage };
    const id = { ...target.id, container: 'debug' };
    await runtime.startContainer({ ...target, id, container, command: ['cat', '/proc/1/cmdline'], target: target.id });
    expect(await logOf(id)).toBe('sleep\0' + '1000\0');
  });

  it('mounts volumes: files, directories, parts of them, read-only and not', async () => {
    const files = new Map([['key', { content: Buffer.from('value'), mode: 0o640 }]]);
    const volumes: VolumeContent[] = [
      { name: 'config', type: 'configMap', files },
      { name: 'scratch', type: 'emptyDir', files: new Map() },
      { name: 'host', type: 'hostPath', hostPath: { path: dataDir, type: 'Directory' }, files: new Map() },
    ];
    const volumeMounts = [
      { name: 'config', mountPath: '/etc/config' },
      { name: 'config', mountPath: '/etc/one', subPath: 'key' },
      { name: 'scratch', mountPath: '/scratch' },
      { name: 'scratch', mountPath: '/again', readOnly: true },
      { name: 'host', mountPath: '/host', readOnly: true },
    ];
    const script = `cat /etc/config/key /etc/one; echo; stat -L -c '%a %g' /etc/config/key
      echo 2>/dev/null >/etc/config/key || echo refused; echo shared >/scratch/file; cat /again/file
      touch /again/file 2>/dev/null || echo refused; ls /host | head -n 1`;
    const pod = {
      securityContext: { fsGroup: 77 },
      volumes: [
        { name: 'config', configMap: { name: 'c' } },
        { name: 'scratch', emptyDir: {} },
        { name: 'host', hostPath: { path: dataDir } },
      ],
    };
    expect(await said(script, { pod, container: { volumeMounts }, volumes })).toBe(
      'valuevalue\n660 77\nrefused\nshared\nrefused\nowner\n',
    );
  });

  it('gives what the Pod says of names and hosts', async () => {
    const pod = {
      dnsPolicy: 'None',
      dnsConfig: {
        nameservers: ['192.0.2.53'],
        searches: ['a.test', 'b.test'],
        options: [{ name: 'ndots', value: '3' }],
      },
      hostAliases: [{ ip: '192.0.2.1', hostnames: ['alias', 'other'] }],
    };
    expect(await said('cat /etc/resolv.conf; tail -n 1 /etc/hosts', { pod })).toBe(
      'search a.test b.test\nnameserver 192.0.2.53\noptions ndots:3\n192.0.2.1\talias\tother\n',
    );
  });

  it('reads long lines and a last line without its end', async () => {
    const request = requestFor(`head -c 50000 /dev/zero | tr '\\0' x; echo; printf end`);
    await start(request);
    await exitOf(request.id);
    expect((await logOf(request.id)).replace(/x{50000}/, 'long')).toBe('long\nend');
    const time = String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z`;
    expect(await logOf(request.id, { timestamps: true })).toMatch(new RegExp(`^${time} x{50000}\n${time} end$`));
  });

  it('reads both streams', async () => {
    const request = requestFor('echo out; echo error >&2');
    await start(request);
    await exitOf(request.id);
    // The runtime copies each stream by itself: which comes first is left to it.
    expect((await logOf(request.id)).split('\n').toSorted()).toEqual(['', 'error', 'out']);
  });

  it('runs a command to its end, and ends one that takes too long', async () => {
    const request = requestFor('exec sleep 1000');
    await start(request);
    const { id } = request;
    const never = new AbortController().signal;
    expect(await runtime.execToEnd?.(id, ['sh', '-c', 'echo out; echo err >&2; exit 7'], never)).toEqual({
      exitCode: 7,
      output: 'out\nerr\n',
    });
    await expect(runtime.execToEnd?.(id, ['no-such-program'], never)).rejects.toMatchObject({ reason: 'ExecError' });
    const limit = new AbortController();
    const asked = runtime.execToEnd?.(id, ['sh', '-c', 'echo here; touch /begun; exec sleep 777'], limit.signal);
    await runtime.execToEnd?.(id, ['sh', '-c', 'until [ -e /begun ]; do sleep 0.02; done'], never);
    limit.abort();
    await expect(asked).rejects.toThrow();
    const waiting = 'while ps -o args | grep -q "^slee[p] 777"; do sleep 0.02; done; echo gone';
    expect(await runtime.execToEnd?.(id, ['sh', '-c', waiting], never)).toMatchObject({ output: 'gone\n' });
  });

  it('tells that a command cannot be executed, and does not try again', async () => {
    const request = { ...requestFor(''), command: ['/no/such/program'] };
    await start(request);
    const exit = await exitOf(request.id);
    expect(exit).toMatchObject({ exitCode: 128, reason: 'StartError' });
    expect(exit.message).toContain('/no/such/program');
    expect(await runtime.startContainer(request)).toEqual(exit);
  });

  it('refuses to start without a command, and without an image', async () => {
    containerd.load('rondo.test/empty:1', makeBusyboxImage({ Cmd: [] }));
    const request = { ...requestFor('', { container: { image: 'rondo.test/empty:1' } }), command: [] };
    await runtime.preparePod(request.pod, []);
    await expect(runtime.startContainer(request)).rejects.toMatchObject({ reason: 'CreateContainerError' });
    const missing = requestFor('', { container: { image: 'rondo.test/missing:1' } });
    await runtime.preparePod(missing.pod, []);
    await expect(runtime.startContainer(missing)).rejects.toMatchObject({ reason: 'ErrImagePull' });
  });

  it('keeps two attempts of a container with containerd, and all of their exits and logs', async () => {
    const request = requestFor('');
    for (let attempt = 0; attempt < 4; attempt++) {
      const id = { ...request.id, attempt };
      await start({ ...request, id, command: ['sh', '-c', `echo ${attempt}; exit ${attempt}`] });
      await exitOf(id);
    }
    // The sandbox is one more.
    await expect.poll(() => containerd.ctr(['containers', 'list', '--quiet']).trim().split('\n')).toHaveLength(3);
    for (let attempt = 0; attempt < 4; attempt++) {
      expect(await logOf({ ...request.id, attempt })).toBe(`${attempt}\n`);
      expect(runtime.containerState({ ...request.id, attempt })).toMatchObject({ exitCode: attempt });
    }
  });

  it('says that nobody knows when somebody else has removed a container, and does not start it again', async () => {
    const request = requestFor('exec sleep 1000');
    await start(request);
    const running = runtime.containerState(request.id);
    const containerId = running?.runtimeId.replace('containerd://', '') ?? '';
    containerd.ctr(['tasks', 'kill', '--signal', 'SIGKILL', containerId]);
    expect(await exitOf(request.id)).toMatchObject({ exitCode: 137, signal: 9 });

    const gone = requestFor('exec sleep 1000');
    await start(gone);
    await runtime.stop();
    await removeSandboxes(containerd.socket, gone.id.podUid);
    runtime = await open();
    expect(await exitOf(gone.id)).toMatchObject({ exitCode: 137, reason: 'ContainerStatusUnknown' });
    expect(await runtime.startContainer(gone)).toMatchObject({ type: 'exited', exitCode: 137 });
  });

  it('makes a new sandbox for the next attempt when the first one has died', async () => {
    const request = requestFor('exec sleep 1000');
    await start(request);
    const sandbox = containerd
      .ctr(['containers', 'list', '--quiet', 'labels."io.cri-containerd.kind"==sandbox'])
      .trim();
    containerd.ctr(['tasks', 'kill', '--signal', 'SIGKILL', sandbox]);
    await runtime.stopContainer(request.id, 0);
    await exitOf(request.id);
    const next = { ...request, id: { ...request.id, attempt: 1 }, command: ['echo', 'again'] };
    // The runtime takes a moment to see it; who asks for starts tries again.
    await expect
      .poll(() =>
        runtime.startContainer(next).then(
          ({ type }) => type,
          () => 'refused',
        ),
      )
      .not.toBe('refused');
    expect(await logOf(next.id)).toBe('again\n');
  });

  it('gives back the sandbox of a Pod that is over, and keeps its logs; an engine that was killed does it later', async () => {
    const request = requestFor('echo kept; exit 3');
    await start(request);
    const exit = await exitOf(request.id);
    await (runtime as { endPod?(uid: string): Promise<void> }).endPod?.(request.id.podUid);
    await expect.poll(() => containerd.ctr(['containers', 'list', '--quiet'])).toBe('');
    await runtime.stop();
    runtime = await open();
    expect(runtime.containerState(request.id)).toEqual(exit);
    expect(await logOf(request.id)).toBe('kept\n');
    expect(runtime.imageOf?.(request.id)?.ref).toMatch(/^sha256:/);
  });

  it('starts nothing of a Pod that is removed meanwhile', async () => {
    const request = requestFor('exec sleep 1000');
    await runtime.preparePod(request.pod, []);
    const started = runtime.startContainer(request).catch((error: unknown) => error);
    await runtime.removePod(request.id.podUid);
    await started;
    expect(runtime.podUids()).toEqual([]);
    expect(runtime.containerState(request.id)).toBeUndefined();
    expect(containerd.ctr(['containers', 'list', '--quiet'])).toBe('');
  });
});

/** As somebody with `crictl` would. */
async function removeSandboxes(socket: string, podUid: string): Promise<void> {
  const { CriClient } = await import('./protocol/client.ts');
  const client = new CriClient(socket, clock);
  const { methods } = client;
  const { items } = await client.call(methods.listPodSandbox, {});
  for (const { id, metadata } of items) {
    if (metadata?.uid !== podUid) continue;
    await client.call(methods.stopPodSandbox, { podSandboxId: id });
    await client.call(methods.removePodSandbox, { podSandboxId: id });
  }
  client.close();
}
