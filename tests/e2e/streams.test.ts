import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo, type Server } from 'node:net';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { rawRequest } from './api.ts';
import { isAlive } from './processes.ts';
import {
  kubectlVersions,
  mainScript,
  newestKubectl,
  removeDirectory,
  startRondo,
  temporaryDirectory,
  type KubectlResult,
  type Rondo,
} from './rondo.ts';
import { untilInDirectory, withDeadline } from './waiting.ts';

let rondo: Rondo;
const scratch = temporaryDirectory();
/** Streams that are not WebSockets: kubectl 1.29 and older have no others. */
const spdyOnly = { KUBECTL_REMOTE_COMMAND_WEBSOCKETS: 'false', KUBECTL_PORT_FORWARD_WEBSOCKETS: 'false' };

/** Also gives the kubectl of a test the terminal that it wants to have. */
const terminalProgram = join(mainScript, '../../rondo-terminal');

beforeAll(async () => {
  rondo = await startRondo();
  const command = ['sh', '-c', 'while :; do echo tick >&2; sleep 0.1; done'];
  const containers = [
    { name: 'main', image: 'rondo.dev/host', command: ['sleep', '300'], env: [{ name: 'WHO', value: 'me' }] },
    { name: 'talks', image: 'rondo.dev/host', command },
  ];
  const spec = { terminationGracePeriodSeconds: 0, containers };
  const pods = [
    { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'runs' }, spec },
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'over' },
      spec: { restartPolicy: 'Never', containers: [{ name: 'main', image: 'rondo.dev/host', command: ['true'] }] },
    },
  ];
  const input = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: pods });
  expect(rondo.kubectl(['apply', '-f', '-'], { input }).stderr).toBe('');
  rondo.kubectl(['wait', '--for=condition=Ready', 'pod/runs', '--timeout=30s']);
  rondo.kubectl(['wait', '--for=jsonpath={.status.phase}=Succeeded', 'pod/over', '--timeout=30s']);
});
afterAll(async () => {
  rondo.kubectl(['delete', 'pods', '--all', '--force', '--grace-period=0', '--timeout=30s']);
  await rondo.stop();
  for (const directory of [rondo.dataDir, scratch]) removeDirectory(directory);
});

interface Way {
  readonly name: string;
  readonly path: string;
  readonly env: Readonly<Record<string, string>>;
}

const ways: readonly Way[] = [
  // 1.28 knows SPDY only, 1.30 WebSockets for commands, the others for ports too.
  ...kubectlVersions(['1.28', '1.30', '1.32', '1.35']).map(({ version, path }) => ({
    name: `kubectl ${version}`,
    path,
    env: {},
  })),
  { name: 'the newest kubectl over SPDY', path: newestKubectl(), env: spdyOnly },
];

function run({ path, env }: Pick<Way, 'path' | 'env'>, args: readonly string[], input = ''): KubectlResult {
  return rondo.kubectl(args, { path, env, input });
}

