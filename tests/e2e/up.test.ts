import { spawn, type ChildProcess } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join, relative } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { rawRequest } from './api.ts';
import { isAlive, processesNaming } from './processes.ts';
import {
  mainScript,
  processState,
  removeDirectory,
  runKubectl,
  runRondo,
  startRondo,
  temporaryDirectory,
  type Rondo,
  type UpOptions,
} from './rondo.ts';
import { deferred, untilInDirectory, withDeadline } from './waiting.ts';

const engines: Rondo[] = [];
const directories: string[] = [];

function directory(): string {
  const path = temporaryDirectory();
  directories.push(path);
  return path;
}

async function up(options: UpOptions = {}): Promise<Rondo> {
  const rondo = await startRondo({ ...options, dataDir: options.dataDir ?? directory() });
  engines.push(rondo);
  return rondo;
}

afterEach(async () => {
  for (const engine of engines.splice(0)) await engine.stop('SIGKILL');
  for (const path of directories) {
    for (const { pid } of processesNaming(path)) process.kill(pid, 'SIGKILL');
  }
  for (const path of directories.splice(0)) removeDirectory(path);
});

const mode = (path: string): string => (statSync(path).mode & 0o777).toString(8);

describe('rondo up', () => {
  it('says in one line where it answers, where the kubeconfig is and how long it took', async () => {
    const rondo = await up();
    expect(rondo.readyLine).toMatch(
      /^rondo is ready at https:\/\/127\.0\.0\.1:\d+ \(kubeconfig \/\S+\/kubeconfig, started in \d+ ms\)$/,
    );
    expect(rondo.kubeconfig).toBe(join(rondo.dataDir, 'kubeconfig'));
    expect(rondo.stderr()).toBe('');
    expect(rondo.kubectl(['get', 'namespaces', '-o', 'name']).stdout.split('\n')).toEqual(
      expect.arrayContaining(['default', 'kube-node-lease', 'kube-public', 'kube-system'].map((n) => `namespace/${n}`)),
    );
  });

  it.runIf(process.platform === 'linux')('answers on loopback only', async () => {
    const rondo = await up();
    expect(listenersOf(rondo)).toEqual(['127.0.0.1']);
  });

  it('keeps directories and files to their owner', async () => {
    const rondo = await up();
    expect(mode(rondo.dataDir)).toBe('700');
    for (const path of [
      'kubeconfig',
      'token',
      'audit.log',
      'pki/ca.key',
      'pki/server.key',
      'pki/admin.key',
      'store/manifest',
    ]) {
      expect(mode(join(rondo.dataDir, path)), path).toBe('600');
    }
    for (const path of ['pki', 'store', 'pods']) expect(mode(join(rondo.dataDir, path)), path).toBe('700');
  });

  it('closes a directory that was open', async () => {
    const dataDir = directory();
    chmodSync(dataDir, 0o755);
    await up({ dataDir });
    expect(mode(dataDir)).toBe('700');
  });

  it('takes the port after 6443 when that one is in use', async () => {
    // Another program (or another test) may hold it already: that serves as well.
    const occupied = await occupy(6443);
    try {
      const rondo = await up({ listen: 'default' });
      const port = Number(new URL(rondo.url).port);
      expect(port).toBeGreaterThan(6443);
      expect(port).toBeLessThanOrEqual(6543);
      expect(rondo.kubectl(['get', 'nodes']).status).toBe(0);
    } finally {
      occupied?.close();
    }
  });

  it('refuses a port that was named and is in use', async () => {
    const rondo = await up();
    const port = new URL(rondo.url).port;
    const second = runRondo(['up', '--data-dir', directory(), '--listen', `127.0.0.1:${port}`]);
    expect(second).toEqual({
      status: 1,
      stdout: '',
      stderr: `rondo up: cannot listen on 127.0.0.1:${port}: the port is in use\n`,
    });
  });

  it('refuses a data directory that another engine uses', async () => {
    const rondo = await up();
    const second = runRondo(['up', '--data-dir', rondo.dataDir, '--listen', '127.0.0.1:0']);
    expect(second.status).toBe(1);
    expect(second.stderr).toBe(`rondo up: ${join(rondo.dataDir, 'store')} is in use by process ${rondo.pid}\n`);
    expect(rondo.kubectl(['get', 'nodes']).status).toBe(0);
  });

  it('keeps certificates, token and objects over a restart', async () => {
    const first = await up();
    const names = ['token', 'pki/ca.crt', 'pki/admin.key'];
    const before = names.map((name) => readFileSync(join(first.dataDir, name), 'utf8'));
    expect(first.kubectl(['create', 'configmap', 'kept', '--from-literal=a=1']).status).toBe(0);
    expect(await first.stop()).toBe(0);
    const second = await up({ dataDir: first.dataDir });
    expect(names.map((name) => readFileSync(join(first.dataDir, name), 'utf8'))).toEqual(before);
    expect(second.kubectl(['get', 'configmap', 'kept', '-o', 'jsonpath={.data.a}']).stdout).toBe('1');
  });

  it('touches the kubeconfig of the user only when asked', async () => {
    const home = directory();
    const env = { HOME: home, KUBECONFIG: '', XDG_DATA_HOME: '' };
    await up({ env });
    expect(existsSync(join(home, '.kube'))).toBe(false);
    mkdirSync(join(home, '.kube'));
    const config = join(home, '.kube', 'config');
    const other = { name: 'other', cluster: { server: 'https://other.example' } };
    writeFileSync(
      config,
      JSON.stringify({ apiVersion: 'v1', kind: 'Config', clusters: [other], contexts: [], users: [] }),
    );
    const rondo = await up({ env, args: ['--merge-kubeconfig'] });
    expect(mode(config)).toBe('600');
    expect(readFileSync(config, 'utf8')).toContain('https://other.example');
    expect(runKubectl(config, ['--context=rondo', 'get', 'nodes']).status).toBe(0);
    expect(readFileSync(config, 'utf8')).toContain(rondo.url);
  });
});

