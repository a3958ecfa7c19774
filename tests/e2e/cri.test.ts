import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { resources, type Job, type Pod, type Secret } from '../../src/api/index.ts';
import type { Client } from '../../src/client/index.ts';
import {
  busyboxImage,
  Containerd,
  containerdProblem,
  makeBusyboxImage,
} from '../../src/runtimes/cri/containerd.fixture.ts';
import { digest, TestRegistry } from '../../src/runtimes/images/test-images.fixture.ts';
import { clientFor } from './api.ts';
import { removeDirectory, runRondo, startRondo, temporaryDirectory, type Rondo } from './rondo.ts';
import { waitForObjects } from './waiting.ts';

const problem = containerdProblem();
if (problem !== undefined) console.log(`SKIPPED: the cri runtime with a real containerd: ${problem}`);

const scratch = temporaryDirectory();
const bridge = 'rondo-e2e';
afterAll(() => removeDirectory(scratch));

describe('rondo up --runtime cri without a container runtime', () => {
  it('says where it looked, in one line', () => {
    const up = (...args: string[]) => runRondo(['up', '--data-dir', join(scratch, 'none'), ...args]);
    const nobody = up('--runtime', 'cri', '--cri-endpoint', `unix://${scratch}/nobody.sock`);
    expect(nobody.status).toBe(1);
    expect(nobody.stderr).toMatch(/^rondo up: --runtime cri: no container runtime at \S+nobody\.sock: [^\n]*\n$/);
    const wrong = up('--runtime', 'cri', '--cri-endpoint', 'tcp://127.0.0.1:1');
    expect([wrong.status, wrong.stderr]).toEqual([
      2,
      'rondo up: --cri-endpoint tcp://127.0.0.1:1: must be unix:///PATH\n',
    ]);
  });
});

