import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Container, Pod, PodSpec } from '../../api/index.ts';
import { systemClock as clock, systemRandom as random } from '../../clock/index.ts';
import { silentLogger as log } from '../../log/index.ts';
import type { ContainerId, EnvEntry, ExitedContainer, Runtime, VolumeContent } from '../runtime.ts';
import { createProcessRuntime, type ProcessRuntimeOptions } from './process-runtime.ts';

interface Asked {
  readonly command: readonly string[];
  readonly env?: readonly EnvEntry[];
  readonly container?: Partial<Container>;
  readonly spec?: Partial<PodSpec>;
  readonly volumes?: readonly VolumeContent[];
}

let dataDir: string;
let runtime: Runtime;
let exits: Map<string, ExitedContainer>;
let wake: () => void;
let pods = 0;

async function open(limits: ProcessRuntimeOptions['limits'] = {}): Promise<void> {
  exits = new Map();
  runtime = createProcessRuntime({ dataDir, clock, random, log, limits });
  runtime.onExit((state) => {
    if (state.type === 'exited') exits.set(state.id.podUid, state);
    wake();
  });
  await runtime.start();
}

beforeEach(async () => {
  dataDir = join(mkdtempSync(join(tmpdir(), 'rondo-process-')), 'data');
  wake = () => undefined;
  await open();
});

afterEach(async () => {
  await Promise.all(runtime.podUids().map((uid) => runtime.removePod(uid)));
  await runtime.stop();
  rmSync(dirname(dataDir), { recursive: true, force: true });
});

async function exitOf(id: ContainerId): Promise<ExitedContainer> {
  while (!exits.has(id.podUid)) {
    const earlier = wake;
    await new Promise<void>((resolve) => {
      wake = () => {
        earlier();
        resolve();
      };
    });
  }
  return exits.get(id.podUid)!;
}

function podOf(asked: Asked): Pod {
  const name = `pod-${pods++}`;
  const container: Container = { name: 'main', image: 'rondo.dev/host', command: asked.command, ...asked.container };
  const metadata = { name, namespace: 'default', uid: `uid-${name}`, resourceVersion: '1', creationTimestamp: '' };
  return { apiVersion: 'v1', kind: 'Pod', metadata, spec: { containers: [container], ...asked.spec }, status: {} };
}

async function start(asked: Asked): Promise<ContainerId> {
  const pod = podOf(asked);
  const id: ContainerId = { podUid: pod.metadata.uid, container: 'main', attempt: 0 };
  await runtime.preparePod(pod, asked.volumes ?? []);
  const container = pod.spec.containers[0]!;
  await runtime.startContainer({ id, pod, container, env: asked.env ?? [], command: asked.command, args: [] });
  return id;
}

async function run(asked: Asked): Promise<{ exit: ExitedContainer; log: string; id: ContainerId }> {
  const id = await start(asked);
  const exit = await exitOf(id);
  return { exit, log: await logOf(id), id };
}

async function logOf(id: ContainerId): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of runtime.readLog(id, { follow: false, timestamps: false })) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

/** Follows the log until it holds this text. */
async function written(id: ContainerId, text: string): Promise<string> {
  let seen = '';
  for await (const chunk of runtime.readLog(id, { follow: true, timestamps: false })) {
    seen += Buffer.from(chunk).toString();
    if (seen.includes(text)) return seen;
  }
  throw new Error(`the log ended without ${text}: ${seen}`);
}

function alive(pid: number): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