const holdYaml = (name: string, workingDir: string): string => `
apiVersion: batch/v1
kind: Job
metadata: {name: ${name}}
spec:
  template:
    spec:
      restartPolicy: Never
      terminationGracePeriodSeconds: 1
      containers:
      - {name: main, image: rondo.dev/host, workingDir: ${workingDir}, command: [/bin/sh, -c, 'echo $$$$ > pid.new; mv pid.new pid; while ! [ -e release ]; do sleep 0.05; done; exit 3']}
`;

describe('rondo up where things are named in other ways', () => {
  it('runs containers with volumes from a data directory that was given as a relative path', async () => {
    const dataDir = directory();
    const rondo = await up({ dataDir: relative(process.cwd(), dataDir) });
    expect(rondo.readyLine).toContain(`(kubeconfig ${dataDir}/kubeconfig,`);
    const yaml = `
apiVersion: batch/v1
kind: Job
metadata: {name: relative}
spec:
  template:
    spec:
      restartPolicy: Never
      volumes: [{name: scratch, emptyDir: {}}]
      containers:
      - {name: main, image: rondo.dev/host, command: [/bin/sh, -c, 'echo kept >"$RONDO_VOLUME_SCRATCH/file" && cat "$RONDO_VOLUME_SCRATCH/file"']}
`;
    const config = ['--kubeconfig', join(dataDir, 'kubeconfig')];
    expect(rondo.kubectl([...config, 'apply', '-f', '-'], { input: yaml }).status).toBe(0);
    const complete = ['wait', '--for=condition=complete', 'job/relative', '--timeout=15s'];
    expect(rondo.kubectl([...config, ...complete])).toMatchObject({ status: 0 });
    expect(rondo.kubectl([...config, 'logs', 'job/relative']).stdout).toBe('kept\n');
  });

  it('writes a kubeconfig that works when it listens on all addresses', async () => {
    const rondo = await up({ listen: '0.0.0.0:0' });
    expect(rondo.readyLine).toContain('https://127.0.0.1:');
    expect(rondo.kubectl(['get', 'nodes'])).toMatchObject({ status: 0 });
  });

  it('refuses with one line to merge into a file that is no kubeconfig, and leaves it as it is', () => {
    const config = join(directory(), 'config');
    writeFileSync(config, '{{{: bad');
    const args = ['up', '--data-dir', directory(), '--listen', '127.0.0.1:0', '--merge-kubeconfig'];
    const result = runRondo(args, { env: { KUBECONFIG: config } });
    expect(result).toMatchObject({ status: 2, stdout: '' });
    expect(result.stderr).toMatch(new RegExp(`^rondo up: cannot merge into ${config}: .+\n$`));
    expect(readFileSync(config, 'utf8')).toBe('{{{: bad');
  });

  it('refuses with one line to merge into what cannot be read or written', () => {
    const inFile = join(directory(), 'file');
    writeFileSync(inFile, '');
    for (const [config, reason] of [
      [directory(), 'EISDIR'],
      [join(inFile, 'config'), 'EEXIST'],
    ] as const) {
      const args = ['up', '--data-dir', directory(), '--listen', '127.0.0.1:0', '--merge-kubeconfig'];
      const result = runRondo(args, { env: { KUBECONFIG: config } });
      expect(result).toMatchObject({ status: 1, stdout: '' });
      expect(result.stderr).toMatch(new RegExp(`^rondo up: cannot merge into ${config}: ${reason}.+\n$`));
    }
  });

  it('merges into the file that a link names, and leaves the link', async () => {
    const home = directory();
    const [config, link] = [join(home, 'real'), join(home, 'link')];
    writeFileSync(config, 'apiVersion: v1\nkind: Config\n# mine\ncurrent-context: a\n');
    symlinkSync('real', link);
    const rondo = await up({ env: { KUBECONFIG: link }, args: ['--merge-kubeconfig'] });
    expect(lstatSync(link).isSymbolicLink()).toBe(true);
    expect(readFileSync(config, 'utf8')).toMatch(/# mine\ncurrent-context: a\n/);
    expect(readFileSync(config, 'utf8')).toContain(rondo.url);
  });

  it('takes no part of a relative XDG_DATA_HOME, as its specification says', () => {
    const home = directory();
    const env = { XDG_DATA_HOME: 'relative', HOME: home };
    expect(runRondo(['kubeconfig'], { env }).stderr).toContain(`${home}/.local/share/rondo/kubeconfig does not exist`);
    const absolute = { ...env, XDG_DATA_HOME: '/absolute' };
    expect(runRondo(['kubeconfig'], { env: absolute }).stderr).toContain('/absolute/rondo/kubeconfig does not exist');
  });

  it.runIf(process.getuid?.() === 0 && process.platform === 'linux')(
    'is the same node after the host was renamed',
    async () => {
      const dataDir = directory();
      const first = await up({ dataDir });
      const node = first.kubectl(['get', 'nodes', '-o', 'name']).stdout;
      await first.stop();
      const wrap = (command: readonly string[]): readonly [string, ...string[]] => {
        return ['unshare', '-u', 'sh', '-c', 'hostname renamed && exec "$@"', 'sh', ...command];
      };
      const second = await up({ dataDir, wrap });
      expect(second.kubectl(['get', 'nodes', '-o', 'name']).stdout).toBe(node);
    },
  );
});

describe.runIf(process.platform === 'linux')('a stop', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)('by %s is orderly and leaves containers running', async (signal) => {
    const first = await up();
    const scratch = directory();
    expect(first.kubectl(['apply', '-f', '-'], { input: holdYaml('held', scratch) }).status).toBe(0);
    const ready = ['wait', '--for=jsonpath={.status.ready}=1', 'job/held', '--timeout=20s'];
    expect(first.kubectl(ready)).toMatchObject({ status: 0 });
    await untilInDirectory(scratch, 'the pid file', () => existsSync(join(scratch, 'pid')));
    const pid = Number(readFileSync(join(scratch, 'pid'), 'utf8'));
    expect(await withDeadline(`end after ${signal}`, 10_000, first.stop(signal))).toBe(0);
    expect(first.stderr()).toBe('');
    expect(isAlive(pid)).toBe(true);
    const others = processesNaming(first.dataDir).filter(({ command }) => command.includes(mainScript));
    expect(others).toEqual([]);

    const second = await up({ dataDir: first.dataDir });
    expect(isAlive(pid)).toBe(true);
    expect(second.kubectl(['get', 'pods', '--no-headers']).stdout).toMatch(/1\/1 +Running +0 /);
    writeFileSync(join(scratch, 'release'), '');
    const failed = ['wait', '--for=jsonpath={.status.phase}=Failed', `pods`, '-l', 'job-name=held', '--timeout=20s'];
    expect(second.kubectl(failed)).toMatchObject({ status: 0 });
    const code = '-o=jsonpath={.items[0].status.containerStatuses[0].state.terminated.exitCode}';
    expect(
      second.kubectl(['get', 'pods', '-l', 'job-name=held', '--sort-by=.metadata.creationTimestamp', code]).stdout,
    ).toBe('3');
  });

  it('asked for while it starts ends it without leaving anything running', async () => {
    const dataDir = directory();
    const spawned = deferred<ChildProcess>();
    const starting = startRondo({ dataDir, onSpawn: spawned.resolve });
    const child = await spawned.promise;
    // As soon as it has begun to make its files.
    await untilInDirectory(dataDir, 'the first file', () => existsSync(join(dataDir, 'store')));
    const ended = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
    child.kill('SIGTERM');
    await starting.catch(() => undefined);
    expect(await withDeadline('the end', 10_000, ended)).toBe(0);
    expect(processesNaming(dataDir)).toEqual([]);
  });
});

