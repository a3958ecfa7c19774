import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { preview } from '../../src/cli/preview.ts';
import { runCommand, type Result } from './terminal.ts';

const directory = mkdtempSync(join(tmpdir(), 'rondo-preview-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

let files = 0;

async function run(specs: readonly string[], ...options: string[]): Promise<Result> {
  const file = join(directory, `${files++}.yaml`);
  const documents = specs.map(
    (spec, index) => `apiVersion: batch/v1
kind: CronJob
metadata: { name: cron-${index} }
spec: { ${spec}, jobTemplate: { spec: { template: { spec: { restartPolicy: Never, containers: [] } } } } }
`,
  );
  writeFileSync(file, documents.join('---\n'));
  return runCommand(preview, [file, ...options]);
}

interface Json {
  readonly cronJobs: readonly { readonly count: number; readonly occurrences: readonly { readonly at: string }[] }[];
  readonly warnings: readonly { readonly type: string; readonly message: string }[];
}

const year = ['--from', '2026-01-01T00:00:00Z', '--for', '365d', '-o', 'json'];

describe('rondo preview', () => {
  it('lists every occurrence with its local time, and what the schedule says', async () => {
    const span = ['--from', '2026-03-07T00:00:00Z', '--to', '2026-03-09T00:00:00Z'];
    const { out, code } = await run([`schedule: '0 16 * * *', timeZone: America/New_York`], ...span);
    expect(code).toBe(0);
    expect(out).toContain('At 16:00 (America/New_York)');
    expect(out).toContain('2026-03-07T21:00:00Z   2026-03-07T16:00:00-05:00   America/New_York   default/cron-0\n');
    expect(out).toContain('2026-03-08T20:00:00Z   2026-03-08T16:00:00-04:00   America/New_York   default/cron-0\n');
  });

  it('counts what it does not list', async () => {
    const { out } = await run(
      [`schedule: '*/5 * * * *'`],
      '--from',
      '2026-01-01T00:00:00Z',
      '--for',
      '1d',
      '--limit',
      '3',
    );
    expect(out).toContain('288 times');
    expect(out.match(/default\/cron-0\n/g)).toHaveLength(3);
    expect(out).toContain('... and 285 more of default/cron-0');
  });

  it('reads schedules without a zone in the zone of the host', async () => {
    const { out } = await run([`schedule: '0 9 * * *'`], ...year, '--zone', 'Asia/Tokyo');
    const [cronJob] = (JSON.parse(out) as Json).cronJobs;
    expect(cronJob).toMatchObject({ count: 365, timeZone: 'Asia/Tokyo' });
    expect(cronJob?.occurrences[0]).toEqual({ at: '2026-01-01T00:00:00Z', local: '2026-01-01T09:00:00+09:00' });
  });

  it.each([
    [`schedule: '0 0 30 2 *'`, 'never', 'no date matches "0 0 30 2 *"'],
    [`schedule: '0 0 29 2 *'`, 'notInSpan', 'the next time is 2028-02-29T00:00:00Z'],
    [`schedule: '30 2 * * *', timeZone: Europe/Berlin`, 'skipped', 'at 2026-03-29 02:30'],
    [`schedule: '30 2 * * *', timeZone: Europe/Berlin`, 'twice', 'at 2026-10-25 02:30'],
    [`schedule: '0 1 * * *', timeZone: Europe/London`, 'twice', 'at 2026-10-25 01:00'],
    [`schedule: '0 * * * *', startingDeadlineSeconds: 0`, 'deadline', 'never runs anything'],
    [`schedule: '0 * * * *', startingDeadlineSeconds: 5`, 'deadline', 'below the 10 s'],
    [
      `schedule: '0 * * * *', startingDeadlineSeconds: 7200`,
      'deadline',
      'period (1h) is shorter than the deadline (2h)',
    ],
    [`schedule: '@every 5s'`, 'shortPeriod', 'more often than every 10 s'],
    [`schedule: '@every 30s'`, 'shortPeriod', 'only the first one of a minute runs'],
    [`schedule: '0 * * * *', concurrencyPolicy: Forbid`, 'forbid', 'the latest missed one starts as soon as it ends'],
    [`schedule: '0 * * * *', suspend: true`, 'suspended', 'nothing runs'],
    [`schedule: 'TZ=Asia/Tokyo 0 * * * *'`, 'zoneInSchedule', 'use spec.timeZone'],
  ])('warns of %s: %s', async (spec, type, message) => {
    const { out } = await run([spec], ...year, '--limit', '0');
    const { warnings } = JSON.parse(out) as Json;
    expect(warnings).toContainEqual(
      expect.objectContaining({ type, message: expect.stringContaining(message) as string }),
    );
  });

  it.each([
    `schedule: '0 16 * * 1-5', timeZone: America/New_York`,
    `schedule: '0 * * * *', timeZone: Asia/Kolkata, startingDeadlineSeconds: 600`,
    `schedule: '30 2 * * *'`,
  ])('has nothing to say against %s', async (spec) => {
    const { out } = await run([spec], ...year, '--limit', '0');
    expect((JSON.parse(out) as Json).warnings).toEqual([]);
  });

  it('warns of many CronJobs at the same minute', async () => {
    const specs = [...Array.from({ length: 4 }, () => `schedule: '0 0 * * *'`), `schedule: '0 12 * * *'`];
    const { out } = await run(specs, ...year, '--limit', '0', '--at-once', '3');
    const message = 'more than 3 CronJobs are due at the same minute, 365 times; most (4) at 2026-01-01T00:00Z';
    expect((JSON.parse(out) as Json).warnings).toEqual([{ type: 'sameMinute', message }]);
  });

  it.each([
    [[`schedule: '61 * * * *'`], [], /\.yaml:4: spec\.schedule: end of range \(61\) above maximum \(59\)/],
    [[`schedule: '0 * * * *', timeZone: Mars/Olympus`], [], /\.yaml:4: spec\.timeZone: .*Mars\/Olympus/],
    [[`suspend: true`], [], /\.yaml:4: spec\.schedule: Required value/],
    [[`schedule: '0 * * * *'`], ['--zone', 'Mars'], /--zone Mars: unknown time zone/],
    [[`schedule: '0 * * * *'`], ['--from', 'noon'], /--from noon/],
    [[`schedule: '0 * * * *'`], ['--for', '-1h'], /--for/],
    [[`schedule: '0 * * * *'`], ['--to', '2020-01-01T00:00:00Z'], /--to must be after --from/],
    [[`schedule: '0 * * * *'`], ['--limit', 'some'], /--limit some/],
  ])('refuses %s %s', async (specs, options, message) => {
    const { code, error } = await run(specs, ...options);
    expect(error).toMatch(message);
    expect(code).toBe(2);
  });
});