async function ended(pid: number): Promise<void> {
  const deadline = performance.now() + 5000;
  while (alive(pid)) {
    if (performance.now() > deadline) throw new Error(`process ${pid} lives on`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

const entry = (name: string, value: string, secret = false): EnvEntry => ({ name, value, secret });
const node = process.execPath;

describe('the process runtime', () => {
  it.each([
    ['quotes', `it's "quoted" \\ \`x\` $HOME $(id) !`],
    ['line breaks', 'one\ntwo\n\n'],
    ['the empty string', ''],
    ['UTF-8', 'grüße, 世界 🌍 \u0081\u0088'],
    ['control characters', '\u0001\u0007\u001b[0m\u007f\t\r'],
    ['many bytes', 'x'.repeat(100_000)],
  ])('passes %s through environment and arguments unchanged', async (_what, value) => {
    const script = 'console.log(JSON.stringify([process.env.VALUE, process.argv[1]]))';
    const { log: output } = await run({
      command: [node, '-e', script, value === '' ? '' : value],
      env: [entry('VALUE', 'earlier'), entry('VALUE', value, true)],
    });
    expect(JSON.parse(output)).toEqual([value, value]);
  });

  it('starts from an empty environment', async () => {
    process.env['RONDO_TEST_LEAK'] = 'x';
    await runtime.stop();
    await open();
    const { log: output, id } = await run({ command: [node, '-p', 'JSON.stringify(process.env)'] });
    delete process.env['RONDO_TEST_LEAK'];
    const environment = JSON.parse(output) as Record<string, string>;
    const own = Object.keys(environment).filter((name) => !['_', 'PWD', 'OLDPWD', 'SHLVL'].includes(name));
    expect(own.sort()).toEqual(['HOME', 'HOSTNAME', 'PATH', 'RONDO_CONTAINER', 'RONDO_TERMINATION_LOG', 'TMPDIR']);
    expect(environment['HOSTNAME']).toBe(id.podUid.replace('uid-', ''));
    expect(statSync(environment['TMPDIR']!).mode & 0o777).toBe(0o700);
  });

  it('passes on names that no shell can export, unless they are secret', async () => {
    const command = [node, '-p', 'process.env["a.b"] + process.env.UID'];
    const { log: output } = await run({ command, env: [entry('a.b', 'x y'), entry('UID', '7')] });
    expect(output).toBe('x y7\n');
    await expect(start({ command, env: [entry('a.b', 'hidden', true)] })).rejects.toMatchObject({
      reason: 'CreateContainerConfigError',
      message: expect.not.stringContaining('hidden') as string,
    });
  });

  it('keeps secrets out of all arguments and all files of its own', async () => {
    const secret = 'correct-horse-battery';
    const id = await start({
      command: ['sh', '-c', 'echo ready; sleep 30; echo "$PASSWORD"'],
      env: [entry('PASSWORD', secret, true)],
    });
    await written(id, 'ready');
    const files = readdirSync(dataDir, { recursive: true, encoding: 'utf8' }).map((name) => join(dataDir, name));
    const texts = files.filter((file) => statSync(file).isFile()).map((file) => readFileSync(file, 'utf8'));
    for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
      const file = `/proc/${pid}/cmdline`;
      if (existsSync(file) && alive(Number(pid))) texts.push(readFileSync(file, 'utf8'));
    }
    expect(texts.length).toBeGreaterThan(3);
    expect(texts.filter((text) => text.includes(secret))).toEqual([]);
    expect(statSync(dataDir).mode & 0o077).toBe(0);
  });

  it.each([
    ['a missing command', ['no-such-command'], {}, 'exec: "no-such-command": executable file not found in $PATH'],
    ['a missing path', ['/no/such'], {}, 'exec: "/no/such": stat /no/such: no such file or directory'],
    ['a file that cannot be executed', ['/etc/passwd'], {}, 'exec: "/etc/passwd": permission denied'],
    [
      'a missing workingDir',
      ['true'],
      { workingDir: '/no/dir' },
      'workingDir "/no/dir": chdir: no such file or directory',
    ],
  ])('ends %s with StartError and exit code 128', async (_what, command, container, message) => {
    const { exit } = await run({ command, container });
    expect(exit).toMatchObject({ exitCode: 128, reason: 'StartError', message });
  });

  it('takes the end of the log as message of a failure where the Pod asks for it', async () => {
    const container = { terminationMessagePolicy: 'FallbackToLogsOnError' };
    const failed = await run({ command: ['sh', '-c', 'seq 1000; exit 1'], container });
    expect(failed.exit.message?.split('\n').slice(0, -1)).toEqual(
      Array.from({ length: 80 }, (_, index) => String(921 + index)),
    );
    expect((await run({ command: ['sh', '-c', 'echo fine'], container })).exit.message).toBeUndefined();
  });

  it('runs in its own scratch directory, or where the Pod says', async () => {
    const { log: output, id } = await run({ command: ['sh', '-c', 'pwd; touch x'] });
    expect(output).toBe(`${dataDir}/pods/${id.podUid}\n`);
    expect((await run({ command: ['pwd'], container: { workingDir: '/usr' } })).log).toBe('/usr\n');
  });

  it('leaves signals as they should be', async () => {
    expect((await run({ command: ['sh', '-c', 'kill -INT $$; sleep 9'] })).exit).toMatchObject({
      exitCode: 130,
      signal: 2,
    });
    expect((await run({ command: ['sh', '-c', 'kill -QUIT $$; sleep 9'] })).exit.exitCode).toBe(131);
  });

  it('does not take a stopped process for an ended one', async () => {
    const id = await start({ command: ['sh', '-c', 'echo $$; kill -STOP $$; exit 4'] });
    const pid = Number(await written(id, '\n'));
    while (!/\) T /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))) await clock.yield();
    process.kill(pid, 'SIGCONT');
    expect((await exitOf(id)).exitCode).toBe(4);
  });

  it('kills what the main process left behind in its group', async () => {
    const { log: output } = await run({ command: ['sh', '-c', 'sleep 30 & echo $!'] });
    await ended(Number(output));
  });

  it('finds processes that left the group when the Pod is stopped or removed', async () => {
    const id = await start({ command: ['sh', '-c', 'setsid sleep 30 & echo $!; exec sleep 30'] });
    const pid = Number(await written(id, '\n'));
    await runtime.stopContainer(id, 5000);
    await exitOf(id);
    await ended(pid);
    const left = await run({ command: ['sh', '-c', 'setsid sleep 30 & echo $!; sleep 0.1'] });
    expect(alive(Number(left.log))).toBe(true);
    await runtime.removePod(left.id.podUid);
    await ended(Number(left.log));
  });

  it('reports a container as unknown whose wrapper was killed, and kills the rest', async () => {
    const id = await start({ command: ['sh', '-c', 'echo $$; exec sleep 30'] });
    const pid = Number(await written(id, '\n'));
    await runtime.stop();
    const wrapper = Number(/\) \S (\d+)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))?.[1]);
    process.kill(wrapper, 'SIGKILL');
    await ended(wrapper);
    await open();
    expect(await exitOf(id)).toMatchObject({ exitCode: 137, reason: 'ContainerStatusUnknown' });
    await ended(pid);
    const first = exits.get(id.podUid);
    await runtime.stop();
    await open();
    expect(await exitOf(id)).toMatchObject({ exitCode: 137, startedAtMs: first!.startedAtMs });
  });

  it('reports everything as unknown that ran before the machine was started again', async () => {
    const id = await start({ command: ['sleep', '30'] });
    const done = await run({ command: ['sh', '-c', 'exit 6'] });
    await runtime.stop();
    writeFileSync(join(dataDir, 'boot-id'), 'another');
    await open();
    expect(await exitOf(id)).toMatchObject({ exitCode: 137, reason: 'ContainerStatusUnknown' });
    expect(await exitOf(done.id)).toMatchObject({ exitCode: 6, reason: 'Error' });
  });

  it('runs a container once when two engines start it at the same time', async () => {
    const rival = createProcessRuntime({ dataDir, clock, random, log });
    await rival.start();
    const counters = mkdtempSync(join(tmpdir(), 'rondo-counters-'));
    const ids: ContainerId[] = [];
    for (let index = 0; index < 20; index++) {
      const asked = { command: ['sh', '-c', `echo run >>${counters}/${index}; exit ${index}`] };
      const pod = podOf(asked);
      const id = { podUid: pod.metadata.uid, container: 'main', attempt: 0 };
      const request = { id, pod, container: pod.spec.containers[0]!, env: [], command: asked.command, args: [] };
      await runtime.preparePod(pod, []);
      await rival.preparePod(pod, []);
      await Promise.all(
        index % 2 === 0
          ? [runtime, rival].map((r) => r.startContainer(request))
          : [rival, runtime].map((r) => r.startContainer(request)),
      );
      ids.push(id);
    }
    const ends = await Promise.all(ids.map(exitOf));
    await rival.stop();
    expect(ends.map(({ exitCode }) => exitCode)).toEqual(ids.map((_id, index) => index));
    const runs = ids.map((_id, index) => readFileSync(join(counters, String(index)), 'utf8'));
    expect(runs).toEqual(ids.map(() => 'run\n'));
    rmSync(counters, { recursive: true, force: true });
  });

  it('leaves nothing of a removed Pod, also when the removal was interrupted', async () => {
    const volumes = [configMap({ a: 'x' })];
    const { id } = await run({ command: ['sh', '-c', 'echo hi; echo bye >"$RONDO_TERMINATION_LOG"'], volumes });
    const other = await run({ command: ['true'], volumes });
    rmSync(join(dataDir, 'pods', other.id.podUid), { recursive: true });
    await runtime.stop();
    await open();
    expect(runtime.podUids()).toEqual([id.podUid]);
    await runtime.removePod(id.podUid);
    const left = readdirSync(dataDir, { recursive: true, encoding: 'utf8' }).filter((name) => name.includes('/'));
    expect(left).toEqual([]);
  });

  it('starts another spawner when it was killed, and what the old one had not started', async () => {
    const before = await start({ command: ['sh', '-c', 'echo $$; sleep 0.5; exit 3'] });
    const pid = Number(await written(before, '\n'));
    const stat = (of: number) => readFileSync(`/proc/${of}/stat`, 'utf8').replace(/.*\) /, '').split(' ');
    const spawner = Number(stat(Number(stat(pid)[1]))[1]);
    process.kill(spawner, 'SIGSTOP');
    const id = await start({ command: ['sh', '-c', 'exit 9'] });
    process.kill(spawner, 'SIGKILL');
    expect((await exitOf(id)).exitCode).toBe(9);
    expect((await exitOf(before)).exitCode).toBe(3);
  });
});