describe.each(ways)('$name', (way) => {
  it('runs a command in a container, with its environment, and ends with its exit code', () => {
    const script = 'echo "out $WHO"; echo err >&2; exit 7';
    const { status, stdout, stderr } = run(way, ['exec', 'runs', '-c', 'main', '--', 'sh', '-c', script]);
    expect([status, stdout]).toEqual([7, 'out me\n']);
    expect(stderr).toMatch(/^err\n/);
    expect(stderr).toContain('command terminated with exit code 7');
  });

  it('gives the command its input, to the end', () => {
    const result = run(way, ['exec', '-i', 'runs', '-c', 'main', '--', 'sh', '-c', 'cat; echo end'], 'one\ntwo\n');
    expect([result.status, result.stdout]).toEqual([0, 'one\ntwo\nend\n']);
  });

  it('gives the command a terminal, in the size of the own one', async () => {
    const words = [way.path, 'exec', '-it', 'runs', '-c', 'main', '--', 'sh'];
    const shell = startIn(way.env, terminalProgram, words);
    shell.resize(123, 45);
    const sizeIs = (size: string): void => shell.type(`until [ "$(stty size)" = "${size}" ]; do :; done; echo is-$?\r`);
    sizeIs('45 123');
    await withDeadline('the first size', 20_000, shell.says(/is-0/));
    shell.resize(90, 30);
    sizeIs('30 90');
    await withDeadline('the second size', 20_000, shell.says(/is-0.*is-0/s));
    shell.type('exit 5\r');
    expect(await withDeadline('the end', 20_000, shell.exitCode)).toBe(5);
  });

  it('copies files there and back', () => {
    const bytes = randomBytes(10 << 20);
    const directory = join(scratch, `${way.name.replaceAll(' ', '-')}`);
    mkdirSync(directory);
    const [from, back] = [join(directory, 'from'), join(directory, 'back')];
    writeFileSync(from, bytes);
    expect(run(way, ['cp', from, `runs:${directory}/there`, '-c', 'main'])).toMatchObject({ status: 0, stderr: '' });
    expect(run(way, ['cp', `runs:${directory}/there`, back, '-c', 'main'])).toMatchObject({ status: 0, stderr: '' });
    const hashOf = (file: Buffer): string => createHash('sha256').update(file).digest('hex');
    expect(hashOf(readFileSync(back))).toBe(hashOf(bytes));
  });

  it('shows what a container writes from now on', async () => {
    const attached = start(way, ['attach', 'runs', '-c', 'talks']);
    await withDeadline('output of attach', 20_000, attached.says(/tick\n.*tick\n/s));
    attached.stop();
  });

  it('gives a container of its own what it reads, and ends with its exit code', () => {
    const name = `reads-${way.name.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')}`;
    const words = ['run', name, '-i', '--rm', '--quiet', '--restart=Never', '--image=rondo.dev/host', '--command'];
    const { stdout, status, stderr } = run(way, [...words, '--', 'sh', '-c', 'cat; echo over; exit 3'], 'one\ntwo\n');
    expect(stdout, stderr).toContain('one\ntwo\nover\n');
    expect(status).toBe(3);
  });

  it('forwards connections to a port', async () => {
    const [server, port] = await upperCaseServer();
    const forward = start(way, ['port-forward', 'pod/runs', `:${port}`]);
    const [, local] = await withDeadline('a port', 20_000, forward.says(/127\.0\.0\.1:(\d+) ->/));
    const long = 'x'.repeat(1 << 20);
    const answers = ['first', 'second', long].map((text) => say(Number(local), text));
    expect(await Promise.all(answers)).toEqual(['FIRST', 'SECOND', long.toUpperCase()]);
    server.close();
    // Nothing listens there any more: this connection fails, and the forwarding says why.
    await say(Number(local), 'third');
    await withDeadline('the reason', 20_000, forward.says(/error forwarding port \d+: connect ECONNREFUSED/));
    forward.stop();
  });
});

describe('attach', () => {
  const newest = { path: newestKubectl(), env: {} };

  it('says when a container reads nothing, or wants a terminal', () => {
    const refused = run(newest, ['attach', '-i', 'runs', '-c', 'talks']);
    expect(refused.stderr).toContain('container talks has no open input (stdin): leave out -i (--stdin)');
    const words = [
      'run',
      'wants-terminal',
      '--image=rondo.dev/host',
      '--stdin',
      '--tty',
      '--attach=false',
      '--command',
    ];
    expect(run(newest, [...words, '--', 'sleep', '300']).status).toBe(0);
    rondo.kubectl(['wait', '--for=condition=Ready', 'pod/wants-terminal', '--timeout=30s']);
    expect(run(newest, ['attach', '-i', 'wants-terminal']).stderr).toContain('use kubectl exec -it');
    expect(rondo.kubectl(['events', '--for=pod/wants-terminal']).stdout).toContain('NoTerminal');
  });
});