describe('credentials', () => {
  let rondo: Rondo;
  const dataDir = temporaryDirectory();
  beforeAll(async () => {
    rondo = await startRondo({ dataDir });
  });
  afterAll(async () => {
    await rondo.stop();
    removeDirectory(dataDir);
  });

  it('lets the bearer token in', async () => {
    expect(await rawRequest(rondo, { path: '/api/v1/namespaces/default' })).toMatchObject({ code: 200 });
  });

  it.each([
    ['a wrong token', '/api/v1/namespaces', 'wrong'],
    ['no credentials', '/api/v1/namespaces', null],
    ['a wrong token even where anyone may look', '/version', 'wrong'],
    ['no credentials for a secret', '/api/v1/namespaces/default/secrets/x', null],
    ['no credentials for an unknown path', '/unknown', null],
  ])('answers 401 to %s', async (_name, path, token) => {
    const answer = await rawRequest(rondo, { path, token });
    expect(answer.body).toMatchObject({ kind: 'Status', status: 'Failure', reason: 'Unauthorized', code: 401 });
    expect(answer.code).toBe(401);
  });

  it.each(['/healthz', '/livez', '/readyz', '/version'])('answers %s to everybody', async (path) => {
    expect((await rawRequest(rondo, { path, token: null })).code).toBe(200);
  });

  it('prints the kubeconfig and its path', () => {
    const text = readFileSync(rondo.kubeconfig, 'utf8');
    expect(runRondo(['kubeconfig', '--data-dir', dataDir]).stdout).toBe(text);
    expect(runRondo(['kubeconfig', '--data-dir', dataDir, '--path']).stdout).toBe(`${rondo.kubeconfig}\n`);
    const missing = runRondo(['kubeconfig', '--data-dir', `${dataDir}/none`]);
    expect(missing).toMatchObject({ status: 2, stdout: '' });
    expect(missing.stderr).toBe(
      `rondo kubeconfig: ${dataDir}/none/kubeconfig does not exist: start the engine with \`rondo up\` first\n`,
    );
  });
});