const configMap = (files: Record<string, string>): VolumeContent => ({
  name: 'my.config',
  type: 'configMap',
  files: new Map(Object.entries(files).map(([name, text]) => [name, { content: Buffer.from(text), mode: 0o640 }])),
});

describe('volumes of the process runtime', () => {
  it('are found through environment variables, and replaced as a whole', async () => {
    const volumes = [configMap({ 'a.txt': 'one', 'dir/b': 'two' })];
    const spec = { volumes: [{ name: 'my.config', configMap: {} }] };
    const id = await start({ command: ['sh', '-c', 'cat "$RONDO_VOLUME_MY_CONFIG"/*.txt; sleep 30'], spec, volumes });
    expect(await written(id, 'one')).toBe('one');
    const directory = join(dataDir, 'volumes', id.podUid, 'my.config');
    expect(readFileSync(join(directory, 'dir/b'), 'utf8')).toBe('two');
    expect(statSync(join(directory, 'a.txt')).mode & 0o777).toBe(0o640);
    const pod = { ...podOf({ command: ['x'] }) };
    await runtime.preparePod({ ...pod, metadata: { ...pod.metadata, uid: id.podUid } }, [configMap({ c: 'three' })]);
    expect(readdirSync(directory).filter((name) => !name.startsWith('..'))).toEqual(['c']);
    expect(readFileSync(join(directory, 'c'), 'utf8')).toBe('three');
  });

  it.each([
    ['Directory', '/etc/passwd', 'hostPath type check failed: /etc/passwd is not a directory'],
    ['File', '/no/such/file', 'hostPath type check failed: /no/such/file is not a file'],
    ['', 'relative', 'volume host: hostPath "relative" is not absolute'],
  ])('refuse a hostPath of type %j at %s', async (type, path, message) => {
    const volume: VolumeContent = { name: 'host', type: 'hostPath', hostPath: { path, type }, files: new Map() };
    const failing = runtime.preparePod(podOf({ command: ['x'] }), [volume]);
    await expect(failing).rejects.toMatchObject({ reason: 'FailedMount', message });
  });

  it('never write outside their directory', async () => {
    const failing = runtime.preparePod(podOf({ command: ['x'] }), [configMap({ '../../escape': 'x' })]);
    await expect(failing).rejects.toMatchObject({ reason: 'FailedMount' });
  });
});

