import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { removeDirectory, startRondo, temporaryDirectory, type Rondo } from './rondo.ts';

let rondo: Rondo;
const scratch = temporaryDirectory();
beforeAll(async () => {
  rondo = await startRondo();
});
afterAll(async () => {
  ok(['delete', 'pods', '--all', '--force', '--grace-period=0', '--timeout=30s']);
  await rondo.stop();
  for (const directory of [rondo.dataDir, scratch]) removeDirectory(directory);
});

function ok(args: readonly string[], input: unknown = ''): string {
  const result = rondo.kubectl(args, { input: typeof input === 'string' ? input : JSON.stringify(input) });
  expect(`${result.status} ${result.stderr}`, `kubectl ${args.join(' ')}`).toMatch(/^0 /);
  return result.stdout;
}

function pod(name: string, container: object): object {
  const main = { name: 'main', image: 'rondo.dev/host', command: ['sleep', '300'], ...container };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name },
    spec: { terminationGracePeriodSeconds: 1, containers: [main] },
  };
}

describe('probes and hooks that run commands', () => {
  it('make a Pod ready when its file appears', () => {
    const file = join(scratch, 'ready');
    ok(
      ['apply', '-f', '-'],
      pod('ready', { readinessProbe: { exec: { command: ['test', '-e', file] }, periodSeconds: 1 } }),
    );
    ok(['wait', '--for=jsonpath={.status.phase}=Running', 'pod/ready', '--timeout=30s']);
    expect(ok(['get', 'pod', 'ready'])).toMatch(/0\/1 +Running/);
    writeFileSync(file, '');
    ok(['wait', '--for=condition=Ready', 'pod/ready', '--timeout=30s']);
  });

  it('restart a container that is not alive, and say what the command said', () => {
    const command = ['sh', '-c', 'echo broken; exit 1'];
    ok(
      ['apply', '-f', '-'],
      pod('sick', { livenessProbe: { exec: { command }, periodSeconds: 1, failureThreshold: 2 } }),
    );
    ok(['wait', '--for=jsonpath={.status.containerStatuses[0].restartCount}=1', 'pod/sick', '--timeout=30s']);
    expect(ok(['describe', 'pod', 'sick'])).toMatch(/Unhealthy.*Liveness probe failed: broken/);
  });

  it('run before the end, with the environment of the container', () => {
    const file = join(scratch, 'stopped');
    const preStop = { exec: { command: ['sh', '-c', `echo "$WHO" >${file}`] } };
    ok(['apply', '-f', '-'], pod('hook', { env: [{ name: 'WHO', value: 'me' }], lifecycle: { preStop } }));
    ok(['wait', '--for=condition=Ready', 'pod/hook', '--timeout=30s']);
    ok(['delete', 'pod', 'hook', '--timeout=30s']);
    expect(existsSync(file)).toBe(true);
  });
});