describe('the command line', () => {
  it.each([
    [['up', '--listen', 'nonsense'], 'rondo up: --listen nonsense: must be HOST:PORT'],
    [['up', '--listen', '127.0.0.1:70000'], 'rondo up: --listen 127.0.0.1:70000: must be HOST:PORT'],
    [['up', '--runtime', 'docker'], 'rondo up: --runtime docker: must be one of process, sandbox, cri, simulated'],
    [
      ['up', '--pod-network', '10.5.0.1/16'],
      'rondo up: --pod-network 10.5.0.1/16: must be auto, host or a network like 10.5.0.0/16 (/8 to /29)',
    ],
    [
      ['up', '--pod-network', 'host', '--runtime', 'simulated'],
      'rondo up: --pod-network host: simulated containers have no network',
    ],
    [['up', '--rootfs', 'image'], 'rondo up: --rootfs image: the runtime process has no images; use --runtime sandbox'],
    [['up', '--log-level', 'loud'], 'rondo up: --log-level loud: must be one of debug, info, warn, error'],
    [['up', 'extra'], 'rondo up: unexpected argument "extra"'],
    [['up', '--data-dir'], "rondo up: Option '--data-dir <value>' argument missing"],
    [['up', '--data-dir', ''], 'rondo up: --data-dir: must not be empty'],
    [['kubeconfig', '--data-dir='], 'rondo kubeconfig: --data-dir: must not be empty'],
    [['up', '--unknown'], "rondo up: Unknown option '--unknown'"],
    [['run'], 'rondo run: name a file with -f'],
    [['kubeconfig', '--wrong'], "rondo kubeconfig: Unknown option '--wrong'"],
    [['version', '--wrong'], "rondo version: Unknown option '--wrong'"],
    [['version', 'extra'], 'rondo version: unexpected argument "extra"'],
    [['constructor'], 'rondo: unknown command "constructor"; see rondo --help'],
    [['__proto__'], 'rondo: unknown command "__proto__"; see rondo --help'],
    [['fly'], 'rondo: unknown command "fly"; see rondo --help'],
  ])('refuses %j with exit code 2 and one line', (args, message) => {
    const result = runRondo(args);
    expect(result).toMatchObject({ status: 2, stdout: '' });
    expect(result.stderr.startsWith(message)).toBe(true);
    expect(result.stderr.trimEnd().split('\n')).toHaveLength(1);
  });

  it.each(['up', 'run', 'kubeconfig', 'version'])('explains %s', (name) => {
    for (const args of [
      [name, '--help'],
      [name, '-h'],
      ['help', name],
    ]) {
      const result = runRondo(args);
      expect(result).toMatchObject({ status: 0, stderr: '' });
      expect(result.stdout).toMatch(new RegExp(`^Usage: rondo ${name}`));
    }
    expect(runRondo(['--help']).stdout).toContain(`  ${name} `);
  });

  it('shows the overview, with exit code 2 where a command is missing', () => {
    expect(runRondo(['--help']).status).toBe(0);
    expect(runRondo([])).toMatchObject({ status: 2, stdout: runRondo(['--help']).stdout });
  });

  it('prints its version', () => {
    const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string }; // prettier-ignore
    for (const args of [['version'], ['--version']]) {
      expect(runRondo(args).stdout).toBe(`rondo ${version} (Kubernetes API 1.35, Node ${process.versions.node})\n`);
    }
  });

  it('ends quietly when nobody reads its output any more', async () => {
    const child = spawn('/bin/sh', ['-c', `"$0" "$1" --help | true`, process.execPath, mainScript]);
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    await new Promise((resolve) => child.once('close', resolve));
    expect(stderr).toBe('');
  });
});

/** Local addresses of the listening sockets of a process. */
function listenersOf(rondo: Rondo): string[] {
  expect(processState(rondo.pid)).toBeDefined();
  const port = Number(new URL(rondo.url).port).toString(16).toUpperCase().padStart(4, '0');
  return ['/proc/net/tcp', '/proc/net/tcp6'].flatMap((file) =>
    readFileSync(file, 'utf8')
      .split('\n')
      .map((line) => / +\d+: ([0-9A-F]+):([0-9A-F]{4}) \S+ 0A /.exec(line))
      .filter((match) => match?.[2] === port)
      .map((match) => Buffer.from(match![1]!, 'hex').reverse().join('.')),
  );
}

async function occupy(port: number): Promise<Server | undefined> {
  const server = createServer();
  const { promise, resolve } = deferred<Server | undefined>();
  server.once('error', () => resolve(undefined));
  server.listen(port, '127.0.0.1', () => resolve(server));
  return promise;
}
