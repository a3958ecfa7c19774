import { execFileSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { buildShim } from '../../../tools/build.mjs';
import type { Container, Pod, PodSpec } from '../../api/index.ts';
import { systemClock as clock, systemRandom as random } from '../../clock/index.ts';
import { silentLogger as log } from '../../log/index.ts';
import type { ImageService, ResolvedImage } from '../image-service.ts';
import type { ContainerId, EnvEntry, ExitedContainer, Runtime, VolumeContent } from '../runtime.ts';
import { readClaim } from '../wrapped/index.ts';
import { sandboxProblem } from './probe-sandbox.ts';
import { createSandboxRuntime, type SandboxRuntimeOptions } from './sandbox-runtime.ts';

interface Asked {
  readonly command: readonly string[];
  readonly env?: readonly EnvEntry[];
  readonly container?: Partial<Container>;
  readonly spec?: Partial<PodSpec>;
  readonly volumes?: readonly VolumeContent[];
}

const problem = await sandboxProblem();
if (problem !== undefined) console.log(`SKIPPED: the sandbox runtime: ${problem}`);
const executors: ('shim' | 'util-linux')[] = problem === undefined ? ['util-linux'] : [];
if (problem === undefined && buildShim()) executors.unshift('shim');
else console.log('SKIPPED: the shim of the sandbox runtime: no root or no C compiler');

let dataDir: string;
let runtime: Runtime;
let exits: Map<string, ExitedContainer>;
let wake: () => void;
let pods = 0;

async function open(options: Partial<SandboxRuntimeOptions>): Promise<void> {
  exits = new Map();
  runtime = createSandboxRuntime({ dataDir, clock, random, log, rootfs: 'image', ...options });
  runtime.onExit((state) => {
    if (state.type === 'exited') exits.set(`${state.id.podUid}/${state.id.container}`, state);
    wake();
  });
  await runtime.start();
}

async function exitOf(id: ContainerId): Promise<ExitedContainer> {
  const key = `${id.podUid}/${id.container}`;
  while (!exits.has(key)) {
    const earlier = wake;
    await new Promise<void>((resolve) => {
      wake = () => {
        earlier();
        resolve();
      };
    });
  }
  return exits.get(key)!;
}

/** Until this holds: for what the kernel does a moment later. */
async function until(holds: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!holds()) {
    if (performance.now() > deadline) throw new Error(`never came: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

function podOf(asked: Asked): Pod {
  const name = `box-${process.pid}-${pods++}`;
  const container: Container = { name: 'main', image: 'rondo.dev/host', command: asked.command, ...asked.container };
  const metadata = { name, namespace: 'default', uid: `uid-${name}`, resourceVersion: '1', creationTimestamp: '' };
  return { apiVersion: 'v1', kind: 'Pod', metadata, spec: { containers: [container], ...asked.spec }, status: {} };
}

async function startIn(pod: Pod, container: Container, asked: Asked): Promise<ContainerId> {
  const id: ContainerId = { podUid: pod.metadata.uid, container: container.name, attempt: 0 };
  const { command = [], args = [] } = container;
  const needed = runtime.images?.needs(container) === true;
  const image = needed ? await runtime.images?.find({ image: container.image ?? '', secrets: [] }) : undefined;
  await runtime.startContainer({ id, pod, container, image, env: asked.env ?? [], command, args });
  return id;
}

async function start(asked: Asked): Promise<ContainerId> {
  const pod = podOf(asked);
  expect(runtime.admit(pod)).toMatchObject({ type: 'accept' });
  await runtime.preparePod(pod, asked.volumes ?? []);
  return startIn(pod, pod.spec.containers[0]!, asked);
}

async function run(asked: Asked): Promise<{ exit: ExitedContainer; log: string; id: ContainerId }> {
  const id = await start(asked);
  const exit = await exitOf(id);
  return { exit, log: await logOf(id), id };
}

const sh = (script: string): readonly string[] => ['/bin/sh', '-c', script];

async function logOf(id: ContainerId): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of runtime.readLog(id, { follow: false, timestamps: false })) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

async function written(id: ContainerId, text: string): Promise<string> {
  let seen = '';
  for await (const chunk of runtime.readLog(id, { follow: true, timestamps: false })) {
    seen += Buffer.from(chunk).toString();
    if (seen.includes(text)) return seen;
  }
  throw new Error(`the log ended without ${text}: ${seen}`);
}

function cgroupsHere(): string[] {
  return ['memory', 'cpu', 'pids', '.']
    .map((name) => join('/sys/fs/cgroup', name))
    .filter((path) => existsSync(path))
    .flatMap((path) => readdirSync(path).filter((name) => name.includes(`uid-box-${process.pid}-`)));
}

/** Processes that this test's containers left, by the mark in their environment. */
function processesHere(): string[] {
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      if (/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))) return false;
      const text = readFileSync(`/proc/${pid}/environ`, 'utf8') + readFileSync(`/proc/${pid}/cmdline`, 'utf8');
      return text.includes(`uid-box-${process.pid}-`);
    } catch {
      return false;
    }
  });
}

const configMap = (name: string, files: Record<string, string>): VolumeContent => ({
  name,
  type: 'configMap',
  files: new Map(Object.entries(files).map(([path, text]) => [path, { content: Buffer.from(text), mode: 0o644 }])),
});
const emptyDir = (name: string): VolumeContent => ({ name, type: 'emptyDir', files: new Map() });

describe.each(executors)('the sandbox runtime with %s', (only) => {
  beforeEach(async () => {
    dataDir = join(mkdtempSync(join(tmpdir(), 'rondo-sandbox-')), 'data');
    wake = () => undefined;
    await open({ only });
  });

  afterEach(async () => {
    await Promise.all(runtime.podUids().map((uid) => runtime.removePod(uid)));
    await until(() => cgroupsHere().length === 0, 'the end of all cgroups');
    await until(() => processesHere().length === 0, `the end of all processes`);
    await runtime.stop();
    expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain(dataDir);
    for (const name of ['claims', 'exits', 'logs', 'pods', 'volumes', 'sandboxes'])
      expect(readdirSync(join(dataDir, name)), name).toEqual([]);
    rmSync(dirname(dataDir), { recursive: true, force: true });
  });

  it('gives a container its own processes, host name and files, and keeps what it writes from the host', async () => {
    const { log: output, exit } = await run({
      command: sh(
        'echo $$ $(hostname); touch /etc/rondo-probe /rondo-probe && echo made; cat /etc/hostname; ls /proc | grep -c "^[0-9]"',
      ),
    });
    expect(exit).toMatchObject({ exitCode: 0 });
    const name = exit.id.podUid.slice(4);
    expect(output.split('\n').slice(0, 3)).toEqual([`1 ${name}`, 'made', name]);
    expect(Number(output.split('\n')[3])).toBeLessThan(6);
    expect(existsSync('/etc/rondo-probe') || existsSync('/rondo-probe')).toBe(false);
  });

  it('mounts volumes at any path: directories, single files, subPath, read-only', async () => {
    const volumes = [configMap('config', { 'a.txt': 'alpha', 'b.txt': 'beta' }), emptyDir('data')];
    const volumeMounts = [
      { name: 'data', mountPath: '/srv/new/deep' },
      { name: 'data', mountPath: '/srv/new/deep/inner', subPath: 'part' },
      { name: 'config', mountPath: '/etc/rondo-config' },
      { name: 'config', mountPath: '/opt/x y/only.txt', subPath: 'a.txt' },
      { name: 'data', mountPath: '/data-ro', readOnly: true },
    ];
    const { log: output } = await run({
      volumes,
      container: { volumeMounts },
      spec: {
        volumes: [
          { name: 'config', configMap: { name: 'c' } },
          { name: 'data', emptyDir: {} },
        ],
      },
      command: sh(
        'echo hi >/srv/new/deep/f; echo part >/srv/new/deep/inner/g; cat /etc/rondo-config/b.txt "/opt/x y/only.txt"; echo; ' +
          'cat /data-ro/f /data-ro/part/g; (: >/data-ro/h) 2>/dev/null || echo refused; (: >/etc/rondo-config/h) 2>/dev/null || echo refused',
      ),
    });
    expect(output).toBe('betaalpha\nhi\npart\nrefused\nrefused\n');
  });

  it('has a /dev, /proc and /sys of its own that do not open the machine', async () => {
    const { log: output } = await run({
      command: sh(
        'echo x >/dev/null; head -c 3 /dev/zero | wc -c; ls /dev | tr "\\n" " "; echo; echo y >/dev/shm/f && cat /dev/shm/f; ' +
          '(echo 1 >/proc/sys/vm/swappiness) 2>/dev/null || echo fixed; (mkdir /sys/kernel/x) 2>/dev/null || echo ro; ' +
          'mknod /tmp/disk b 254 0 2>/dev/null || echo no device; ls /proc/keys | xargs cat | wc -c',
      ),
    });
    const lines = output.split('\n');
    expect(lines[0]).toBe('3');
    expect(lines[1]).not.toMatch(/vd|sd|mem|kmsg/);
    expect(lines.slice(2)).toEqual(['y', 'fixed', 'ro', 'no device', '0', '']);
  });

  it('ends everything that a container started when its main process ends', async () => {
    const { exit } = await run({
      command: sh('setsid sh -c "sleep 300" </dev/null >/dev/null 2>&1 & sleep 0.1; exit 4'),
    });
    expect(exit).toMatchObject({ exitCode: 4 });
    await until(() => processesHere().length === 0, 'the end of the daemon');
  });

  it.each([
    ['a missing command', ['no-such-command'], 'exec: "no-such-command": executable file not found in $PATH'],
    ['a missing path', ['/no/such'], 'exec: "/no/such": stat /no/such: no such file or directory'],
    ['a file that cannot be executed', ['/etc/passwd'], 'exec: "/etc/passwd": permission denied'],
    ['a directory', ['/etc'], 'exec: "/etc": is a directory'],
  ])('ends %s with StartError and exit code 128', async (_what, command, message) => {
    expect((await run({ command })).exit).toMatchObject({ exitCode: 128, reason: 'StartError', message });
  });

  it('takes the termination message from any path', async () => {
    const plain = await run({ command: sh('echo bye >/dev/termination-log; exit 1') });
    expect(plain.exit).toMatchObject({ exitCode: 1, message: 'bye\n' });
    const own = await run({
      command: sh('echo own >/var/log/x/last'),
      container: { terminationMessagePath: '/var/log/x/last', securityContext: { runAsUser: 1234 } },
    });
    expect(own.exit).toMatchObject({ exitCode: 0, message: 'own\n' });
  });

  it('runs as the user and groups that are asked for, with their capabilities and no more', async () => {
    const status = 'grep -E "^(Uid|Gid|Groups|CapEff|CapBnd|NoNewPrivs):" /proc/self/status | tr "\\t" " "';
    const { log: output } = await run({
      command: sh(status),
      container: { securityContext: { runAsUser: 1234, runAsGroup: 2345, allowPrivilegeEscalation: false } },
      spec: { securityContext: { supplementalGroups: [3456], fsGroup: 4567 } },
    });
    expect(output).toContain('Uid: 1234 1234 1234 1234\nGid: 2345 2345 2345 2345\nGroups: 3456 4567 \n');
    expect(output).toContain('CapEff: 0000000000000000\n');
    expect(output).toContain('NoNewPrivs: 1\n');
    const root = await run({ command: sh(status) });
    expect(root.log).toContain('CapEff: 00000000a00425fb\n');
    const none = await run({
      command: sh(status),
      container: { securityContext: { capabilities: { drop: ['ALL'], add: ['NET_BIND_SERVICE'] } } },
    });
    expect(none.log).toContain('CapEff: 0000000000000400\nCapBnd: 0000000000000400\n');
    const all = await run({ command: sh(status), container: { securityContext: { privileged: true } } });
    const own = /CapBnd:\s+(\S+)/.exec(readFileSync('/proc/self/status', 'utf8'))![1]!;
    expect(all.log).toContain(`CapEff: ${own}\n`);
  });

  it('gives volumes to the fsGroup', async () => {
    const { log: output } = await run({
      volumes: [emptyDir('data'), configMap('config', { key: 'text' })],
      container: {
        volumeMounts: [
          { name: 'data', mountPath: '/data' },
          { name: 'config', mountPath: '/config' },
        ],
        securityContext: { runAsUser: 1234 },
      },
      spec: { securityContext: { fsGroup: 4567 } },
      command: sh('touch /data/f && stat -c "%g %a" /data && stat -c %g /data/f && stat -Lc %g /config/key'),
    });
    expect(output).toBe('4567 2777\n4567\n4567\n');
  });

  it('keeps the root read-only where asked, but not its volumes', async () => {
    const { log: output } = await run({
      volumes: [emptyDir('data')],
      container: {
        volumeMounts: [{ name: 'data', mountPath: '/data' }],
        securityContext: { readOnlyRootFilesystem: true },
      },
      command: sh('touch /x 2>&1; touch /etc/x 2>&1; touch /data/x && echo written'),
    });
    expect(
      output
        .split('\n')
        .slice(0, -1)
        .map((line) => line.split(': ').at(-1)),
    ).toEqual(['Read-only file system', 'Read-only file system', 'written']);
  });

  it('refuses a container that must not be root and would be', async () => {
    const context = { runAsNonRoot: true };
    await expect(start({ command: ['true'], container: { securityContext: context } })).rejects.toMatchObject({
      reason: 'CreateContainerConfigError',
      message: 'container has runAsNonRoot and image will run as root',
    });
    const { exit } = await run({ command: ['true'], container: { securityContext: { ...context, runAsUser: 7 } } });
    expect(exit).toMatchObject({ exitCode: 0 });
  });

  it('kills a container that takes more memory than its limit, and says so', async () => {
    const limits = { memory: '40Mi' };
    const hungry = 'const kept = []; for (;;) kept.push(Buffer.alloc(1 << 20, 1));';
    const { exit } = await run({ command: [process.execPath, '-e', hungry], container: { resources: { limits } } });
    expect(exit).toMatchObject({ exitCode: 137, reason: 'OOMKilled', signal: 9 });
    const modest = await run({ command: sh('kill -9 $$; exit 3'), container: { resources: { limits } } });
    // Process 1 of a namespace cannot kill itself.
    expect(modest.exit).toMatchObject({ exitCode: 3, reason: 'Error' });
    await runtime.stop();
    await open({ only });
    expect(runtime.containerState(exit.id)).toEqual(exit);
  });

  it('limits the processor and the number of processes', async () => {
    await runtime.stop();
    await open({ only, podPidsLimit: 12 });
    const { log: output } = await run({
      command: sh(
        'for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do sleep 5 & done 2>&1; cat /proc/self/cgroup | grep -c rondo-',
      ),
      container: { resources: { limits: { cpu: '200m' } } },
    });
    expect(output).toMatch(/Cannot fork|Resource temporarily unavailable/);
    const id = await start({
      command: sh('echo ready; sleep 60'),
      container: { resources: { limits: { cpu: '200m' } } },
    });
    await written(id, 'ready');
    const root = existsSync('/sys/fs/cgroup/cpu') ? '/sys/fs/cgroup/cpu' : '/sys/fs/cgroup';
    const group = readdirSync(root).find((name) => name.endsWith(`-${id.podUid}_main_0`))!;
    const file = existsSync(join(root, group, 'cpu.max')) ? 'cpu.max' : 'cpu.cfs_quota_us';
    expect(readFileSync(join(root, group, file), 'utf8')).toMatch(/^20000\b/);
  });

  it('reports a container whose wrapper was killed, which dies with it', async () => {
    const id = await start({ command: sh('echo ready; sleep 300') });
    await written(id, 'ready');
    const claim = readClaim(join(dataDir, 'claims', `${id.podUid}_main_0`))!;
    await runtime.stop();
    process.kill(claim.wrapper.pid, 'SIGKILL');
    if (only === 'util-linux') process.kill(claim.containerPid!, 'SIGKILL');
    await open({ only });
    expect(await exitOf(id)).toMatchObject({ exitCode: 137, reason: 'ContainerStatusUnknown' });
    await until(() => processesHere().length === 0, 'the end of the container');
  });

  it('lets the containers of a Pod share host name, System V IPC and, where asked, processes', async () => {
    const container = (name: string, script: string): Container => {
      return { name, image: 'rondo.dev/host', command: sh(script) };
    };
    const first = container('first', 'readlink /proc/self/ns/ipc /proc/self/ns/uts; hostname; echo ready; sleep 300');
    const second = container(
      'second',
      'readlink /proc/self/ns/ipc /proc/self/ns/uts; hostname; ps -e -o args= | grep -c "sleep 300" ',
    );
    const pod = podOf({ command: [], spec: { containers: [first, second], shareProcessNamespace: true } });
    await runtime.preparePod(pod, []);
    const a = await startIn(pod, first, { command: [] });
    const seen = await written(a, 'ready');
    const b = await startIn(pod, second, { command: [] });
    await exitOf(b);
    const lines = (await logOf(b)).split('\n');
    expect(lines.slice(0, 3)).toEqual(seen.split('\n').slice(0, 3));
    expect(lines[2]).toBe(pod.metadata.name);
    expect(Number(lines[3])).toBeGreaterThan(1);
    await runtime.stopContainer(a, 0);
    expect(await exitOf(a)).toMatchObject({ exitCode: 137 });
  });

  it('asks a container to end with the signal that its Pod names', async () => {
    const id = await start({
      command: sh('trap "exit 7" USR1; echo ready; while :; do sleep 0.05; done'),
      container: { lifecycle: { stopSignal: 'SIGUSR1' } },
    });
    await written(id, 'ready');
    await runtime.stopContainer(id, 30_000);
    expect(await exitOf(id)).toMatchObject({ exitCode: 7 });
  });

  it('runs an image from its layers with its own defaults, and lets no link of it lead out', async () => {
    const images = imageOf(join(dirname(dataDir), 'image'));
    await runtime.stop();
    await open({ only, images });
    const container = {
      image: 'test/image',
      command: [] as string[],
      volumeMounts: [{ name: 'data', mountPath: '/link/inside' }],
    };
    const { log: output, exit, id } = await run({ command: [], container, volumes: [emptyDir('data')] });
    expect(runtime.imageOf?.(id)).toEqual({ id: 'sha256:test', ref: 'test/image@sha256:test' });
    expect(exit.message).toBeUndefined();
    expect(exit).toMatchObject({ exitCode: 6 });
    expect(output).toBe('from image in /work as 42 upper\n');
    expect(existsSync(join(dirname(dataDir), 'outside', 'inside'))).toBe(false);
    await expect(
      start({ command: [], container: { ...container, securityContext: { runAsNonRoot: true }, image: 'test/root' } }),
    ).rejects.toMatchObject({ reason: 'CreateContainerConfigError' });
  });

  it('says what is to be done where images cannot be had', async () => {
    await expect(start({ command: ['true'], container: { image: 'busybox' } })).rejects.toMatchObject({
      reason: 'ErrImagePull',
      message: expect.stringContaining('--rootfs host') as string,
    });
  });

  it.runIf(only === 'shim')(
    'refuses system calls that reach beyond a container with seccomp RuntimeDefault',
    async () => {
      const securityContext = { seccompProfile: { type: 'RuntimeDefault' } };
      const command = sh(
        'unshare -U true 2>&1; grep Seccomp: /proc/self/status | tr "\\t" " "; true | cat; echo works',
      );
      const { log: output } = await run({ command, container: { securityContext } });
      expect(output).toBe('unshare: unshare failed: Operation not permitted\nSeccomp: 2\nworks\n');
      const without = await run({ command });
      expect(without.log).toBe('Seccomp: 0\nworks\n');
    },
  );

  it.runIf(only === 'util-linux')('refuses seccomp RuntimeDefault, which only the shim can set', () => {
    const pod = podOf({ command: ['true'], spec: { securityContext: { seccompProfile: { type: 'RuntimeDefault' } } } });
    expect(runtime.admit(pod)).toMatchObject({ type: 'refuse', reason: 'CreateContainerConfigError' });
  });

  it.each([
    ['spec.hostUsers', { spec: { hostUsers: false } }],
    ['sysctls', { spec: { securityContext: { sysctls: [{ name: 'a', value: 'b' }] } } }],
    ['seLinuxOptions', { container: { securityContext: { seLinuxOptions: { level: 'x' } } } }],
    ['capabilities', { container: { securityContext: { capabilities: { add: ['NONSENSE'] } } } }],
    ['MKNOD', { container: { securityContext: { capabilities: { add: ['MKNOD'] } } } }],
    [
      'mountPropagation',
      { container: { volumeMounts: [{ name: 'x', mountPath: '/x', mountPropagation: 'Bidirectional' }] } },
    ],
    ['no command', { container: { command: [] } }],
  ])('refuses what it cannot do: %s', (text, asked) => {
    const answer = runtime.admit(podOf({ command: ['true'], ...asked }));
    expect(answer).toMatchObject({ type: 'refuse', message: expect.stringContaining(text) as string });
  });
});

/** An image of two layers with the host's shell, and a link that leads to the host when followed from outside. */
function imageOf(directory: string): ImageService {
  const [lower, upper] = [join(directory, 'lower'), join(directory, 'upper')];
  const libraries = execFileSync('ldd', ['/bin/sh'], { encoding: 'utf8' }).match(/\/\S+/g) ?? [];
  for (const file of ['/bin/sh', ...libraries]) {
    mkdirSync(dirname(lower + file), { recursive: true });
    cpSync(file, lower + file, { dereference: true });
  }
  mkdirSync(join(directory, '..', 'outside'), { recursive: true });
  symlinkSync(join(dirname(directory), 'outside'), join(lower, 'link'));
  mkdirSync(join(lower, 'etc'), { recursive: true });
  mkdirSync(join(upper, 'etc'), { recursive: true });
  writeFileSync(join(lower, 'etc/passwd'), 'root:x:0:0::/root:/bin/sh\nalice:x:42:43::/home/alice:/bin/sh\n');
  writeFileSync(join(lower, 'etc/which'), 'lower\n');
  writeFileSync(join(upper, 'etc/which'), 'upper\n');
  const script =
    'read -r which </etc/which; read -r a uid rest <<X\n$(while read -r l; do case $l in Uid:*) echo $l;; esac; done </proc/self/status)\nX\n' +
    'echo "$GREETING in $PWD as $uid $which"; : >/link/inside/f || exit 1; exit 6';
  const image: ResolvedImage = {
    id: 'sha256:test',
    ref: 'test/image@sha256:test',
    layers: [lower, upper],
    config: {
      entrypoint: ['sh', '-c'],
      cmd: [script],
      env: ['PATH=/bin', 'GREETING=from image'],
      user: 'alice',
      workingDir: '/work',
    },
  };
  const root = { ...image, id: 'sha256:root', config: { ...image.config, user: '' } };
  return {
    find: ({ image: name }) => Promise.resolve(name === 'test/root' ? root : image),
    pull: () => Promise.reject(new Error('it is there')),
    keep: {
      list: () => Promise.resolve([]),
      remove: () => Promise.resolve(0),
      disk: () => Promise.reject(new Error('nobody asks')),
    },
  };
}
