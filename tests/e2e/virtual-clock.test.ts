import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { request } from 'node:https';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { mainScript, removeDirectory, runRondo, startRondo, type Rondo } from './rondo.ts';

const manifest = fileURLToPath(new URL('../../examples/schedules/market-close.yaml', import.meta.url));
let rondo: Rondo;

beforeAll(async () => {
  rondo = await startRondo({ args: ['--clock', 'virtual=2026-03-06T12:00:00Z'] });
});
afterAll(async () => {
  await rondo.stop();
  removeDirectory(rondo.dataDir);
});

function clock(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  const options = { encoding: 'utf8', timeout: 30_000 } as const;
  return spawnSync(process.execPath, [mainScript, 'clock', ...args, '--kubeconfig', rondo.kubeconfig], options);
}

const jobs = (): string[] => {
  const columns = '-o=jsonpath={range .items[*]}{.metadata.creationTimestamp} {.status.succeeded}{"\\n"}{end}';
  return rondo.kubectl(['get', 'jobs', columns]).stdout.trim().split('\n');
};

it('gives kubectl a server whose time only `rondo clock` moves', () => {
  expect(clock()).toMatchObject({ status: 0, stdout: '2026-03-06T12:00:00.000Z\n' });
  expect(rondo.kubectl(['apply', '-f', manifest]).stderr).toBe('');
  expect(jobs()).toEqual(['']);

  // Over a weekend in which New York changes its clocks: from 21:00 UTC to 20:00.
  expect(clock('advance', '24h')).toMatchObject({ status: 0, stdout: '2026-03-07T12:00:00.000Z\n' });
  expect(jobs()).toEqual(['2026-03-06T21:00:00Z 1']);
  expect(clock('advance', '--to', '2026-03-10T00:00:00Z')).toMatchObject({ stdout: '2026-03-10T00:00:00.000Z\n' });
  expect(jobs()).toEqual(['2026-03-06T21:00:00Z 1', '2026-03-09T20:00:00Z 1']);

  expect(clock('set', '2026-03-10T06:00:00Z')).toMatchObject({ stdout: '2026-03-10T06:00:00.000Z\n' });
  expect(jobs()).toHaveLength(2);
});

it('does what kubectl asks for without the clock being moved', () => {
  expect(rondo.kubectl(['create', 'job', 'now', '--image=any']).status).toBe(0);
  expect(rondo.kubectl(['wait', '--for=condition=complete', '--timeout=20s', 'job/now']).status).toBe(0);
  const { stdout } = rondo.kubectl(['get', '--raw', '/rondo.dev/v1alpha1/clock']);
  expect(JSON.parse(stdout)).toMatchObject({ kind: 'Clock', apiVersion: 'rondo.dev/v1alpha1' });
});

it('refuses moves that make no sense with exit code 2, and strangers altogether', async () => {
  expect(clock('advance', 'soon')).toMatchObject({
    status: 2,
    stderr: expect.stringContaining('is no duration') as string,
  });
  expect(clock('advance', '--to', '2020-01-01T00:00:00Z').status).toBe(2);
  const status = await new Promise((resolve, reject) => {
    const url = new URL('/rondo.dev/v1alpha1/clock', rondo.url);
    request(url, { rejectUnauthorized: false }, (response) => resolve(response.statusCode))
      .on('error', reject)
      .end();
  });
  expect(status).toBe(401);
  const impersonating = rondo.kubectl(['get', '--raw', '/rondo.dev/v1alpha1/clock', '--as=somebody']);
  expect(impersonating.stderr).toContain('cannot get path "/rondo.dev/v1alpha1/clock"');
});

it.each(['1969-12-31T23:59:59Z', '9999-01-01T00:00:00Z'])('does not begin at %s', (instant) => {
  const { status, stderr } = runRondo(['up', '--clock', `virtual=${instant}`, '--listen', '127.0.0.1:0']);
  expect(`${status} ${stderr}`).toBe(
    `2 rondo up: --clock virtual=${instant}: the instant must be between 1970 and 9998\n`,
  );
});

it('has no such endpoint on real time', { timeout: 30_000 }, async () => {
  const real = await startRondo({ args: ['--runtime', 'simulated'] });
  try {
    const asked = spawnSync(process.execPath, [mainScript, 'clock', '--kubeconfig', real.kubeconfig], {
      encoding: 'utf8',
    });
    expect(asked).toMatchObject({ status: 1, stderr: expect.stringContaining('has no virtual clock') as string });
  } finally {
    await real.stop();
    removeDirectory(real.dataDir);
  }
});
