import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { kubectlVersions, removeDirectory, runRondo, startRondo, type Rondo } from './rondo.ts';

const image = 'rondo.dev/host';
let rondo: Rondo;
beforeAll(async () => {
  rondo = await startRondo({ args: ['--clock', 'virtual=2026-03-06T12:00:30Z'] });
});
afterAll(async () => {
  await rondo.stop();
  removeDirectory(rondo.dataDir);
});

function advance(duration: string): void {
  const { status, stderr } = runRondo(['clock', 'advance', duration, '--kubeconfig', rondo.kubeconfig]);
  expect(`${status} ${stderr}`).toBe('0 ');
}

describe.each(kubectlVersions())('kubectl $version', ({ version, path }) => {
  const name = `tick-${version.replace('.', '-').toLowerCase()}`;
  const namespace = `of-${name}`;
  const kubectl = (...args: readonly string[]): ReturnType<Rondo['kubectl']> =>
    rondo.kubectl(['-n', namespace, ...args], { path });
  const ok = (...args: readonly string[]): string => {
    const { status, stdout, stderr } = kubectl(...args);
    expect(`${status} ${stderr}`, `kubectl ${args.join(' ')}`).toBe('0 ');
    return stdout;
  };
  beforeAll(() => {
    expect(rondo.kubectl(['create', 'namespace', namespace], { path }).status).toBe(0);
    ok('create', 'cronjob', name, `--image=${image}`, '--schedule=*/10 * * * *', '--', 'true');
  });
  afterAll(() => {
    expect(rondo.kubectl(['delete', 'namespace', namespace, '--wait=false'], { path }).status).toBe(0);
  });

  it('shows a CronJob that has not run yet', () => {
    const [head = '', row = ''] = ok('get', 'cj', '-o', 'wide').split('\n');
    const columns = ['NAME', 'SCHEDULE', 'TIMEZONE', 'SUSPEND', 'ACTIVE', 'LAST SCHEDULE', 'AGE'];
    expect(head.split(/\s{2,}/)).toEqual([...columns, 'CONTAINERS', 'IMAGES', 'SELECTOR']);
    const cells = [name, '*/10 * * * *', '<none>', 'False', '0', '<none>'];
    expect(row.split(/\s{2,}/)).toEqual([...cells, expect.stringMatching(/^\d/) as string, name, image, '<none>']);
    const lines = ok('describe', 'cronjob', name)
      .split('\n')
      .map((line) => line.replace(/:\s+/, ': '));
    const expected = [
      ...[`Name: ${name}`, `Namespace: ${namespace}`, 'Labels: <none>', 'Annotations: <none>'],
      ...['Schedule: */10 * * * *', 'Concurrency Policy: Allow', 'Suspend: False'],
      ...['Successful Job History Limit: 3', 'Failed Job History Limit: 1', 'Starting Deadline Seconds: <unset>'],
      ...['Selector: <unset>', 'Parallelism: <unset>', 'Completions: <unset>', 'Pod Template:'],
      ...['Last Schedule Time: <unset>', 'Active Jobs: <none>', 'Events: <none>'],
    ];
    expect(lines.filter((line) => expected.includes(line))).toEqual(expected);
  });

  it('shows when it ran last, and what happened', () => {
    advance('20m');
    expect(ok('get', 'cronjob', name)).toMatch(/\*\/10 \* \* \* \* +<none> +False +0 +30s +20m\n/);
    const described = ok('describe', 'cronjob', name);
    expect(described).toMatch(/Last Schedule Time: +\w{3}, 06 Mar 2026 \d\d:[0-5]0:00 \+0000\n/);
    expect(described).toMatch(/Normal +SuccessfulCreate .*cronjob-controller +Created job tick-/);
    expect(described).toMatch(/Normal +SawCompletedJob .*Saw completed job: tick-.*, condition: Complete/);
  });

  it('makes a Job by hand from it, with its template and its owner', () => {
    ok('patch', 'cronjob', name, '-p', '{"spec":{"jobTemplate":{"metadata":{"labels":{"of":"template"}}}}}');
    ok('create', 'job', 'by-hand', `--from=cronjob/${name}`);
    ok('wait', '--for=condition=complete', 'job/by-hand', '--timeout=30s');
    const { uid } = (JSON.parse(ok('get', 'cronjob', name, '-o', 'json')) as { metadata: { uid: string } }).metadata;
    const { metadata } = JSON.parse(ok('get', 'job', 'by-hand', '-o', 'json')) as { metadata: object };
    expect(metadata).toMatchObject({
      annotations: { 'cronjob.kubernetes.io/instantiate': 'manual' },
      labels: { of: 'template' },
      ownerReferences: [{ apiVersion: 'batch/v1', kind: 'CronJob', name, uid, controller: true }],
    });
    const { stdout } = runRondo(['explain', `cronjob/${name}`, '-n', namespace, '--kubeconfig', rondo.kubeconfig]);
    expect(stdout).toMatch(/^- +Manual +Complete .* by-hand$/m);
  });

  it.each([
    [['create', 'job', 'x', '--from=cronjob/none'], 'cronjobs.batch "none" not found'],
    [
      ['create', 'cronjob', 'x', `--image=${image}`, '--schedule=61 * * * *'],
      'end of range (61) above maximum (59): 61',
    ],
    [
      ['create', 'cronjob', 'x', `--image=${image}`, '--schedule=TZ=UTC 0 0 * * *'],
      'cannot use TZ or CRON_TZ in schedule, use timeZone field instead',
    ],
    [
      ['create', 'cronjob', 'y'.repeat(53), `--image=${image}`, '--schedule=@daily'],
      'must be no more than 52 characters',
    ],
    [['create', 'cronjob', 'x', `--image=${image}`, '--schedule=@daily', '--restart=Always'], 'restartPolicy'],
  ])('passes on what is refused: %j', (args, message) => {
    const { status, stderr } = kubectl(...args);
    expect(status).toBe(1);
    expect(stderr).toContain(message);
  });
});
