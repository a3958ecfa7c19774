import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { kubectlVersions, removeDirectory, startRondo, type Rondo } from './rondo.ts';

let rondo: Rondo;
beforeAll(async () => {
  rondo = await startRondo();
  const containers = [
    { name: 'busy', image: 'rondo.dev/host', command: ['sh', '-c', 'while :; do :; done'] },
    { name: 'idle', image: 'rondo.dev/host', command: ['sleep', '300'] },
  ];
  const pod = (name: string, spec: object): object => ({
    ...{ apiVersion: 'v1', kind: 'Pod' },
    metadata: { name, labels: { app: name } },
    spec: { terminationGracePeriodSeconds: 0, ...spec },
  });
  const over = { restartPolicy: 'Never', containers: [{ name: 'main', image: 'rondo.dev/host', command: ['true'] }] };
  const input = JSON.stringify({
    apiVersion: 'v1',
    kind: 'List',
    items: [pod('runs', { containers }), pod('over', over)],
  });
  expect(rondo.kubectl(['apply', '-f', '-'], { input }).stderr).toBe('');
  rondo.kubectl(['wait', '--for=condition=Ready', 'pod/runs', '--timeout=30s']);
  rondo.kubectl(['wait', '--for=jsonpath={.status.phase}=Succeeded', 'pod/over', '--timeout=30s']);
});
afterAll(async () => {
  rondo.kubectl(['delete', 'pods', '--all', '--force', '--grace-period=0', '--timeout=30s']);
  await rondo.stop();
  removeDirectory(rondo.dataDir);
});

/** The words of each line, without the head. */
const rows = (text: string): string[][] =>
  text
    .trimEnd()
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/));

describe.each(kubectlVersions())('kubectl top of $version', ({ path }) => {
  const top = (...args: string[]): { rows: string[][]; stderr: string; status: number | null } => {
    const { stdout, stderr, status } = rondo.kubectl(['top', ...args], { path });
    return { rows: rows(stdout), stderr, status };
  };

  it('tells what containers use that run, by name, label and container', () => {
    const all = top('pods');
    expect(all.stderr).toBe('');
    expect(all.rows.map(([name]) => name)).toEqual(['runs']);
    expect(Number.parseInt(all.rows[0]![1]!, 10)).toBeGreaterThan(100);
    const each = top('pod', 'runs', '--containers').rows;
    expect(each.map(([, container]) => container).sort((a, b) => a!.localeCompare(b!))).toEqual(['busy', 'idle']);
    const cpu = new Map(each.map(([, container, millis]) => [container, Number.parseInt(millis!, 10)]));
    expect(cpu.get('busy')).toBeGreaterThan(100);
    expect(cpu.get('idle')).toBeLessThan(20);
    expect(top('pods', '-l', 'app=runs').rows).toHaveLength(1);
    expect(top('pods', '-A').rows.map(([namespace]) => namespace)).toEqual(['default']);
  });

  it('tells what the node uses, and how much that is of what it has', () => {
    const [[name, cpu, share, memory] = []] = top('nodes').rows;
    expect(name).toBe(rondo.kubectl(['get', 'nodes', '-o', 'jsonpath={.items[0].metadata.name}']).stdout);
    expect(Number.parseInt(cpu!, 10)).toBeGreaterThan(100);
    expect(share).toMatch(/^\d+%$/);
    expect(Number.parseInt(memory!, 10)).toBeGreaterThan(100);
  });

  it('says that nothing is known of what does not run', () => {
    expect(top('pod', 'over').stderr).toContain('pods.metrics.k8s.io "over" not found');
    expect(top('pod', 'none').status).toBe(1);
  });
});

it('may be read by whoever may view, in their namespace, and by nobody else', () => {
  const can = (...args: string[]): string => rondo.kubectl(['auth', 'can-i', ...args]).stdout.trim();
  rondo.kubectl(['create', 'rolebinding', 'views', '--clusterrole=view', '--user=jane']);
  expect(can('list', 'pods.metrics.k8s.io', '--as=jane')).toBe('yes');
  expect(rondo.kubectl(['top', 'nodes', '--as=jane']).stderr).toContain('cannot list resource "nodes"');
  expect(rondo.kubectl(['top', 'pods', '--as=jane']).status).toBe(0);
  const refused = rondo.kubectl(['top', 'pods', '--as=joe']);
  expect(refused.stderr).toContain('User "joe" cannot list resource "pods" in API group "metrics.k8s.io"');
  const raw = rondo.kubectl(['get', '--raw', '/apis/metrics.k8s.io/v1beta1/namespaces/default/pods/runs']);
  expect(JSON.parse(raw.stdout)).toMatchObject({
    ...{ kind: 'PodMetrics', apiVersion: 'metrics.k8s.io/v1beta1' },
    metadata: { name: 'runs', namespace: 'default', labels: { app: 'runs' } },
    containers: [
      { name: 'busy', usage: { cpu: expect.stringMatching(/^\d+n$/), memory: expect.stringMatching(/^\d+Ki$/) } },
      { name: 'idle' },
    ],
  });
  expect(rondo.kubectl(['delete', '--raw', '/apis/metrics.k8s.io/v1beta1/pods']).stderr).toContain(
    'metrics can only be read',
  );
  expect(rondo.kubectl(['api-resources', '--api-group=metrics.k8s.io']).stdout).toMatch(
    /pods +metrics\.k8s\.io\/v1beta1 +true +PodMetrics/,
  );
});
