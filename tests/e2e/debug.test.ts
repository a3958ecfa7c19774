import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { kubectlVersions, removeDirectory, startRondo, type KubectlResult, type Rondo } from './rondo.ts';

let rondo: Rondo;
beforeAll(async () => {
  rondo = await startRondo();
  const containers = [{ name: 'main', image: 'rondo.dev/host', command: ['sleep', '300'] }];
  const spec = { terminationGracePeriodSeconds: 0, containers };
  const input = JSON.stringify({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'runs' }, spec });
  expect(rondo.kubectl(['apply', '-f', '-'], { input }).stderr).toBe('');
  rondo.kubectl(['wait', '--for=condition=Ready', 'pod/runs', '--timeout=30s']);
});
afterAll(async () => {
  rondo.kubectl(['delete', 'pods', '--all', '--force', '--grace-period=0', '--timeout=30s']);
  await rondo.stop();
  removeDirectory(rondo.dataDir);
});

describe.each(kubectlVersions(['1.30', '1.35']))('kubectl $version debug', ({ version, path }) => {
  const kubectl = (...args: string[]): KubectlResult => rondo.kubectl(args, { path });
  const name = `look-${version.replace('.', '-')}`;

  it('adds a container to a Pod that runs, whose log can be read', () => {
    const words = ['--image=rondo.dev/host', '--target=main', `--container=${name}`, '--', 'sh', '-c', 'echo seen'];
    expect(kubectl('debug', 'runs', ...words)).toMatchObject({ status: 0 });
    const state = `{.status.ephemeralContainerStatuses[?(@.name=="${name}")].state.terminated.exitCode}`;
    expect(kubectl('wait', `--for=jsonpath=${state}=0`, 'pod/runs', '--timeout=30s').stderr).toBe('');
    expect(kubectl('logs', 'runs', '-c', name).stdout).toBe('seen\n');
    expect(kubectl('describe', 'pod', 'runs').stdout).toMatch(
      new RegExp(`Ephemeral Containers:\\n(?:.*\\n)*  ${name}:`),
    );
  });

  it('says what is wrong with one that cannot be added', () => {
    const { status, stderr } = kubectl('debug', 'runs', '--image=rondo.dev/host', '--target=none', '--', 'true');
    expect(status).toBe(1);
    expect(stderr).toMatch(/spec\.ephemeralContainers\[\d+\]\.targetContainerName: Not found: "none"/);
  });
});