describe.runIf(problem === undefined)('rondo up --runtime cri with containerd', () => {
  let containerd: Containerd;
  let rondo: Rondo;
  let client: Client;

  beforeAll(async () => {
    // A bridge that the host has no address on: Pods reach one another, and nobody else.
    const network = join(scratch, 'cni');
    mkdirSync(network);
    const plugins = [
      {
        ...{ type: 'bridge', bridge },
        ipam: { type: 'host-local', ranges: [[{ subnet: '10.213.0.0/24' }]], dataDir: join(scratch, 'leases') },
      },
    ];
    writeFileSync(join(network, '10-pods.conflist'), JSON.stringify({ cniVersion: '0.4.0', name: 'pods', plugins }));
    containerd = await Containerd.start({ network });
    await up();
  });

  afterAll(async () => {
    rondo.kubectl(['delete', 'jobs,pods', '--all', '--timeout=60s']);
    await rondo.stop();
    await containerd.close();
    spawnSync('ip', ['link', 'delete', bridge]);
    removeDirectory(rondo.dataDir);
  });

  async function up(dataDir?: string): Promise<void> {
    const args = ['--runtime', 'cri', '--cri-endpoint', containerd.endpoint];
    rondo = await startRondo({ args, ...(dataDir === undefined ? {} : { dataDir }) });
    client = clientFor(rondo);
  }

  /** A Pod on the host's network, whose only container runs a script. */
  function podSpec(script: string, more: object = {}): Pod['spec'] {
    const container = { name: 'main', image: busyboxImage, command: ['sh', '-c', script], ...more };
    return {
      restartPolicy: 'Never',
      hostNetwork: true,
      terminationGracePeriodSeconds: 1,
      containers: [container],
    } as unknown as Pod['spec'];
  }

  async function createPod(name: string, spec: Pod['spec']): Promise<void> {
    await client.create<Pod>(resources.pods, { metadata: { name, namespace: 'default' }, spec });
  }

  async function podWhen(name: string, what: string, until: (pod: Pod) => boolean): Promise<Pod> {
    const pods = await waitForObjects<Pod>(client, resources.pods, {
      what: `${name} ${what}`,
      timeoutMs: 15_000,
      fieldSelector: `metadata.name=${name}`,
      until: ([pod]) => pod !== undefined && until(pod),
    });
    return pods[0]!;
  }

  const isOver = (pod: Pod): boolean => pod.status.phase === 'Succeeded' || pod.status.phase === 'Failed';
  const isRunning = (pod: Pod): boolean => pod.status.phase === 'Running';

  it('runs a Job from a real image, to its end', async () => {
    const template = { spec: podSpec('echo "hello, $FROM_IMAGE, from $(hostname)"; exit 0') };
    await client.create<Job>(resources.jobs, { metadata: { name: 'hello', namespace: 'default' }, spec: { template } });
    const wait = rondo.kubectl(['wait', '--for=condition=Complete', 'job/hello', '--timeout=30s']);
    expect(wait.stdout).toBe('job.batch/hello condition met\n');
    expect(rondo.kubectl(['logs', 'job/hello']).stdout).toMatch(/^hello, yes, from \S+\n$/);
  });

  it('tells exit codes, reasons and last words of containers that fail', async () => {
    await createPod('fails', podSpec('echo last words >/dev/termination-log; exit 3'));
    await createPod('missing', podSpec('', { command: ['/no/such/program'] }));
    await createPod(
      'speaks',
      podSpec('echo one; echo two; exit 4', { terminationMessagePolicy: 'FallbackToLogsOnError' }),
    );
    const endOf = async (name: string) =>
      (await podWhen(name, 'over', isOver)).status.containerStatuses?.[0]?.state?.terminated;
    expect(await endOf('fails')).toMatchObject({ exitCode: 3, reason: 'Error', message: 'last words\n' });
    expect(await endOf('speaks')).toMatchObject({ exitCode: 4, reason: 'Error', message: 'one\ntwo\n' });
    expect(await endOf('missing')).toMatchObject({ exitCode: 128, reason: 'StartError' });
  });

  it('kills what takes more memory than its limit', async () => {
    const limits = { resources: { limits: { memory: '24Mi' } } };
    await createPod('greedy', podSpec('x=a; while true; do x=$x$x; done', limits));
    const { status } = await podWhen('greedy', 'over', isOver);
    expect(status.containerStatuses?.[0]?.state?.terminated).toMatchObject({ exitCode: 137, reason: 'OOMKilled' });
  });

  it('runs commands in containers, shows logs while they run, and forwards ports', async () => {
    const script = 'i=0; while true; do i=$((i+1)); echo "line $i"; sleep 0.1; done';
    await createPod('long', podSpec(script, { env: [{ name: 'WHO', value: 'me' }] }));
    await podWhen('long', 'running', isRunning);
    const command = ['exec', '-i', 'long', '--', 'sh', '-c', 'cat; echo "$WHO"; echo err >&2; exit 7'];
    const { status, stdout, stderr } = rondo.kubectl(command, { input: 'input\n' });
    expect([status, stdout]).toEqual([7, 'input\nme\n']);
    expect(stderr).toMatch(/^err\n/);
    const followed = rondo.kubectl(['logs', '-f', '--limit-bytes=24', 'long']);
    expect(followed.stdout).toBe('line 1\nline 2\nline 3\nlin');
    expect(rondo.kubectl(['delete', 'pod', 'long', '--timeout=30s']).status).toBe(0);
    expect(containerd.traces().join('\n')).not.toContain('long');
  });

  it('pulls images with the credentials of the Pod, and waits for those that cannot be had', async () => {
    const registry = await TestRegistry.start();
    const image = makeBusyboxImage();
    registry.push('1', image);
    const authorization = `Basic ${Buffer.from('user:secret').toString('base64')}`;
    registry.intercept = (request, response) => {
      if (request.headers.authorization === authorization) return false;
      response.writeHead(401, { 'www-authenticate': 'Basic realm="test"' });
      response.end();
      return true;
    };
    const name = `${registry.host}/private/busybox:1`;
    await createPod('refused', podSpec('exit 0', { image: name }));
    const waiting = (pod: Pod) => pod.status.containerStatuses?.[0]?.state?.waiting;
    const refused = await podWhen('refused', 'refused', (pod) => waiting(pod)?.reason === 'ErrImagePull');
    expect(waiting(refused)?.message).toContain('401');
    rondo.kubectl(['delete', 'pod', 'refused', '--timeout=30s']);

    const config = { auths: { [registry.host]: { username: 'user', password: 'secret' } } };
    await client.create<Secret>(resources.secrets, {
      metadata: { name: 'registry', namespace: 'default' },
      type: 'kubernetes.io/dockerconfigjson',
      data: { '.dockerconfigjson': Buffer.from(JSON.stringify(config)).toString('base64') },
    });
    const spec = { ...podSpec('exit 0', { image: name }), imagePullSecrets: [{ name: 'registry' }] };
    await createPod('allowed', spec);
    const { status } = await podWhen('allowed', 'over', isOver);
    expect(status.phase).toBe('Succeeded');
    expect(status.containerStatuses?.[0]?.imageID).toBe(`${registry.host}/private/busybox@${digest(image.manifest)}`);
    await registry.stop();
  }, 60_000);

  it('adopts what runs when the engine was killed with -9', async () => {
    await createPod('survivor', podSpec('echo before; until [ -e /tmp/go ]; do sleep 0.1; done; echo after; exit 5'));
    const before = await podWhen('survivor', 'running', isRunning);
    await rondo.stop('SIGKILL');
    await up(rondo.dataDir);
    const after = await podWhen('survivor', 'known', isRunning);
    expect(after.status.containerStatuses).toEqual(before.status.containerStatuses);
    expect(rondo.kubectl(['exec', 'survivor', '--', 'touch', '/tmp/go']).status).toBe(0);
    const { status } = await podWhen('survivor', 'over', isOver);
    expect(status.containerStatuses?.[0]).toMatchObject({ restartCount: 0, state: { terminated: { exitCode: 5 } } });
    expect(rondo.kubectl(['logs', 'survivor']).stdout).toBe('before\nafter\n');
  });

  it('loses nothing when containerd is killed with -9 and comes back', async () => {
    const script = 'for i in $(seq 1 20); do echo "line $i"; sleep 0.1; done; exit 6';
    await createPod('bridged', podSpec(script));
    await podWhen('bridged', 'running', isRunning);
    await containerd.down();
    await createPod('waiting', podSpec('exit 0'));
    await podWhen('waiting', 'waiting', ({ status }) => status.containerStatuses?.[0]?.state?.waiting !== undefined);
    await containerd.up();
    const { status } = await podWhen('bridged', 'over', isOver);
    expect(status.containerStatuses?.[0]).toMatchObject({ restartCount: 0, state: { terminated: { exitCode: 6 } } });
    const lines = Array.from({ length: 20 }, (_, index) => `line ${index + 1}\n`);
    expect(rondo.kubectl(['logs', 'bridged']).stdout).toBe(lines.join(''));
    expect((await podWhen('waiting', 'over', isOver)).status.phase).toBe('Succeeded');
  });
});
