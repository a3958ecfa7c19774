import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { test } from '../../src/cli/test.ts';
import { runCommand, type Result } from './terminal.ts';

const directory = mkdtempSync(join(tmpdir(), 'rondo-scenario-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

interface CronJobOptions {
  readonly schedule?: string;
  readonly more?: readonly string[];
  readonly job?: readonly string[];
}

function cronJob(name: string, { schedule = '0 * * * *', more = [], job = [] }: CronJobOptions = {}): string {
  return `apiVersion: batch/v1
kind: CronJob
metadata: { name: ${name} }
spec:
  schedule: '${schedule}'
${more.map((line) => `  ${line}\n`).join('')}  jobTemplate:
    spec:
      backoffLimit: 1
${job.map((line) => `      ${line}\n`).join('')}      template:
        spec: { restartPolicy: Never, containers: [{ name: main, image: any }] }
`;
}

/** Starts on a Thursday at midnight UTC, and lasts a day unless it says otherwise. */
function scenario(lines: readonly string[], duration = '24h'): string {
  const body = lines.map((line) => `  ${line}\n`).join('');
  return `apiVersion: rondo.dev/v1alpha1
kind: Scenario
metadata: { name: trial }
spec:
  start: 2026-01-01T00:00:00Z
  duration: ${duration}
${body}`;
}

let files = 0;

async function run(documents: readonly string[], ...options: string[]): Promise<Result> {
  const file = join(directory, `${files++}.yaml`);
  writeFileSync(file, documents.join('---\n'));
  return runCommand(test, [file, ...options]);
}

interface JsonRun {
  readonly job: string;
  readonly scheduled?: string;
  readonly created: string;
  readonly ended?: string;
  readonly outcome: string;
  readonly reason?: string;
  readonly failedPods?: number;
}

interface JsonScenario {
  readonly runs: readonly JsonRun[];
  readonly cronJobs: readonly {
    readonly due: number;
    readonly fates: Readonly<Record<string, number>>;
    readonly extra: readonly string[];
  }[];
}

async function runJson(documents: readonly string[]): Promise<JsonScenario> {
  const { out, error } = await run(documents, '-o', 'json');
  expect(error).toBe('');
  return (JSON.parse(out) as { scenarios: [JsonScenario] }).scenarios[0];
}

const minutes = (a: string | undefined, b: string | undefined): number =>
  (Date.parse(b ?? '') - Date.parse(a ?? '')) / 60_000;

describe('rondo test', () => {
  it('says with its exit code, in words and in XML which expectations hold', async () => {
    const junit = join(directory, 'junit.xml');
    const expectations = ['expect:', '  - { cronJob: hourly, runs: 24, atMostAtOnce: 1 }', '  - { runs: 25 }'];
    const result = await run([cronJob('hourly'), scenario(expectations)], '--junit', junit);
    expect(result.code).toBe(1);
    expect(result.out).toContain('ok    default/hourly: runs 24\n');
    expect(result.out).toContain('FAIL  all Jobs: runs 25: found 24\n');
    expect(result.out).toMatch(/\d+\.yaml:\d+: spec\.expect\[1\]\n/);
    expect(result.out).toContain('2 of 3 expectations hold.');
    const xml = readFileSync(junit, 'utf8');
    expect(xml).toContain('<testsuite name="trial" tests="3" failures="1" errors="0">');
    expect(xml).toContain('<failure message="found 24">');
  });

  it('writes XML that can be read whatever the scenario is called', async () => {
    const junit = join(directory, 'odd.xml');
    const odd = scenario(['expect: [{ runs: 1 }]'], '90m').replace('trial', String.raw`"a<b>&\"\x01\uFFFE\uD800\n\t."`);
    await run([cronJob('hourly'), odd], '--junit', junit);
    expect(readFileSync(junit, 'utf8')).toContain('<testsuite name="a&lt;b&gt;&amp;&quot;&#10;&#9;." tests="1"');
  });

  it('gives the same bytes for the same seed, and others for another', { timeout: 60_000 }, async () => {
    const documents = [cronJob('hourly'), scenario(['outcomes: [{ duration: { exponential: 5m } }]'])];
    const [first, second, other] = [
      await run(documents, '-o', 'json', '--seed', '5'),
      await run(documents, '-o', 'json', '--seed', '5'),
      await run(documents, '-o', 'json', '--seed', '6'),
    ];
    const plain = (result: Result): string => result.out.replaceAll(/\/\d+\.yaml/g, '');
    expect(plain(second)).toBe(plain(first));
    expect(plain(other).replace('"seed":6', '"seed":5')).not.toBe(plain(first));
  });

  it('keeps what one Job draws apart from other CronJobs', async () => {
    const story = scenario(['outcomes: [{ duration: { uniform: [1m, 30m] } }]']);
    const alone = await runJson([cronJob('hourly'), story]);
    const beside = await runJson([cronJob('other'), cronJob('hourly'), story]);
    const ends = ({ runs }: JsonScenario): unknown[] =>
      runs.filter(({ job }) => job.startsWith('default/hourly')).map(({ job, ended }) => [job, ended]);
    expect(ends(beside)).toEqual(ends(alone));
    expect(ends(alone)).toHaveLength(24);
  });

  it.each([
    ['{ exitCode: 0, duration: 3m }', { outcome: 'succeeded', minutes: 3 }],
    ['{ exitCode: 7, duration: 3m }', { outcome: 'failed', reason: 'BackoffLimitExceeded', failedPods: 2 }],
    ['{ result: crashes }', { outcome: 'failed', reason: 'BackoffLimitExceeded', failedPods: 2 }],
    ['{ result: outOfMemory, duration: 1m, attempt: 1 }', { outcome: 'succeeded', failedPods: 1 }],
    ['{ result: evicted, duration: 5m, attempt: 1 }', { outcome: 'succeeded', failedPods: 1 }],
    ['{ result: neverStarts }', { outcome: 'failed', reason: 'DeadlineExceeded', minutes: 30 }],
    ['{ result: hangs }', { outcome: 'failed', reason: 'DeadlineExceeded', minutes: 30 }],
  ])('lets Pods end as %s', async (outcome, expected) => {
    const manifest = cronJob('hourly', { schedule: '0 1 * * *', job: ['activeDeadlineSeconds: 1800'] });
    const { runs } = await runJson([manifest, scenario([`outcomes: [${outcome}]`])]);
    expect(runs).toHaveLength(1);
    const [{ created, ended, ...found }] = runs as [JsonRun];
    const { minutes: length, ...rest } = expected as { minutes?: number };
    expect(found).toMatchObject(rest);
    if (length !== undefined) expect(minutes(created, ended)).toBeCloseTo(length, 1);
  });

  it('counts runs that take no time as going on', async () => {
    const { code, out } = await run([cronJob('hourly'), scenario(['expect: [{ atMostAtOnce: 0 }]'])]);
    expect(out).toContain('at most 0 at once: 1 at 2026-01-01T01:00:00Z');
    expect(code).toBe(1);
  });

  it('tells indexes, windows and names of Jobs apart', async () => {
    const indexed = `apiVersion: batch/v1
kind: Job
metadata: { name: parts }
spec:
  completionMode: Indexed
  completions: 3
  parallelism: 3
  backoffLimitPerIndex: 0
  template:
    spec: { restartPolicy: Never, containers: [{ name: main, image: any }] }
`;
    const outcomes = [
      'outcomes:',
      '  - { job: parts, index: 1, exitCode: 1 }',
      '  - { job: "a-*", exitCode: 1, from: 2026-01-01T02:30:00Z, to: 2026-01-01T04:30:00Z }',
    ];
    const { runs } = await runJson([indexed, cronJob('a-one'), cronJob('b-one'), scenario(outcomes, '5h30m')]);
    const failed = runs.filter((found) => found.outcome === 'failed');
    expect(failed.map(({ job, scheduled, failedPods }) => [job.slice(0, 13), scheduled, failedPods])).toEqual([
      ['default/parts', undefined, 1],
      ['default/a-one', '2026-01-01T03:00:00.000Z', 2],
      ['default/a-one', '2026-01-01T04:00:00.000Z', 2],
    ]);
  });

  it('reads schedules without a zone in the zone of the host', async () => {
    const daily = cronJob('daily', { schedule: '0 9 * * *' });
    const { runs } = await runJson([daily, scenario(['timeZone: Asia/Tokyo'])]);
    expect(runs.map(({ scheduled }) => scheduled)).toEqual(['2026-01-02T00:00:00.000Z']);
  });

  it('runs the latest missed tick when the engine comes back, and lets containers go on without it', async () => {
    const story = [
      'happenings: [{ at: 2026-01-01T02:10:00Z, engineDown: { until: 2026-01-01T05:20:00Z } }]',
      'outcomes: [{ duration: 30m }]',
    ];
    const { runs, cronJobs } = await runJson([cronJob('hourly'), scenario(story, '7h30m')]);
    expect(cronJobs[0]?.fates).toEqual({ ran: 4, ranLate: 1, engineDown: 2 });
    const late = runs.find(({ scheduled }) => scheduled === '2026-01-01T05:00:00.000Z');
    expect(minutes('2026-01-01T05:20:00Z', late?.created)).toBeCloseTo(0, 1);
    // It ended while nobody looked.
    const unseen = runs.find(({ scheduled }) => scheduled === '2026-01-01T02:00:00.000Z');
    expect(unseen).toMatchObject({ outcome: 'succeeded', ended: '2026-01-01T05:20:00.000Z' });
  });

  it('shows that Forbid catches up, and accounts for the ticks in between', async () => {
    const manifest = cronJob('hourly', { more: ['concurrencyPolicy: Forbid'] });
    const story = ['outcomes: [{ duration: 150m, to: 2026-01-01T01:30:00Z }]', 'expect: [{ atMostAtOnce: 1 }]'];
    const { cronJobs, runs } = await runJson([manifest, scenario(story, '6h30m')]);
    expect(cronJobs[0]?.fates).toEqual({ ran: 4, ranLate: 1, concurrent: 1 });
    expect(runs[1]).toMatchObject({ scheduled: '2026-01-01T03:00:00.000Z', created: '2026-01-01T03:30:00.000Z' });
  });

  it('shows what Replace deletes', async () => {
    const manifest = cronJob('hourly', { more: ['concurrencyPolicy: Replace'] });
    const { runs } = await runJson([manifest, scenario(['outcomes: [{ duration: 90m }]'], '3h30m')]);
    expect(runs.map(({ outcome }) => outcome)).toEqual(['deleted', 'deleted', 'running']);
  });

  it('suspends, resumes, triggers, applies and deletes', async () => {
    const story = [
      'happenings:',
      '  - { at: +90m, suspend: hourly }',
      '  - { at: +2h30m, trigger: hourly }',
      '  - { at: +210m, resume: hourly }',
      '  - { at: +5h10m, apply: { apiVersion: batch/v1, kind: CronJob, metadata: { name: hourly }, spec: { schedule: "30 * * * *" } } }',
      '  - { at: +7h45m, delete: { kind: CronJob, name: hourly } }',
    ];
    const { cronJobs, runs } = await runJson([cronJob('hourly'), scenario(story)]);
    expect(runs.filter(({ scheduled }) => scheduled === undefined).map(({ job, outcome }) => [job, outcome])).toEqual([
      ['default/hourly-manual-1', 'succeeded'],
    ]);
    expect(runs.map(({ scheduled }) => scheduled?.slice(11, 16))).toEqual([
      ...['01:00', undefined, '03:00', '04:00', '05:00', '05:30', '06:30', '07:30'],
    ]);
    expect(cronJobs[0]?.fates).toEqual({ ran: 6, ranLate: 1, suspended: 1 });
  });

  it('does to all CronJobs that fit a name what it does to one', async () => {
    const story = [
      'happenings:',
      '  - { at: +90m, suspend: "a-*" }',
      '  - { at: +100m, trigger: "*" }',
      '  - { at: +220m, resume: "a-*" }',
      '  - { at: +250m, delete: { kind: CronJob, name: "*-one" } }',
    ];
    const { runs, cronJobs } = await runJson([
      cronJob('a-one'),
      cronJob('a-two'),
      cronJob('b-one'),
      scenario(story, '6h30m'),
    ]);
    expect(cronJobs.map(({ fates }) => fates)).toEqual([
      { ran: 2, ranLate: 1, suspended: 1 },
      { ran: 4, ranLate: 1, suspended: 1 },
      { ran: 4 },
    ]);
    expect(runs.filter(({ scheduled }) => scheduled === undefined).map(({ job }) => job)).toEqual([
      ...['default/a-one-manual-1', 'default/a-two-manual-2', 'default/b-one-manual-3'],
    ]);
  });

  it('goes down again at the instant at which it comes up, in whatever order that stands', async () => {
    const story = ['happenings: [{ at: +3h30m, engineDown: 1h }, { at: +2h30m, engineDown: 1h }]'];
    const { cronJobs } = await runJson([cronJob('hourly'), scenario(story, '6h30m')]);
    expect(cronJobs[0]?.fates).toEqual({ ran: 4, ranLate: 2 });
  });

  it('steps the clock of the host', async () => {
    const story = ['happenings: [{ at: +90m, clockStep: 2h }, { at: +6h10m, clockStep: -30m }]'];
    const { cronJobs, runs } = await runJson([cronJob('hourly'), scenario(story, '10h')]);
    expect(new Set(runs.map(({ scheduled }) => scheduled)).size).toBe(runs.length);
    expect(cronJobs[0]?.fates['unaccounted']).toBeUndefined();
    expect(cronJobs[0]?.fates['ran']).toBeGreaterThan(7);
  });

  it('completes Jobs that end when the clock has been set back to before their start', async () => {
    const story = ['outcomes: [{ duration: 10m }]', 'happenings: [{ at: +65m, clockStep: -30m }]'];
    const { runs } = await runJson([cronJob('hourly'), scenario(story, '2h')]);
    expect(runs).toMatchObject([{ outcome: 'succeeded', ended: '2026-01-01T00:40:00.000Z' }]);
  });

  describe('accounts for every tick', () => {
    const accounted = 'expect: [{ cronJob: odd, everyTickAccountedFor: true }]';
    const fatesOf = async (options: CronJobOptions, lines: readonly string[], duration: string): Promise<unknown> => {
      const { cronJobs } = await runJson([cronJob('odd', options), scenario(lines, duration)]);
      const { due, fates, extra } = cronJobs[0]!;
      expect(extra).toEqual([]);
      expect(fates['unaccounted']).toBeUndefined();
      return { due, ...fates };
    };

    it('whose name an earlier one of its minute has', async () => {
      const options = { schedule: '@every 30s' };
      expect(await fatesOf(options, [accounted], '10m45s')).toEqual({ due: 21, ran: 11, nameTaken: 10 });
    });

    it('whose name a Job of somebody else has', async () => {
      const name = `odd-${Date.UTC(2026, 0, 1, 2) / 60_000}`;
      const foreign = `apiVersion: batch/v1
kind: Job
metadata: { name: ${name} }
spec: { suspend: true, template: { spec: { restartPolicy: Never, containers: [{ name: main, image: any }] } } }
`;
      const { cronJobs } = await runJson([foreign, cronJob('odd'), scenario([accounted], '4h30m')]);
      expect(cronJobs[0]?.fates).toEqual({ ran: 3, nameTaken: 1 });
    });

    it('that is counted from the last one that ran, over changes of the CronJob and downtimes', async () => {
      const options = { schedule: '@every 90s' };
      const story = [
        'happenings:',
        '  - { at: +5m10s, suspend: odd }',
        '  - { at: +7m20s, resume: odd }',
        '  - { at: +12m10s, engineDown: 5m }',
        accounted,
      ];
      const expected = { due: 13, ran: 9, ranLate: 2, engineDown: 2 };
      expect(await fatesOf(options, story, '20m30s')).toEqual(expected);
    });

    it('that the deadline rules out, because its deadline is shorter than the time from which it is counted', async () => {
      const options = { schedule: '@every 5m', more: ['startingDeadlineSeconds: 100'] };
      expect(await fatesOf(options, [accounted], '16m')).toEqual({ due: 3, deadline: 3 });
    });

    it('that came before the clock was stepped back', async () => {
      const options = { schedule: '*/10 * * * *' };
      const story = ['happenings: [{ at: +115m, clockStep: -30m }]', accounted];
      expect(await fatesOf(options, story, '2h')).toEqual({ due: 11, ran: 11 });
      const suspended = ['happenings: [{ at: +85m, suspend: odd }, { at: +115m, clockStep: -30m }]', accounted];
      expect(await fatesOf(options, suspended, '2h')).toEqual({ due: 11, ran: 8, suspended: 3 });
    });
  });

  it('refuses to account for more ticks than can be told', { timeout: 60_000 }, async () => {
    const story = ['happenings: [{ at: +1h, clockStep: 800d }]'];
    const { code, error } = await run([cronJob('often', { schedule: '* * * * *' }), scenario(story, '2h')]);
    expect(error).toMatch(/\.yaml:17: spec\.duration: default\/often is due more than 1000000 times/);
    expect(code).toBe(2);
  });

  it.each([
    ['{ failedRuns: { atLeast: 1 } }', 'found 0'],
    ['{ at: [2026-01-01T01:00:00Z] }', 'surplus default/hourly-'],
    ['{ noneBetween: [2026-01-01T03:00:00Z, 2026-01-01T04:00:00Z] }', 'found 1: default/hourly-'],
    ['{ atMostAtOnce: 0 }', '1 at 2026-01-01T01:00:00Z'],
    ['{ failedRuns: 3 }', 'failed runs 3: found 0\n'],
    ['{ localTimes: { timeZone: Asia/Tokyo, times: ["10:00", "11:00"] } }', 'at other times'],
    ['{ to: 2026-01-01T04:00:00Z, lastSuccessWithin: 1h }', '2026-01-01T03:01:00Z, 4h29m before'],
    ['{ from: 2026-01-01T04:00:00Z, startWithin: 1s, runs: 99 }', 'found 4'],
  ])('finds what contradicts %s', async (expectation, message) => {
    const story = ['outcomes: [{ duration: 1m }]', `expect: [${expectation}]`];
    const { code, out } = await run([cronJob('hourly'), scenario(story, '7h30m')]);
    expect(out).toContain(message);
    expect(code).toBe(1);
  });

  it('reports a schedule that nothing can run', async () => {
    const never = cronJob('never', { schedule: '0 0 30 2 *' });
    const { code, out } = await run([never, scenario(['expect: [{ cronJob: never, runs: 0 }]'])]);
    expect(out).toContain('default/never: 0 due: none');
    expect(code).toBe(0);
  });

  describe('with bad input', () => {
    const story = (line: string): string[] => [cronJob('hourly'), scenario([line])];
    it.each([
      [story('speed: 3'), 'spec.speed: unknown field'],
      [story('seed:'), 'spec.seed: has no value'],
      [story('outcomes: [null]'), 'spec.outcomes[0]: must be a map'],
      [story('outcomes: [{ duration: }]'), 'spec.outcomes[0].duration: has no value'],
      [story('happenings: [{ at: , suspend: hourly }]'), 'spec.happenings[0].at: has no value'],
      [story('happenings: [{ at: +1h, suspend: }]'), 'spec.happenings[0].suspend: has no value'],
      [story('happenings: [{ at: +1h, engineDown: }]'), 'spec.happenings[0].engineDown: has no value'],
      [story('happenings: [{ at: +1h, delete: }]'), 'spec.happenings[0].delete: has no value'],
      [story('happenings: [{ at: +1h, apply: }]'), 'spec.happenings[0].apply: has no value'],
      [story('expect: [{ runs: }]'), 'spec.expect[0].runs: has no value'],
      [story('expect: [{ runs: { atLeast: } }]'), 'spec.expect[0].runs.atLeast: has no value'],
      [story('seed: -1'), 'spec.seed: must be a whole number'],
      [story('timeZone: Mars/Olympus'), 'spec.timeZone: unknown time zone Mars/Olympus'],
      [story('outcomes: [{ exitCode: 300 }]'), 'spec.outcomes[0].exitCode: must be a whole number from 0 to 255'],
      [story('outcomes: [{ result: explodes }]'), 'spec.outcomes[0].result: must be one of succeeds'],
      [story('outcomes: [{ result: succeeds, exitCode: 2 }]'), 'spec.outcomes[0].exitCode: contradicts'],
      [story('outcomes: [{ result: hangs, duration: 5m }]'), 'spec.outcomes[0].duration: contradicts result hangs'],
      [story('outcomes: [{ duration: soon }]'), 'spec.outcomes[0].duration: "soon" is no duration'],
      [story('outcomes: [{ duration: { uniform: [5m, 1m] } }]'), 'the first duration must not be the longer one'],
      [story('outcomes: [{ job: hourly, duration: 99999d }]'), 'spec.outcomes[0].duration: "99999d" is longer than'],
      [story(`outcomes: [{ duration: ${'9'.repeat(400)}d }]`), 'is longer than 36600d'],
      [story('outcomes: [{ job: hourli, exitCode: 1 }]'), 'spec.outcomes[0].job: nothing is named default/hourli'],
      [
        story('outcomes: [{ exitCode: 1 }, { job: hourly, from: +1h, exitCode: 2 }]'),
        'spec.outcomes[1]: never counts: spec.outcomes[0] fits every start before it',
      ],
      [
        story('outcomes: [{ job: "h*", attempt: { atLeast: 2 } }, { job: hourly, attempt: 3 }]'),
        'spec.outcomes[1]: never counts',
      ],
      [story('outcomes: [{ attempt: 0 }]'), 'spec.outcomes[0].attempt: attempts count from 1'],
      [story('happenings: [{ at: 2025-01-01T00:00:00Z, suspend: hourly }]'), 'spec.happenings[0].at: lies outside'],
      [story('happenings: [{ at: +1h }]'), 'spec.happenings[0]: give exactly one of'],
      [story('happenings: [{ at: +1h, suspend: nobody }]'), 'nothing is named default/nobody'],
      [story('happenings: [{ at: +1h, engineDown: 30h }]'), 'spec.happenings[0].engineDown: lies outside'],
      [
        story('happenings: [{ at: +1h, engineDown: 3h }, { at: +2h, trigger: hourly }]'),
        'spec.happenings[1].at: lies in a time in which the engine is down',
      ],
      [story('happenings: [{ at: +1h, clockStep: 0s }]'), 'spec.happenings[0].clockStep: must be longer than nothing'],
      [story('happenings: [{ at: +1h, clockStep: -60y }]'), 'spec.happenings[0].clockStep: "-60y" is no duration'],
      [story('happenings: [{ at: +1h, clockStep: -99999d }]'), 'spec.happenings[0].clockStep: "-99999d" is longer'],
      [
        story('happenings: [{ at: +1h, clockStep: -30000d }]'),
        'spec.happenings[0].clockStep: sets the clock to before',
      ],
      [story('happenings: [{ at: +1h, apply: { apiVersion: v1, kind: Sausage } }]'), 'spec.happenings[0].apply.kind'],
      [story('expect: [{ cronJob: nobody, runs: 0 }]'), 'spec.expect[0].cronJob: nothing is named default/nobody'],
      [story('expect: [{ cronJob: hourly }]'), 'spec.expect[0]: expects nothing'],
      [story('expect: [{ runs: 1, at: [] }]'), 'spec.expect[0].runs: contradicts at'],
      [story('expect: [{ at: [+1h, +1h] }]'), 'spec.expect[0].at: lists 2026-01-01T01:00:00Z twice'],
      [story('expect: [{ at: [+25h] }]'), 'spec.expect[0].at: lies outside the scenario'],
      [
        story('expect: [{ at: [+5h], to: +4h }]'),
        'spec.expect[0].at: 2026-01-01T05:00:00Z lies outside of from and to',
      ],
      [story('expect: [{ at: [+5h], noneBetween: [+4h, +6h] }]'), 'spec.expect[0].at: contradicts noneBetween'],
      [
        story('expect: [{ at: [+5h], localTimes: { timeZone: Asia/Tokyo, times: ["05:00"] } }]'),
        'spec.expect[0].at: contradicts localTimes: 2026-01-01T05:00:00Z is 2026-01-01T14:00:00+09:00',
      ],
      [
        story('expect: [{ noneBetween: [2025-01-01T00:00:00Z, 2025-02-01T00:00:00Z] }]'),
        '.noneBetween: lies outside the',
      ],
      [
        story('expect: [{ from: +5h, noneBetween: [+4h, +5h] }]'),
        'spec.expect[0].noneBetween: lies outside of from and',
      ],
      [story('expect: [{ failedRuns: 2, noFailedRun: true }]'), 'spec.expect[0].failedRuns: contradicts noFailedRun'],
      [story('expect: [{ runs: 1, failedRuns: 2 }]'), 'spec.expect[0].failedRuns: contradicts the number of runs'],
      [story('expect: [{ at: [+1h], failedRuns: 2 }]'), 'spec.expect[0].failedRuns: contradicts the number of runs'],
      [story('expect: [{ runs: 1, atMostAtOnce: 0 }]'), 'spec.expect[0].atMostAtOnce: contradicts the runs'],
      [
        story('expect: [{ runs: 0, lastSuccessWithin: 1h }]'),
        'spec.expect[0].lastSuccessWithin: there can be no success',
      ],
      [story('expect: [{ runs: { atLeast: 3, atMost: 2 } }]'), 'spec.expect[0].runs: atLeast is more than atMost'],
      [story('expect: [{ runs: 1, from: +3h, to: +2h }]'), 'spec.expect[0].to: the window ends before it begins'],
      [story('expect: [{ noFailedRun: false }]'), 'spec.expect[0].noFailedRun: must be true'],
      [[cronJob('hourly', { schedule: '61 * * * *' }), scenario([])], 'spec.schedule: Invalid value: "61 * * * *"'],
      [[cronJob('hourly', { more: ['sausages: 3'] }), scenario([])], 'spec.sausages: unknown field'],
      [[scenario(['seed: 1', 'seed: 2'])], 'Map keys must be unique'],
      [[cronJob('hourly'), scenario([]).replace('2026', '9998').replace('24h', '400d')], 'spec.start: must be so that'],
      [[scenario([], 'tomorrow')], 'spec.duration: "tomorrow" is no duration'],
      [[cronJob('hourly')], 'no Scenario in'],
    ])('says what is wrong with %#', async (documents, message) => {
      const { code, error } = await run(documents);
      expect(error).toContain(message);
      if (!error.startsWith('no Scenario')) expect(error).toMatch(/\d+\.yaml(:\d+: |: line \d+)/);
      expect(code).toBe(2);
    });

    it('names the line of what the API server cannot read', async () => {
      const { code, error } = await run([cronJob('hourly', { more: ['startingDeadlineSeconds: soon'] }), scenario([])]);
      expect(error).toMatch(
        /\.yaml:6: spec\.startingDeadlineSeconds: json: cannot unmarshal string into .*of type int64$/,
      );
      expect(code).toBe(2);
    });

    it('names the place where a file is named that cannot be used', async () => {
      writeFileSync(join(directory, 'nothing.yaml'), '---\n# nothing\n---\n');
      const story = (name: string): string[] => [cronJob('hourly'), scenario([`manifests: [${name}]`])];
      const missing = await run(story('missing.yaml'));
      expect(missing.error).toMatch(/\d\.yaml:18: spec\.manifests\[0\]: cannot read .*missing\.yaml: ENOENT$/);
      const empty = await run(story('nothing.yaml'));
      expect(empty.error).toMatch(/\/nothing\.yaml:1: there is nothing in this file$/);
      const alone = await runCommand(test, [join(directory, 'nothing.yaml')]);
      expect(alone.error).toMatch(/\/nothing\.yaml:1: there is nothing in this file$/);
      expect([missing.code, empty.code, alone.code]).toEqual([2, 2, 2]);
    });

    it('reads manifests that are named by their whole path', async () => {
      const file = join(directory, 'elsewhere.yaml');
      writeFileSync(file, cronJob('elsewhere'));
      const { runs } = await runJson([scenario([`manifests: [${file}]`], '3h')]);
      expect(runs.map(({ job }) => job).join()).toMatch(/^(default\/elsewhere-\d+,?){3}$/);
    });

    it('takes outcomes for those of the containers that do the work, unless one is named', async () => {
      const init = 'initContainers: [{ name: prepare, image: any }], containers: [{ name: main';
      const prepared = cronJob('hourly').replace('containers: [{ name: main', init);
      const outcomes = [
        'outcomes:',
        '  - { container: prepare, to: 2026-01-01T01:30:00Z, attempt: 1, exitCode: 1 }',
        '  - { attempt: 1, from: 2026-01-01T01:30:00Z, exitCode: 1, duration: 1m }',
      ];
      const { runs } = await runJson([prepared, scenario(outcomes, '3h')]);
      expect(runs.map(({ outcome, failedPods }) => [outcome, failedPods])).toEqual([
        ['succeeded', 1],
        ['succeeded', 1],
        ['running', undefined],
      ]);
    });

    it('finds a container that is misspelled', async () => {
      const { error, code } = await run([
        cronJob('hourly'),
        scenario(['outcomes: [{ container: mian, exitCode: 1 }]']),
      ]);
      expect(error).toMatch(/spec\.outcomes\[0\]\.container: nothing is named mian; there are \w+$/);
      expect(code).toBe(2);
    });

    it('takes every kind that people keep in files, and says which when it cannot', async () => {
      const head = (apiVersion: string, kind: string): string =>
        `apiVersion: ${apiVersion}\nkind: ${kind}\nmetadata:\n  name: it\n`;
      const role = `${head('rbac.authorization.k8s.io/v1', 'Role')}rules: [{ apiGroups: [''], resources: [pods], verbs: [get] }]\n`;
      const claim = `${head('v1', 'PersistentVolumeClaim')}spec: { accessModes: [ReadWriteOnce], resources: { requests: { storage: 1Gi } } }\n`;
      const taken = await run([cronJob('hourly'), role, claim, scenario([])]);
      expect([taken.error, taken.code]).toEqual(['', 0]);
      const refused = await run([cronJob('hourly'), head('apps/v1', 'Deployment'), scenario([])]);
      expect(refused.error).toMatch(
        /\.yaml:\d+: kind: apps\/v1 Deployment cannot be used; v1 Namespace, .*v1 Role, .* can$/,
      );
      expect(refused.code).toBe(2);
    });

    it('names the line', async () => {
      expect((await run(['a: 1\nb: [\n'])).error).toMatch(/\d\.yaml:3: /);
      const { error } = await run([scenario(['expect:', '  - runs: 3', '  - runs: many'])]);
      expect(error).toMatch(/\.yaml:9: spec\.expect\[1\]\.runs: must be a whole number of at least 0$/);
    });
  });
});
