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
    [`schedule: ', * * * *'`, 'never', 'no date matches'],
    [`schedule: '0 0 29 2 *'`, 'notInSpan', 'the next time is 2028-02-29T00:00:00Z'],
    [`schedule: '30 2 * * *', timeZone: Europe/Berlin`, 'skipped', 'at 2026-03-29 02:30'],
    [`schedule: '30 2 * * *', timeZone: Europe/Berlin`, 'twice', 'at 2026-10-25 02:30'],
    [`schedule: '0 1 * * *', timeZone: Europe/London`, 'twice', 'at 2026-10-25 01:00'],
    [`schedule: '@every 1h'`, 'counted', 'if it is created at 2026-01-01T00:00:00Z'],
    [`schedule: '@every 1h', startingDeadlineSeconds: 600`, 'deadline', 'never runs: Kubernetes counts 1h from'],
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
    // On the local clock an hour is missing or comes twice, but the runs are an hour apart as ever.
    `schedule: '0 * * * *', timeZone: America/New_York`,
    `schedule: '*/5 * * * *', timeZone: Europe/Berlin`,
    `schedule: '*/30 * * * *', timeZone: Australia/Lord_Howe`,
  ])('has nothing to say against %s', async (spec) => {
    const { out } = await run([spec], ...year, '--limit', '0');
    expect((JSON.parse(out) as Json).warnings).toEqual([]);
  });

  describe('at changes of the clock, says exactly what happens', () => {
    const changesOf = async (spec: string, ...span: string[]): Promise<readonly string[]> => {
      const { out } = await run([spec], ...span, '-o', 'json');
      const { warnings } = JSON.parse(out) as Json;
      const about = warnings.filter(({ type }) => ['skipped', 'twice', 'shifted'].includes(type));
      return about.map(({ message }) => message);
    };
    const of2024 = ['--from', '2024-01-01T00:00:00Z', '--for', '366d', '--limit', '0'];
    // The same cases as in the vectors of the real library.
    it.each([
      ['30 2 * * *', 'America/New_York', ['does not fire at 2024-03-10 02:30, which']],
      ['30 1 * * *', 'America/New_York', ['fires twice at 2024-11-03 01:30, which']],
      [
        '*/30 1-3 * * *',
        'America/New_York',
        [
          'does not fire at 2024-03-10 02:00, 2024-03-10 02:30, which',
          'fires twice at 2024-11-03 01:00, 2024-11-03 01:30, which',
        ],
      ],
      ['@daily', 'Africa/Cairo', ['does not fire at 2024-04-26 00:00, which']],
      ['30 23 * * *', 'Africa/Cairo', ['fires twice at 2024-10-31 23:30, which']],
      ['0 0 * * *', 'Africa/Cairo', ['does not fire at 2024-04-26 00:00, which']],
      [
        '30 1 * * *',
        'Antarctica/Troll',
        ['does not fire at 2024-03-31 01:30, which', 'fires twice at 2024-10-27 01:30, which'],
      ],
      // Half an hour of change makes the library pass over the whole day.
      [
        '0 9 * * *',
        'Australia/Lord_Howe',
        [
          'does not fire at 2024-04-07 09:00: the clock change of 2024-04-07T01:30:00+10:30 makes Kubernetes pass over it',
          'does not fire at 2024-10-06 09:00: the clock change of 2024-10-06T02:30:00+11:00 makes Kubernetes pass over it',
        ],
      ],
      ['30 9 * * *', 'Australia/Lord_Howe', []],
      [
        '45 1 * * *',
        'Australia/Lord_Howe',
        ['fires twice at 2024-04-07 01:45, which', 'fires at 2024-10-06 02:45, for which it does not ask'],
      ],
      [
        '45 2 * * *',
        'Pacific/Chatham',
        [
          'does not fire at 2024-09-29 02:45, which',
          'fires at 2024-09-29 03:45, for which it does not ask, because of the clock change of 2024-09-29T03:45:00+13:45',
        ],
      ],
    ])('%s in %s', async (schedule, timeZone, expected) => {
      const messages = await changesOf(`schedule: '${schedule}', timeZone: ${timeZone}`, ...of2024);
      expect(messages.map((message, index) => message.slice(0, expected[index]?.length))).toEqual(expected);
    });

    it('in the span that is looked at only', async () => {
      const spec = `schedule: '30 2 * * *', timeZone: Europe/Berlin`;
      const until = (to: string): string[] => ['--from', '2026-03-28T12:00:00Z', '--to', to];
      expect(await changesOf(spec, ...until('2026-03-29T01:00:00Z'))).toEqual([]);
      expect(await changesOf(spec, ...until('2026-03-29T02:00:00Z'))).toHaveLength(1);
    });

    it('also where a zone leaves out a whole day', async () => {
      const span = ['--from', '2011-12-01T00:00:00Z', '--for', '60d'];
      const message = expect.stringContaining('does not fire at 2011-12-30 09:00, which') as string;
      expect(await changesOf(`schedule: '0 9 * * *', timeZone: Pacific/Apia`, ...span)).toEqual([message]);
    });
  });

  it('counts `@every` from the first instant', async () => {
    const { out } = await run([`schedule: '@every 1h'`], '--from', '2026-01-01T00:00:00Z', '--for', '3h', '-o', 'json');
    const [cronJob] = (JSON.parse(out) as Json).cronJobs;
    expect(cronJob?.occurrences.map(({ at }) => at)).toEqual(['2026-01-01T01:00:00Z', '2026-01-01T02:00:00Z']);
  });

  it('tells what has no date for long from what never has one', async () => {
    const { out } = await run([`schedule: '0 0 29 2 *'`], '--from', '2097-01-01T00:00:00Z');
    expect(out).toContain('does not fire within five years, beyond which Kubernetes does not look');
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
    [[`schedule: '0 * * * *', timeZone: ''`], [], /\.yaml:4: spec\.timeZone: .* must be nil or non-empty string/],
    [[`schedule: '0 * * * *', timeZone: Local`], [], /\.yaml:4: spec\.timeZone: .* must be an explicit time zone/],
    [
      [`schedule: '0 * * * *', concurrencyPolicy: Some`],
      [],
      /\.yaml:4: spec\.concurrencyPolicy: Unsupported value: "Some": supported values: "Allow", "Forbid", "Replace"/,
    ],
    [
      [`schedule: '0 * * * *', startingDeadlineSeconds: -5`],
      [],
      /\.yaml:4: spec\.startingDeadlineSeconds: Invalid value: -5: must be greater than or equal to 0/,
    ],
    [[`schedule: 5`], [], /\.yaml:4: spec\.schedule: json: cannot unmarshal number/],
    [[`schedule: '0 * * * *'`], ['--zone', 'Local'], /--zone Local: must be named/],
    [[`schedule: '0 * * * *'`], ['--zone', ''], /--zone : must not be empty/],
    [[`schedule: '0 * * * *'`], ['--from', '2026-02-30T00:00:00Z'], /--from 2026-02-30T00:00:00Z: must be an instant/],
    [[`schedule: '0 * * * *'`], ['--from', '9998-12-31T00:00:00Z'], /must end before the year 9999/],
    [[`schedule: '0 * * * *'`], ['--for', `${'9'.repeat(400)}d`], /must end before the year 9999/],
    [[`schedule: '0 * * * *'`], ['--for', '9999d'], /more than 20 years/],
    [[`schedule: '0 * * * *'`], ['--to', '2026-02-30T00:00:00Z'], /--to 2026-02-30T00:00:00Z: must be an instant/],
    [[`schedule: '0 * * * *'`], ['--to', '2099-01-01T00:00:00Z', '--for', '1h'], /--to or --for, not both/],
    [[`schedule: '0 * * * *'`], ['--at-once', '-1'], /--at-once/],
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
