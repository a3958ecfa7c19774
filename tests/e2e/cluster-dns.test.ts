import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sandboxProblem } from '../../src/runtimes/sandbox/index.ts';
import { removeDirectory, startRondo, type Rondo } from './rondo.ts';

const problem = await sandboxProblem();
if (problem !== undefined) console.log(`SKIPPED: names of the cluster: ${problem}`);

const image = 'rondo.dev/host';
const sh = (script: string): readonly string[] => ['sh', '-c', script];

describe.skipIf(problem !== undefined)('names of the cluster', () => {
  let rondo: Rondo;
  beforeAll(async () => {
    rondo = await startRondo({ args: ['--runtime', 'sandbox'] });
  });
  afterAll(async () => {
    rondo.kubectl(['delete', 'jobs,pods,services', '--all', '--force', '--grace-period=0', '--timeout=30s']);
    await rondo.stop();
    removeDirectory(rondo.dataDir);
  });

  const apply = (...items: readonly object[]): void => {
    const input = JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
    expect(rondo.kubectl(['apply', '-f', '-'], { input }).stderr).toBe('');
  };
  const headless = {
    ...{ apiVersion: 'v1', kind: 'Service', metadata: { name: 'team' } },
    spec: { clusterIP: 'None', selector: { 'batch.kubernetes.io/job-name': 'work' } },
  };
  const job = (name: string, completions: number, script: string): object => {
    const containers = [{ name: 'main', image, command: sh(script) }];
    const spec = { restartPolicy: 'Never', subdomain: 'team', containers };
    return {
      ...{ apiVersion: 'batch/v1', kind: 'Job', metadata: { name } },
      spec: { completionMode: 'Indexed', completions, parallelism: completions, backoffLimit: 0, template: { spec } },
    };
  };

  it('are those of the Pods of an Indexed Job, for each other', () => {
    // Each waits until it finds all, tells who they are, and stays until the others have found it.
    const script =
      'for i in 0 1 2; do until getent ahostsv4 work-$i.team >/tmp/found; do sleep 0.1; done; head -n 1 /tmp/found | cut -d" " -f1; done; ' +
      'until [ "$(getent ahostsv4 team | grep -c STREAM)" = 3 ]; do sleep 0.1; done; sleep 3';
    apply(headless, job('work', 3, script));
    const ended = rondo.kubectl(['wait', '--for=condition=Complete', 'job/work', '--timeout=60s']);
    expect(ended.status, ended.stderr + rondo.kubectl(['get', 'pods', '-o', 'wide']).stdout).toBe(0);
    const path =
      '{range .items[*]}{.metadata.annotations.batch\\.kubernetes\\.io/job-completion-index} {.status.podIP}{"\\n"}{end}';
    const { stdout } = rondo.kubectl(['get', 'pods', '-l', 'job-name=work', '-o', `jsonpath=${path}`]);
    const addresses = stdout
      .trim()
      .split('\n')
      .sort((a, b) => a.localeCompare(b))
      .map((line) => line.split(' ')[1]);
    expect(new Set(addresses).size).toBe(3);
    const { stdout: log } = rondo.kubectl(['logs', 'job/work', '--all-pods=false']);
    expect(log.trim().split('\n')).toEqual(addresses);
  });

  it('stand beside those of the world, and the API server is one of them', () => {
    const script =
      'cat /etc/resolv.conf; getent ahostsv4 kubernetes.default | head -n 1; getent hosts nowhere.team || echo none';
    apply(job('asks', 1, script));
    expect(rondo.kubectl(['wait', '--for=condition=Complete', 'job/asks', '--timeout=60s']).status).toBe(0);
    const { stdout } = rondo.kubectl(['logs', 'job/asks']);
    expect(stdout).toMatch(/^nameserver 10\.\d+\.\d+\.1$/m);
    expect(stdout).toMatch(/^search default\.svc\.cluster\.local svc\.cluster\.local cluster\.local/m);
    expect(stdout).toMatch(/^options ndots:5$/m);
    const gateway = /^nameserver (\S+)/m.exec(stdout)?.[1];
    expect(stdout).toMatch(new RegExp(`^${gateway} +STREAM`, 'm'));
    expect(stdout).toMatch(/^none$/m);
  });
});
