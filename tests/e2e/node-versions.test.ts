import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { nodeBinary, removeDirectory, runRondo, startRondo, temporaryDirectory, type Rondo } from './rondo.ts';

const job = (name: string, script: string): string =>
  JSON.stringify({
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name },
    spec: {
      template: {
        spec: {
          restartPolicy: 'Never',
          terminationGracePeriodSeconds: 1,
          containers: [{ name: 'main', image: 'rondo.dev/host', command: ['/bin/sh', '-c', script] }],
        },
      },
    },
  });

const majors = ([22, 24, 26] as const).filter((major) => existsSync(nodeBinary(major)));

describe.runIf(majors.length > 0).each(majors)('Node %i', (major) => {
  const node = nodeBinary(major);
  const ok = (rondo: Rondo, args: readonly string[], input = ''): string => {
    const result = rondo.kubectl(args, { input });
    expect(`${result.status} ${result.stderr}`, `kubectl ${args.join(' ')}`).toMatch(/^0 /);
    return result.stdout;
  };

  it('is what runs', () => {
    expect(runRondo(['version'], { node }).stdout).toContain(`Node ${major}.`);
  });

  it('serves kubectl, survives kill -9 and stops orderly', async () => {
    const dataDir = temporaryDirectory();
    let rondo = await startRondo({ dataDir, node });
    try {
      ok(rondo, ['apply', '-f', '-'], job('first', 'echo hello'));
      ok(rondo, ['wait', '--for=condition=complete', 'job/first', '--timeout=30s']);
      expect(ok(rondo, ['logs', 'job/first'])).toBe('hello\n');
      ok(rondo, ['apply', '-f', '-'], job('long', 'exec sleep 1000'));
      ok(rondo, ['wait', '--for=jsonpath={.status.ready}=1', 'job/long', '--timeout=30s']);
      expect(await rondo.stop('SIGKILL')).toBeNull();

      rondo = await startRondo({ dataDir, node });
      expect(ok(rondo, ['logs', 'job/first'])).toBe('hello\n');
      expect(ok(rondo, ['get', 'pods', '-l', 'job-name=long', '--no-headers'])).toMatch(/1\/1 +Running +0 /);
      ok(rondo, ['delete', 'jobs', '--all', '--cascade=foreground', '--timeout=30s']);
      expect(ok(rondo, ['get', 'jobs,pods', '-o', 'name'])).toBe('');
      expect(rondo.stderr()).toBe('');
      expect(await rondo.stop()).toBe(0);
    } finally {
      await rondo.stop('SIGKILL');
      removeDirectory(dataDir);
    }
  }, 60_000);

  it('runs Jobs from files', () => {
    const good = runRondo(['run', '-f', '-'], { node, input: job('good', 'echo fine') });
    expect(good.stdout).toMatch(/^\[good-\w{5}\] fine\n$/);
    expect(good.stderr).toMatch(/good: 1\/1 succeeded, 0 failed, 0 running\n$/);
    expect(good.status).toBe(0);
    expect(runRondo(['run', '-f', '-'], { node, input: 'a: [' }).status).toBe(2);
  });
});