describe('exec', () => {
  const newest = { path: newestKubectl(), env: {} };

  it('carries ten megabytes of input and output', () => {
    const input = randomBytes(5 << 20).toString('hex');
    const result = run(newest, ['exec', '-i', 'runs', '-c', 'main', '--', 'sha256sum'], input);
    expect(result.stdout).toContain(createHash('sha256').update(input).digest('hex'));
    const big = run(newest, ['exec', 'runs', '-c', 'main', '--', 'head', '-c', String(10 << 20), '/dev/zero']);
    expect([big.status, big.stdout.length]).toEqual([0, 10 << 20]);
  });

  it('ends the command when the client goes away', async () => {
    const file = join(scratch, 'begun');
    const script = `echo $$ >${file}.new && mv ${file}.new ${file}; exec sleep 300`;
    const client = start(newest, ['exec', 'runs', '-c', 'main', '--', 'sh', '-c', script]);
    await untilInDirectory(scratch, 'the beginning of the command', () => existsSync(file));
    const pid = Number(readFileSync(file, 'utf8'));
    expect(isAlive(pid)).toBe(true);
    client.stop();
    await withDeadline('the end of the command', 20_000, untilGone(pid));
  });

  it.each([
    [
      'a container that is not there',
      ['runs', '-c', 'other', '--', 'true'],
      /container other is not valid for pod runs/,
    ],
    ['a Pod that is over', ['over', '--', 'true'], /cannot exec into a container in a completed pod/],
    ['a Pod that is not there', ['none', '--', 'true'], /pods "none" not found/],
    ['a command that does not exist', ['runs', '-c', 'main', '--', '/no/such'], /\/no\/such/],
  ])('refuses %s', (_what, args, message) => {
    const { status, stderr } = run(newest, ['exec', ...args]);
    expect(status).not.toBe(0);
    expect(stderr).toMatch(message);
  });

  it('answers a request that is no upgrade, and one without a token, with a Status', async () => {
    const path = '/api/v1/namespaces/default/pods/runs/exec?command=true&container=main&stdout=true';
    expect(await rawRequest(rondo, { path })).toMatchObject({ code: 400 });
    const headers = {
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-protocol': 'v5.channel.k8s.io',
    };
    expect(await rawRequest(rondo, { path, headers, token: 'wrong' })).toMatchObject({ code: 401 });
    const unknown = await rawRequest(rondo, { path, headers: { ...headers, 'sec-websocket-protocol': 'v9' } });
    expect(unknown).toMatchObject({ code: 400, body: { message: expect.stringContaining('v5.channel.k8s.io') } });
  });
});

interface Running {
  /** Resolves when its output and errors so far match. */
  says(pattern: RegExp): Promise<RegExpExecArray>;
  readonly exitCode: Promise<number | null>;
  /** For what runs in a terminal. */
  type(text: string): void;
  resize(columns: number, rows: number): void;
  stop(): void;
}

function start({ path, env }: Pick<Way, 'path' | 'env'>, args: readonly string[]): Running {
  return startIn(env, path, args);
}

function startIn(env: Way['env'], program: string, args: readonly string[]): Running {
  const child = spawn(program, args, {
    env: { ...process.env, ...env, KUBECONFIG: rondo.kubeconfig },
    stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
  });
  let text = '';
  const looks = new Set<() => void>();
  const take = (chunk: Buffer): void => {
    text += chunk.toString();
    for (const look of looks) look();
  };
  child.stdout.on('data', take);
  child.stderr.on('data', take);
  const exitCode = new Promise<number | null>((resolve) => child.once('close', resolve));
  const says = (pattern: RegExp): Promise<RegExpExecArray> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        const match = pattern.exec(text);
        if (match !== null) resolve(match);
      };
      looks.add(look);
      void exitCode.then((code) => reject(new Error(`${args.join(' ')} ended with ${code}: ${text}`)));
      look();
    });
  return {
    says,
    exitCode,
    type: (line) => void child.stdin.write(line),
    resize: (columns, rows) => void (child.stdio[3] as Writable).write(`${columns} ${rows}\n`),
    stop: () => void child.kill('SIGKILL'),
  };
}

function upperCaseServer(): Promise<[Server, number]> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    let text = '';
    socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
    socket.on('end', () => socket.end(text.toUpperCase()));
    socket.on('error', () => socket.destroy());
  });
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve([server, (server.address() as AddressInfo).port]));
  });
}

/** What comes back for a text, after the end of both sides. */
function say(port: number, text: string): Promise<string> {
  return new Promise((resolve) => {
    let answer = '';
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true }, () => socket.end(text));
    socket.on('data', (chunk: Buffer) => (answer += chunk.toString()));
    socket.on('error', () => socket.destroy());
    socket.on('close', () => resolve(answer));
    socket.on('end', () => socket.destroy());
  });
}

async function untilGone(pid: number): Promise<void> {
  while (isAlive(pid)) await new Promise((resolve) => setImmediate(resolve));
}
