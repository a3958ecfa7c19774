import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { removeDirectory, startRondo, type Rondo } from './rondo.ts';

const mayMount =
  process.platform === 'linux' && process.getuid?.() === 0 && spawnSync('unshare', ['-m', 'true']).status === 0;
if (!mayMount) console.log('persistent volumes are left out: mount paths need root here');

let rondo: Rondo;
beforeAll(async () => {
  rondo = await startRondo();
});
afterAll(async () => {
  await rondo.stop();
  removeDirectory(rondo.dataDir);
});

function ok(args: readonly string[], input: unknown = ''): string {
  const result = rondo.kubectl(args, { input: typeof input === 'string' ? input : JSON.stringify(input) });
  expect(`${result.status} ${result.stderr}`, `kubectl ${args.join(' ')}`).toMatch(/^0 /);
  return result.stdout;
}

const claim = {
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name: 'data' },
  spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '10Mi' } } },
};

function job(name: string, script: string): object {
  const mount = { name: 'data', mountPath: '/rondo-e2e/data' };
  const main = { name: 'main', image: 'rondo.dev/host', command: ['/bin/sh', '-c', script], volumeMounts: [mount] };
  const volumes = [{ name: 'data', persistentVolumeClaim: { claimName: 'data' } }];
  const template = { spec: { restartPolicy: 'Never', containers: [main], volumes } };
  return { apiVersion: 'batch/v1', kind: 'Job', metadata: { name }, spec: { template, backoffLimit: 0 } };
}

function run(name: string, script: string): string {
  ok(['apply', '-f', '-'], job(name, script));
  ok(['wait', '--for=condition=complete', `job/${name}`, '--timeout=30s']);
  return ok(['logs', `job/${name}`]);
}

describe.runIf(mayMount)('a persistent volume', () => {
  it('carries files from one Job to the next and over a restart, and goes with its claim', async () => {
    ok(['apply', '-f', '-'], claim);
    expect(ok(['get', 'pvc', 'data'])).toMatch(/data +Pending +standard/);
    run('write', 'echo kept > /rondo-e2e/data/file');
    expect(ok(['get', 'pvc', 'data'])).toMatch(/data +Bound +pvc-\S+ +10Mi +RWO +standard/);
    expect(ok(['get', 'pv'])).toMatch(/pvc-\S+ +10Mi +RWO +Delete +Bound +default\/data +standard/);
    expect(ok(['get', 'storageclass'])).toMatch(
      /standard \(default\) +rondo\.dev\/local +Delete +WaitForFirstConsumer/,
    );
    expect(ok(['describe', 'pvc', 'data'])).toContain('Successfully provisioned volume');
    await rondo.stop('SIGKILL');
    rondo = await startRondo({ dataDir: rondo.dataDir });
    expect(run('read', 'cat /rondo-e2e/data/file')).toBe('kept\n');
    const volumes = join(rondo.dataDir, 'volumes');
    expect(readdirSync(volumes)).toHaveLength(1);
    ok(['delete', 'jobs', '--all']);
    ok(['delete', 'pvc', 'data', '--timeout=30s']);
    ok(['wait', '--for=delete', 'pv', '--all', '--timeout=30s']);
    expect(readdirSync(volumes)).toEqual([]);
    expect(existsSync('/rondo-e2e')).toBe(false);
  });
});
