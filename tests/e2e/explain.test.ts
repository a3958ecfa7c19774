import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { removeDirectory, runRondo, startRondo, type Rondo } from './rondo.ts';

const cronJob = {
  apiVersion: 'batch/v1',
  kind: 'CronJob',
  metadata: { name: 'hourly' },
  spec: {
    schedule: '0 * * * *',
    concurrencyPolicy: 'Forbid',
    jobTemplate: {
      spec: {
        template: {
          metadata: { annotations: { 'rondo.dev/simulate-duration-ms': '6000000' } },
          spec: { restartPolicy: 'Never', containers: [{ name: 'main', image: 'any' }] },
        },
      },
    },
  },
};

/** Has more ticks than an answer holds. */
const everySecond = {
  ...cronJob,
  metadata: { name: 'secondly' },
  spec: { ...cronJob.spec, schedule: '@every 1s', suspend: true },
};

let rondo: Rondo;
beforeAll(async () => {
  rondo = await startRondo({ args: ['--clock', 'virtual=2026-03-06T12:30:00Z'] });
  const input = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: [cronJob, everySecond] });
  expect(rondo.kubectl(['apply', '-f', '-'], { input }).stderr).toBe('');
  const moved = runRondo(['clock', 'advance', '4h', '--kubeconfig', rondo.kubeconfig]);
  expect(moved.stderr).toBe('');
});
afterAll(async () => {
  await rondo.stop();
  removeDirectory(rondo.dataDir);
});

const explain = (...args: string[]): ReturnType<typeof runRondo> =>
  runRondo(['explain', ...args, '--kubeconfig', rondo.kubeconfig]);

describe('rondo explain', () => {
  it('tells every tick with its times, its Job and the reason', () => {
    const { status, stdout, stderr } = explain('cronjob/hourly');
    expect(`${status} ${stderr}`).toBe('0 ');
    const lines = stdout.split('\n');
    expect(lines[0]).toMatch(/^SCHEDULED +OUTCOME +RESULT +DECIDED +STARTED +ENDED +JOB +WHY$/);
    expect(lines[1]).toMatch(/^2026-03-06T13:00:00Z +Ran +Complete .*2026-03-06T14:40:0\dZ +hourly-\d+$/);
    // When the first Job ends, the tick that waited for it runs late.
    expect(lines[2]).toMatch(/^2026-03-06T14:00:00Z +RanLate +Complete .* ConcurrencyPolicy: .*\(hourly-\d+\)$/);
    expect(lines[3]).toMatch(/^2026-03-06T15:00:00Z +Skipped/);
    expect(lines[4]).toMatch(/^2026-03-06T16:00:00Z +RanLate +Running/);
    expect(lines[5]).toBe('next: 2026-03-06T17:00:00Z');
  });

  it('tells one tick, as JSON if asked', () => {
    const { status, stdout } = explain('cj/hourly', '--at', '2026-03-06T15:00:00Z', '-o', 'json');
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      ...{ apiVersion: 'rondo.dev/v1alpha1', kind: 'TickList' },
      ticks: [{ scheduled: '2026-03-06T15:00:00Z', outcome: 'Skipped', reason: 'ConcurrencyPolicy' }],
    });
  });

  it('finds one tick among more than an answer holds', () => {
    const { status, stdout } = explain('cj/secondly', '--at', '2026-03-06T12:30:05Z');
    expect(status).toBe(0);
    expect(stdout).toMatch(/^2026-03-06T12:30:05Z +Skipped .* Suspended: the CronJob is suspended$/m);
    const many = explain('cj/secondly');
    expect(many.stdout.split('\n')[1]).toMatch(/^2026-03-06T16:13:2\dZ +Skipped/);
    expect(many.stdout).toContain('(older ticks are left out: see --limit)');
  });

  it('is the same over the read-only endpoint, and what it is made of is there to see', () => {
    const path = '/rondo.dev/v1alpha1/namespaces/default/cronjobs/hourly/ticks';
    const { stdout } = rondo.kubectl(['get', '--raw', `${path}?since=2026-03-06T14:30:00Z`]);
    expect((JSON.parse(stdout) as { ticks: unknown[] }).ticks).toHaveLength(2);
    expect(rondo.kubectl(['get', 'tickrecords']).stdout).toMatch(/hourly +\d/);
    expect(rondo.kubectl(['delete', 'tickrecords', '--all']).stderr).toContain('can only be read');
  });

  it('also tells what ran before the clock was set back, and that it does not come again', () => {
    const clock = (...args: string[]): unknown => runRondo(['clock', ...args, '--kubeconfig', rondo.kubeconfig]).stderr;
    expect(clock('set', '2026-03-06T13:30:00Z')).toBe('');
    const { stdout } = explain('cronjob/hourly');
    expect(stdout).toMatch(/^2026-03-06T16:00:00Z +RanLate/m);
    expect(stdout).toContain('next: 2026-03-06T17:00:00Z');
    expect(clock('set', '2026-03-06T16:30:00Z')).toBe('');
  });

  it('still tells when the CronJob is gone', () => {
    expect(rondo.kubectl(['delete', 'cronjob', 'hourly']).status).toBe(0);
    const { status, stdout } = explain('cronjob/hourly');
    expect(status).toBe(0);
    expect(stdout).toMatch(/16:00:00Z +RanLate +Deleted/);
    expect(stdout).toContain('the CronJob is gone');
  });

  it.each([
    [['cronjob/other'], 1, 'cronjobs.batch "other" not found'],
    [['cronjob/hourly', '--at', '2026-03-06T15:30:00Z'], 1, 'had no tick at 2026-03-06T15:30:00.000Z'],
    [['cronjob/hourly', '--at', '0000-01-01T00:00:00Z'], 1, 'had no tick at 0000-01-01T00:00:00.000Z'],
    [
      ['cj/secondly', '--at', '2026-03-06T17:00:00Z'],
      1,
      '2026-03-06T17:00:00.000Z has not come yet: it is 2026-03-06T16:30',
    ],
    [['cj/secondly', '--at', '9999-12-31T23:59:59Z'], 1, 'has not come yet'],
    [['hourly'], 2, 'is not of the form cronjob/NAME'],
    [[], 2, 'say which'],
    [['cronjob/hourly', '--at', 'noon'], 2, 'is no instant'],
    [['cronjob/hourly', '--at', '2026-03-06T15:00:00Z', '--limit', '3'], 2, '--at goes without'],
    [['cronjob/hourly', '--since', 'noon'], 2, 'is no duration'],
    [['cronjob/hourly', '--limit', '0'], 2, 'limit: must be a whole number'],
    [['cronjob/hourly', '-o', 'yaml'], 2, '-o must be json'],
  ])('refuses %j with exit code %i', (args, code, message) => {
    const { status, stderr } = explain(...args);
    expect(status).toBe(code);
    expect(stderr).toContain(message);
  });
});
