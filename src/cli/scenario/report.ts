import { formatDocumentPath } from '../../api/index.ts';
import { formatInZone } from '../../cron/index.ts';
import { formatDuration } from '../../engine/index.ts';
import type { Verdict } from './check.ts';
import type { Recording } from './run-scenario.ts';
import type { Fate, TickAccount } from './ticks.ts';
import { timelineOf } from './timeline.ts';

/** A scenario that was run and judged. */
export interface Report {
  readonly recording: Recording;
  readonly accounts: readonly TickAccount[];
  readonly verdicts: readonly Verdict[];
}

/** `spec.expect[2]` at its line. */
export function placeOf(report: Report, verdict: Verdict): string {
  const { file, document } = report.recording.scenario.source;
  return `${file}:${document.lineOf(verdict.path)}: ${formatDocumentPath(verdict.path)}`;
}

/** For people. */
export function reportText(report: Report): string {
  const { recording, accounts, verdicts } = report;
  const { name, startMs, endMs, timeZone, seed } = recording.scenario;
  const time = (ms: number): string => formatInZone(ms, timeZone).replace('T', ' ');
  const lines = [
    `Scenario ${name}: ${time(startMs)} + ${formatDuration(endMs - startMs)}, host in ${timeZone}, seed ${seed}`,
    '',
    'Timeline',
  ];
  for (const { fromMs, toMs, about, text } of timelineOf(recording)) {
    const span = toMs === fromMs ? time(fromMs) : `${time(fromMs)} .. ${time(toMs)}`;
    lines.push(`  ${span}  ${about === '' ? '' : `${about}  `}${text}`);
  }
  if (accounts.length > 0) lines.push('', 'Ticks');
  for (const account of accounts) lines.push(`  ${account.cronJob}: ${ticksText(account)}`);
  if (verdicts.length > 0) lines.push('', 'Expectations');
  for (const verdict of verdicts) {
    if (verdict.passed) lines.push(`  ok    ${verdict.name}`);
    else lines.push(`  FAIL  ${verdict.name}: ${verdict.message}`, `        ${placeOf(report, verdict)}`);
  }
  const held = verdicts.filter(({ passed }) => passed).length;
  return `${lines.join('\n')}\n\n${held} of ${verdicts.length} expectations hold.\n`;
}

const fateTexts: Readonly<Record<Fate, string>> = {
  ran: 'ran on time',
  ranLate: 'ran late',
  suspended: 'suspended',
  concurrent: 'not run because another one was running (Forbid)',
  engineDown: 'missed while the engine was down',
  clockStep: 'passed over by a step of the clock',
  nameTaken: 'not run because another Job had its name (they tell minutes)',
  deadline: 'ruled out by startingDeadlineSeconds',
  refused: 'refused by the API',
  unaccounted: 'LOST WITHOUT A REASON',
};

function ticksText({ ticks, duplicates, extra, invalid }: TickAccount): string {
  const counts = countFates(ticks);
  const parts = Object.entries(fateTexts)
    .filter(([fate]) => counts[fate] !== undefined)
    .map(([fate, text]) => `${counts[fate]} ${text}`);
  if (duplicates.length > 0) parts.push(`${duplicates.length} RAN TWICE`);
  if (extra.length > 0) parts.push(`${extra.length} ran though not due`);
  for (const reason of invalid) parts.push(`invalid: ${reason}`);
  return `${ticks.length} due: ${parts.length === 0 ? 'none' : parts.join(', ')}`;
}

function countFates(ticks: TickAccount['ticks']): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { fate } of ticks) counts[fate] = (counts[fate] ?? 0) + 1;
  return counts;
}

/** For machines: everything, the same bytes for the same seed. */
export function reportJson(report: Report): object {
  const { recording, accounts, verdicts } = report;
  const { name, startMs, timeZone, seed } = recording.scenario;
  return {
    name,
    start: iso(startMs),
    end: iso(recording.endMs),
    timeZone,
    seed,
    passed: verdicts.every(({ passed }) => passed),
    expectations: verdicts.map((verdict) => ({
      at: placeOf(report, verdict),
      name: verdict.name,
      passed: verdict.passed,
      message: verdict.message,
    })),
    cronJobs: accounts.map((account) => ({
      name: account.cronJob,
      due: account.ticks.length,
      fates: countFates(account.ticks),
      notRun: account.ticks
        .filter(({ fate }) => fate !== 'ran')
        .map(({ atMs, fate, job }) => ({ at: iso(atMs), fate, ...(job === undefined ? {} : { job }) })),
      duplicates: account.duplicates.map(({ job }) => job),
      extra: account.extra.map(({ job }) => job),
      invalid: account.invalid,
    })),
    runs: recording.recorder.runs.map((run) => ({
      job: run.job,
      ...(run.cronJob === undefined ? {} : { cronJob: run.cronJob }),
      ...(Number.isNaN(run.tickMs) ? {} : { scheduled: iso(run.tickMs) }),
      created: iso(run.createdMs),
      ...(run.endedMs === undefined ? {} : { ended: iso(run.endedMs) }),
      outcome: run.outcome,
      ...(run.reason === '' ? {} : { reason: run.reason }),
      ...(run.failedPods === 0 ? {} : { failedPods: run.failedPods }),
    })),
    notes: recording.recorder.notes.map(({ atMs, about, text }) => ({ at: iso(atMs), about, text })),
  };
}

/** For continuous integration: one suite a scenario, one case an expectation. */
export function reportJunit(reports: readonly Report[]): string {
  const suites = reports.map((report) => {
    const { name } = report.recording.scenario;
    const cases = report.verdicts.map((verdict) => {
      const open = `    <testcase classname="${escape(name)}" name="${escape(verdict.name)}"`;
      if (verdict.passed) return `${open}/>\n`;
      const text = escape(`${placeOf(report, verdict)}: ${verdict.message}`);
      return `${open}>\n      <failure message="${escape(verdict.message)}">${text}</failure>\n    </testcase>\n`;
    });
    const failures = report.verdicts.filter(({ passed }) => !passed).length;
    const head = `  <testsuite name="${escape(name)}" tests="${cases.length}" failures="${failures}" errors="0">\n`;
    return `${head}${cases.join('')}  </testsuite>\n`;
  });
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n${suites.join('')}</testsuites>\n`;
}

const entities: Readonly<Record<string, string>> = {
  ...{ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' },
  // Readers take these for spaces in attributes.
  ...{ '\n': '&#10;', '\t': '&#9;' },
};

function escape(text: string): string {
  // Control characters, halves of pairs and the two that are none cannot stand in XML at all.
  const allowed = text.replace(/(?![\n\t])\p{Cc}|\p{Cs}|[\uFFFE\uFFFF]/gu, '');
  return allowed.replace(/[&<>"\n\t]/g, (letter) => entities[letter]!);
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