describe('mounts of the process runtime', () => {
  const volumes = [configMap({ key: 'value' }), { name: 'data', type: 'emptyDir', files: new Map() } as VolumeContent];
  const spec: Partial<PodSpec> = {
    volumes: [
      { name: 'my.config', configMap: {} },
      { name: 'data', emptyDir: {} },
    ],
  };
  const asked = (script: string, container: Partial<Container>): Asked => ({
    command: ['sh', '-c', script],
    spec,
    volumes,
    container,
  });
  const mount = (mountPath: string, name = 'my.config', more = {}) => ({ mountPath, name, ...more });
  /** Whether this machine lets us mount: without it the suite shows that mounts are refused instead. */
  const canMount = (): boolean =>
    runtime.admit(podOf(asked('true', { volumeMounts: [mount('/rondo-new')] }))).type === 'accept';

  it('work at new top-level paths, below directories of the host and over existing ones, and leave the host alone', async (context) => {
    if (!canMount()) return context.skip();
    const volumeMounts = [mount('/rondo-new/x'), mount('/etc/rondo-new'), mount('/opt'), mount('/rondo-data', 'data')];
    const script =
      'cat /rondo-new/x/key /etc/rondo-new/key /opt/key /etc/hostname >/dev/null && echo kept >/rondo-data/f && id -u';
    const { exit, log: output, id } = await run(asked(script, { volumeMounts }));
    expect([exit.exitCode, output]).toEqual([0, `${process.getuid!()}\n`]);
    expect(readFileSync(join(dataDir, 'volumes', id.podUid, 'data/f'), 'utf8')).toBe('kept\n');
    expect(['/rondo-new', '/etc/rondo-new', '/rondo-data', '/opt/key'].filter(existsSync)).toEqual([]);
    expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain(dataDir);
  });

  it('honour readOnly, subPath of files and directories, and terminationMessagePath', async (context) => {
    if (!canMount()) return context.skip();
    const volumeMounts = [
      mount('/rondo/config.txt', 'my.config', { subPath: 'key' }),
      mount('/rondo/sub', 'data', { subPath: 'a/b' }),
      mount('/rondo/ro', 'data', { readOnly: true }),
    ];
    const script = [
      'cat /rondo/config.txt',
      'echo x >/rondo/sub/f',
      'test -f /rondo/ro/a/b/f || exit 1',
      'if true >/rondo/ro/y; then exit 2; fi',
      'if true >/rondo/config.txt; then exit 3; fi',
      'echo bye >/rondo/message',
    ];
    const container = { volumeMounts, terminationMessagePath: '/rondo/message' };
    const { exit, log: output } = await run(asked(script.join('\n'), container));
    expect(output).toMatch(/^value/);
    expect(exit).toMatchObject({ exitCode: 0, message: 'bye\n' });
  });

  it('bring a termination message from a place that the Pod chose, without any volume', async (context) => {
    if (!canMount()) return context.skip();
    const terminationMessagePath = '/rondo-own/message';
    const asking = { ...asked(`echo bye >${terminationMessagePath}`, { terminationMessagePath }), volumes: [] };
    expect((await run(asking)).exit).toMatchObject({ exitCode: 0, message: 'bye\n' });
    expect(existsSync('/rondo-own')).toBe(false);
  });

  it('work in a directory that holds the data directory itself', async (context) => {
    if (!canMount()) return context.skip();
    const path = join(dirname(dataDir), 'new');
    const { exit, log: output } = await run(asked(`cat ${path}/key; touch here; ls`, { volumeMounts: [mount(path)] }));
    expect([exit.exitCode, output]).toEqual([0, 'valuehere\n']);
    expect(existsSync(path)).toBe(false);
  });

  it('end a command that is missing inside with StartError', async (context) => {
    if (!canMount()) return context.skip();
    const container = { volumeMounts: [mount('/rondo-new')] };
    const { exit } = await run({ ...asked('', container), command: ['no-such-command'] });
    expect(exit).toMatchObject({ exitCode: 128, reason: 'StartError' });
    expect(exit.message).toContain('exec: "no-such-command": executable file not found in $PATH');
    const elsewhere = await run(asked('true', { ...container, workingDir: '/no/dir' }));
    expect(elsewhere.exit).toMatchObject({ exitCode: 128, reason: 'StartError' });
  });

  it('are killed as a whole', async (context) => {
    if (!canMount()) return context.skip();
    const id = await start(asked('setsid sleep 30 & echo $!; sleep 30', { volumeMounts: [mount('/rondo-new')] }));
    const pid = Number(await written(id, '\n'));
    await runtime.stopContainer(id, 5000);
    expect(await exitOf(id)).toMatchObject({ exitCode: 143 });
    await ended(pid);
  });

  it('are refused with a clear message where the machine allows none', async () => {
    await runtime.stop();
    await open({ mounts: 'none' });
    expect(runtime.admit(podOf(asked('true', { volumeMounts: [mount('/rondo-new')] })))).toEqual({
      type: 'refuse',
      reason: 'CreateContainerConfigError',
      message: expect.stringMatching(/volumeMounts\{\/rondo-new\}: .*RONDO_VOLUME_MY_CONFIG/) as string,
    });
  });

  it('that lead out of their volume are refused', async (context) => {
    if (!canMount()) return context.skip();
    const volumeMounts = [mount('/rondo-new', 'data', { subPath: '../../..' })];
    await expect(start(asked('true', { volumeMounts }))).rejects.toMatchObject({
      reason: 'CreateContainerConfigError',
    });
  });
});

it('tells containers without mounts where the files of their identity are', async () => {
  await runtime.stop();
  await open({ mounts: 'none' });
  const name = 'kube-api-access-abcde';
  const spec = { serviceAccountName: 'robot', volumes: [{ name, projected: { sources: [] } }] };
  const files = new Map([['kubeconfig', { content: Buffer.from('of the pod'), mode: 0o644 }]]);
  const command = ['/bin/sh', '-c', 'cat "$KUBECONFIG"; echo; ls "$RONDO_VOLUME_KUBE_API_ACCESS_ABCDE"'];
  const { log: text } = await run({ command, spec, volumes: [{ name, type: 'projected', files }] });
  expect(text).toBe('of the pod\nkubeconfig\n');
  const env = [{ name: 'KUBECONFIG', value: 'mine', secret: false }];
  const own = await run({ command: ['/bin/sh', '-c', 'echo $KUBECONFIG'], spec, env });
  expect(own.log).toBe('mine\n');
});
